//! Reads of a disk, and how they fail.
//!
//! As `weft-storage` answers for them: a read that fails says "nothing there", and so does every
//! read after it, until the node starts again. A record that is shorter than what was written does
//! not decode, which is such a failure too; nothing of it is handed on.
//!
//! [`Through`] is the one list of all reads, for whoever has to stand between machine and store.
//!
//! Left out on purpose: reads of checks and of the API, which decide nothing that is written.

use std::{cell::Cell, panic};

use bytes::Bytes;
use weft_core::{
    digest::{BodyId, KeyId, TxId},
    keys::PublicKey,
    machine::{LogEntry, Reads, Table},
    message::PeerAddress,
    time::Time,
    units::Position,
};
use weft_storage::MemoryStore;

/// Whether reads fail, or will.
#[derive(Debug, Default)]
pub(crate) struct Surface {
    /// So many reads are good yet, and the one after them is not, if it comes before then.
    good: Cell<Option<(u64, Time)>>,
    failed: Cell<bool>,
}

impl Surface {
    /// After `good` more reads one fails, if it comes before `until`.
    pub(crate) fn scratch(&self, good: u64, until: Time) {
        self.good.set(Some((good, until)));
    }

    /// Whether one failed since the node was started.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.get()
    }

    /// The node starts again, and reads everything anew.
    pub(crate) fn forget(&self) {
        self.failed.set(false);
    }

    /// Whether a read at `now` fails.
    fn fails(&self, now: Time) -> bool {
        match self.good.get() {
            Some((_, until)) if now >= until => self.good.set(None),
            Some((0, _)) => {
                self.good.set(None);
                self.failed.set(true);
            }
            Some((good, until)) => self.good.set(Some((good - 1, until))),
            None => {}
        }
        if self.failed.get() {
            EXCUSED.set(true);
        }
        self.failed.get()
    }
}

thread_local! {
    /// Whether a read of the node that this thread runs failed, so that it may panic.
    static EXCUSED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a node's step; what fails in it excuses a panic of this step alone.
pub(super) fn step<T>(work: impl FnOnce() -> T) -> T {
    EXCUSED.set(false);
    let done = work();
    EXCUSED.set(false);
    done
}

/// Lets this program print no panic that a failed read explains: the node is stopped for that read,
/// and nobody looks for a bug.
pub fn excuse_panics() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !EXCUSED.get() {
            print(info);
        }
    }));
}

/// A store as it is read at one time.
pub(crate) struct Reading<'a> {
    pub(crate) store: &'a MemoryStore,
    pub(crate) surface: &'a Surface,
    pub(crate) now: Time,
}

impl Answer for Reading<'_> {
    fn answer<T: Default>(&self, read: impl FnOnce(&dyn Reads) -> T) -> T {
        if self.surface.fails(self.now) { T::default() } else { read(self.store) }
    }
}

/// Stands between a machine and what it reads: each read goes through it.
pub trait Answer {
    /// Answers one read, by asking the store that is behind this or in another way.
    fn answer<T: Default>(&self, read: impl FnOnce(&dyn Reads) -> T) -> T;
}

/// The reads of a store, each answered by `0`.
#[derive(Debug)]
pub struct Through<A>(pub A);

impl<A: Answer> Reads for Through<A> {
    fn entry(&self, id: &TxId) -> Option<LogEntry> {
        self.0.answer(|store| store.entry(id))
    }

    fn sealed_body(&self, id: &BodyId) -> Option<Bytes> {
        self.0.answer(|store| store.sealed_body(id))
    }

    fn has_body(&self, id: &BodyId) -> bool {
        self.0.answer(|store| store.has_body(id))
    }

    fn key(&self, id: &KeyId) -> Option<PublicKey> {
        self.0.answer(|store| store.key(id))
    }

    fn log(&self, from: Position, limit: usize) -> Vec<LogEntry> {
        self.0.answer(|store| store.log(from, limit))
    }

    fn newest(&self, limit: usize) -> Vec<LogEntry> {
        self.0.answer(|store| store.newest(limit))
    }

    fn addresses(&self) -> Vec<PeerAddress> {
        self.0.answer(|store| store.addresses())
    }

    fn record(&self, table: Table, key: &[u8]) -> Option<Bytes> {
        self.0.answer(|store| store.record(table, key))
    }

    fn records(&self, table: Table, from: &[u8], limit: usize) -> Vec<(Vec<u8>, Bytes)> {
        self.0.answer(|store| store.records(table, from, limit))
    }
}
