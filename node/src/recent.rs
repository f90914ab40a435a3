//! A map of fixed size that forgets the oldest: two generations over `dashmap`.
//!
//! Entries go into the young generation. When that is full the old one is emptied and the two
//! change places, so an entry lives for at least one and at most two fillings. Any thread may use
//! it at any time.
//!
//! Invariant: never more than twice `max` entries, but for those that other threads insert while
//! the generations change.

use std::{
    hash::Hash,
    sync::atomic::{AtomicUsize, Ordering},
};

use dashmap::DashMap;

/// The newest entries of a map.
pub(crate) struct Recent<K, V> {
    generations: [DashMap<K, V>; 2],
    /// Which generation is the young one: the lowest bit.
    turn: AtomicUsize,
    young: AtomicUsize,
    max: usize,
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    /// Holds `max` entries per generation.
    pub(crate) fn new(max: usize) -> Self {
        let generations = [DashMap::new(), DashMap::new()];
        Self { generations, turn: AtomicUsize::new(0), young: AtomicUsize::new(0), max }
    }

    /// The value of `key`, if it is remembered.
    pub(crate) fn find(&self, key: &K) -> Option<V> {
        self.generations.iter().find_map(|map| map.get(key).map(|entry| entry.value().clone()))
    }

    /// Remembers `value`.
    pub(crate) fn insert(&self, key: K, value: V) {
        let (young, old) = self.turned(self.turn.load(Ordering::Acquire));
        if young.insert(key, value).is_some() {
            return;
        }
        if self.young.fetch_add(1, Ordering::AcqRel) + 1 == self.max {
            old.clear();
            self.young.store(0, Ordering::Release);
            self.turn.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Entries remembered.
    pub(crate) fn len(&self) -> usize {
        self.generations.iter().map(DashMap::len).sum()
    }

    const fn turned(&self, turn: usize) -> (&DashMap<K, V>, &DashMap<K, V>) {
        let [first, second] = &self.generations;
        if turn & 1 == 0 { (first, second) } else { (second, first) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_for_one_filling_and_not_for_three() {
        let recent = Recent::new(10);
        recent.insert(0, 'a');
        for key in 1..=10 {
            recent.insert(key, 'b');
            assert_eq!(recent.find(&0), Some('a'), "after {key} more");
        }
        for key in 11..=30 {
            recent.insert(key, 'c');
            assert!(recent.len() <= 20);
            assert_eq!(recent.find(&key), Some('c'));
        }
        assert_eq!(recent.find(&0), None);
    }

    #[test]
    fn a_repeated_key_takes_no_room() {
        let recent = Recent::new(2);
        for _ in 0..100 {
            recent.insert(1, 'a');
        }
        recent.insert(2, 'b');
        assert_eq!(recent.find(&1), Some('a'));
        assert_eq!(recent.len(), 2);
    }

    #[test]
    fn threads_may_insert_at_once() {
        let recent = Recent::new(64);
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let recent = &recent;
                scope.spawn(move || (0..10_000).for_each(|n| recent.insert(thread << 32 | n, n)));
            }
        });
        assert!(recent.len() <= 2 * 64 + 4 * 64, "{}", recent.len());
    }
}
