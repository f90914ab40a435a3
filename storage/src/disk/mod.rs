//! The store on disk: one fjall database with one keyspace.
//!
//! **One keyspace, so that a batch is one thing everywhere**: keyspaces go to their tables at
//! different times, and when a journal is cut, some would keep a batch that others lost. With one,
//! whatever happens to the journal leaves whole batches, no idle keyspace keeps old journals alive,
//! and a restart replays less (`docs/decisions/0005-store.md` has the figures).
//!
//! **Own group commit**: the caller gathers what came in, and pays one sync for all of it.
//!
//! Invariant: the first failure ends all writing ([`FjallStore::stop`]). After a failed sync nobody
//! knows what is on disk; only reading it all anew, at the next start, tells.

mod check;
mod database;
mod entries;
mod extent;
mod prune;
mod read;
mod sweep;

use std::{
    collections::BTreeSet,
    fmt,
    path::Path,
    sync::{Mutex, MutexGuard, OnceLock},
};

use fjall::{Database, Keyspace, OwnedWriteBatch, PersistMode};
use weft_core::{
    codec::{Encode as _, encode_list},
    digest::BodyId,
    machine::{Attached, Batch, LogEntry},
    tx::Body,
    units::Position,
};

use self::{database::open_database, entries::Entries, extent::Extent};
use crate::{
    StoreError, Totals,
    directory::Directory,
    record::{self, LogRecord},
    witness::Witness,
};

/// What the operator chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Memory for what was read from tables, in bytes. More makes old transactions faster to find.
    /// Default 128 MiB; what was written last is in memory anyway, at most 160 MiB of it.
    pub cache_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { cache_bytes: 128 << 20 }
    }
}

/// An open store, and what it should have held but does not.
#[derive(Debug)]
pub struct Opened {
    /// The store. It goes on from what it has.
    pub store: FjallStore,
    /// What the disk forgot. Reported at each start until something is synced after it.
    pub lost: Option<Lost>,
}

/// The disk forgot transactions that were on it. What is left is the part before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the disk lost transactions: expected {expected}, actual {actual}; look at the disk, the node \
     fetches from its peers what is missing"
)]
pub struct Lost {
    /// What there was.
    pub expected: Totals,
    /// What is left.
    pub actual: Totals,
}

/// A store on disk.
pub struct FjallStore {
    database: Database,
    records: Keyspace,
    /// Held while a batch is written, so that there is one writer.
    witness: Mutex<Witness>,
    /// Remembered, so that nothing is read from below the start of the log: what left there is in
    /// the way of a search until the database merges it away.
    extent: Mutex<Extent>,
    entries: Entries,
    failure: OnceLock<String>,
    /// Let go last.
    directory: Directory,
}

impl FjallStore {
    /// Opens the store in `dir`, or makes one in an empty or missing directory. Everything in it
    /// belongs to the store.
    ///
    /// Replays the journal and looks at as much of the log as a journal can have held; cost grows
    /// with that, not with history.
    pub fn open(dir: &Path, config: Config) -> Result<Opened, StoreError> {
        let directory = Directory::open(dir)?;
        let journal_bytes = check::journal_bytes(&directory.database());
        let (database, records) = open_database(&directory.database(), config)
            .map_err(|source| StoreError::Open { dir: dir.to_path_buf(), source })?;
        let witness = Witness::open(directory.witness())?;
        let store = Self {
            database,
            records,
            witness: Mutex::new(witness),
            extent: Mutex::default(),
            entries: Entries::default(),
            failure: OnceLock::new(),
            directory,
        };
        let lost = store.check(journal_bytes)?;
        Ok(Opened { store, lost })
    }

