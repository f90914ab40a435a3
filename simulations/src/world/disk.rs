//! The disk of a node: a store in memory, what its writes cost, and what goes wrong with them.
//!
//! What is here is what `weft-node` does about it: **a store that fails stops the node**, for good,
//! until somebody starts it again; nothing of the step that failed leaves. After a failed sync
//! nobody knows what is on disk, so what was not synced is there in part, or not, as after a loss
//! of power. A full disk refuses the batch, and the next one too, until there is room. After a read
//! that failed (`reading`) nothing is written, for it may have been decided upon what is not true.
//!
//! Invariant: batches are atomic; of those after the last sync a prefix survives a crash.
//!
//! Left out on purpose: torn and rotten records: `weft-storage` finds them by itself, makes failed
//! reads of them, and its own tests hold that against a real disk.

use serde::{Deserialize, Serialize};
use weft_core::{
    machine::Batch,
    time::{Span, Time},
};
use weft_storage::{MemoryStore, Store as _};

use crate::world::{
    costs::micros,
    reading::{Reading, Surface, Through},
};

/// What the disks of a world are like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disks {
    /// A batch, however large, in microseconds.
    pub batch_us: u64,
    /// Waiting for the disk to have it, in microseconds.
    pub sync_us: u64,
}

/// How a disk refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// A sync failed: what was written since the last one is there or not.
    Sync,
    /// There is no room: the batch is not there.
    Full,
    /// A read failed: the batch that was decided upon it is not there.
    Read,
}

/// Between two effects of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// The machine has decided, and nothing is written.
    BeforeWrite,
    /// All is synced, and nothing is said.
    AfterWrite,
    /// So many messages are said, and the rest is not, nor is anything told.
    AfterMessages(usize),
}

/// The disk of one node.
#[derive(Debug)]
pub(crate) struct Disk {
    store: MemoryStore,
    surface: Surface,
    /// All batches, if copies of the store are to be made.
    history: Option<Vec<Batch>>,
    disks: Disks,
    /// A transaction within a batch, in microseconds.
    store_us: u64,
    /// What each sync takes beyond that.
    slow: Span,
    full: bool,
    /// The next sync fails, if it is by then.
    fails: Option<Time>,
    /// Commits, and syncs among them.
    pub(crate) commits: [u64; 2],
}

impl Disk {
    pub(crate) fn new(disks: Disks, store_us: u64, copies: bool) -> Self {
        Self {
            store: MemoryStore::new(),
            surface: Surface::default(),
            history: copies.then(Vec::new),
            disks,
            store_us,
            slow: Span::default(),
            full: false,
            fails: None,
            commits: [0, 0],
        }
    }

    pub(crate) const fn store(&self) -> &MemoryStore {
        &self.store
    }

    /// The store as the machine reads it, with all that goes wrong.
    pub(crate) const fn read(&self, now: Time) -> Through<Reading<'_>> {
        Through(Reading { store: &self.store, surface: &self.surface, now })
    }

    /// Whether all reads of this life did what they say.
    pub(crate) fn health(&self) -> Result<(), Failed> {
        if self.surface.has_failed() { Err(Failed::Read) } else { Ok(()) }
    }

    /// A process opens it anew.
    pub(crate) fn open(&self) {
        self.surface.forget();
    }

    /// After `good` more reads one fails, if it comes before `until`.
    pub(crate) fn scratch(&self, good: u64, until: Time) {
        self.surface.scratch(good, until);
    }

    /// Writes a batch; says how long that takes, in microseconds.
    pub(crate) fn commit(
        &mut self,
        now: Time,
        batch: &Batch,
        durable: bool,
    ) -> Result<u64, Failed> {
        self.health()?;
        if self.full && !batch.is_empty() {
            return Err(Failed::Full);
        }
        let fails = self.fails.take_if(|until| durable && now <= *until).is_some();
        self.store.commit(batch, durable && !fails).expect("memory takes every batch");
        if !batch.is_empty() {
            self.history.iter_mut().for_each(|history| history.push(batch.clone()));
        }
        if fails {
            return Err(Failed::Sync);
        }
        let [commits, syncs] = self.commits;
        self.commits = [commits + 1, syncs + u64::from(durable)];
        let sync_us = if durable { self.disks.sync_us + micros(self.slow) } else { 0 };
        Ok(self.disks.batch_us + sync_us + self.store_us * batch.attached.len() as u64)
    }

    /// Batches that a loss of power may take.
    pub(crate) fn unsynced(&self) -> usize {
        self.store.buffered()
    }

    /// Of the batches that were not synced only the first `kept` stay.
    pub(crate) fn lose_power(&mut self, kept: usize) {
        if let Some(history) = &mut self.history {
            let lost = self.store.buffered().saturating_sub(kept);
            history.truncate(history.len() - lost);
        }
        self.store.crash(kept);
    }

    /// A copy of what is written.
    pub(crate) fn copy(&self) -> Vec<Batch> {
        self.history.clone().expect("a world whose settings allow copies")
    }

    /// Holds `batches` from now on, and nothing else.
    pub(crate) fn go_back(&mut self, batches: Vec<Batch>) {
        self.store = MemoryStore::new();
        for batch in &batches {
            self.store.commit(batch, true).expect("memory takes every batch");
        }
        self.history = self.history.is_some().then_some(batches);
    }

    /// Each sync takes so much longer.
    pub(crate) const fn slow_down(&mut self, by: Span) {
        self.slow = by;
    }

    /// There is no room any more, or there is again.
    pub(crate) const fn fill(&mut self, full: bool) {
        self.full = full;
    }

    /// The next sync fails, if it is by `until`.
    pub(crate) const fn fail_next(&mut self, until: Time) {
        self.fails = Some(until);
    }
}
