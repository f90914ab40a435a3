//! The queue on disk: one fjall database with one keyspace, so that a batch is one thing.
//!
//! ```text
//! w | device | 0 | id 8 BE      -> entry          waits
//! o | body id 32                -> outgoing       sealed, on its way
//! r | name 32                   -> id 8 | ms 8 | number 8    names of deliveries, to know
//!                                                            repeats by
//! q | number 8 BE               -> name 32        the same in the order they came, to forget by
//! u | device                    -> day 8 | messages 8 | bytes 8      the writer's
//! v | device                    -> day 8 | work 8                    the sender's
//! f | id 8 BE                   -> device | newline | JSON   the last receipt of a message
//! m | name                      -> counters
//! ```
//!
//! Invariant: the first failed write ends all writing. After a failed sync nobody knows what is on
//! disk; only opening it anew tells.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};
use weft_core::{
    codec::{Decode as _, Encode as _},
    digest::BodyId,
    units::Sequence,
};

use super::{Entry, Outgoing, synced::Synced};
use crate::{
    device::DeviceName,
    receipt::{Receipt, Stage},
    upload::MessageId,
};

/// Names of deliveries that are remembered.
const NAMES_MAX: u64 = 1 << 17;

/// Messages whose last receipt can be asked for.
const RECEIPTS_MAX: u64 = 1 << 18;

/// Memory for what was read from tables, in bytes.
const CACHE_BYTES: u64 = 16 << 20;

const NEXT_ID: &[u8] = b"mnext_id";
const NEXT_NAME: &[u8] = b"mnext_name";
const NEXT_SEQUENCE: &[u8] = b"mnext_sequence";
const GENESIS: &[u8] = b"mgenesis";

/// The queue on disk.
pub(crate) struct Store {
    database: Database,
    records: Keyspace,
    /// One above the highest sequence that was ever in `o`. Held while a batch that may raise it
    /// is written.
    next_sequence: Mutex<Sequence>,
    synced: Synced,
}

/// Why the queue cannot be read or written.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The database said so.
    #[error("the queue's disk failed: {0}")]
    Disk(String),
    /// A record is not what was written.
    #[error("the queue holds a record that is none: {0}")]
    Record(String),
    /// An earlier write failed.
    #[error("an earlier write failed; restart the gateway once the disk is well")]
    Stopped,
}

impl From<fjall::Error> for StoreError {
    fn from(error: fjall::Error) -> Self {
        Self::Disk(error.to_string())
    }
}

/// What a device sent on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Days since 1970.
    pub(crate) day: u64,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

impl Usage {
    /// The same on `day`: nothing, if that is a later one.
    pub(crate) const fn on(self, day: u64) -> Self {
        if self.day < day { Self { day, messages: 0, bytes: 0 } } else { self }
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(8 * at..8 * at + 8).and_then(little)
}

fn little(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_le_bytes)
}

/// The name of a delivery: by it the same one is known again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// The message that it was.
    pub(crate) id: MessageId,
    /// When it came, in ms since 1970.
    pub(crate) at_ms: u64,
}

/// Changes that become durable together.
pub(crate) struct Changes<'a> {
    store: &'a Store,
    batch: OwnedWriteBatch,
}

impl Store {
    /// Opens the queue in `dir`, or makes one.
    pub(crate) fn open(dir: &Path) -> Result<Self, StoreError> {
        let database = Database::builder(dir).worker_threads(1).cache_size(CACHE_BYTES).open()?;
        let records = database.keyspace("gateway", KeyspaceCreateOptions::default)?;
        let store = Self {
            database,
            records,
            next_sequence: Mutex::new(Sequence(0)),
            synced: Synced::default(),
        };
        *store.sequence() = Sequence(store.counter(NEXT_SEQUENCE)?);
        Ok(store)
    }

    fn sequence(&self) -> MutexGuard<'_, Sequence> {
        self.next_sequence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One above the highest sequence that was used.
    pub(crate) fn next_sequence(&self) -> Sequence {
        *self.sequence()
    }

    /// The number of the next message.
    pub(crate) fn next_id(&self) -> Result<u64, StoreError> {
        self.counter(NEXT_ID)
    }

    /// The number of the next name.
    pub(crate) fn next_name(&self) -> Result<u64, StoreError> {
        self.counter(NEXT_NAME)
    }

    fn counter(&self, key: &[u8]) -> Result<u64, StoreError> {
        Ok(self.records.get(key)?.and_then(|value| little(&value)).unwrap_or(0))
    }

