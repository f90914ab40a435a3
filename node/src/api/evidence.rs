//! What validators did that none may do, with proof.
//!
//! Invariant: each proof can be checked by whoever knows the committee, without this node: two
//! signed words of one validator that exclude each other (docs/PROTOCOL.md section 10).

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_core::{
    codec::Encode as _,
    commit::{Evidence, Offence},
    machine::Archive,
};

use super::{
    SharedApi,
    problem::{Answer, Problem},
    shapes::hex,
};

pub(super) fn routes() -> OpenApiRouter<SharedApi> {
    OpenApiRouter::new().routes(routes!(evidence))
}

/// What a validator did that none may do.
#[derive(Serialize, ToSchema)]
struct EvidenceShown {
    /// Its place in the committee.
    validator: u16,
    /// `two_checkpoints`: it signed two of one round; `two_votes`: it voted for two commits of one
    /// index.
    offence: &'static str,
    /// The round, or the index.
    at: u64,
    /// Both signed words, in hexadecimal digits.
    proof: String,
}

impl EvidenceShown {
    fn of(evidence: &Evidence) -> Self {
        let (offence, at) = match evidence.offence() {
            Offence::TwoCheckpoints(round) => ("two_checkpoints", round.0),
            Offence::TwoVotes(index) => ("two_votes", index.0),
        };
        let (validator, proof) = (evidence.author().0, hex(&evidence.to_bytes()));
        Self { validator, offence, at, proof }
    }
}

/// Validators that broke the rules, as far as this node has proof: of each offence of each of them
/// the first. They are referenced no more; nothing else follows by itself.
#[utoipa::path(
    get, path = "/v1/evidence", tag = "ledger",
    responses((status = 200, body = Vec<EvidenceShown>), (status = 503, body = Problem))
)]
async fn evidence(State(api): State<SharedApi>) -> Answer<Json<Vec<EvidenceShown>>> {
    let found = api.read(|store| Archive::new(store).evidence()).await?;
    Ok(Json(found.iter().map(EvidenceShown::of).collect()))
}
