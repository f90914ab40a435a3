//! What the network started from, as bytes: all that is needed to check a proof.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_core::codec::Encode as _;

use super::SharedApi;

pub(super) fn routes() -> OpenApiRouter<SharedApi> {
    OpenApiRouter::new().routes(routes!(genesis))
}

/// The genesis, as its canonical bytes. Its id is a digest over them: whoever knows the id from
/// elsewhere need not trust this node.
#[utoipa::path(
    get, path = "/v1/genesis", tag = "ledger",
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"))
)]
async fn genesis(State(api): State<SharedApi>) -> Response {
    let octets = HeaderValue::from_static("application/octet-stream");
    ([(header::CONTENT_TYPE, octets)], api.genesis.to_bytes()).into_response()
}
