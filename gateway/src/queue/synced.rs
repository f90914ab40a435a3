//! One sync for all who wait for one.
//!
//! A sync of a disk takes milliseconds, whatever it brings there. Whoever comes while one runs
//! waits for the next, together with all others who came meanwhile; one of them does it.
//!
//! Invariant: whoever is told "synced" had written before that sync began. After the first sync
//! that failed there is none: nobody knows then what is on disk.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::StoreError;

/// Who waits, and how far the disk is.
#[derive(Debug, Default)]
pub(super) struct Synced {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// How many have asked.
    asked: u64,
    /// How many of them are on disk: the first so many.
    done: u64,
    is_running: bool,
    has_failed: bool,
}

impl Synced {
    /// Whether there will be no further sync.
    pub(super) fn has_failed(&self) -> bool {
        self.lock().has_failed
    }

    /// There is to be none: a write failed.
    pub(super) fn fail(&self) {
        self.lock().has_failed = true;
        self.moved.notify_all();
    }

    /// Returns once `sync` ran after this was called, whoever ran it.
    pub(super) fn sync(
        &self,
        sync: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.asked += 1;
        let own = state.asked;
        while state.is_running && state.done < own && !state.has_failed {
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.done >= own {
            return Ok(());
        }
        if state.has_failed {
            return Err(StoreError::Stopped);
        }
        // Nobody syncs: this one does, for all who have asked by now.
        state.is_running = true;
        let reached = state.asked;
        drop(state);
        let result = sync();
        let mut state = self.lock();
        state.is_running = false;
        match &result {
            Ok(()) => state.done = reached,
            Err(_) => state.has_failed = true,
        }
        drop(state);
        self.moved.notify_all();
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    #[test]
    fn who_comes_while_one_runs_shares_the_next() {
        let (synced, syncs) = (Synced::default(), AtomicUsize::new(0));
        let (begun, all_wait) = (Barrier::new(2), Barrier::new(2));
        let count = || {
            syncs.fetch_add(1, Ordering::SeqCst);
            Ok(())
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let slow = || {
                    begun.wait();
                    all_wait.wait();
                    count()
                };
                synced.sync(slow).unwrap();
            });
            begun.wait();
            let waiting: Vec<_> =
                (0..8).map(|_| scope.spawn(|| synced.sync(count).unwrap())).collect();
            while synced.lock().asked < 9 {
                std::thread::yield_now();
            }
            all_wait.wait();
            waiting.into_iter().for_each(|one| one.join().unwrap());
        });
        assert_eq!(syncs.load(Ordering::SeqCst), 2, "one that ran, and one for the eight");
    }

    #[test]
    fn after_a_sync_that_failed_there_is_none() {
        let synced = Synced::default();
        synced.sync(|| Ok(())).unwrap();
        let broken = || Err(StoreError::Disk("it is full".to_owned()));
        assert!(matches!(synced.sync(broken), Err(StoreError::Disk(_))));
        assert!(synced.has_failed());
        let never = || panic!("nothing is synced any more");
        assert!(matches!(synced.sync(never), Err(StoreError::Stopped)));
    }
}
