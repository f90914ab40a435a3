//! A peer that only speaks: it gossips what it was given, as fast as the node takes it.
//!
//! Invariant: what is on its way is bounded, so nothing is dropped on either side.

use std::{net::Ipv4Addr, time::Duration};

use bytes::Bytes;
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use weft_client::host::NodeClient;
use weft_core::{
    digest::NodeId,
    genesis::Genesis,
    machine::ToNet,
    message::{Hello, Message, PeerAddress},
};
use weft_net::{FromNet, Identity, Net, NetConfig};

use crate::failure::Failure;

/// Transactions that the node was sent and has not attached, at most.
const ON_THEIR_WAY_MAX: u64 = 4_096;

/// How often the node is asked how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How long the node may stand still, or a connection may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The peer.
pub(in super::super) struct Feed {
    net: Net,
    to: NodeId,
    /// Takes what the node says, so that it is never held back.
    listens: JoinHandle<()>,
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.listens.abort();
    }
}

impl Feed {
    /// Connects to the node at `to`.
    pub(in super::super) async fn connect(
        genesis: &Genesis,
        to: PeerAddress,
    ) -> Result<Self, Failure> {
        let config = NetConfig {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            send_queue_bytes: 256 << 20,
            send_queue_messages: 1 << 20,
            ..NetConfig::default()
        };
        let hello =
            Hello { genesis: genesis.id(), parameters: genesis.parameter_hash(), listening: None };
        let identity = Identity::from_seed([0xfe; 32]).map_err(Failure::failed)?;
        let opened = Net::open(config, identity, hello).await;
        let (net, mut events) = opened.map_err(Failure::failed)?;
        net.send(ToNet::Dial(to));
        let up = async { matches!(events.recv().await, Some(FromNet::PeerUp { .. })) };
        if !timeout(PATIENCE, up).await.unwrap_or(false) {
            return Err(Failure::failed("the node does not take a peer in"));
        }
        let listens = tokio::spawn(async move { while events.recv().await.is_some() {} });
        Ok(Self { net, to: to.id, listens })
    }

    /// Sends all of `load` and waits until the node has put it in its place in the order, for good.
    pub(in super::super) async fn send(
        &self,
        load: &[Bytes],
        node: &NodeClient,
    ) -> Result<(), Failure> {
        let began = node.status().await?.position.0;
        let (total, mut sent, mut rest) = (load.len() as u64, 0, load.iter());
        let (mut seen, mut still) = (0, Duration::ZERO);
        loop {
            let status = node.status().await?;
            let attached = status.position.0.saturating_sub(began);
            // A committee of one: what has its place is final.
            if attached == total && status.finality.unordered == 0 {
                return Ok(());
            }
            while sent < attached + ON_THEIR_WAY_MAX
                && let Some(bytes) = rest.next()
            {
                let message = Message::Transaction(bytes.clone());
                self.net.send(ToNet::Send { to: self.to, message });
                sent += 1;
            }
            sleep(LOOK_EVERY).await;
            still = if attached > seen { Duration::ZERO } else { still + LOOK_EVERY };
            seen = attached;
            if still > PATIENCE {
                let cause = format!("the node stands still at {attached} of {total}");
                return Err(Failure::failed(cause).next("look into its log"));
            }
        }
    }
}
