//! A digest over everything that was delivered: two runs of one seed must have the same.

use std::fmt;

use weft_core::{
    digest::{Domain, Hasher},
    time::Time,
};

/// The digest so far.
#[derive(Clone)]
pub(crate) struct Trace {
    hasher: Hasher,
    deliveries: u64,
}

impl Trace {
    pub(crate) fn new() -> Self {
        Self { hasher: Hasher::new(Domain::Content), deliveries: 0 }
    }

    /// `bytes` reached `to`.
    pub(crate) fn add(&mut self, now: Time, to: usize, bytes: &[u8]) {
        self.deliveries += 1;
        self.hasher.update(&now.as_millis().to_le_bytes());
        self.hasher.update(&(to as u64).to_le_bytes());
        self.hasher.update(&(bytes.len() as u64).to_le_bytes());
        self.hasher.update(bytes);
    }

    pub(crate) const fn deliveries(&self) -> u64 {
        self.deliveries
    }

    pub(crate) fn digest(&self) -> [u8; 32] {
        self.hasher.clone().finish()
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("deliveries", &self.deliveries).finish_non_exhaustive()
    }
}
