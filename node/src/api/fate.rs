//! What became of transactions and bodies: attached, committed with an outcome, certified.
//!
//! Invariant: a body has the outcome of the attachment that consumed its sequence; a further
//! attachment of it changes nothing.

use serde::Serialize;
use utoipa::ToSchema;
use weft_core::{
    codec::Decode as _,
    digest::TxId,
    machine::{Archive, Verdict},
    outcome::Outcome,
    params::ORDER_LAG,
    tx::{Body, SealedBody},
    units::{CommitIndex, Round},
};
use weft_storage::Store;

/// How far finality had come when somebody asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AsOf {
    /// The last commit that a quorum vouches for.
    pub(crate) certified: CommitIndex,
    /// The round of the last commit's leader.
    pub(crate) round: Round,
}

impl AsOf {
    /// Whether no leader can order the transaction any more: its anchor lies too far behind.
    fn is_stale(&self, store: &dyn Store, id: &TxId) -> bool {
        store.entry(id).is_some_and(|entry| {
            entry.attachment.anchor.round.0.saturating_add(ORDER_LAG) < self.round.0
        })
    }
}

/// Where a transaction or a body stands, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Fate {
    /// `attached`: on this node's disk; `committed`: in the order of all nodes, with an outcome,
    /// for good; `certified`: a quorum of validators signed that.
    pub(crate) state: &'static str,
    /// The commit that ordered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) commit: Option<u64>,
    /// Its place in that commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) leaf: Option<u32>,
    /// What became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<OutcomeShown>,
    /// Whether no leader can order it any more in any of its attachments: attach the body again, or
    /// post it again and let the node do it.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) stale: bool,
    /// With outcome `seq_used`: the transaction that used the sequence, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) winner: Option<String>,
}

/// What became of a body when its turn came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct OutcomeShown {
    /// `applied`, `bad_anchor`, `no_account`, `bad_key`, `expired`, `seq_used`, `insufficient`,
    /// `dust`, `no_offer`, `offer_differs`, `no_channel`, `not_yours`, `bad_expiry`, `bad_claim` or
    /// `small_deposit`.
    code: &'static str,
    /// The same in a sentence.
    detail: String,
}

impl From<Outcome> for OutcomeShown {
    fn from(outcome: Outcome) -> Self {
        Self { code: outcome_code(outcome), detail: outcome.to_string() }
    }
}

pub(super) const fn outcome_code(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Applied => "applied",
        Outcome::BadAnchor => "bad_anchor",
        Outcome::NoAccount => "no_account",
        Outcome::BadKey => "bad_key",
        Outcome::Expired => "expired",
        Outcome::SeqUsed => "seq_used",
        Outcome::Insufficient => "insufficient",
        Outcome::Dust => "dust",
        Outcome::NoOffer => "no_offer",
        Outcome::OfferDiffers => "offer_differs",
        Outcome::NoChannel => "no_channel",
        Outcome::NotYours => "not_yours",
        Outcome::BadExpiry => "bad_expiry",
        Outcome::BadClaim => "bad_claim",
        Outcome::SmallDeposit => "small_deposit",
    }
}

impl Fate {
    const fn unordered(stale: bool) -> Self {
        let state = "attached";
        Self { state, commit: None, leaf: None, outcome: None, stale, winner: None }
    }

    /// What became of one transaction.
    pub(crate) fn of(store: &dyn Store, id: &TxId, as_of: AsOf) -> Self {
        Self::of_first(store, &[*id], as_of)
    }

    /// What became of a body with these attachments.
    pub(crate) fn of_body(store: &dyn Store, attachments: &[TxId], as_of: AsOf) -> Self {
        match consumer(Archive::new(store), attachments) {
            Some(consumer) => Self::of(store, &consumer, as_of),
            None => Self::of_first(store, attachments, as_of),
        }
    }

    /// That of the first that was ordered and settles the body; else "attached" if one of them can
    /// still do so; else that of the last that was ordered.
    fn of_first(store: &dyn Store, ids: &[TxId], as_of: AsOf) -> Self {
        let archive = Archive::new(store);
        let (mut found, mut pending) = (None, false);
        for id in ids {
            let Some(verdict) = archive.verdict(id) else {
                pending |= !as_of.is_stale(store, id);
                continue;
            };
            found = Some((*id, verdict));
            if is_settled(verdict.outcome) {
                break;
            }
        }
        let Some((id, Verdict { place, outcome })) = found else {
            return Self::unordered(!pending && !ids.is_empty());
        };
        if pending && !is_settled(outcome) {
            return Self::unordered(false);
        }
        let winner = (outcome == Outcome::SeqUsed)
            .then(|| body_of(store, &id))
            .flatten()
            .and_then(|body| archive.consumer(&body.issuer, body.sequence));
        Self {
            state: if place.index <= as_of.certified { "certified" } else { "committed" },
            commit: Some(place.index.0),
            leaf: Some(place.number),
            outcome: Some(outcome.into()),
            stale: false,
            winner: winner.map(|winner| winner.to_string()),
        }
    }

    /// Whether the body has to be attached again to get an outcome that stays.
    pub(crate) fn needs_attachment(&self) -> bool {
        self.stale || (self.outcome.is_some() && !self.is_settled())
    }

    /// Whether the body has its outcome: no further attachment can change it.
    pub(crate) fn is_settled(&self) -> bool {
        let code = self.outcome.as_ref().map(|outcome| outcome.code);
        !matches!(code, None | Some("bad_anchor" | "no_account"))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Whether another attachment of a body with this outcome would be in vain.
const fn is_settled(outcome: Outcome) -> bool {
    !matches!(outcome, Outcome::BadAnchor | Outcome::NoAccount)
}

/// Of the attachments of a body the one that consumed its sequence.
pub(super) fn consumer(archive: Archive<'_>, attachments: &[TxId]) -> Option<TxId> {
    let consumes = |verdict: Verdict| verdict.outcome.consumes_sequence();
    attachments.iter().copied().find(|id| archive.verdict(id).is_some_and(consumes))
}

fn body_of(store: &dyn Store, id: &TxId) -> Option<Body> {
    let entry = store.entry(id)?;
    Some(SealedBody::from_bytes(&store.sealed_body(&entry.body)?).ok()?.body)
}
