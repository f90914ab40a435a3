//! What a seller and a buyer must not forget: chunks, payments, secrets, counters.
//!
//! [`FjallShelf`] keeps it in a folder, [`MemoryShelf`] in memory for tests; one contract suite
//! asks both the same. A shelf moves records and does not know what they say: that is told by
//! [`SellerBook`] and [`BuyerBook`], which hold the keys and the bytes of each record.
//!
//! **Invariant: when [`Shelf::write`] returns, the batch is on the disk, whole; after a crash each
//! batch is there whole or not at all, and none without those before it.** The first failure ends
//! all writing: after a failed sync nobody knows what is on the disk.
//!
//! Left out on purpose: grouping. [`Scribe`](crate::drive::Scribe) gathers what came in meanwhile
//! and pays one sync for all of it.

mod buyer;
mod disk;
mod memory;
mod seller;

use std::{collections::BTreeMap, io, path::PathBuf};

use bytes::Bytes;

pub(crate) use self::{
    buyer::progress,
    seller::{drop_chunk, finish_chunk, put_chunk, write_items},
};
pub use self::{
    buyer::{BuyerBook, Purchase},
    disk::FjallShelf,
    memory::MemoryShelf,
    seller::{SellerBook, StoredChunk},
};

/// The kinds of records. The number is the first byte of each key on disk and never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// What there is one of.
    Single = 0,
    /// Chunks of a seller, without their bytes.
    Chunk = 1,
    /// The sealed bytes of chunks.
    Ciphertext = 2,
    /// The channels that a seller serves.
    Opened = 3,
    /// What was paid in them.
    Counter = 4,
    /// The channels of a buyer.
    Purchase = 5,
    /// How far a buyer has paid and read.
    Progress = 6,
    /// What a buyer has spent through channels that are settled.
    Spent = 7,
}

/// Records to be written together. The last word on a key counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch(BTreeMap<(Table, Vec<u8>), Option<Bytes>>);

impl Batch {
    /// Sets a record.
    pub fn put(&mut self, table: Table, key: &[u8], value: impl Into<Bytes>) {
        self.0.insert((table, key.to_vec()), Some(value.into()));
    }

    /// Removes a record; none there is no error.
    pub fn remove(&mut self, table: Table, key: &[u8]) {
        self.0.insert((table, key.to_vec()), None);
    }

    /// Adds what `later` says; it has the last word.
    pub fn extend(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The records in order, `None` for those that are to be removed.
    pub fn iter(&self) -> impl Iterator<Item = (Table, &[u8], Option<&Bytes>)> {
        self.0.iter().map(|((table, key), value)| (*table, key.as_slice(), value.as_ref()))
    }
}

/// Records by table and key, ordered by key.
pub trait Shelf: Send + Sync {
    /// Writes `batch`, whole or not at all, and returns once it is on the disk. Blocks.
    fn write(&self, batch: &Batch) -> Result<(), ShelfError>;

    /// One record.
    fn read(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, ShelfError>;

    /// At most `limit` records from `from` up, `from` included.
    fn list(
        &self,
        table: Table,
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, ShelfError>;
}

/// Why a shelf does not open, or stopped. Always for whoever runs it: no stranger can cause one.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// Another process has it open.
    #[error(
        "the folder {} is in use: end the other command, or name another folder",
        .dir.display()
    )]
    Locked {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder holds something else.
    #[error("{} holds {found:?}, which is not ours: name an empty folder", .dir.display())]
    Foreign {
        /// The folder.
        dir: PathBuf,
        /// What was found there.
        found: String,
    },
    /// Written by another version of this program.
    #[error(
        "the folder {} has format {actual:?}, this program reads {expected:?}: run the version \
         that wrote it",
        .dir.display()
    )]
    Format {
        /// The folder.
        dir: PathBuf,
        /// The format this program reads and writes.
        expected: &'static str,
        /// The format found.
        actual: String,
    },
    /// A file cannot be read or written.
    #[error("cannot use {}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A record that nothing of ours wrote.
    #[error("a record of {what} is damaged; look at the disk, or begin in a new folder")]
    Damaged {
        /// What it should be.
        what: &'static str,
    },
    /// The first failure of a read or a write, from then on the answer to everything.
    #[error("the disk failed: {cause}; nothing is written any more, look at it and start again")]
    Stopped {
        /// What happened.
        cause: String,
    },
}
