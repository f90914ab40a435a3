//! From the machine's events to those who wait for them: submitters and subscribers.
//!
//! A submitter waits for the event that carries its transaction; there are no reply channels
//! through the machine. A subscriber gets all that is attached; one that does not read loses
//! events, is told so and resumes from the store.
//!
//! Invariant: an event comes here after its batch was committed, and a submitter is told
//! "attached" only by a step that was synced.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::{broadcast, oneshot, watch};
use weft_core::{
    admit::Verified,
    commit::{Certificate, CommitRecord, Leaf},
    digest::TxId,
    machine::{Source, SubmitRefusal},
    time::Time,
    units::{CommitIndex, Position},
};

/// How a submission ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Part of the Tangle and on disk.
    Attached {
        /// Its place in this node's order.
        position: Position,
        /// Whether it was here before.
        again: bool,
    },
    /// Not taken.
    Refused(SubmitRefusal),
}

/// One submission among those of the same transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Receipt(u64);

/// A transaction that was attached.
#[derive(Clone, Debug)]
pub(crate) struct Attachment {
    pub(crate) position: Position,
    pub(crate) at: Time,
    pub(crate) source: Source,
    /// Whether it brought its body; a further attachment of one says nothing new.
    pub(crate) first_of_body: bool,
    pub(crate) tx: Arc<Verified>,
}

/// What became final, or can become so no more in this attachment.
#[derive(Clone, Debug)]
pub(crate) enum Finality {
    /// A commit: what it ordered, with outcomes.
    Committed { record: Arc<CommitRecord>, leaves: Arc<[Leaf]> },
    /// There are attachments that no leader can order any more.
    Stale(Arc<[TxId]>),
}

/// How far finality has come at this node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reached {
    /// The last commit; what it says is in the store.
    pub(crate) committed: CommitIndex,
    /// The last commit that a quorum vouches for.
    pub(crate) certified: CommitIndex,
}

type Waiting = HashMap<TxId, Vec<(Receipt, oneshot::Sender<Outcome>)>>;

/// The feed of one node.
#[derive(Debug)]
pub(crate) struct Feed {
    waiting: Mutex<Waiting>,
    next: AtomicU64,
    live: broadcast::Sender<Arc<Attachment>>,
    finality: broadcast::Sender<Finality>,
    reached: watch::Sender<Reached>,
    /// The newest certificate.
    certificate: watch::Sender<Option<Arc<Certificate>>>,
}

impl Feed {
    /// A feed that keeps `buffer` events for subscribers that are behind.
    pub(crate) fn new(buffer: usize) -> Self {
        let (live, _) = broadcast::channel(buffer);
        let (finality, _) = broadcast::channel(buffer);
        let (certificate, _) = watch::channel(None);
        let (reached, _) = watch::channel(Reached::default());
        let (waiting, next) = (Mutex::default(), AtomicU64::new(0));
        Self { waiting, next, live, finality, reached, certificate }
    }

    /// Finality stands here when the node starts.
    pub(crate) fn begin(&self, at: Reached) {
        self.reached.send_replace(at);
    }

    /// How far finality has come. Whoever sees a commit here finds what it ordered among the
    /// attached before.
    pub(crate) fn reached(&self) -> watch::Receiver<Reached> {
        self.reached.subscribe()
    }

    /// Waits for the fate of a transaction that is about to be submitted.
    pub(crate) fn wait(self: &Arc<Self>, id: TxId) -> Waiter {
        let receipt = Receipt(self.next.fetch_add(1, Ordering::Relaxed));
        let (told, outcome) = oneshot::channel();
        self.lock().entry(id).or_default().push((receipt, told));
        Waiter { feed: self.clone(), id, receipt, outcome }
    }