    fn write(&self, batch: &Batch, durable: bool) -> Result<(), StoreError> {
        let mut witness = lock(&self.witness);
        self.stopped()?;
        let mut extent = *lock(&self.extent);
        let mut records = self.database.batch();
        let drops = batch.drop_below.filter(|below| *below > extent.floor());
        let mut adopted = BTreeSet::new();
        if let Some(below) = drops {
            let pruned = self.prune(below, extent, batch, &mut records);
            let pruned = pruned.map_err(|error| self.stop(error.to_string()))?;
            (extent.left, adopted) = (pruned.left, pruned.adopted);
        }
        for attached in &batch.attached {
            self.check_place(attached, batch, extent.next())?;
            extent.totals = extent.totals.with(&attached.tx);
            let adopted = adopted.contains(&attached.position);
            self.add(attached, adopted, extent.totals, &mut records);
        }
        if drops.is_some() {
            records.insert(&self.records, record::EXTENT, extent.to_bytes());
        }
        for key in &batch.keys {
            records.insert(&self.records, record::public_key(&key.id()), key.to_bytes());
        }
        if let Some(addresses) = &batch.addresses {
            let mut value = Vec::new();
            encode_list(addresses, &mut value);
            records.insert(&self.records, record::ADDRESSES, value);
        }
        for (table, key, value) in batch.records.iter() {
            let key = record::of_table(table, key);
            match value {
                Some(value) => records.insert(&self.records, key, &value[..]),
                None => records.remove(&self.records, key),
            }
        }
        records.commit().map_err(|error| self.stop(format!("a batch was not written: {error}")))?;
        *lock(&self.extent) = extent;
        if durable { self.sync(&mut witness, extent.totals) } else { Ok(()) }
    }

    /// Asserts what a bug of the machine would break, before it reaches the disk.
    fn check_place(
        &self,
        attached: &Attached,
        batch: &Batch,
        next: Position,
    ) -> Result<(), StoreError> {
        let Attached { position, first_of_body, tx, .. } = attached;
        assert_eq!(*position, next, "positions are without a gap");
        if *first_of_body {
            return Ok(());
        }
        let body = tx.body_id();
        let stored = self.records.contains_key(record::body(&body));
        let stored = stored.map_err(|error| self.stop(format!("a read failed: {error}")))?;
        let comes = |other: &Attached| other.first_of_body && other.tx.body_id() == body;
        assert!(stored || batch.attached.iter().any(comes), "the body {body} is unknown");
        Ok(())
    }

    fn add(
        &self,
        attached: &Attached,
        adopted: bool,
        totals: Totals,
        records: &mut OwnedWriteBatch,
    ) {
        let Attached { position, first_of_body, tx, .. } = attached;
        let (id, body) = (tx.id(), tx.body_id());
        let entry = LogEntry::of(attached);
        if *first_of_body {
            self.hang(&body, &tx.transaction().body, &tx.sealed_body(), *position, records);
        } else if !adopted {
            records.insert(&self.records, record::hanging(&body, *position), *id.as_bytes());
        }
        records.insert(&self.records, record::transaction(&id), position.to_bytes());
        let log = LogRecord { entry, first_of_body: *first_of_body, totals };
        records.insert(&self.records, record::log(*position), log.value());
    }

    /// Hangs a body first at `position`.
    fn hang(
        &self,
        id: &BodyId,
        body: &Body,
        sealed: &[u8],
        position: Position,
        records: &mut OwnedWriteBatch,
    ) {
        records.insert(&self.records, record::body(id), record::placed(position, sealed));
        let (reading, issued) = record::listed(body, position);
        if let Some(reading) = reading {
            records.insert(&self.records, reading, []);
        }
        records.insert(&self.records, issued, *id.as_bytes());
    }

    /// Syncs the journal, then writes down that it did.
    fn sync(&self, witness: &mut Witness, totals: Totals) -> Result<(), StoreError> {
        self.database
            .persist(PersistMode::SyncAll)
            .map_err(|error| self.stop(format!("a sync failed: {error}")))?;
        witness.write(totals).map_err(|error| self.stop(error.to_string()))
    }

    fn stopped(&self) -> Result<(), StoreError> {
        match self.failure.get() {
            None => Ok(()),
            Some(cause) => Err(StoreError::Stopped { cause: cause.clone() }),
        }
    }

    /// Remembers the first failure; nothing is written from now on.
    fn stop(&self, cause: String) -> StoreError {
        tracing::error!(%cause, dir = %self.directory.path().display(), "the store stops");
        let cause = self.failure.get_or_init(|| cause).clone();
        StoreError::Stopped { cause }
    }
}

/// An orderly end makes everything durable.
impl Drop for FjallStore {
    fn drop(&mut self) {
        let (Ok(mut witness), Ok(extent)) = (self.witness.lock(), self.extent.lock()) else {
            return;
        };
        if self.failure.get().is_none() && witness.last() != extent.totals {
            // The error is logged and remembered where it arose; there is nobody to return it to.
            let _logged = self.sync(&mut witness, extent.totals);
        }
    }
}

impl fmt::Debug for FjallStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FjallStore").field("dir", &self.directory.path()).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("a thread that panicked while it wrote has stopped the node already")
}
