//! A peer made by hand: what it says is up to the test.

use std::net::SocketAddr;

use tokio::time::timeout;
use weft_core::{
    digest::NodeId,
    genesis::Genesis,
    machine::{Ticket, ToNet},
    message::{Hello, Message, PeerAddress},
};
use weft_net::{Events, FromNet, Identity, Net, NetConfig};
use weft_node::Node;

use super::http::PATIENCE;

pub(crate) struct Peer {
    net: Net,
    events: Events,
    node: NodeId,
}

impl Peer {
    /// Connects to `node`.
    pub(crate) async fn connect(genesis: &Genesis, seed: u8, node: &Node) -> Self {
        let config = NetConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            fixed: vec![PeerAddress { id: node.id(), address: node.p2p_addr() }],
            ..NetConfig::default()
        };
        let hello =
            Hello { genesis: genesis.id(), parameters: genesis.parameter_hash(), listening: None };
        let identity = Identity::from_seed([seed; 32]).unwrap();
        let (net, events) = Net::open(config, identity, hello).await.unwrap();
        let mut peer = Self { net, events, node: node.id() };
        peer.until(|event| matches!(event, FromNet::PeerUp { .. }).then_some(())).await;
        peer
    }

    pub(crate) fn say(&self, message: Message) {
        self.net.send(ToNet::Send { to: self.node, message });
    }

    pub(crate) fn answer(&self, ticket: Ticket, parts: Vec<Message>) {
        self.net.send(ToNet::Answer { to: self.node, ticket, parts });
    }

    /// Passes events over until `pick` takes one.
    pub(crate) async fn until<T>(&mut self, mut pick: impl FnMut(FromNet) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("the network goes on");
                if let Some(found) = pick(event) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, found).await.expect("an event in time")
    }

    /// Waits for a request that `pick` takes.
    pub(crate) async fn asked<T>(
        &mut self,
        mut pick: impl FnMut(&Message) -> Option<T>,
    ) -> (Ticket, T) {
        self.until(|event| match event {
            FromNet::Request { ticket, message, .. } => pick(&message).map(|found| (ticket, found)),
            _ => None,
        })
        .await
    }
}
