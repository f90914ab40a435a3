//! The door in: everything that can happen to a buyer.

use weft_core::{
    digest::BodyId,
    market::{batch::SealedBatch, objects::Channel},
};

use crate::{frame::ToBuyer, hello::Exporter};

/// Names one write: later ones have higher numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A connection to the seller stands; the one before, if any, is gone.
    Up {
        /// What TLS gives its two ends.
        exporter: Exporter,
    },
    /// The connection is gone.
    Down,
    /// The seller said something.
    Frame(ToBuyer),
    /// What the seller said is no frame.
    Malformed,
    /// The answer to [`Out::looks`](super::Out::looks).
    Batch {
        /// The body that was looked up.
        body: BodyId,
        /// Its sealed batch, if the body is final, proven, and of the offer's stream and device.
        found: Option<Box<SealedBatch>>,
    },
    /// The channel as the ledger has it now; `None` once it is settled.
    Channel(Option<Box<Channel>>),
    /// The write of this ticket, and all before, are on disk and stay there.
    Synced {
        /// The write.
        ticket: Ticket,
    },
    /// Pay no more. What is paid and not yet keyed is still waited for.
    Stop,
    /// The deadline has come.
    Tick,
}
