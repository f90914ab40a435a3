//! Handing in transactions and bodies.
//!
//! A submission is answered when the event with its id comes, which is after it was synced to disk:
//! what was acknowledged survives a crash.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Extension, Json, extract::State, http::StatusCode};
use bytes::Bytes;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_core::{
    address::Address,
    admit::{Candidate, Refusal, check_signatures},
    codec::{Decode as _, Encode as _},
    digest::{BodyId, TxId},
    keys::HostVerifier,
    machine::{Archive, LogEntry, SubmitRefusal},
    tx::{Attachment, SealedBody, choose_parents},
};

use super::{
    Api, SharedApi,
    fate::Fate,
    params::{Octets, Params},
    problem::{Answer, Problem, refusal_code},
    settle::{Finals, WaitParams},
    shapes::Submitted,
};
use crate::{
    quota::Client,
    work::{Crowded, random},
};

/// What both ways of handing in answer.
type Acknowledged = Answer<(StatusCode, Json<Submitted>)>;

pub(super) fn routes() -> OpenApiRouter<SharedApi> {
    OpenApiRouter::new().routes(routes!(post_transaction)).routes(routes!(post_body))
}

/// Hands in a whole transaction, attached by the sender. Answers once it is on disk.
#[utoipa::path(
    post,
    path = "/v1/transactions",
    tag = "submit",
    params(WaitParams),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 201, description = "Attached and on disk", body = Submitted),
        (status = 200, description = "It was here before, and is on disk", body = Submitted),
        (status = 202, description = "On disk, and no outcome in time: it still comes",
            body = Submitted),
        (status = 400, description = "It breaks a rule", body = Problem),
        (status = 409, description = "A parent is unknown, or its body has enough attachments",
            body = Problem),
        (status = 413, description = "Longer than any transaction", body = Problem),
        (status = 422, description = "The issuer's key is unknown", body = Problem),
        (status = 429, description = "The issuer has more in line than its share", body = Problem),
        (status = 503, description = "Busy or stopping", body = Problem),
        (status = 504, description = "Not attached in time; it may still be", body = Problem),
    )
)]
async fn post_transaction(
    State(api): State<SharedApi>,
    Params(WaitParams { wait }): Params<WaitParams>,
    Octets(bytes): Octets,
) -> Acknowledged {
    let finality = Finals::begin(&api, wait);
    let candidate = Candidate::parse(bytes, &api.checks.rules)
        .inspect_err(|refusal| api.metrics.refusal("local", refusal_code(refusal)))?;
    let (id, body) = (candidate.id(), candidate.body_id());
    if let Some(entry) = api.read(move |store| store.entry(&id)).await?
        && api.pulse.is_synced(entry.position)
    {
        let known = Ok((StatusCode::OK, Json(Submitted::new(id, body, entry.position))));
        return api.settled(known, body, finality).await;
    }
    let acknowledged = api.acknowledged(candidate, false).await;
    api.settled(acknowledged, body, finality).await
}

/// Hands in a sealed body. The node chooses where it hangs and does the work, within the quota of
/// the client.
#[utoipa::path(
    post,
    path = "/v1/bodies",
    tag = "submit",
    params(WaitParams),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 201, description = "Attached and on disk", body = Submitted),
        (status = 200, description = "It was here before, and is on disk", body = Submitted),
        (status = 202, description = "On disk, and no outcome in time: it still comes",
            body = Submitted),
        (status = 400, description = "It breaks a rule", body = Problem),
        (status = 409, description = "It cannot be attached now", body = Problem),
        (status = 413, description = "Longer than any body", body = Problem),
        (status = 422, description = "The issuer's key is unknown", body = Problem),
        (status = 429, body = Problem, description =
            "The client's quota of work is used up, or the issuer has more in line than its share"),
        (status = 503, description = "Busy or stopping", body = Problem),
        (status = 504, description = "Not attached in time; it may still be", body = Problem),
    )
)]
async fn post_body(
    State(api): State<SharedApi>,
    Extension(client): Extension<Client>,
    Params(WaitParams { wait }): Params<WaitParams>,
    Octets(bytes): Octets,
) -> Acknowledged {
    let finality = Finals::begin(&api, wait);
    let sealed = SealedBody::from_bytes(&bytes).map_err(Refusal::from)?;
    let acknowledged = api.post_body(client, &sealed).await;
    api.settled(acknowledged, sealed.body.id(), finality).await
}

