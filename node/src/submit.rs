//! Hands transactions to the checks and waits until they are on disk.
//!
//! The one way in for whoever uses this node: the HTTP API and programs that embed it. Invariant:
//! success means attached and synced; a crash cannot unsay it.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    time::timeout,
};
use weft_core::{admit::Candidate, digest::TxId, machine::SubmitRefusal, units::Position};

use crate::{
    checks::Checks,
    feed::{Feed, Outcome, Waiter},
    ingest::Submission,
};

/// A transaction that is attached and on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The transaction.
    pub id: TxId,
    /// Its place in this node's order.
    pub position: Position,
    /// Whether it was here before.
    pub again: bool,
}

/// Why a submission was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// It was refused.
    #[error(transparent)]
    Refused(#[from] SubmitRefusal),
    /// There is no room now.
    #[error("too many submissions are on their way; try again in a moment")]
    Busy,
    /// The node is on its way down.
    #[error("the node is stopping or has stopped")]
    Stopping,
    /// No event came in time.
    #[error("not attached within {} ms; it may still be; to send the same again is safe",
        .patience.as_millis())]
    Late {
        /// How long the wait was.
        patience: Duration,
    },
}

/// Takes submissions for one node. Clones go to the same node.
#[derive(Clone)]
pub struct Submitter {
    pub(crate) checks: Arc<Checks>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) queue: mpsc::Sender<Box<Submission>>,
    pub(crate) patience: Duration,
}

impl fmt::Debug for Submitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submitter").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}

impl Submitter {
    /// Hands in the bytes of a whole transaction; waits for room. What is handed in one after the
    /// other is attached in that order, so a child may follow its parent at once.
    pub async fn hand_in(&self, bytes: Bytes) -> Result<Pending, SubmitError> {
        let candidate = Candidate::parse(bytes, &self.checks.rules).map_err(SubmitRefusal::from)?;
        let room = self.queue.reserve().await.map_err(|_| SubmitError::Stopping)?;
        let (pending, submission) = self.prepare(candidate);
        room.send(submission);
        Ok(pending)
    }

    /// Hands in a parsed transaction if there is room now, and waits for its fate.
    pub(crate) async fn submit_now(&self, candidate: Candidate) -> Result<Placed, SubmitError> {
        let (pending, submission) = self.prepare(candidate);
        self.queue.try_send(submission).map_err(|error| match error {
            TrySendError::Full(_) => SubmitError::Busy,
            TrySendError::Closed(_) => SubmitError::Stopping,
        })?;
        pending.placed().await
    }

    /// Submissions that wait for their checks.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    fn prepare(&self, candidate: Candidate) -> (Pending, Box<Submission>) {
        let id = candidate.id();
        let waiter = self.feed.wait(id);
        let receipt = waiter.receipt();
        let pending = Pending { id, waiter, patience: self.patience };
        (pending, Box::new(Submission { candidate, receipt }))
    }
}

/// A submission on its way. Dropping it does not call the submission back.
#[derive(Debug)]
pub struct Pending {
    id: TxId,
    waiter: Waiter,
    patience: Duration,
}

impl Pending {
    /// Waits until it is attached and on disk.
    pub async fn placed(self) -> Result<Placed, SubmitError> {
        let Self { id, mut waiter, patience } = self;
        let outcome = timeout(patience, waiter.outcome()).await;
        match outcome.map_err(|_| SubmitError::Late { patience })?.ok_or(SubmitError::Stopping)? {
            Outcome::Attached { position, again } => Ok(Placed { id, position, again }),
            Outcome::Refused(reason) => Err(reason.into()),
        }
    }
}
