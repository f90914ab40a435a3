//! Questions about what is final: accounts, commits, proofs.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_core::{
    address::Address,
    codec::Encode as _,
    digest::{BodyId, TxId},
    machine::{Archive, By, SubmitRefusal},
    units::CommitIndex,
};
use weft_storage::Store;

use super::{
    Api, SharedApi,
    fate::{AsOf, OutcomeShown, consumer},
    params::Segment,
    problem::{Answer, Problem},
    shapes::hex,
};

pub(super) fn routes() -> OpenApiRouter<SharedApi> {
    OpenApiRouter::new()
        .routes(routes!(account))
        .routes(routes!(latest_commit))
        .routes(routes!(commit))
        .routes(routes!(proof))
}

/// An account: what the ledger says of it as of the last commit, and what this node holds beyond.
#[derive(Serialize, ToSchema)]
struct Account {
    /// Its address.
    address: String,
    /// One above the highest sequence stored here, ordered or not; 0 if there is none. What the
    /// next body is to carry.
    next: u64,
    /// Whether this node has the account's first key.
    registered: bool,
    /// Whether the ledger has the account.
    exists: bool,
    /// What it owns, in base units: a decimal text, since it may exceed what JSON numbers hold.
    balance: String,
    /// One above the highest sequence that was consumed.
    consumed: u64,
    /// Ranges of sequences below `consumed` that may still be used, ascending.
    gaps: Vec<Gap>,
    /// The id of the key in force.
    key: String,
    /// The commit that this is as of; a newer one may be on its way.
    commit: u64,
}

/// Sequences that were passed over and may still be used.
#[derive(Serialize, ToSchema)]
struct Gap {
    /// The first.
    first: u64,
    /// One above the last.
    end: u64,
}

/// An account as of the last commit.
#[utoipa::path(
    get, path = "/v1/accounts/{address}", tag = "ledger", params(("address" = String,)),
    responses((status = 200, body = Account), (status = 400, body = Problem))
)]
async fn account(
    State(api): State<SharedApi>,
    Segment(text): Segment<String>,
) -> Answer<Json<Account>> {
    let address = api.address(&text)?;
    api.whole_ledger()?;
    let (kind, commit) = (api.genesis.kind, api.committed().0);
    let found = api.read(move |store| {
        let account = Archive::new(store).account(&address);
        let exists = account.is_some();
        let account = account.unwrap_or_default();
        let highest = store.highest_sequence(&address);
        let stored = highest.map_or(0, |sequence| sequence.0.saturating_add(1));
        Account {
            address: address.text(kind),
            next: stored.max(account.next().0),
            registered: store.key(&address.first_key()).is_some(),
            exists,
            balance: account.balance.to_string(),
            consumed: account.next().0,
            gaps: account.gaps().map(|gap| Gap { first: gap.start, end: gap.end }).collect(),
            key: account.key_in_force(&address).to_string(),
            commit,
        }
    });
    Ok(Json(found.await?))
}

/// A commit, with what it ordered.
#[derive(Serialize, ToSchema)]
struct Commit {
    /// Its place; the first is 1.
    index: u64,
    /// Its id.
    id: String,
    /// The commit before it.
    previous: String,
    /// The round of the checkpoint that led to it.
    round: u64,
    /// Who made that: a place in the committee.
    leader: u16,
    /// The committee's time: the ledger's clock, ms since the Unix epoch.
    time: u64,
    /// Whether a quorum vouches for it.
    certified: bool,
    /// How a body names it as its beacon: 32 bytes in hexadecimal.
    reference: String,
    /// The root over all ledger objects in hexadecimal, from time to time.
    #[serde(skip_serializing_if = "Option::is_none")]
    state_root: Option<String>,
    /// What it ordered, in order; at most 4,096.
    leaves: Vec<LeafShown>,
}

/// One transaction as a commit ordered it.
#[derive(Serialize, ToSchema)]
struct LeafShown {
    /// The transaction.
    id: String,
    /// Its body.
    body: String,
    /// What became of it.
    outcome: OutcomeShown,
}

/// The last commit.
#[utoipa::path(
    get, path = "/v1/commits/latest", tag = "ledger",
    responses((status = 200, body = Commit), (status = 404, body = Problem))
)]
async fn latest_commit(State(api): State<SharedApi>) -> Answer<Json<Commit>> {
    let last = api.committed();
    api.commit(last).await
}

/// A commit by its index.
#[utoipa::path(
    get, path = "/v1/commits/{index}", tag = "ledger", params(("index" = u64,)),
    responses(
        (status = 200, body = Commit),
        (status = 400, body = Problem),
        (status = 404, body = Problem),
    )
)]
async fn commit(
    State(api): State<SharedApi>,
    Segment(index): Segment<u64>,
) -> Answer<Json<Commit>> {
    api.commit(CommitIndex(index)).await
}

