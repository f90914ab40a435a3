//! Public keys in memory, in front of the store.
//!
//! Invariant: a key here is one that the store holds, or that its own transaction proved; a key
//! certifies itself by its id, so it can never be wrong, only forgotten.

use std::sync::Arc;

use weft_core::{digest::KeyId, keys::PublicKey, machine::Reads};

use crate::recent::Recent;

/// The newest keys.
pub(crate) struct KeyCache {
    keys: Recent<KeyId, Arc<PublicKey>>,
}

impl KeyCache {
    /// An empty cache of `max` keys per generation.
    pub(crate) fn new(max: usize) -> Self {
        Self { keys: Recent::new(max) }
    }

    /// The key with this id, from memory or from the store.
    pub(crate) fn find(&self, id: &KeyId, reads: &dyn Reads) -> Option<Arc<PublicKey>> {
        if let Some(key) = self.keys.find(id) {
            return Some(key);
        }
        let key = Arc::new(reads.key(id)?);
        self.keys.insert(*id, key.clone());
        Some(key)
    }

    /// Keys remembered.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }
}
