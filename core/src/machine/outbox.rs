//! The door out: what the machine wants written, said and told.
//!
//! Three lanes, always emptied in this order after a group of inputs: **writes**, as one atomic
//! batch; then **messages**; then **events**. Invariant: nothing is said or told that a crash could
//! unsay. So the batch is synced to disk before anything leaves if [`Outbox::durable`] is set.

use alloc::{string::String, sync::Arc, vec::Vec};

use super::{Fault, Records, Source, Ticket};
use crate::{
    admit::Verified,
    commit::{Certificate, CommitRecord, Leaf},
    committee::Author,
    digest::{KeyId, NodeId, TxId},
    keys::PublicKey,
    message::{Message, PeerAddress},
    time::{Span, Time},
    units::{Position, Round},
};

/// What the machine wants done.
#[derive(Debug, Default)]
pub struct Outbox {
    /// First: one atomic batch.
    pub writes: Batch,
    /// Whether the batch must be on disk before anything leaves: set by a local submission that is
    /// about to be acknowledged, an own signature, and a commit. All else can be fetched from peers
    /// again.
    pub durable: bool,
    /// Second: what to say.
    pub messages: Vec<ToNet>,
    /// Third: what to tell.
    pub events: Vec<Event>,
}

impl Outbox {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.messages.is_empty() && self.events.is_empty()
    }

    pub(super) fn send(&mut self, to: NodeId, message: Message) {
        self.messages.push(ToNet::Send { to, message });
    }

    pub(super) fn ask(&mut self, to: NodeId, ticket: Ticket, message: Message) {
        self.messages.push(ToNet::Ask { to, ticket, message });
    }

    pub(super) fn answer(&mut self, to: NodeId, ticket: Ticket, parts: Vec<Message>) {
        self.messages.push(ToNet::Answer { to, ticket, parts });
    }
}

/// What to write, in one piece.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Transactions that became part of the Tangle, parents before children, positions without a
    /// gap.
    pub attached: Vec<Attached>,
    /// Keys that became known.
    pub keys: Vec<PublicKey>,
    /// The whole address book, if it changed.
    pub addresses: Option<Vec<PeerAddress>>,
    /// What consensus and the ledger keep.
    pub records: Records,
    /// Transactions below this position leave the store. Never goes back, and is at most the
    /// position of the first transaction in [`Self::attached`].
    pub drop_below: Option<Position>,
}

impl Batch {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.attached.is_empty()
            && self.keys.is_empty()
            && self.addresses.is_none()
            && self.records.is_empty()
            && self.drop_below.is_none()
    }
}

/// A transaction at its place.
#[derive(Clone, Debug)]
pub struct Attached {
    /// Its place in this node's order.
    pub position: Position,
    /// Whether it is the first attachment of its body here, so that the body is new too.
    pub first_of_body: bool,
    /// Whether it was submitted here, so that it is this node that acknowledges it.
    pub is_own: bool,
    /// The transaction.
    pub tx: Arc<Verified>,
}

/// What to do on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToNet {
    /// Say something that needs no answer.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        message: Message,
    },
    /// Open a request; its end comes back as [`Input::Answered`](super::Input::Answered).
    Ask {
        /// Whom.
        to: NodeId,
        /// How the answer will be named.
        ticket: Ticket,
        /// What.
        message: Message,
    },
    /// Answer a request and close its stream.
    Answer {
        /// Who asked.
        to: NodeId,
        /// The request.
        ticket: Ticket,
        /// What to say, in this order.
        parts: Vec<Message>,
    },
    /// Read no more of what a peer relays, or go on reading: it has to wait, and nothing is lost. A
    /// new connection is read.
    Hold {
        /// Whom.
        peer: NodeId,
        /// Whether it has to wait from now on.
        waits: bool,
    },
    /// Open a connection.
    Dial(PeerAddress),
    /// Close a connection.
    Drop {
        /// To whom.
        peer: NodeId,
        /// Why.
        reason: DropReason,
    },
}

/// Why the machine closes a connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DropReason {
    /// The peer's score fell too low.
    #[error("dropped for misbehaviour: {0}")]
    Misbehaved(Fault),
    /// It misbehaved not long ago.
    #[error("refused: it was dropped for misbehaviour not long ago")]
    Banned,
    /// There are enough peers.
    #[error("refused: at most {limit} peers")]
    Full {
        /// The limit.
        limit: usize,
    },
}

/// What to tell those who watch.
#[derive(Clone, Debug)]
pub enum Event {
    /// A transaction became part of the Tangle.
    Attached {
        /// Its place in this node's order.
        position: Position,
        /// When.
        at: Time,
        /// Who brought it.
        source: Source,
        /// Whether it was here before and only its submission was repeated.
        again: bool,
        /// The transaction.
        tx: Arc<Verified>,
    },
    /// A local submission was not taken.
    Refused {
        /// The transaction.
        id: TxId,
        /// Why.
        reason: SubmitRefusal,
    },
    /// A commit: what it ordered, and what became of it. Final.
    Committed {
        /// The record.
        record: Arc<CommitRecord>,
        /// What it ordered, in order.
        leaves: Arc<[Leaf]>,
    },
    /// A quorum vouches for a commit, and so for all before it.
    Certified {
        /// Its proof.
        certificate: Arc<Certificate>,
    },
    /// Attachments that no leader can order any more: their bodies must be attached anew.
    Stale {
        /// Them.
        ids: Vec<TxId>,
    },
    /// A validator signed two things that exclude each other. Evidence is kept.
    Equivocated {
        /// Who.
        author: Author,
        /// The round of what came last.
        round: Round,
    },
    /// What cannot happen happened: this node signs nothing more and keeps its data.
    Alarm {
        /// What.
        cause: String,
    },
    /// A key became known: what waited for it can be checked.
    KeyKnown(KeyId),
    /// A peer was blamed for a fault.
    Blamed {
        /// The peer.
        peer: NodeId,
        /// What it did.
        fault: Fault,
    },
}

/// Why a local submission was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitRefusal {
    /// It breaks a stateless rule.
    #[error("{0}")]
    Refused(#[from] crate::admit::Refusal),
    /// A parent is not known here.
    #[error("parent {parent} is not known here; ask for fresh tips and attach again")]
    UnknownParent {
        /// The parent.
        parent: TxId,
    },
    /// The issuer's key is not known here.
    #[error("key {key} is not known here; post the body with sequence 0 first, it carries the key")]
    UnknownKey {
        /// The key.
        key: KeyId,
    },
    /// This node is not where the others are.
    #[error("this node is behind and fetches what it missed; submit elsewhere, or again later")]
    Behind,
    /// Its anchor does not fit those of its parents.
    #[error("its anchor is older than a parent's, or far newer; attach it again to fresh tips")]
    AnchorOrder,
    /// The body has enough live attachments.
    #[error("its body is attached {limit} times already; wait until one of them is stale")]
    EnoughAttachments {
        /// The limit.
        limit: usize,
    },
    /// More comes than is taken, and its issuer is beyond its share.
    #[error("more comes than this node takes, and its issuer has more in line than its share; \
        come again in {} ms", .retry_after.as_millis())]
    Crowded {
        /// How long what waits before it takes.
        retry_after: Span,
    },
}
