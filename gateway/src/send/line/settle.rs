//! The rest of a body's way: followed to its outcome, settled, told.
//!
//! Invariant: a body leaves the disk in the same batch that keeps its receipt, or gives its
//! messages back; the device is told after that.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{task::spawn_blocking, time::sleep};
use weft_client::host::{Final, Posted};

use super::{Expected, FAILURE_PAUSE, Line, OnItsWay, PAUSE_MIN};
use crate::{
    queue::StoreError,
    receipt::{Receipt, Stage},
};

/// How long the node may take to tell an outcome by itself.
const TOLD_TIME: Duration = Duration::from_secs(10);

/// How long one question for an outcome may take.
const FOLLOW_TIME: Duration = Duration::from_secs(600);

impl Line {
    pub(super) async fn refused(self: &Arc<Self>, body: &OnItsWay, reason: String) {
        if body.outgoing.sequence.is_some() {
            self.give_back(body).await;
        } else {
            self.end(body, Stage::Refused { body: body.id, reason }).await;
        }
    }

    /// Follows a body to its outcome, whatever becomes of the node meanwhile.
    pub(super) async fn follow(
        self: Arc<Self>,
        body: OnItsWay,
        mut posted: Posted,
        expected: Option<Expected>,
    ) {
        if let Some(expected) = expected
            && let Some(outcome) = expected.told(TOLD_TIME).await
        {
            return self.settle(&body, posted, outcome).await;
        }
        let Ok(_turn) = self.following.acquire().await else { return };
        loop {
            let error = match self.poster.finish(body.id, FOLLOW_TIME).await {
                Ok(Final::Outcome(fate)) => {
                    let outcome = fate.outcome.map(|told| told.code).unwrap_or_default();
                    return self.settle(&body, posted, outcome).await;
                }
                Ok(Final::Expired) => {
                    return self.settle(&body, posted, "expired".to_owned()).await;
                }
                Err(error) => error,
            };
            tracing::debug!(%error, body = %body.id, "no outcome yet");
            sleep(PAUSE_MIN).await;
            // The node does not know it: it is another one, or was made anew.
            if error.problem().is_some_and(|problem| problem.status == 404) {
                match self.hand_over(&body).await {
                    Some(again) => posted = again,
                    None => return,
                }
            }
        }
    }

    async fn settle(self: &Arc<Self>, body: &OnItsWay, posted: Posted, outcome: String) {
        let is_applied = outcome == "applied";
        self.sender.metrics.settled(is_applied);
        if is_applied || body.outgoing.sequence.is_none() {
            self.end(body, Stage::Final { body: body.id, tx: Some(posted.id), outcome }).await;
        } else {
            tracing::warn!(outcome, body = %body.id, "a body took no effect; it is sealed anew");
            self.give_back(body).await;
        }
    }

    /// Lets the messages of a body of ours wait again. Its sequence is behind us in any case.
    async fn give_back(self: &Arc<Self>, body: &OnItsWay) {
        let address = self.poster.address();
        if let Ok(account) = self.sender.node.account(&address).await {
            self.next.fetch_max(account.next, Ordering::Relaxed);
        }
        let (line, id, outgoing) = (self.clone(), body.id, body.outgoing.clone());
        let given_back = self.write(move || {
            let mut changes = line.sender.store.change();
            changes.give_back(id, &outgoing);
            changes.commit(None)
        });
        if let Err(error) = given_back.await {
            tracing::error!(%error, "a body stays on its way until the next start");
            return;
        }
        self.sender.metrics.given_back();
        let Some(device) = body.outgoing.device() else { return };
        let is_batched = self.sender.intake.device(device).is_some_and(|device| device.batch);
        let mut backlog = self.backlog();
        for entry in &body.outgoing.entries {
            backlog.add(entry, is_batched);
        }
        backlog.pause(device, self.now() + FAILURE_PAUSE);
    }

    /// A body is done with: on disk first, then the device is told.
    async fn end(self: &Arc<Self>, body: &OnItsWay, stage: Stage) {
        let Some(receipt) = receipt(body, stage) else { return };
        let (line, id, kept) = (self.clone(), body.id, receipt.clone());
        let ended = self.write(move || {
            let mut changes = line.sender.store.change();
            changes.done(id);
            changes.keep(&kept);
            changes.commit(None)
        });
        if let Err(error) = ended.await {
            tracing::error!(%error, "a body is asked for once more at the next start");
            return;
        }
        self.deliver(&receipt);
    }

    /// Writes where waiting for the disk holds up nobody; so that many share a sync.
    async fn write(
        &self,
        write: impl FnOnce() -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        spawn_blocking(write).await.unwrap_or(Err(StoreError::Stopped))
    }

    /// Tells a device how far its messages have come.
    pub(super) fn tell(&self, body: &OnItsWay, stage: Stage) {
        if let Some(receipt) = receipt(body, stage) {
            self.deliver(&receipt);
        }
    }

    fn deliver(&self, receipt: &Receipt) {
        let (device, topic) = (&receipt.device, receipt.topic());
        self.sender.front.deliver(device, &topic, receipt.to_json().into());
    }
}

fn receipt(body: &OnItsWay, stage: Stage) -> Option<Receipt> {
    let device = body.outgoing.device()?.clone();
    let messages = body.outgoing.entries.iter().map(|entry| entry.id).collect();
    Some(Receipt { device, messages, stage })
}