/// The file that convinces a stranger of a transaction and its outcome: of this transaction, or of
/// the attachment that decided a body. It needs the committee's keys alone to be checked
/// (`weft verify`).
#[utoipa::path(
    get, path = "/v1/proofs/{id}", tag = "ledger", params(("id" = String,)),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 400, body = Problem),
        (status = 404, description = "Unknown, or not certified yet", body = Problem),
    )
)]
async fn proof(State(api): State<SharedApi>, Segment(id): Segment<TxId>) -> Answer<Response> {
    let newest = api.feed.certificate();
    let certified = api.certified();
    let found = api.read(move |store| {
        let tx = if store.entry(&id).is_some() { id } else { decisive(store, &BodyId(id.0))? };
        let archive = Archive::new(store);
        if archive.is_below(&tx) {
            return None;
        }
        let place = archive.place(&tx);
        Some((place, archive.proof(&tx, newest.as_deref())))
    });
    let not_yet = |detail: String| {
        Problem::new(StatusCode::NOT_FOUND, "not_final", detail).retry_after(Duration::from_secs(1))
    };
    match found.await? {
        Some((_, Some(proof))) => {
            let octets = HeaderValue::from_static("application/octet-stream");
            Ok(([(header::CONTENT_TYPE, octets)], proof.to_bytes()).into_response())
        }
        None => Err(api.absent(&format!("transaction or body {id}"))),
        Some((None, _)) => Err(not_yet(format!(
            "{id} is attached and not ordered yet; ask again in a second, or look at /readyz"
        ))),
        Some((Some(place), None)) => Err(not_yet(format!(
            "commit {} of {id} is not certified yet, only {certified} is; ask again in a second",
            place.index
        ))),
    }
}

/// The attachment that decided a body, else the first.
fn decisive(store: &dyn Store, body: &BodyId) -> Option<TxId> {
    let attachments = store.attachments(body);
    let first = *attachments.first()?;
    let archive = Archive::new(store);
    let ordered = || attachments.iter().find(|id| archive.place(id).is_some()).copied();
    consumer(archive, &attachments).or_else(ordered).or(Some(first))
}

impl Api {
    /// Refuses while parts of the ledger are of another commit than others.
    pub(super) fn whole_ledger(&self) -> Answer<()> {
        if self.status.borrow().sync.is_some_and(|sync| sync.by == By::Snapshot) {
            return Err(SubmitRefusal::Behind.into());
        }
        Ok(())
    }

    /// The last commit here.
    pub(super) fn committed(&self) -> CommitIndex {
        self.status.borrow().anchor.index
    }

    /// The last commit that a quorum vouches for, of those that are here.
    pub(super) fn certified(&self) -> CommitIndex {
        self.status.borrow().certified
    }

    /// The last commit that this node dropped, or never fetched; none if it has all.
    pub(super) fn pruned_at(&self) -> Option<u64> {
        let last = self.status.borrow().lowest.0.saturating_sub(1);
        (last > 0).then_some(last)
    }

    /// Why something that has a name is not here: on a node that pruned, perhaps for that.
    pub(super) fn absent(&self, what: &str) -> Problem {
        let Some(pruned) = self.pruned_at() else {
            return Problem::not_found(format!(
                "no {what} here; it may be on its way, or elsewhere"
            ));
        };
        let detail = format!(
            "no {what} here: pruned at commit {pruned}; if it is older, ask an archive node, else \
             it may be on its way"
        );
        Problem::new(StatusCode::NOT_FOUND, "pruned", detail)
    }

    /// How far finality has come.
    pub(super) fn as_of(&self) -> AsOf {
        let status = self.status.borrow();
        AsOf { certified: status.certified, round: status.anchor.round }
    }

    /// Reads an address of this network.
    pub(super) fn address(&self, text: &str) -> Answer<Address> {
        Address::parse(text, self.genesis.kind)
            .map_err(|error| Problem::parameter(error.to_string()))
    }

    async fn commit(&self, index: CommitIndex) -> Answer<Json<Commit>> {
        let certified = self.certified();
        let found = self.read(move |store| {
            let archive = Archive::new(store);
            let (record, leaves) = (archive.record(index)?, archive.leaves(index)?);
            let leaf = |leaf: &weft_core::commit::Leaf| LeafShown {
                id: leaf.tx.to_string(),
                body: leaf.body.to_string(),
                outcome: leaf.outcome.into(),
            };
            Some(Commit {
                index: index.0,
                id: record.id().to_string(),
                previous: record.previous.to_string(),
                round: record.leader.round.0,
                leader: record.leader.author.0,
                time: record.time.as_millis(),
                certified: index <= certified,
                reference: hex(&record.reference().to_bytes()),
                state_root: record.state_root.map(|root| hex(&root)),
                leaves: leaves.iter().map(leaf).collect(),
            })
        });
        let lowest = self.status.borrow().lowest;
        if index < lowest && index > CommitIndex::ZERO {
            return Err(self.absent(&format!("commit {index}")));
        }
        found.await?.map(Json).ok_or_else(|| {
            let last = self.committed();
            Problem::not_found(format!(
                "no commit {index} here; commits begin at 1, and the last one here is {last}"
            ))
        })
    }
}
