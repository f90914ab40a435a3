//! The door out: what the buyer wants written, said, looked up and told.
//!
//! A driver empties it after a group of inputs: first it begins the **write**, then it sends the
//! **frames**, which need not wait for it, then it looks after the rest. When the write is on disk
//! it says so ([`Input::Synced`](super::Input::Synced)), and the payments that waited come out.

use weft_core::{digest::BodyId, keys::KeyError, market::batch::Chunk, time::Span, units::Amount};

use super::{Counter, Ticket};
use crate::{
    frame::{Refusal, ToSeller},
    seal::{NotAsSealed, OpenError},
};

/// What the buyer wants done.
#[derive(Debug, Default)]
pub struct Out {
    /// What must be on disk before the payments that wait for it leave. Replaces the one before.
    pub write: Option<(Ticket, Counter)>,
    /// What to say, in order.
    pub frames: Vec<ToSeller>,
    /// Bodies to look up on the ledger. A driver answers each once, and waits a little for one that
    /// is not final yet.
    pub looks: Vec<BodyId>,
    /// What to tell the user, in order.
    pub events: Vec<Event>,
    /// The connection is to be closed, once what was said is sent. The seller was told why.
    pub close: Option<Refusal>,
    /// The connection is gone: the next one is wanted after this long.
    pub redial: Option<Span>,
}

/// Something for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The session stands.
    Began {
        /// The highest index paid so far.
        paid: u32,
        /// The first chunk that comes.
        next: u64,
    },
    /// A chunk was paid for.
    Paid {
        /// Which.
        sequence: u64,
        /// The index after it.
        index: u32,
        /// All that the channel has paid.
        spent: Amount,
    },
    /// Readings, checked to the last byte. After a crash the same ones may come again, never for
    /// new money.
    Readings {
        /// Their place in the stream.
        sequence: u64,
        /// The body that has their batch: what a proof is asked for by.
        batch: BodyId,
        /// The index that paid for them.
        index: u32,
        /// The readings.
        chunk: Chunk,
    },
    /// Chunks that the seller has left out. They were not paid.
    Gap {
        /// The first that is missing.
        from: u64,
        /// The first that is not.
        to: u64,
    },
    /// The seller cannot go on at the moment, and has said why.
    Waiting(Refusal),
    /// Nothing comes any more, and nothing is paid.
    Ended(End),
}

/// Why a buyer has ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// The user wanted it.
    #[error("stopped")]
    Stopped,
    /// The next chunk would pass what the user wants to spend.
    #[error("spent {spent} of at most {limit}: raise the limit to go on")]
    SpendCap {
        /// What was spent.
        spent: Amount,
        /// The limit.
        limit: Amount,
    },
    /// The next chunk costs more than is left of the deposit.
    #[error("the deposit is used up: top the channel up, or open another")]
    DepositUsed,
    /// The next chunk costs more than is left of the chain.
    #[error("the pay chain is used up: open another channel")]
    ChainUsed,
    /// A chunk costs more than the buyer ever risks.
    #[error("a chunk of {ticks} ticks costs {price}, at most {cap} is risked: raise the cap")]
    TooDear {
        /// Its price in ticks.
        ticks: u32,
        /// Its price.
        price: Amount,
        /// The cap.
        cap: Amount,
    },
    /// A chunk is not what the ledger says. Nothing was paid for it.
    #[error("chunk {sequence} was refused: {reason}")]
    NotAsSealed {
        /// Which.
        sequence: u64,
        /// What differs.
        reason: NotAsSealed,
    },
    /// What was paid for does not open. The exposure is lost; the batch and the key prove it.
    #[error("chunk {sequence} was paid and does not open: {reason}; {lost} lost")]
    Cheated {
        /// Which.
        sequence: u64,
        /// What is wrong.
        reason: OpenError,
        /// What was paid and not keyed.
        lost: Amount,
    },
    /// The seller was paid and kept silent, over several connections.
    #[error("the seller was paid and keeps silent; {lost} lost so far")]
    Silent {
        /// What was paid and not keyed.
        lost: Amount,
    },
    /// The seller says that it was paid more than it was, or breaks the protocol otherwise.
    #[error("the seller breaks the protocol: {0}")]
    Broken(&'static str),
    /// The buyer's own key does not sign.
    #[error("the account's key does not sign: {0}")]
    Unsigned(KeyError),
    /// The seller refuses for good.
    #[error("the seller refuses: {0}")]
    Refused(Refusal),
    /// The ledger has settled the channel.
    #[error("the channel is settled: open another")]
    Settled,
}
