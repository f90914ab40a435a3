//! Maps by id: where a node looks several times for each transaction.
//!
//! An id costs little to grind, so whoever knew where ids lie could pile thousands of them onto one
//! place. SipHash under a key of this node's own says where (Aumasson and Bernstein, "SipHash: a
//! fast short-input PRF", 2012).
//!
//! Invariant: nothing depends on the order inside, since nobody can go through such a map. What
//! needs an order is a `BTreeMap`.

use core::hash::{BuildHasher, Hash};

use hashbrown::HashMap;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use siphasher::sip::SipHasher13;

/// Where ids lie in the maps of one node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places(SipHasher13);

impl Places {
    /// By the seed of a node: of a stream of its own, so that no random choice of the node tells.
    pub(super) fn of(seed: [u8; 32]) -> Self {
        let mut random = ChaCha8Rng::from_seed(seed);
        random.set_stream(1);
        Self(SipHasher13::new_with_keys(random.next_u64(), random.next_u64()))
    }
}

impl BuildHasher for Places {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        self.0
    }
}

/// A map that is not gone through.
#[derive(Debug)]
pub(super) struct IdMap<K, V>(HashMap<K, V, Places>);

impl<K: Eq + Hash, V> IdMap<K, V> {
    /// An empty one.
    pub(super) const fn new(places: Places) -> Self {
        Self(HashMap::with_hasher(places))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, id: &K) -> Option<&V> {
        self.0.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &K) -> Option<&mut V> {
        self.0.get_mut(id)
    }

    /// Returns what was there.
    pub(super) fn insert(&mut self, id: K, value: V) -> Option<V> {
        self.0.insert(id, value)
    }

    pub(super) fn remove(&mut self, id: &K) -> Option<V> {
        self.0.remove(id)
    }
}

impl<K: Eq + Hash, V: Default> IdMap<K, V> {
    /// What is there, or is put there now.
    pub(super) fn or_default(&mut self, id: K) -> &mut V {
        self.0.entry(id).or_default()
    }
}
