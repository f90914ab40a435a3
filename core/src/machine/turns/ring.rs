//! One ring of deficit round robin: who is at its turn, and how much each may still take of it.
//!
//! A turn is paid afterwards: whoever owes nothing takes one thing, and owes it. So who comes
//! seldom is served in its first round, and who left before it paid, pays when it comes back.
//!
//! Invariant: a key is in the ring while something of it waits, or while it owes and others wait.
//! It never has more credit than a turn, so nobody saves up; its debt is bounded, so nobody is
//! shut out.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::params::TRANSACTION_BYTES_MAX;

/// What a turn is worth to a weight of one, in bytes. Much less than a transaction: whoever is
/// light pays for many rounds, and in return no round is long.
pub(super) const QUANTUM: u64 = 128;

/// What anybody may owe, beyond a turn: twice the longest transaction.
#[expect(clippy::cast_possible_wrap, reason = "64 KiB")]
const DEBT_MAX: i64 = 2 * TRANSACTION_BYTES_MAX as i64;

/// Keys remembered that owe something. Beyond, debts are forgotten as they are made.
const DEBTORS_MAX: usize = 16_384;

#[derive(Clone, Debug)]
struct Flow {
    weight: u64,
    credit: i64,
    /// What waits, in bytes.
    bytes: u64,
    /// Its place in the order of turns.
    place: u64,
}

impl Flow {
    const fn turn(&self) -> i64 {
        (QUANTUM * self.weight).cast_signed()
    }

    /// What waits for each part of its weight.
    const fn length(&self) -> u64 {
        self.bytes.saturating_mul(1 << 10) / self.weight
    }
}

/// A ring of keys that take turns by weight.
#[derive(Clone, Debug)]
pub(super) struct Ring<K> {
    flows: BTreeMap<K, Flow>,
    /// By turn; the first one is at its turn.
    order: BTreeMap<u64, K>,
    by_length: BTreeSet<(u64, K)>,
    last: u64,
    /// Of those of whom something waits.
    weights: u64,
    waiting: usize,
}

impl<K: Copy + Ord> Ring<K> {
    pub(super) const fn new() -> Self {
        Self {
            flows: BTreeMap::new(),
            order: BTreeMap::new(),
            by_length: BTreeSet::new(),
            last: 0,
            weights: 0,
            waiting: 0,
        }
    }

    /// Whether nothing waits.
    pub(super) const fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Whether a key owes nothing.
    pub(super) fn is_even(&self, key: &K) -> bool {
        self.flows.get(key).is_none_or(|flow| flow.credit >= 0)
    }

    /// What waits of a key, in bytes.
    pub(super) fn bytes(&self, key: &K) -> u64 {
        self.flows.get(key).map_or(0, |flow| flow.bytes)
    }

    /// All keys, and what waits of each, in bytes.
    pub(super) fn all(&self) -> impl Iterator<Item = (K, u64)> {
        self.flows.iter().map(|(key, flow)| (*key, flow.bytes))
    }

    /// The weight of a key, and that of all of whom something waits.
    pub(super) fn weights(&self, key: &K) -> [u64; 2] {
        [self.flows.get(key).map_or(1, |flow| flow.weight), self.weights.max(1)]
    }

    /// So many bytes more wait. A key that was not here takes its turn after all others.
    pub(super) fn put(&mut self, key: K, weight: u64, bytes: u64) {
        let weight = weight.max(1);
        if !self.flows.contains_key(&key) {
            self.last += 1;
            self.order.insert(self.last, key);
            self.flows.insert(key, Flow { weight, credit: 0, bytes: 0, place: self.last });
        }
        let Some(flow) = self.flows.get_mut(&key) else { return };
        if flow.bytes > 0 {
            self.by_length.remove(&(flow.length(), key));
            self.weights -= flow.weight;
        } else {
            self.waiting += 1;
        }
        self.weights += weight;
        (flow.weight, flow.bytes) = (weight, flow.bytes + bytes);
        self.by_length.insert((flow.length(), key));
    }

    /// So many bytes wait no more.
    pub(super) fn remove(&mut self, key: &K, bytes: u64) {
        let Some(flow) = self.flows.get_mut(key) else { return };
        self.by_length.remove(&(flow.length(), *key));
        flow.bytes = flow.bytes.checked_sub(bytes).expect("no more leaves than came");
        if flow.bytes > 0 {
            self.by_length.insert((flow.length(), *key));
            return;
        }
        self.waiting -= 1;
        self.weights -= flow.weight;
        if self.waiting == 0 {
            // Nobody waits whom a debt could have harmed.
            self.flows.clear();
            self.order.clear();
        } else if flow.credit >= 0 || self.flows.len() > DEBTORS_MAX {
            self.leave(key);
        }
    }

    fn leave(&mut self, key: &K) {
        if let Some(flow) = self.flows.remove(key) {
            self.order.remove(&flow.place);
        }
    }

    /// Something of a key was taken, whether or not it was at its turn.
    pub(super) fn charge(&mut self, key: &K, cost: u64) {
        if let Some(flow) = self.flows.get_mut(key) {
            let cost = i64::try_from(cost).unwrap_or(i64::MAX);
            flow.credit = flow.credit.saturating_sub(cost).max(-flow.turn() - DEBT_MAX);
        }
    }

    /// Who is at its turn.
    pub(super) fn front(&self) -> Option<K> {
        self.order.first_key_value().map(|(_, key)| *key)
    }

    /// Passes the turn on until somebody is at it who owes nothing and can go on, and says who. The
    /// same again until something changes.
    pub(super) fn next(&mut self, mut can_go_on: impl FnMut(&K) -> bool) -> Option<K> {
        let mut stuck = 0;
        while stuck < self.waiting {
            let (place, key) = self.order.first_key_value().map(|(place, key)| (*place, *key))?;
            let flow = self.flows.get_mut(&key)?;
            if flow.bytes > 0 && flow.credit >= 0 {
                if can_go_on(&key) {
                    return Some(key);
                }
                stuck += 1;
            }
            if flow.bytes == 0 && flow.credit >= 0 {
                self.leave(&key);
            } else {
                self.last += 1;
                flow.place = self.last;
                self.order.remove(&place);
                self.order.insert(self.last, key);
            }
            self.begin_turn();
        }
        None
    }

    /// Whoever is in front now gets what a turn is worth.
    fn begin_turn(&mut self) {
        if let Some(flow) = self.front().and_then(|key| self.flows.get_mut(&key)) {
            flow.credit = (flow.credit + flow.turn()).min(flow.turn());
        }
    }

    /// Of whom most waits for its weight.
    pub(super) fn longest(&self) -> Option<K> {
        self.by_length.last().map(|(_, key)| *key)
    }
}
