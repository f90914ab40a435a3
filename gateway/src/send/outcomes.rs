//! Outcomes as the node tells them: one stream of events for all bodies on their way.
//!
//! To ask for each body by itself is one open request for each of them, and most of what a gateway
//! does with its node then is to wait.
//!
//! Invariant: an outcome that is told is one that no further attachment changes. None may come: the
//! stream was cut for long, or it was told before somebody expected it. Whoever waits asks then.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::StreamExt as _;
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};
use weft_client::host::{Filter, Followed, Kinds, NodeClient};
use weft_core::digest::BodyId;

use super::PAUSE_MAX;

/// Who expects what. As many as there are bodies on their way.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    expected: Mutex<HashMap<BodyId, oneshot::Sender<String>>>,
}

/// An outcome to come, until dropped.
#[derive(Debug)]
pub(super) struct Expected {
    outcomes: Arc<Outcomes>,
    body: BodyId,
    told: oneshot::Receiver<String>,
}

impl Expected {
    /// What programs call the outcome; `None` if nothing is told for so long.
    pub(super) async fn told(mut self, patience: Duration) -> Option<String> {
        timeout(patience, &mut self.told).await.ok()?.ok()
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.outcomes.lock().remove(&self.body);
    }
}

impl Outcomes {
    /// Expects the outcome of a body. To be called before the body is handed over.
    pub(super) fn expect(self: &Arc<Self>, body: BodyId) -> Expected {
        let (tell, told) = oneshot::channel();
        self.lock().insert(body, tell);
        Expected { outcomes: self.clone(), body, told }
    }

    /// Follows the node for as long as it is polled.
    pub(super) async fn follow(self: Arc<Self>, node: NodeClient) {
        let kinds = Kinds { attached: false, committed: true, certified: false };
        loop {
            let mut events = pin!(node.events(Filter { kinds, ..Filter::default() }));
            while let Some(followed) = events.next().await {
                match followed {
                    Ok(Followed::Committed(committed)) if committed.outcome.is_settled() => {
                        self.tell(&committed.body, committed.outcome.code);
                    }
                    Ok(_) => {}
                    Err(error) => tracing::debug!(%error, "outcomes are asked for one by one"),
                }
            }
            sleep(PAUSE_MAX).await;
        }
    }

    fn tell(&self, body: &BodyId, outcome: String) {
        if let Some(tell) = self.lock().remove(body) {
            // Who expected it may just have lost patience.
            let _ = tell.send(outcome);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BodyId, oneshot::Sender<String>>> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_expects_a_body_is_told_of_that_one_and_nothing_is_kept() {
        let outcomes = Arc::new(Outcomes::default());
        let (one, two) = (BodyId([1; 32]), BodyId([2; 32]));
        let (first, second) = (outcomes.expect(one), outcomes.expect(two));
        outcomes.tell(&one, "applied".to_owned());
        outcomes.tell(&BodyId([3; 32]), "applied".to_owned());
        assert_eq!(first.told(Duration::from_secs(60)).await.as_deref(), Some("applied"));
        assert_eq!(second.told(Duration::ZERO).await, None);
        assert!(outcomes.lock().is_empty());
    }
}