    /// Everything that is attached from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<Attachment>> {
        self.live.subscribe()
    }

    /// Subscribers now.
    pub(crate) fn subscribers(&self) -> usize {
        self.live.receiver_count()
    }

    /// A submission was attached, in a step that was synced.
    pub(crate) fn attached(&self, id: &TxId, position: Position, again: bool) {
        for (_, told) in self.lock().remove(id).unwrap_or_default() {
            // Whoever waited may be gone.
            let _ = told.send(Outcome::Attached { position, again });
        }
    }

    /// The machine refused a transaction, whoever submitted it.
    pub(crate) fn refused(&self, id: &TxId, reason: &SubmitRefusal) {
        for (_, told) in self.lock().remove(id).unwrap_or_default() {
            let _ = told.send(Outcome::Refused(reason.clone()));
        }
    }

    /// One submission was refused. Others of the same transaction may carry another seal.
    pub(crate) fn refused_one(&self, id: &TxId, receipt: Receipt, reason: SubmitRefusal) {
        if let Some(told) = self.remove(id, receipt) {
            let _ = told.send(Outcome::Refused(reason));
        }
    }

    /// Shows what was attached to the subscribers.
    pub(crate) fn show(&self, attachment: Attachment) {
        // Nobody may be listening.
        let _ = self.live.send(Arc::new(attachment));
    }

    /// A commit was made.
    pub(crate) fn committed(&self, record: Arc<CommitRecord>, leaves: Arc<[Leaf]>) {
        self.reached.send_modify(|reached| reached.committed = record.index);
        // Nobody may be listening, here and below.
        let _ = self.finality.send(Finality::Committed { record, leaves });
    }

    /// A quorum vouches for a commit.
    pub(crate) fn certified(&self, certificate: Arc<Certificate>) {
        let index = certificate.vote.index;
        self.certificate.send_replace(Some(certificate));
        // Last: whoever is told so finds the certificate.
        self.reached.send_modify(|reached| reached.certified = reached.certified.max(index));
    }

    /// There are attachments that no leader can order any more.
    pub(crate) fn stale(&self, ids: Vec<TxId>) {
        let _ = self.finality.send(Finality::Stale(ids.into()));
    }

    /// What becomes final from now on.
    pub(crate) fn finality(&self) -> broadcast::Receiver<Finality> {
        self.finality.subscribe()
    }

    /// The newest certificate that was made since the node started.
    pub(crate) fn certificate(&self) -> Option<Arc<Certificate>> {
        self.certificate.borrow().clone()
    }

    /// Tells everyone who waits that nothing more will come.
    pub(crate) fn close(&self) {
        self.lock().clear();
    }

    fn remove(&self, id: &TxId, receipt: Receipt) -> Option<oneshot::Sender<Outcome>> {
        let mut waiting = self.lock();
        let waiters = waiting.get_mut(id)?;
        let place = waiters.iter().position(|(other, _)| *other == receipt)?;
        let (_, told) = waiters.swap_remove(place);
        if waiters.is_empty() {
            waiting.remove(id);
        }
        Some(told)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the fate of one submission. Whoever drops it waits no more.
#[derive(Debug)]
pub(crate) struct Waiter {
    feed: Arc<Feed>,
    id: TxId,
    receipt: Receipt,
    outcome: oneshot::Receiver<Outcome>,
}

impl Waiter {
    /// Names this submission.
    pub(crate) const fn receipt(&self) -> Receipt {
        self.receipt
    }

    /// The outcome, or `None` when the node stops before there is one.
    pub(crate) async fn outcome(&mut self) -> Option<Outcome> {
        (&mut self.outcome).await.ok()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.feed.remove(&self.id, self.receipt);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TxId = TxId([7; 32]);

    #[tokio::test]
    async fn all_who_wait_for_one_transaction_are_told() {
        let feed = Arc::new(Feed::new(4));
        let (mut one, mut two) = (feed.wait(ID), feed.wait(ID));
        feed.attached(&ID, Position(3), false);
        let expected = Some(Outcome::Attached { position: Position(3), again: false });
        assert_eq!(one.outcome().await, expected);
        assert_eq!(two.outcome().await, expected);
        assert!(feed.lock().is_empty());
    }

    #[tokio::test]
    async fn a_refused_copy_is_not_the_others_fate() {
        let feed = Arc::new(Feed::new(4));
        let (mut forged, mut honest) = (feed.wait(ID), feed.wait(ID));
        let reason = SubmitRefusal::UnknownParent { parent: TxId::ZERO };
        feed.refused_one(&ID, forged.receipt(), reason.clone());
        assert_eq!(forged.outcome().await, Some(Outcome::Refused(reason)));
        feed.attached(&ID, Position(0), false);
        assert!(matches!(honest.outcome().await, Some(Outcome::Attached { .. })));
    }

    #[tokio::test]
    async fn who_leaves_is_forgotten_and_who_stays_hears_of_the_end() {
        let feed = Arc::new(Feed::new(4));
        let (gone, mut stays) = (feed.wait(ID), feed.wait(ID));
        drop(gone);
        assert_eq!(feed.lock().get(&ID).map(Vec::len), Some(1));
        feed.close();
        assert_eq!(stays.outcome().await, None);
    }
}
