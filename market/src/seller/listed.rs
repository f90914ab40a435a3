//! The chunks for sale.

use std::collections::BTreeMap;

use super::Listed;

/// The chunks for sale, by sequence. Bounded: the oldest go.
#[derive(Debug)]
pub(super) struct Catalogue {
    chunks: BTreeMap<u64, Listed>,
    limit: usize,
    /// One above the newest that ever was.
    next: u64,
}

impl Catalogue {
    pub(super) const fn new(limit: usize) -> Self {
        Self { chunks: BTreeMap::new(), limit, next: 0 }
    }

    /// Adds a chunk; one that is not above all before is none.
    pub(super) fn add(&mut self, listed: Listed) {
        let Some(next) = listed.sequence.checked_add(1) else { return };
        if listed.sequence < self.next || listed.ticks == 0 {
            return;
        }
        self.next = next;
        self.chunks.insert(listed.sequence, listed);
        if self.chunks.len() > self.limit {
            self.chunks.pop_first();
        }
    }

    pub(super) fn drop_below(&mut self, below: u64) {
        self.chunks = self.chunks.split_off(&below);
    }

    /// The first chunk at or above `sequence`.
    pub(super) fn at_or_after(&self, sequence: u64) -> Option<Listed> {
        self.chunks.range(sequence..).next().map(|(_, listed)| *listed)
    }

    pub(super) fn has(&self, sequence: u64) -> bool {
        self.chunks.contains_key(&sequence)
    }

    /// All, the newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Listed> {
        self.chunks.values().rev()
    }

    /// The first that is kept, or the next where there is none.
    pub(super) fn first(&self) -> u64 {
        self.chunks.keys().next().copied().unwrap_or(self.next)
    }

    pub(super) const fn next(&self) -> u64 {
        self.next
    }
}
