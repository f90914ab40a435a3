//! The door out: what the seller wants written, said and posted.
//!
//! A driver empties it after a group of inputs: first it begins the **writes**, then it sends the
//! **frames**, which need not wait for them, then it looks after **asks** and **closes**. When the
//! writes are on disk it says so ([`Input::Synced`](super::Input::Synced)), and what waited for
//! them comes out. Invariant: at most one batch of writes is under way; all that comes meanwhile is
//! in the next, so that one sync serves many payments.

use weft_core::{digest::BodyId, tx::ChannelClaim};

use super::{Connection, Counter, Opened, Ticket};
use crate::frame::{Refusal, ToBuyer};

/// What the seller wants done.
#[derive(Debug, Default)]
pub struct Out {
    /// What must be on disk before anything that waits for it is said.
    pub writes: Option<Writes>,
    /// What to say, in order for each connection.
    pub frames: Vec<Send>,
    /// What to ask or tell the ledger.
    pub asks: Vec<Ask>,
    /// Connections to close, once what was said on them is sent.
    pub closes: Vec<Close>,
}

impl Out {
    pub(super) fn say(&mut self, to: Connection, frame: ToBuyer) {
        self.frames.push(Send::Frame { to, frame });
    }
}

/// What to write, in one piece and in order.
#[derive(Clone, Debug)]
pub struct Writes {
    /// How the batch is named when it is on disk.
    pub ticket: Ticket,
    /// What.
    pub items: Vec<Write>,
}

/// One thing to write. The newest one for a channel replaces the one of its kind before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// A channel is served: what a claim will need. Written once for each.
    Opened(Opened),
    /// What a channel has paid.
    Counter(Counter),
    /// A channel is settled: both can go.
    Forget(BodyId),
}

/// Something to say on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Send {
    /// A frame as it is.
    Frame {
        /// To whom.
        to: Connection,
        /// What.
        frame: ToBuyer,
    },
    /// A chunk. The driver adds the ciphertext, of which there is one for all buyers; where it is
    /// gone, it closes the connection.
    Chunk {
        /// To whom.
        to: Connection,
        /// Which.
        sequence: u64,
        /// Its price.
        ticks: u32,
        /// The index that pays for it.
        end: u32,
        /// The body that has its batch.
        batch: BodyId,
    },
    /// A chunk with its key, as [`Self::Chunk`].
    Sample {
        /// To whom.
        to: Connection,
        /// Which.
        sequence: u64,
        /// The body that has its batch.
        batch: BodyId,
        /// Its key.
        key: [u8; 32],
    },
}

/// Something to ask or tell the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Look a channel up: answered by [`Input::Channel`](super::Input::Channel).
    Channel(BodyId),
    /// Post a claim. What comes of it shows in the channel.
    Claim(ChannelClaim),
}

/// A connection to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close {
    /// Which.
    pub connection: Connection,
    /// Why; the buyer was told in a frame.
    pub refusal: Refusal,
}
