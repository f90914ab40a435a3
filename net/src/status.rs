//! How peers are doing, for the API and metrics. Snapshots; nothing here changes anything.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use weft_core::digest::NodeId;

use crate::{handshake::HandshakeError, peer::Peer};

/// One connected peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// Its id.
    pub id: NodeId,
    /// Where the connection comes from or leads to.
    pub remote: SocketAddr,
    /// Whether the peer dialled.
    pub inbound: bool,
    /// Whether the operator named it.
    pub fixed: bool,
    /// Bytes in UDP datagrams to it, with all overhead and all that was sent again.
    pub udp_sent: u64,
    /// Bytes in UDP datagrams from it.
    pub udp_received: u64,
    /// Bytes in frames to it, headers included.
    pub frames_sent: u64,
    /// Bytes in frames from it, headers included.
    pub frames_received: u64,
    /// Bytes that wait to be sent to it. Near `send_queue_bytes` it is about to be dropped.
    pub waiting: usize,
    /// Round trip time, smoothed.
    pub rtt: Duration,
}

impl PeerInfo {
    pub(crate) fn of(peer: &Peer) -> Self {
        let stats = peer.connection.stats();
        Self {
            id: peer.id,
            remote: peer.remote,
            inbound: peer.inbound,
            fixed: peer.fixed,
            udp_sent: stats.udp_tx.bytes,
            udp_received: stats.udp_rx.bytes,
            frames_sent: peer.sent.load(Ordering::Relaxed),
            frames_received: peer.received.load(Ordering::Relaxed),
            waiting: peer.queue.waiting(),
            rtt: stats.path.rtt,
        }
    }
}

/// One peer of the operator's choice.
#[derive(Clone, Debug)]
pub struct FixedPeer {
    /// Its id.
    pub id: NodeId,
    /// Where it is dialled.
    pub address: SocketAddr,
    /// Whether a connection stands.
    pub connected: bool,
    /// Why the last attempt failed; its text is for the operator.
    pub error: Option<Arc<HandshakeError>>,
}
