//! The door in: everything that can happen to a machine.
//!
//! Invariant: nothing else changes a machine, and every variant carries all it needs.

use alloc::sync::Arc;
use core::net::SocketAddr;

use bytes::Bytes;

use crate::{
    admit::{Refusal, Verified},
    checkpoint::{CheckpointRefusal, VerifiedCheckpoint},
    codec::DecodeError,
    digest::{KeyId, NodeId, TxId},
    message::{End, Message},
    units::Position,
};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A transaction passed every stateless check.
    Admitted {
        /// Who brought it.
        source: Source,
        /// The transaction.
        tx: Arc<Verified>,
        /// When the store held all positions below this one, it had no attachment of this body.
        /// Zero if nobody looked: then the machine does.
        absent_below: Position,
    },
    /// A checkpoint passed every check on its own bytes.
    Checkpoint {
        /// Who brought it.
        source: Source,
        /// The checkpoint.
        checkpoint: Arc<VerifiedCheckpoint>,
    },
    /// A peer's gossip brought the bytes of a transaction that was seen before.
    Repeated {
        /// The peer.
        from: NodeId,
        /// The transaction.
        id: TxId,
    },
    /// A peer sent a transaction whose key is not known. The caller holds it until
    /// [`Event::KeyKnown`](super::Event::KeyKnown) tells that the key is.
    KeyMissing {
        /// The peer.
        from: NodeId,
        /// The key.
        key: KeyId,
    },
    /// A peer sent a further attachment of a body that is not known.
    BodyMissing {
        /// The peer.
        from: NodeId,
        /// The transaction.
        id: TxId,
    },
    /// A peer sent what an honest node never sends.
    Misbehaved {
        /// The peer.
        from: NodeId,
        /// What it did.
        fault: Fault,
    },
    /// A peer's message that needs no answer, or a key that one of our requests brought.
    Message {
        /// The peer.
        from: NodeId,
        /// What it said.
        message: Message,
    },
    /// The next bytes of a long answer to one of our requests.
    Part {
        /// The peer that was asked.
        from: NodeId,
        /// The request.
        ticket: Ticket,
        /// The bytes.
        bytes: Bytes,
    },
    /// A peer's request; the answer leaves as [`ToNet::Answer`](super::ToNet::Answer).
    Request {
        /// The peer.
        from: NodeId,
        /// Names the stream that waits for the answer.
        ticket: Ticket,
        /// What it asks.
        message: Message,
    },
    /// One of our requests ended. All that it brought was handed in before.
    Answered {
        /// The peer that was asked.
        from: NodeId,
        /// The request.
        ticket: Ticket,
        /// The end as the peer put it; `None` if the stream broke or timed out.
        end: Option<End>,
    },
    /// A connection to a peer stands.
    PeerUp {
        /// The peer.
        peer: NodeId,
        /// Where it accepts connections, if it said so.
        address: Option<SocketAddr>,
        /// Whether the operator named it; such peers are dropped for a fault, but never banned.
        fixed: bool,
    },
    /// The connection to a peer is gone.
    PeerDown {
        /// The peer.
        peer: NodeId,
    },
    /// A connection that the machine asked for did not come about.
    DialFailed {
        /// The peer that was to be reached.
        peer: NodeId,
    },
    /// Nothing happened, but the deadline of [`Machine::deadline`](super::Machine::deadline) came.
    Tick,
}

/// Who brought a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Someone using this node; waits for it to be durable.
    Local,
    /// A peer, unasked.
    Gossip(NodeId),
    /// A peer, answering a request of ours.
    Answer(NodeId),
}

impl Source {
    /// The peer, if it was one.
    pub const fn peer(&self) -> Option<NodeId> {
        match self {
            Self::Local => None,
            Self::Gossip(peer) | Self::Answer(peer) => Some(*peer),
        }
    }
}

/// Names a request between two nodes; unique per connection and direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What an honest node never does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Bytes that are no message.
    #[error("malformed message: {0}")]
    Malformed(#[from] DecodeError),
    /// A frame longer than any message.
    #[error("frame too long: at most {limit} bytes, actual {actual}")]
    Oversized {
        /// The limit, in bytes.
        limit: usize,
        /// The announced length, in bytes.
        actual: usize,
    },
    /// A message on a stream where it does not belong.
    #[error("message {name} on the wrong stream")]
    Misplaced {
        /// The message.
        name: &'static str,
    },
    /// A transaction that breaks a stateless rule.
    #[error("transaction refused: {0}")]
    Refused(#[from] Refusal),
    /// A checkpoint that breaks a rule on its own bytes.
    #[error("checkpoint refused: {0}")]
    BadCheckpoint(#[from] CheckpointRefusal),
    /// A key that nobody asked for, or not the one asked for.
    #[error("a key that was not asked for")]
    UnwantedKey,
    /// More requests at once than allowed.
    #[error("too many requests at once: at most {limit}")]
    TooManyRequests {
        /// The limit.
        limit: usize,
    },
    /// An answer that brought nothing of what the peer had said it has, or none at all.
    #[error("an answer without what was asked for")]
    EmptyAnswer,
    /// An answer that is not what was asked for, as its hashes or signatures show.
    #[error("an answer that does not hold: not what was asked for, or not signed by the committee")]
    BadAnswer,
}
