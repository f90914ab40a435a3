//! Where a node keeps what it knows.
//!
//! [`FjallStore`] keeps it on disk, [`MemoryStore`] in memory, for simulations and tests. Both
//! answer for the same contract, [`Store`]: one writer, any number of readers, batches that are
//! there whole or not at all.
//!
//! **Invariant: what a durable commit acknowledged is there after a crash, and what is there after
//! a crash is what the first so-and-so many batches wrote.** Positions are without a gap from the
//! floor of the log up.
//!
//! **Old transactions leave from below**, in the batch that says so, and the floor rises to where
//! it says. What came with them leaves too, and a body with the last of its attachments; before, it
//! hangs first at the lowest that is left. Keys, the address book and records stay: who wrote them
//! removes them. Counts and positions go on, even if nothing is left. A crash that takes the batch
//! back takes the drop back.
//!
//! **A disk that fails stops the node.** Reads return values, not errors: an unreadable disk is no
//! event of the protocol. The store remembers the first failure, of a read or a write, answers
//! "nothing there" and takes no batch from then on, for what was decided upon a failed read must
//! never be written. [`Store::health`] tells; whoever runs the machine asks before it trusts what
//! the machine said. Only a restart, which reads everything anew, ends that state.
//!
//! Left out on purpose: what to drop and when, which the machine decides; repair of tables that the
//! disk changed: a node fetches from its peers what it lost.

mod directory;
mod disk;
mod error;
mod memory;
mod record;
mod totals;
mod witness;

use bytes::Bytes;
use weft_core::{
    address::Address,
    digest::{BodyId, StreamId, TxId},
    machine::{Batch, LogEntry, Reads},
    params::ATTACHMENTS_MAX,
    units::{Position, Sequence},
};

pub use self::{
    disk::{Config, FjallStore, Lost, Opened},
    error::StoreError,
    memory::MemoryStore,
    totals::Totals,
};

/// Most attachments of one body that [`Store::attachments`] lists. A node relays far fewer unasked;
/// more than that come only as named parents.
pub const ATTACHMENTS_LISTED_MAX: usize = 16 * ATTACHMENTS_MAX;

/// What a node keeps. Lists are bounded by the caller's limit and ascend by position.
pub trait Store: Reads + Send + Sync {
    /// Writes `batch`, whole or not at all. It is readable when this returns; with `durable` it,
    /// and all before it, is also synced to disk. After an error nothing is ever written again.
    ///
    /// It is as if what the batch drops left last: a body that it attaches once more stays. The
    /// drop costs in proportion to what it drops, which the caller bounds. One that reaches no
    /// higher than an earlier one does nothing.
    ///
    /// # Panics
    /// On positions that do not follow the last one, a further attachment of an unknown body, or a
    /// drop of what is still to come: a bug of the machine that must not reach the disk.
    fn commit(&self, batch: &Batch, durable: bool) -> Result<(), StoreError>;

    /// Whether all reads and writes so far did what they say.
    fn health(&self) -> Result<(), StoreError>;

    /// How much ever came, what has left included. Two stores that got the same transactions have
    /// the same totals, in whatever order they came.
    fn totals(&self) -> Totals;

    /// The position of the next transaction.
    fn next_position(&self) -> Position {
        Position(self.totals().transactions())
    }

    /// At most `limit` readings of `stream` above `after`: of each body the first attachment that
    /// is there. When that leaves and a later one stays, the reading moves up to it: who asks for
    /// all above what it saw last may see it again, but misses none.
    fn readings(&self, stream: &StreamId, after: Option<Position>, limit: usize) -> Vec<LogEntry>;

    /// The first [`ATTACHMENTS_LISTED_MAX`] attachments of a body that are there.
    fn attachments(&self, body: &BodyId) -> Vec<TxId>;

    /// The highest sequence of `issuer` that this node holds a body of.
    fn highest_sequence(&self, issuer: &Address) -> Option<Sequence>;

    /// All bytes of a transaction, as they came in.
    fn transaction(&self, id: &TxId) -> Option<Bytes>;

    /// What to watch.
    fn stats(&self) -> Stats;
}

/// What to watch about a store. All zero in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Journal files, each about 64 MiB. More than a handful means that the disk does not keep up.
    pub journals: u64,
}
