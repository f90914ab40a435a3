//! A peer that only speaks: what it is given goes to one node over QUIC, as gossip.
//!
//! It wants no bytes back: the node announces to it what others posted and sends it nothing, so
//! that what nodes say to each other can be told from what they say to it.
//!
//! Left out on purpose: a bound. Whoever gives watches how far the node is, or [`Feed::waiting`].

use std::{net::Ipv4Addr, time::Duration};

use tokio::{sync::watch, time::timeout};
use weft_core::{
    digest::NodeId,
    genesis::Genesis,
    machine::ToNet,
    message::{Hello, Message, PeerAddress},
};
use weft_net::{Events, FromNet, Identity, Net, NetConfig};

use crate::failure::Failure;

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The peer.
pub(super) struct Feed {
    net: Net,
    to: NodeId,
    /// Whether the connection stands.
    up: watch::Receiver<bool>,
}

impl Feed {
    /// Connects to the node at `to`. Peers of one network differ in `name`.
    pub(super) async fn connect(
        genesis: &Genesis,
        to: PeerAddress,
        name: [u8; 2],
    ) -> Result<Self, Failure> {
        let config = NetConfig {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            send_queue_bytes: 256 << 20,
            send_queue_messages: 1 << 20,
            ..NetConfig::default()
        };
        let hello =
            Hello { genesis: genesis.id(), parameters: genesis.parameter_hash(), listening: None };
        let mut seed = [0xfe; 32];
        seed.iter_mut().zip(name).for_each(|(byte, named)| *byte = named);
        let identity = Identity::from_seed(seed).map_err(Failure::failed)?;
        let opened = Net::open(config, identity, hello).await;
        let (net, events) = opened.map_err(Failure::failed)?;
        net.send(ToNet::Dial(to));
        let (told, mut up) = watch::channel(false);
        // Ends with the network.
        tokio::spawn(listen(events, told));
        let stands = timeout(PATIENCE, up.wait_for(|up| *up)).await;
        if !stands.is_ok_and(|stands| stands.is_ok()) {
            return Err(Failure::failed("the node does not take a peer in"));
        }
        let feed = Self { net, to: to.id, up };
        feed.say(Message::Prune);
        Ok(feed)
    }

    /// Says something, if the connection stands. Never waits.
    pub(super) fn say(&self, message: Message) {
        self.net.send(ToNet::Send { to: self.to, message });
    }

    /// Bytes that the node was not ready to take yet.
    pub(super) fn waiting(&self) -> usize {
        self.net.peers().first().map_or(0, |peer| peer.waiting)
    }

    pub(super) fn is_up(&self) -> bool {
        *self.up.borrow()
    }
}

/// Takes what the node says, so that it is never held back, and tells whether it is there.
async fn listen(mut events: Events, up: watch::Sender<bool>) {
    while let Some(event) = events.recv().await {
        match event {
            FromNet::PeerUp { .. } => up.send_replace(true),
            FromNet::PeerDown { .. } => up.send_replace(false),
            _ => continue,
        };
    }
}