    /// The genesis that the queue belongs to, once it does.
    pub(crate) fn genesis(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.records.get(GENESIS)?.map(|value| value.to_vec()))
    }

    /// The messages of `device` that wait, from number `first` to `last`, in their order. What was
    /// sent before would be in the way of a search; what is behind may not be known to wait yet.
    pub(crate) fn waiting_of(
        &self,
        device: &DeviceName,
        first: MessageId,
        last: MessageId,
    ) -> Result<Vec<Entry>, StoreError> {
        let range = waiting(device, first)..=waiting(device, last);
        self.records.range(range).map(entry).collect()
    }

    /// All messages that wait.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = Result<Entry, StoreError>> + use<> {
        self.records.prefix(b"w").map(entry)
    }

    /// All bodies on their way.
    pub(crate) fn outgoing(
        &self,
    ) -> impl Iterator<Item = Result<(BodyId, Outgoing), StoreError>> + use<> {
        self.records.prefix(b"o").map(|item| {
            let (key, value) = item.into_inner()?;
            let wrong = |error: String| StoreError::Record(error);
            let id = key.get(1..).and_then(|id| id.try_into().ok());
            let id = BodyId(id.ok_or_else(|| wrong("a body without its id".to_owned()))?);
            let outgoing = Outgoing::from_bytes(&value);
            Ok((id, outgoing.map_err(|error| wrong(error.to_string()))?))
        })
    }

    /// What is known of the name of a delivery.
    pub(crate) fn known(&self, name: &[u8; 32]) -> Result<Option<Known>, StoreError> {
        let Some(value) = self.records.get(key(b'r', name))? else { return Ok(None) };
        let id = value.get(..8).and_then(little);
        let at_ms = value.get(8..16).and_then(little);
        Ok(id.zip(at_ms).map(|(id, at_ms)| Known { id: MessageId(id), at_ms }))
    }

    /// What `device` sent on its last day.
    pub(crate) fn usage(&self, device: &DeviceName) -> Result<Usage, StoreError> {
        let value = self.records.get(key(b'u', device.as_str().as_bytes()))?.unwrap_or_default();
        let numbers = number(&value, 0).zip(number(&value, 1)).zip(number(&value, 2));
        let usage = numbers.map(|((day, messages), bytes)| Usage { day, messages, bytes });
        Ok(usage.unwrap_or_default())
    }

    /// The work that was done for `device` on `day`, in tries.
    pub(crate) fn work(&self, device: &DeviceName, day: u64) -> Result<u64, StoreError> {
        let value = self.records.get(key(b'v', device.as_str().as_bytes()))?.unwrap_or_default();
        let is_today = number(&value, 0).is_some_and(|found| found >= day);
        Ok(number(&value, 1).filter(|_| is_today).unwrap_or(0))
    }

    /// The last receipt of a message of `device`, if there is one: accepted while it waits or is
    /// on its way, then what became of it, for as long as that is kept.
    pub(crate) fn receipt(
        &self,
        device: &DeviceName,
        id: MessageId,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.records.get(key(b'f', &id.0.to_be_bytes()))?;
        let kept = found
            .and_then(|kept| kept.strip_prefix(device_line(device).as_slice()).map(<[u8]>::to_vec));
        Ok(kept)
    }

    /// Begins a batch of changes.
    pub(crate) fn change(&self) -> Changes<'_> {
        Changes { store: self, batch: self.database.batch() }
    }
}

