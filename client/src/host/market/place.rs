//! Where sellers stand and buyers knock: QUIC with the certificates of nodes.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use weft_core::{digest::NodeId, message::PeerAddress};
use weft_market::drive::{Dial, DialError, Dialled};
use weft_net::{Door, Guests, Identity, NetConfig};

use super::MarketError;

/// A buyer's socket: dials sellers, and lets nobody in.
#[derive(Debug)]
pub struct Caller {
    door: Door,
}

impl Caller {
    /// Opens a socket on any free port, under a key of its own that nobody has to know: who pays is
    /// said by the buyer's account.
    pub async fn open() -> Result<Arc<Self>, MarketError> {
        let identity = Identity::from_seed(super::drawn()?)?;
        let listen = (Ipv4Addr::UNSPECIFIED, 0).into();
        let config = NetConfig { listen, ..NetConfig::default() };
        let (door, _guests) = Door::open(config, &identity, weft_market::ALPN).await?;
        Ok(Arc::new(Self { door }))
    }
}

impl Dial for Caller {
    fn dial(&self, id: NodeId, address: SocketAddr) -> Dialled<'_> {
        Box::pin(async move {
            let dialled = self.door.dial(PeerAddress { id, address }).await;
            dialled.map_err(|error| DialError { address, cause: error.to_string() })
        })
    }
}

/// Where a seller lets buyers in.
#[derive(Debug)]
pub struct Counter {
    /// Buyers as they come.
    pub guests: Guests,
    /// The key that this end proves to hold: what an offer says.
    pub endpoint: NodeId,
    /// Where buyers find it: what an offer says, the best first.
    pub addresses: Vec<SocketAddr>,
    /// Closed with the counter; none where the socket is a node's.
    pub door: Option<Door>,
}

impl Counter {
    /// A socket of its own at `listen`, under the key that `seed` makes. `advertised` is where
    /// buyers find it; without, where it listens.
    pub async fn open(
        listen: SocketAddr,
        advertised: Vec<SocketAddr>,
        seed: [u8; 32],
    ) -> Result<Self, MarketError> {
        let identity = Identity::from_seed(seed)?;
        let config = NetConfig { listen, ..NetConfig::default() };
        let (door, guests) = Door::open(config, &identity, weft_market::ALPN).await?;
        let own = door.local_addr()?;
        let addresses = if advertised.is_empty() { vec![own] } else { advertised };
        Ok(Self { guests, endpoint: identity.node_id(), addresses, door: Some(door) })
    }
}
