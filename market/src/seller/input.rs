//! The door in: everything that can happen to a seller.

use weft_core::{digest::BodyId, time::Time};

use crate::{frame::ToSeller, hello::Exporter, ledger::Found};

/// A connection, as its driver numbers it: never one number twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connection(pub u64);

/// Names one batch of writes: later ones have higher numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A connection stands. Comes before all else of it.
    Up {
        /// Which.
        connection: Connection,
        /// What TLS gives its two ends.
        exporter: Exporter,
    },
    /// A connection is gone. Comes last of it, also after [`Out::closes`](super::Out::closes).
    Down {
        /// Which.
        connection: Connection,
    },
    /// A buyer said something.
    Frame {
        /// Who.
        connection: Connection,
        /// What.
        frame: ToSeller,
    },
    /// What a buyer said is no frame.
    Malformed {
        /// Who.
        connection: Connection,
    },
    /// A chunk can be sold: its batch is final, its ciphertext is kept.
    Published(Listed),
    /// Chunks below this one are kept no more.
    Dropped {
        /// The first that is still kept.
        below: u64,
    },
    /// The answer to [`Ask::Channel`](super::Ask::Channel), or news of a channel.
    Channel {
        /// Which.
        id: BodyId,
        /// As the ledger has it; `None` if it has no such open channel. A ledger that cannot be
        /// asked is no answer.
        found: Option<Box<Found>>,
    },
    /// The ledger has made a commit. Before the first that a seller hears of it sends nothing.
    Committed {
        /// The time of the newest one.
        time: Time,
    },
    /// All writes up to this batch are on disk, and stay there.
    Synced {
        /// The batch.
        ticket: Ticket,
    },
    /// Claim what is unclaimed now: of one channel, or of all.
    Claim {
        /// Which; `None` for all.
        channel: Option<BodyId>,
    },
    /// The offer has ended, or the seller stops: say so, claim all, close all.
    Stop,
    /// The deadline has come.
    Tick,
}

/// A chunk that can be sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its place among those of its stream. Higher than all before.
    pub sequence: u64,
    /// The body that has its batch.
    pub batch: BodyId,
    /// Its price in ticks, by [`seal::ticks`](crate::seal::ticks); never 0.
    pub ticks: u32,
    /// Readings in it.
    pub readings: u16,
    /// When its last reading was taken: samples are late.
    pub last: Time,
}
