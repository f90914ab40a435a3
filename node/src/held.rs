//! Transactions that came before the key they are checked with.
//!
//! Invariant: bounded in bytes, from one peer and in all; the oldest of whoever exceeds leaves.
//! What is released waits in order until it is taken, and still counts.
//!
//! Left out on purpose: asking for the key (the machine does, told by `Input::KeyMissing`), and any
//! deadline: what never gets its key is pushed out by what comes later.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use weft_core::{
    digest::{KeyId, NodeId},
    machine::Source,
};

/// A transaction without its key.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) source: Source,
    pub(crate) bytes: Bytes,
}

/// The pool of one node.
#[derive(Debug)]
pub(crate) struct HeldPool {
    /// By order of arrival.
    held: BTreeMap<u64, (KeyId, Held)>,
    by_key: HashMap<KeyId, Vec<u64>>,
    by_peer: HashMap<NodeId, (u64, VecDeque<u64>)>,
    ready: VecDeque<u64>,
    next: u64,
    bytes: u64,
    bytes_max: u64,
    bytes_per_peer: u64,
}

impl HeldPool {
    /// An empty pool of at most `bytes_max`, and `bytes_per_peer` from one peer.
    pub(crate) fn new(bytes_max: u64, bytes_per_peer: u64) -> Self {
        Self {
            held: BTreeMap::new(),
            by_key: HashMap::new(),
            by_peer: HashMap::new(),
            ready: VecDeque::new(),
            next: 0,
            bytes: 0,
            bytes_max,
            bytes_per_peer,
        }
    }

    /// Holds a transaction until `key` is released.
    pub(crate) fn hold(&mut self, key: KeyId, held: Held) {
        let (number, size) = (self.next, held.bytes.len() as u64);
        self.next += 1;
        self.bytes += size;
        if let Some(peer) = held.source.peer() {
            let (bytes, numbers) = self.by_peer.entry(peer).or_default();
            *bytes += size;
            numbers.push_back(number);
        }
        let peer = held.source.peer();
        self.by_key.entry(key).or_default().push(number);
        self.held.insert(number, (key, held));
        while let Some(oldest) = peer.and_then(|peer| self.oldest_over(&peer)) {
            self.remove(oldest);
        }
        while self.bytes > self.bytes_max {
            let Some((oldest, _)) = self.held.first_key_value() else { break };
            self.remove(*oldest);
        }
    }

    /// What waits for `key` can be taken. Returns whether anything waited.
    pub(crate) fn release(&mut self, key: &KeyId) -> bool {
        let released = self.by_key.remove(key).unwrap_or_default();
        self.ready.extend(&released);
        !released.is_empty()
    }

    /// At most `max` of what was released, oldest release first, and whether there is more.
    pub(crate) fn take(&mut self, max: usize) -> (Vec<Held>, bool) {
        let mut taken = Vec::new();
        while taken.len() < max {
            let Some(number) = self.ready.pop_front() else { break };
            taken.extend(self.remove(number));
        }
        (taken, !self.ready.is_empty())
    }

    /// Transactions held, and their bytes.
    pub(crate) fn size(&self) -> (usize, u64) {
        (self.held.len(), self.bytes)
    }

    fn oldest_over(&self, peer: &NodeId) -> Option<u64> {
        let (bytes, numbers) = self.by_peer.get(peer)?;
        if *bytes > self.bytes_per_peer { numbers.front().copied() } else { None }
    }

    fn remove(&mut self, number: u64) -> Option<Held> {
        let (key, held) = self.held.remove(&number)?;
        let size = held.bytes.len() as u64;
        self.bytes -= size;
        if let Some(peer) = held.source.peer()
            && let Some((bytes, numbers)) = self.by_peer.get_mut(&peer)
        {
            *bytes -= size;
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.by_peer.remove(&peer);
            }
        }
        if let Some(numbers) = self.by_key.get_mut(&key) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.by_key.remove(&key);
            }
        }
        Some(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: u8, size: usize) -> Held {
        let source = Source::Gossip(NodeId([peer; 32]));
        Held { source, bytes: vec![peer; size].into() }
    }

    fn key(name: u8) -> KeyId {
        KeyId([name; 32])
    }

    #[test]
    fn comes_out_in_order_when_its_key_is_released() {
        let mut pool = HeldPool::new(1_000, 1_000);
        pool.hold(key(1), from(1, 10));
        pool.hold(key(2), from(2, 20));
        pool.hold(key(1), from(3, 30));
        let take = |pool: &mut HeldPool, max| {
            let (held, more) = pool.take(max);
            (held.iter().map(|held| held.bytes.len()).collect::<Vec<_>>(), more)
        };
        assert_eq!(take(&mut pool, 10), ([].into(), false));
        assert!(pool.release(&key(1)));
        assert!(!pool.release(&key(7)));
        assert_eq!(take(&mut pool, 1), ([10].into(), true));
        assert_eq!(take(&mut pool, 10), ([30].into(), false));
        assert_eq!(pool.size(), (1, 20));
        pool.release(&key(2));
        assert_eq!(take(&mut pool, 10), ([20].into(), false));
        assert_eq!(pool.size(), (0, 0));
        assert!(pool.by_key.is_empty() && pool.by_peer.is_empty() && pool.ready.is_empty());
    }

    #[test]
    fn a_peer_pushes_out_only_its_own() {
        let mut pool = HeldPool::new(1_000, 100);
        pool.hold(key(9), from(9, 50));
        for _ in 0..10 {
            pool.hold(key(1), from(1, 40));
        }
        assert_eq!(pool.size(), (3, 130));
        pool.release(&key(9));
        assert_eq!(pool.take(10).0.len(), 1);
    }

    #[test]
    fn the_oldest_leave_when_all_are_too_many() {
        let mut pool = HeldPool::new(100, 100);
        for peer in 0..20 {
            pool.hold(key(peer), from(peer, 30));
        }
        assert_eq!(pool.size(), (3, 90));
        for peer in 0..20 {
            pool.release(&key(peer));
        }
        let held: Vec<u8> = pool.take(20).0.iter().map(|held| held.bytes[0]).collect();
        assert_eq!(held, [17, 18, 19]);
    }
}
