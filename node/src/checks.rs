//! From bytes to a verdict: the list of PROTOCOL.md section 4, cheapest check first.
//!
//! In: what a peer or a client sent. Out: a [`Verdict`]. Any thread may ask at any time.
//!
//! Invariant: a verdict of the bytes alone (`Refused`) is the same on every node; the others depend
//! on what this node has, never on who asks. Only keys that the store holds are used: what is
//! admitted here can be checked by the peers that ask this node for the key.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;
use weft_core::{
    admit::{self, Candidate, Refusal, Rules, Verified},
    checkpoint::{CheckpointCandidate, CheckpointRefusal, VerifiedCheckpoint},
    committee::Committee,
    digest::{BodyId, KeyId, TxId},
    keys::HostVerifier,
    machine::{Reads, Source},
    tx::Attachment,
    units::Position,
};
use weft_storage::Store;

use crate::{
    held::{Held, HeldPool},
    keycache::KeyCache,
    seen::{BytesTag, Seen},
};

/// What the checks found.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// All is well.
    Admitted {
        /// The transaction.
        tx: Arc<Verified>,
        /// As in [`Input::Admitted`](weft_core::machine::Input::Admitted).
        absent_below: Position,
    },
    /// The very same came before.
    Seen(TxId),
    /// It is attached already, and came under other bytes: an honest peer may send that.
    Known,
    /// The key that must have signed it is not here.
    NoKey {
        /// The transaction.
        id: TxId,
        /// The key.
        key: KeyId,
    },
    /// A further attachment of a body that is not here.
    NoBody(TxId),
    /// It breaks a rule.
    Refused(Refusal),
}

/// Why a candidate does not pass its last check.
#[derive(Debug)]
pub(crate) enum Unsigned {
    /// The key that must have signed it is not here.
    NoKey(KeyId),
    /// It breaks a rule.
    Refused(Refusal),
}

/// What the checks know; shared by ingest, the machine's thread and the API.
pub(crate) struct Checks {
    pub(crate) rules: Rules,
    committee: Committee,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) seen: Seen,
    pub(crate) keys: KeyCache,
    held: Mutex<HeldPool>,
    released: Notify,
}

impl Checks {
    /// Checks against `rules` with what `store` holds.
    pub(crate) fn new(
        rules: Rules,
        committee: Committee,
        store: Arc<dyn Store>,
        seen: Seen,
        keys: KeyCache,
        held: HeldPool,
    ) -> Self {
        Self {
            rules,
            committee,
            store,
            seen,
            keys,
            held: Mutex::new(held),
            released: Notify::new(),
        }
    }

    fn reads(&self) -> &dyn Reads {
        &*self.store
    }

    /// Bytes that a peer sent.
    pub(crate) fn sent(&self, source: Source, bytes: &Bytes, tag: &BytesTag) -> Verdict {
        if let Some(id) = self.seen.transaction(tag) {
            // An answer brings what was asked for; it may have been lost here since it was seen.
            let asked_for = matches!(source, Source::Answer(_));
            if !asked_for || self.seen.is_attached(&id, self.reads()) {
                return Verdict::Seen(id);
            }
        }
        self.unseen(bytes)
    }

    /// Bytes of a peer that are checked whether or not they were seen.
    pub(crate) fn unseen(&self, bytes: &Bytes) -> Verdict {
        let candidate = match Candidate::parse(bytes.clone(), &self.rules) {
            Ok(candidate) => candidate,
            Err(refusal) => return Verdict::Refused(refusal),
        };
        let id = candidate.id();
        // Before the look: whatever is attached from then on has another place.
        let next = self.store.next_position();
        let is_new = !self.reads().has_body(&candidate.body_id());
        if !is_new && self.seen.is_attached(&id, self.reads()) {
            return Verdict::Known;
        }
        let absent_below = if is_new { next } else { Position::ZERO };
        match self.signed(candidate) {
            Ok(tx) => Verdict::Admitted { tx, absent_below },
            Err(Unsigned::NoKey(key)) => Verdict::NoKey { id, key },
            Err(Unsigned::Refused(refusal)) => Verdict::Refused(refusal),
        }
    }

    /// The last check of a candidate: its signature. Nothing seen before spares it, for whoever
    /// hands it over waits for an answer.
    pub(crate) fn signed(&self, candidate: Candidate) -> Result<Arc<Verified>, Unsigned> {
        let id = candidate.signing_key();
        let own = candidate.own_key().cloned().map(Arc::new);
        let key = own.or_else(|| self.keys.find(&id, self.reads())).ok_or(Unsigned::NoKey(id))?;
        candidate.verify(&key, &HostVerifier).map(Arc::new).map_err(Unsigned::Refused)
    }

    /// A checkpoint that a peer sent. `None` if the very same came before.
    pub(crate) fn checkpoint(
        &self,
        source: Source,
        bytes: &Bytes,
        tag: &BytesTag,
    ) -> Option<Result<Arc<VerifiedCheckpoint>, CheckpointRefusal>> {
        // An answer brings what was asked for; it may have been dropped here since it was seen.
        let asked_for = matches!(source, Source::Answer(_));
        if !asked_for && self.seen.has_checkpoint(tag) {
            return None;
        }
        let network = self.rules.network();
        let checked = CheckpointCandidate::parse(bytes.clone(), network, &self.committee)
            .and_then(|candidate| candidate.verify(&HostVerifier));
        Some(checked.map(Arc::new))
    }

    /// A further attachment of a body whose seal was checked when it was stored.
    pub(crate) fn reattached(&self, attachment: &Attachment, body: &BodyId) -> Verdict {
        let id = attachment.id(body);
        if self.seen.is_attached(&id, self.reads()) {
            return Verdict::Seen(id);
        }
        let Some(sealed) = self.reads().sealed_body(body) else { return Verdict::NoBody(id) };
        match admit::reattached(attachment, &sealed, &self.rules) {
            Ok(tx) => Verdict::Admitted { tx: Arc::new(tx), absent_below: Position::ZERO },
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    /// Holds a transaction until its key is known.
    pub(crate) fn hold(&self, key: KeyId, held: Held) {
        self.held().hold(key, held);
        // It may have become known since it was looked for; whoever told so found nothing here.
        if self.reads().key(&key).is_some() {
            self.key_known(&key);
        }
    }

    /// A key is in the store now: what waited for it can be checked.
    pub(crate) fn key_known(&self, key: &KeyId) {
        if self.held().release(key) {
            self.released.notify_one();
        }
    }

    /// Returns when something may have been released.
    pub(crate) async fn released(&self) {
        self.released.notified().await;
    }

    /// At most `max` of what was released.
    pub(crate) fn take_released(&self, max: usize) -> Vec<Held> {
        let (taken, more) = self.held().take(max);
        if more {
            self.released.notify_one();
        }
        taken
    }

    /// Transactions held, and their bytes.
    pub(crate) fn held_size(&self) -> (usize, u64) {
        self.held().size()
    }

    fn held(&self) -> MutexGuard<'_, HeldPool> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
