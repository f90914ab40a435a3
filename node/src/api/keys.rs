//! Public keys by their ids: what a signature is checked with.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_core::digest::KeyId;

use super::{
    SharedApi,
    params::Segment,
    problem::{Answer, Problem},
    shapes::hex,
};

pub(super) fn routes() -> OpenApiRouter<SharedApi> {
    OpenApiRouter::new().routes(routes!(key))
}

/// A public key. Whoever asks holds it against the id: that is its digest.
#[derive(Serialize, ToSchema)]
struct KeyShown {
    /// Its id.
    id: String,
    /// Its scheme.
    scheme: &'static str,
    /// The key itself, in hexadecimal.
    key: String,
}

/// A public key by its id: the first of an account, or one that it has rotated to.
#[utoipa::path(
    get, path = "/v1/keys/{id}", tag = "ledger", params(("id" = String,)),
    responses(
        (status = 200, body = KeyShown),
        (status = 400, body = Problem),
        (status = 404, body = Problem),
    )
)]
async fn key(State(api): State<SharedApi>, Segment(id): Segment<KeyId>) -> Answer<Json<KeyShown>> {
    let found = api.read(move |store| store.key(&id)).await?;
    let found = found.ok_or_else(|| {
        Problem::not_found(format!("no key {id} here: its account has said nothing yet"))
    })?;
    let (scheme, key) = (found.scheme().name(), hex(found.as_bytes()));
    Ok(Json(KeyShown { id: id.to_string(), scheme, key }))
}
