//! What will happen, by time; of one instant, in the order in which it was put: a timing wheel
//! (Varghese and Lauck 1987, scheme 6 with an overflow list).
//!
//! The near future lies in a ring of buckets, each a power of two of ticks wide; what lies beyond
//! the ring waits in a tree and moves in when its bucket comes into reach. A bucket is sorted when
//! it is opened, and most are in order already. What a tick is, is the owner's choice.
//!
//! Invariant: items leave by (tick, number of the put), which is what a plain heap over these pairs
//! would do; the test below holds it against one.

use std::collections::{BTreeMap, VecDeque};

/// Buckets of the ring. A power of two.
const BUCKETS: usize = 4_096;

/// Buckets of which one word of the map says whether they hold anything.
const WORD: usize = 64;

#[derive(Clone, Debug)]
struct Item<T> {
    at: u64,
    sequence: u64,
    what: T,
}

impl<T> Item<T> {
    const fn key(&self) -> (u64, u64) {
        (self.at, self.sequence)
    }
}

/// A queue of `T` by tick.
#[derive(Clone, Debug)]
pub struct Wheel<T> {
    /// A bucket is 2^this ticks wide.
    bits: u32,
    /// The open bucket, counted from tick 0; all before it are empty.
    cursor: u64,
    /// Of the open bucket, what is left, in order.
    open: VecDeque<Item<T>>,
    ring: Vec<Vec<Item<T>>>,
    /// A bit for each bucket that holds something.
    filled: [u64; BUCKETS / WORD],
    far: BTreeMap<(u64, u64), T>,
    sequence: u64,
    /// Where the last item was taken.
    now: u64,
    len: usize,
}

impl<T> Wheel<T> {
    /// An empty queue that starts at tick 0, with buckets of 2^`bits` ticks (0 to 16).
    pub fn new(bits: u32) -> Self {
        let ring = std::iter::repeat_with(Vec::new).take(BUCKETS).collect();
        Self {
            bits: bits.min(16),
            cursor: 0,
            open: VecDeque::new(),
            ring,
            filled: [0; BUCKETS / WORD],
            far: BTreeMap::new(),
            sequence: 0,
            now: 0,
            len: 0,
        }
    }

    /// Items inside.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is inside.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts `what` at tick `at`. What would lie in the past happens next.
    pub fn put(&mut self, at: u64, what: T) {
        let at = at.max(self.now);
        let item = Item { at, sequence: self.sequence, what };
        self.sequence += 1;
        self.len += 1;
        let bucket = at >> self.bits;
        if bucket <= self.cursor {
            // Nearly always the last place: the new one has the highest number.
            let place = self.open.partition_point(|other| other.key() < item.key());
            self.open.insert(place, item);
        } else if bucket - self.cursor < BUCKETS as u64 {
            self.shelve(bucket, item);
        } else {
            self.far.insert(item.key(), item.what);
        }
    }

    /// The next item with its tick, if that is not after `until`.
    pub fn next(&mut self, until: u64) -> Option<(u64, T)> {
        while self.open.is_empty() {
            let bucket = self.first_filled()?;
            if bucket > until >> self.bits {
                return None;
            }
            self.turn(bucket);
        }
        if self.open.front()?.at > until {
            return None;
        }
        let Item { at, what, .. } = self.open.pop_front()?;
        self.len -= 1;
        self.now = at;
        Some((at, what))
    }

    fn shelve(&mut self, bucket: u64, item: Item<T>) {
        let place = place_of(bucket);
        if let (Some(shelf), Some(word)) =
            (self.ring.get_mut(place), self.filled.get_mut(place / WORD))
        {
            shelf.push(item);
            *word |= 1 << (place % WORD);
        }
    }

    /// The first bucket after the open one that holds something.
    fn first_filled(&self) -> Option<u64> {
        let far = self.far.first_key_value().map(|((at, _), _)| at >> self.bits);
        let start = place_of(self.cursor + 1);
        let near = (0..=BUCKETS / WORD).find_map(|step| {
            let index = (start / WORD + step) % (BUCKETS / WORD);
            let word = self.filled.get(index)?;
            // Of the first word only what is not before the start, of the last only that.
            let mask = match step {
                0 => u64::MAX << (start % WORD),
                _ if step == BUCKETS / WORD => !(u64::MAX << (start % WORD)),
                _ => u64::MAX,
            };
            let found = word & mask;
            let place = index * WORD + found.trailing_zeros() as usize;
            (found != 0).then(|| self.cursor + 1 + ((place + BUCKETS - start) % BUCKETS) as u64)
        });
        near.into_iter().chain(far).min()
    }

