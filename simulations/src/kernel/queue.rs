//! What will happen, by time; of one instant, in the order in which it was put.

use std::collections::BTreeMap;

use weft_core::time::Time;

/// The one queue of a world.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    items: BTreeMap<(Time, u64), T>,
    sequence: u64,
}

impl<T> Queue<T> {
    pub(crate) const fn new() -> Self {
        Self { items: BTreeMap::new(), sequence: 0 }
    }

    pub(crate) fn put(&mut self, at: Time, item: T) {
        self.items.insert((at, self.sequence), item);
        self.sequence += 1;
    }

    /// The next item, if it is due by `until`.
    pub(crate) fn next(&mut self, until: Time) -> Option<(Time, T)> {
        let first = self.items.first_entry()?;
        let (at, _) = *first.key();
        (at <= until).then(|| (at, first.remove()))
    }
}