/// `id`, and one of the others.
fn below(id: TxId, [first, second]: [TxId; 2]) -> [TxId; 2] {
    [id, if first == id { second } else { first }]
}

fn over_quota(pause: Duration) -> Problem {
    let detail = "this node did as much work for you as it may; wait, or do the work yourself and \
                  POST /v1/transactions";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "quota", detail).retry_after(pause)
}

impl Api {
    /// Adds to an acknowledgement what became of the body, if somebody waits for that.
    async fn settled(
        &self,
        acknowledged: Acknowledged,
        body: BodyId,
        finals: Option<Finals>,
    ) -> Acknowledged {
        let (status, Json(submitted)) = acknowledged?;
        let Some(mut finals) = finals else { return Ok((status, Json(submitted))) };
        let fate = self.fate(body, &mut finals).await?;
        let status = if fate.is_settled() { status } else { StatusCode::ACCEPTED };
        Ok((status, Json(Submitted { fate: Some(fate), ..submitted })))
    }

    async fn post_body(&self, client: Client, sealed: &SealedBody) -> Acknowledged {
        let bits = self.check_body(sealed).await.inspect_err(|problem| {
            self.metrics.refusal("local", problem.code());
        })?;
        let body = sealed.body.id();
        // One at a time per body: the second of two finds what the first attached.
        let _turn = self.turns.take(body).await;
        if let Some((entry, bytes)) = self.live_attachment(body).await? {
            if self.pulse.is_synced(entry.position) {
                let submitted = Submitted::new(entry.id, body, entry.position);
                return Ok((StatusCode::OK, Json(submitted)));
            }
            // It came from a peer just now: the machine tells when it is on disk.
            let candidate = Candidate::parse(bytes, &self.checks.rules)?;
            return self.acknowledged(candidate, true).await;
        }
        self.refuse_pruned(sealed).await?;
        let tries = 1_u64.checked_shl(bits.into()).unwrap_or(u64::MAX);
        self.quota.take(client, tries, Instant::now()).map_err(over_quota)?;
        self.attach_here(sealed, bits).await
    }

    /// A body whose sequence was used by a commit that is not here any more may be the very one
    /// that used it: attached again, it would seem to have lost to another.
    async fn refuse_pruned(&self, sealed: &SealedBody) -> Result<(), Problem> {
        let Some(pruned) = self.pruned_at() else { return Ok(()) };
        let (issuer, sequence) = (sealed.body.issuer, sealed.body.sequence);
        let is_lost = self.read(move |store| {
            let archive = Archive::new(store);
            let is_used = archive.account(&issuer).is_some_and(|it| !it.is_fresh(sequence));
            is_used && archive.consumer(&issuer, sequence).is_none()
        });
        if !is_lost.await? {
            return Ok(());
        }
        let detail = format!(
            "sequence {sequence} of this account was used or given up, and what it was used for is \
             pruned at commit {pruned}; ask an archive node whether it was for this body"
        );
        Err(Problem::new(StatusCode::CONFLICT, "pruned", detail))
    }

    /// Attaches a body for somebody else.
    pub(super) async fn attach_here(&self, sealed: &SealedBody, bits: u8) -> Acknowledged {
        let attached = self.acknowledged(self.attach(sealed, bits).await?, false).await;
        // The parents may leave the live DAG while the work is done: then once more, with others.
        match attached {
            Err(problem) if problem.code() == "unknown_parent" => {
                self.acknowledged(self.attach(sealed, bits).await?, false).await
            }
            other => other,
        }
    }