    /// Opens `bucket`, which is the first that holds something.
    fn turn(&mut self, bucket: u64) {
        self.cursor = bucket;
        // The ring reaches further now; what comes into reach has lower numbers than what will be
        // put there, and is sorted in with the rest.
        while let Some(first) = self.far.first_entry() {
            let (at, sequence) = *first.key();
            let reached = at >> self.bits;
            if reached - self.cursor >= BUCKETS as u64 {
                break;
            }
            let item = Item { at, sequence, what: first.remove() };
            self.shelve(reached, item);
        }
        let place = place_of(bucket);
        if let (Some(shelf), Some(word)) =
            (self.ring.get_mut(place), self.filled.get_mut(place / WORD))
        {
            self.open.extend(shelf.drain(..));
            *word &= !(1 << (place % WORD));
        }
        self.open.make_contiguous().sort_by_key(Item::key);
    }
}

/// Where in the ring a bucket lies.
fn place_of(bucket: u64) -> usize {
    usize::try_from(bucket % BUCKETS as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As simple as can be.
    #[derive(Default)]
    struct Naive {
        items: BTreeMap<(u64, u64), u64>,
        sequence: u64,
        now: u64,
    }

    impl Naive {
        fn put(&mut self, at: u64, what: u64) {
            self.items.insert((at.max(self.now), self.sequence), what);
            self.sequence += 1;
        }

        fn next(&mut self, until: u64) -> Option<(u64, u64)> {
            let first = self.items.first_entry()?;
            let (at, _) = *first.key();
            if at > until {
                return None;
            }
            self.now = at;
            Some((at, first.remove()))
        }
    }

    /// Puts ahead by so much, or takes all that is due so much later.
    fn steps() -> impl Strategy<Value = Vec<(bool, u64)>> {
        let ahead = prop_oneof![0..4_u64, 0..300_u64, 3_000..6_000_u64, 0..5_000_000_u64];
        prop::collection::vec((prop::bool::weighted(0.8), ahead), 1..300)
    }

    proptest! {
        #[test]
        fn leaves_as_from_a_heap(bits in 0..9_u32, steps in steps()) {
            let (mut wheel, mut naive) = (Wheel::new(bits), Naive::default());
            let mut now = 0;
            for (number, (puts, ahead)) in (0..).zip(steps) {
                if puts {
                    wheel.put(now + ahead, number);
                    naive.put(now + ahead, number);
                    continue;
                }
                let until = now + ahead;
                while let Some(next) = naive.next(until) {
                    prop_assert_eq!(wheel.next(until), Some(next));
                    // What happens makes more happen, at once and later.
                    if number % 7 == 0 && next.1 != u64::MAX {
                        wheel.put(next.0 + ahead % 5, u64::MAX);
                        naive.put(next.0 + ahead % 5, u64::MAX);
                    }
                }
                prop_assert_eq!(wheel.next(until), None);
                now = until;
            }
            while let Some(next) = naive.next(u64::MAX) {
                prop_assert_eq!(wheel.next(u64::MAX), Some(next));
            }
            prop_assert_eq!(wheel.next(u64::MAX), None);
            prop_assert!(wheel.is_empty());
        }
    }

    #[test]
    fn one_instant_keeps_the_order_of_the_puts() {
        let mut wheel = Wheel::new(0);
        for number in 0..10 {
            wheel.put(1_000_000, number);
        }
        assert_eq!(wheel.next(999_999), None);
        let left: Vec<u64> = std::iter::from_fn(|| wheel.next(1_000_000)).map(|(_, n)| n).collect();
        assert_eq!(left, (0..10).collect::<Vec<u64>>());
    }

    #[test]
    fn what_lies_in_the_past_happens_next() {
        let mut wheel = Wheel::new(3);
        wheel.put(100, 'a');
        assert_eq!(wheel.next(100), Some((100, 'a')));
        wheel.put(200, 'c');
        wheel.put(50, 'b');
        assert_eq!(wheel.next(300), Some((100, 'b')));
        assert_eq!(wheel.next(300), Some((200, 'c')));
    }
}
