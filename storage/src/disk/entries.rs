//! Log entries that were read of late, by id.
//!
//! Of an old parent the machine asks several times: is it here, does its anchor fit, how is it
//! ordered, what lies below it in an answer. Each time is two searches, through what is in memory
//! and through tables.
//!
//! Invariant: what is remembered is what the disk says, unless it lies below the start of the log.
//! An entry is never changed while it is there; what left may come again, at a position of its own.
//!
//! Left out on purpose: entries that were not found, which the next batch may bring; entries as
//! they are written, since the machine has the newest in memory.

use quick_cache::sync::Cache;
use weft_core::{digest::TxId, machine::LogEntry, units::Position};

/// Entries remembered, some 300 bytes each.
const ENTRIES_MAX: usize = 8_192;

/// What was read of late.
#[derive(Debug)]
pub(super) struct Entries(Cache<TxId, LogEntry>);

impl Default for Entries {
    fn default() -> Self {
        Self(Cache::new(ENTRIES_MAX))
    }
}

impl Entries {
    /// What was read of `id`, unless it has left since.
    pub(super) fn find(&self, id: &TxId, floor: Position) -> Option<LogEntry> {
        self.0.get(id).filter(|entry| entry.position >= floor)
    }

    /// Remembers what was read.
    pub(super) fn remember(&self, entry: LogEntry) {
        self.0.insert(entry.id, entry);
    }
}