    /// Hands a candidate in and waits for its fate. `known`: its body was here before.
    async fn acknowledged(&self, candidate: Candidate, known: bool) -> Acknowledged {
        let (id, body) = (candidate.id(), candidate.body_id());
        // A key comes with a registration alone, and its address is the account's.
        let registers = candidate.own_key().map(|key| Address::of(key.id()));
        let placed = self.submitter.submit_now(candidate).await;
        let placed = placed.map_err(|error| Problem::of_submission(error, &id))?;
        if let Some(issuer) = registers {
            self.registrations.insert(issuer, id);
        }
        let status = if placed.again || known { StatusCode::OK } else { StatusCode::CREATED };
        Ok((status, Json(Submitted::new(id, body, placed.position))))
    }

    /// Checks a body up to its seal, so that strangers get no work done for garbage. Returns the
    /// zero bits that it needs.
    async fn check_body(&self, sealed: &SealedBody) -> Answer<u8> {
        let checks = self.checks.clone();
        let unattached = Attachment::new([TxId::ZERO; 2], self.genesis.commit());
        let tx = sealed.clone().attach(unattached);
        self.read(move |store| {
            // Without work, all checks before it still speak; only then is "no work" the verdict.
            match Candidate::parse(tx.to_bytes().into(), &checks.rules) {
                Ok(_) | Err(Refusal::Work { .. }) => {}
                Err(refusal) => return Err(refusal.into()),
            }
            let id = tx.body.signing_key();
            let own = tx.seal.key.clone().map(Arc::new);
            let key = own.or_else(|| checks.keys.find(&id, store));
            let key = key.ok_or(SubmitRefusal::UnknownKey { key: id })?;
            check_signatures(&tx, &tx.body_id(), &key, &HostVerifier)?;
            Ok(checks.rules.work_bits(&tx))
        })
        .await?
    }

    /// The first attachment of a body, unless the body has to be attached again: what a node
    /// attached for others it attaches anew when they post it again.
    pub(super) async fn live_attachment(&self, body: BodyId) -> Answer<Option<(LogEntry, Bytes)>> {
        let as_of = self.as_of();
        self.read(move |store| {
            let attachments = store.attachments(&body);
            let first = *attachments.first()?;
            if Fate::of_body(store, &attachments, as_of).needs_attachment() {
                return None;
            }
            Some((store.entry(&first)?, store.transaction(&first)?))
        })
        .await
    }

    /// The transaction that registers the body's account, if it came through this node and is not
    /// ordered yet. Whatever follows it hangs below it, so that nothing is ordered before it; to
    /// wait for its order instead would stop posting while there is no quorum.
    async fn unordered_registration(&self, sealed: &SealedBody) -> Answer<Option<TxId>> {
        let Some(id) = self.registrations.find(&sealed.body.issuer) else { return Ok(None) };
        if sealed.body.sequence.registers() {
            return Ok(None);
        }
        self.read(move |store| {
            let archive = Archive::new(store);
            let is_open = archive.place(&id).is_none() && store.entry(&id).is_some();
            (is_open && !archive.is_below(&id)).then_some(id)
        })
        .await
    }

    /// Hangs a body to two tips and does the work.
    async fn attach(&self, sealed: &SealedBody, bits: u8) -> Answer<Candidate> {
        let body = sealed.body.id();
        let registration = self.unordered_registration(sealed).await?;
        let place = || {
            let status = self.status.borrow();
            let parents = choose_parents(&status.tips, [random(), random()]);
            let parents = registration.map_or(parents, |id| below(id, parents));
            let attachment = Attachment::new(parents, status.anchor);
            (attachment, attachment.work_prefix(&body))
        };
        let found = self.workers.find(bits, place).await;
        let (attachment, nonce) =
            found.map_err(|Crowded| Problem::busy("too many bodies wait for their work"))?;
        let tx = sealed.clone().attach(Attachment { nonce, ..attachment });
        Ok(Candidate::parse(tx.to_bytes().into(), &self.checks.rules)?)
    }
}
