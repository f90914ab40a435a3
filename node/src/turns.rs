//! One at a time per body: whoever hands in a body that another request is just attaching waits,
//! and then finds it attached.
//!
//! Invariant: an entry lives as long as somebody holds or awaits its turn.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use weft_core::digest::BodyId;

type Lock = Arc<AsyncMutex<()>>;

/// The turns of all bodies.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<BodyId, Lock>>);

/// A turn, until dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    body: BodyId,
    lock: Lock,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits until it is our turn.
    pub(crate) async fn take(&self, body: BodyId) -> Turn<'_> {
        let lock = self.lock().entry(body).or_default().clone();
        // Made before the wait, so that whoever gives up while waiting leaves nothing behind.
        let mut turn = Turn { turns: self, body, lock, held: None };
        turn.held = Some(turn.lock.clone().lock_owned().await);
        turn
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BodyId, Lock>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut turns = self.turns.lock();
        self.held = None;
        // The map's and ours: nobody else waits, and nobody can begin to while the map is locked.
        if Arc::strong_count(&self.lock) == 2 {
            turns.remove(&self.body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_waits_for_the_first_and_nothing_is_left() {
        let turns = Turns::default();
        let (one, other) = (BodyId([1; 32]), BodyId([2; 32]));
        let first = turns.take(one).await;
        drop(turns.take(other).await);
        {
            let mut second = Box::pin(turns.take(one));
            tokio::select! {
                biased;
                _ = &mut second => panic!("two turns at once"),
                () = std::future::ready(()) => {}
            }
        }
        assert_eq!(turns.lock().len(), 1);
        let second = turns.take(one);
        drop(first);
        drop(second.await);
        assert!(turns.lock().is_empty());
    }
}