impl Changes<'_> {
    fn set(&mut self, key: impl Into<fjall::UserKey>, value: impl Into<fjall::UserValue>) {
        self.batch.insert(&self.store.records, key, value);
    }

    fn unset(&mut self, key: impl Into<fjall::UserKey>) {
        self.batch.remove(&self.store.records, key);
    }

    /// Lets a message wait; `next` is one above its number.
    pub(crate) fn append(&mut self, entry: &Entry) {
        self.set(waiting(&entry.device, entry.id), entry.to_bytes());
        self.set(NEXT_ID, (entry.id.0 + 1).to_le_bytes());
        self.keep(&Receipt {
            device: entry.device.clone(),
            messages: vec![entry.id],
            stage: Stage::Accepted,
        });
    }

    /// Remembers the name of a delivery as the `number`th, and forgets the oldest.
    pub(crate) fn remember(&mut self, number: u64, name: &[u8; 32], known: Known) {
        let value = [known.id.0, known.at_ms, number].map(u64::to_le_bytes).concat();
        self.set(key(b'r', name), value);
        self.set(key(b'q', &number.to_be_bytes()), *name);
        self.set(NEXT_NAME, (number + 1).to_le_bytes());
        if let Some(oldest_number) = number.checked_sub(NAMES_MAX) {
            let oldest = key(b'q', &oldest_number.to_be_bytes());
            let Ok(Some(forgotten)) = self.store.records.get(&oldest) else { return };
            self.unset(oldest);
            let forgotten = key(b'r', &forgotten);
            let Ok(Some(value)) = self.store.records.get(&forgotten) else { return };
            // A name that came again since then is younger than this.
            if value.get(16..).and_then(little) == Some(oldest_number) {
                self.unset(forgotten);
            }
        }
    }

    /// Sets what `device` sent.
    pub(crate) fn set_usage(&mut self, device: &DeviceName, usage: Usage) {
        let value = [usage.day, usage.messages, usage.bytes].map(u64::to_le_bytes).concat();
        self.set(key(b'u', device.as_str().as_bytes()), value);
    }

    /// Sets the work that was done for `device` on `day`.
    pub(crate) fn set_work(&mut self, device: &DeviceName, day: u64, work: u64) {
        let value = [day, work].map(u64::to_le_bytes).concat();
        self.set(key(b'v', device.as_str().as_bytes()), value);
    }

    /// Ties the queue to a network.
    pub(crate) fn set_genesis(&mut self, genesis: &[u8]) {
        self.set(GENESIS, genesis);
    }

    /// Moves messages from waiting to being on their way in a body.
    pub(crate) fn send(&mut self, body: BodyId, outgoing: &Outgoing) {
        for entry in &outgoing.entries {
            self.unset(waiting(&entry.device, entry.id));
        }
        self.set(key(b'o', body.as_bytes()), outgoing.to_bytes());
    }

    /// Lets the messages of a body wait again, in their old places.
    pub(crate) fn give_back(&mut self, body: BodyId, outgoing: &Outgoing) {
        for entry in &outgoing.entries {
            self.set(waiting(&entry.device, entry.id), entry.to_bytes());
        }
        self.unset(key(b'o', body.as_bytes()));
    }

    /// A body is done with.
    pub(crate) fn done(&mut self, body: BodyId) {
        self.unset(key(b'o', body.as_bytes()));
    }

    /// Keeps the last receipt of its messages, and forgets the oldest ones.
    pub(crate) fn keep(&mut self, receipt: &Receipt) {
        let kept = [device_line(&receipt.device), receipt.to_json()].concat();
        for id in &receipt.messages {
            self.set(key(b'f', &id.0.to_be_bytes()), kept.clone());
            if let Some(oldest) = id.0.checked_sub(RECEIPTS_MAX) {
                self.unset(key(b'f', &oldest.to_be_bytes()));
            }
        }
    }

    /// Makes the changes durable; those who do so at once share a sync. `sequence` is the one that
    /// they use up, if they do.
    pub(crate) fn commit(mut self, sequence: Option<Sequence>) -> Result<(), StoreError> {
        let store = self.store;
        if store.synced.has_failed() {
            return Err(StoreError::Stopped);
        }
        // Held up to the end: a lower mark is never written over a higher one.
        let mut mark = sequence.is_some().then(|| store.sequence());
        if let (Some(mark), Some(used)) = (&mut mark, sequence)
            && used >= **mark
        {
            **mark = Sequence(used.0 + 1);
            let value = mark.0.to_le_bytes();
            self.set(NEXT_SEQUENCE, value);
        }
        let written = self.batch.commit();
        drop(mark);
        if let Err(error) = written {
            store.synced.fail();
            return Err(error.into());
        }
        store.synced.sync(|| Ok(store.database.persist(PersistMode::SyncAll)?))
    }
}

fn key(kind: u8, rest: &[u8]) -> Vec<u8> {
    [&[kind], rest].concat()
}

fn waiting(device: &DeviceName, id: MessageId) -> Vec<u8> {
    // No name holds the separator, so none is the beginning of another.
    [&b"w"[..], device.as_str().as_bytes(), b"\0", &id.0.to_be_bytes()].concat()
}

fn entry(item: fjall::Guard) -> Result<Entry, StoreError> {
    let value = item.value()?;
    Entry::from_bytes(&value).map_err(|error| StoreError::Record(error.to_string()))
}

/// Before a kept receipt: whose it is.
fn device_line(device: &DeviceName) -> Vec<u8> {
    [device.as_str().as_bytes(), b"\n"].concat()
}
