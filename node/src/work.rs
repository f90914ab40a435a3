//! Proof of work for those who hand over a body: on the rayon pool, a bounded step at a time.
//!
//! Each step is put into the pool from outside, so the pool's own queue keeps the order: signature
//! checks of `ingest` go between two steps. A search whose asker is gone ends at its next step.
//!
//! Invariant: no more searches run than there are cores, and a bounded number waits.

use tokio::sync::{Semaphore, oneshot};
use weft_core::{pow::Search, tx::WORK_PREFIX_BYTES};

/// Tries of one step: about 3 ms.
const STEP: u32 = 1 << 14;

/// The cores for searches, and who waits for them.
#[derive(Debug)]
pub(crate) struct Workers {
    cores: Semaphore,
    places: Semaphore,
}

/// Enough searches wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crowded;

impl Workers {
    /// As many searches at once as the pool has threads; `waiting_max` wait behind them.
    pub(crate) fn new(waiting_max: usize) -> Self {
        let cores = rayon::current_num_threads();
        let places = waiting_max.saturating_add(cores).min(Semaphore::MAX_PERMITS);
        Self { cores: Semaphore::new(cores), places: Semaphore::new(places) }
    }

    /// Waits for a core, then asks `prefix` for what to search and searches for `bits` zero bits:
    /// so the parents are as fresh as can be when the search begins. Returns what `prefix` made
    /// beside the prefix, and the nonce.
    pub(crate) async fn find<T>(
        &self,
        bits: u8,
        prefix: impl FnOnce() -> (T, [u8; WORK_PREFIX_BYTES]),
    ) -> Result<(T, u64), Crowded> {
        let _place = self.places.try_acquire().map_err(|_| Crowded)?;
        let _core = self.cores.acquire().await.map_err(|_| Crowded)?;
        let (beside, prefix) = prefix();
        let mut search = Search::new(&prefix, bits, random());
        loop {
            let (done, step) = oneshot::channel();
            rayon::spawn_fifo(move || {
                let found = search.step(STEP);
                // Whoever asked may be gone; then so is the search.
                let _ = done.send((search, found));
            });
            // The pool drops a step only if it panicked, and a search cannot.
            let (after, found) = step.await.map_err(|_| Crowded)?;
            search = after;
            if let Some(nonce) = found {
                return Ok((beside, nonce));
            }
        }
    }
}

/// A number that differs from call to call: for places to start and tips to choose, not for keys.
pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};

    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn finds_what_it_looks_for() {
        let workers = Workers::new(10);
        let prefix = [3; WORK_PREFIX_BYTES];
        let (beside, nonce) = workers.find(12, || ('x', prefix)).await.unwrap();
        assert_eq!(beside, 'x');
        assert_eq!(Search::new(&prefix, 12, nonce).step(1), Some(nonce));
    }

    #[tokio::test]
    async fn turns_away_when_too_many_wait() {
        let workers = Workers::new(0);
        let all = u32::try_from(rayon::current_num_threads()).unwrap();
        let _all = workers.places.acquire_many(all).await.unwrap();
        let refused = workers.find(0, || ((), [0; WORK_PREFIX_BYTES])).await;
        assert_eq!(refused, Err(Crowded));
    }
}
