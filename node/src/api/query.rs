//! Questions about what is stored: tips, transactions, bodies, readings.

#![expect(unused_qualifications, reason = "utoipa's macro repeats the names of parameters")]

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_core::{
    codec::{Decode as _, Encode as _},
    digest::{BodyId, TxId},
    machine::{Archive, LogEntry, SubmitRefusal},
    tx::{SealedBody, StreamName},
};
use weft_storage::Store;

use super::{
    SharedApi,
    fate::Fate,
    params::{self, Cursor, Paging, Params, Segment},
    problem::{Answer, Problem},
    settle::{Finals, WaitParams},
    shapes::{Described, Reading, hex},
};

/// Content of one page, in bytes, beyond which it ends early; `next` says where to go on.
const PAGE_BYTES: u64 = 4 << 20;

const OCTETS: &str = "application/octet-stream";

pub(super) fn routes() -> OpenApiRouter<SharedApi> {
    OpenApiRouter::new()
        .routes(routes!(tips))
        .routes(routes!(log))
        .routes(routes!(transaction))
        .routes(routes!(body))
        .routes(routes!(readings))
}

/// Where to attach, and what the network asks for.
#[derive(Serialize, ToSchema)]
struct Tips {
    /// Tips, at most 64, in random order.
    tips: Vec<String>,
    /// The anchor of new attachments: 32 bytes in hexadecimal.
    anchor: String,
    /// Zero bits of work for a small transaction.
    work_bits: u8,
    /// The number that bodies carry: 4 bytes in hexadecimal.
    network: String,
    /// What names the network in full.
    genesis: String,
    /// What addresses start with.
    prefix: &'static str,
    /// Signature schemes that the network admits.
    schemes: Vec<&'static str>,
}

/// Where to attach, and what the network asks for.
#[utoipa::path(
    get, path = "/v1/tips", tag = "query",
    responses((status = 200, body = Tips), (status = 503, body = Problem))
)]
async fn tips(State(api): State<SharedApi>) -> Answer<Json<Tips>> {
    let status = api.status.borrow().clone();
    if status.sync.is_some() {
        // Whoever attached here would attach to what nobody orders any more.
        return Err(SubmitRefusal::Behind.into());
    }
    let params = &api.genesis.params;
    Ok(Json(Tips {
        tips: status.tips.iter().map(ToString::to_string).collect(),
        anchor: hex(&status.anchor.to_bytes()),
        work_bits: params.work_bits,
        network: api.genesis.network().to_string(),
        genesis: api.genesis.id().to_string(),
        prefix: api.genesis.kind.prefix(),
        schemes: params.schemes.iter().map(|scheme| scheme.name()).collect(),
    }))
}

/// One line of the log.
#[derive(Serialize, ToSchema)]
struct LogLine {
    /// Its place in this node's order.
    #[schema(value_type = String)]
    cursor: Cursor,
    /// The transaction.
    id: String,
    /// Its body.
    body: String,
}

/// A page of the log.
#[derive(Serialize, ToSchema)]
struct LogPage {
    /// Ascending.
    transactions: Vec<LogLine>,
    /// Where the next page begins.
    #[schema(value_type = String)]
    next: Cursor,
}

/// The whole log of this node, ascending.
#[utoipa::path(
    get, path = "/v1/transactions", tag = "query", params(Paging),
    responses((status = 200, body = LogPage), (status = 400, body = Problem))
)]
async fn log(
    State(api): State<SharedApi>,
    Params(paging): Params<Paging>,
) -> Answer<Json<LogPage>> {
    let (after, limit) = paging.read()?;
    let entries = api.read(move |store| store.log(after.begin(), limit)).await?;
    let next = entries.last().map_or(after, |entry| Cursor::of(entry.position));
    let line = |entry: &LogEntry| LogLine {
        cursor: Cursor::of(entry.position),
        id: entry.id.to_string(),
        body: entry.body.to_string(),
    };
    Ok(Json(LogPage { transactions: entries.iter().map(line).collect(), next }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TransactionParams {
    /// With 1: the bytes instead of their description.
    raw: Option<String>,
}

/// A transaction, described or as its bytes (`raw=1`, or `Accept: application/octet-stream`).
#[utoipa::path(
    get, path = "/v1/transactions/{id}", tag = "query", params(TransactionParams, ("id" = String,)),
    responses(
        (status = 200, body = Described),
        (status = 400, body = Problem),
        (status = 404, body = Problem),
    )
)]
async fn transaction(
    State(api): State<SharedApi>,
    Segment(id): Segment<TxId>,
    Params(query): Params<TransactionParams>,
    headers: HeaderMap,
) -> Answer<Response> {
    let as_of = api.as_of();
    let found = api.read(move |store| {
        let (entry, bytes) = (store.entry(&id)?, store.transaction(&id)?);
        if Archive::new(store).is_below(&id) {
            return None;
        }
        Some((entry, bytes, Fate::of(store, &id, as_of)))
    });
    let absent = || api.absent(&format!("transaction {id}"));
    let (entry, bytes, fate) = found.await?.ok_or_else(absent)?;
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let raw = matches!(query.raw.as_deref(), Some("1" | "true"));
    if raw || accept.is_some_and(|accept| accept.contains(OCTETS)) {
        let octets = [(header::CONTENT_TYPE, HeaderValue::from_static(OCTETS))];
        return Ok((octets, bytes).into_response());
    }
    let described = Described::of(&entry, &bytes, api.genesis.kind, fate).ok_or_else(unreadable)?;
    Ok(Json(described).into_response())
}

/// The first attachment of a body, described, with the ids of all, and what became of the body.
#[utoipa::path(
    get, path = "/v1/bodies/{id}", tag = "query", params(WaitParams, ("id" = String,)),
    responses(
        (status = 200, body = Described),
        (status = 400, body = Problem),
        (status = 404, body = Problem),
    )
)]
async fn body(
    State(api): State<SharedApi>,
    Segment(id): Segment<BodyId>,
    Params(WaitParams { wait }): Params<WaitParams>,
) -> Answer<Json<Described>> {
    if let Some(mut finals) = Finals::begin(&api, wait) {
        // A body that is not here has no fate, and is not waited for.
        api.fate(id, &mut finals).await?;
    }
    let as_of = api.as_of();
    let found = api.read(move |store| {
        let attachments = store.attachments(&id);
        let first = attachments.first()?;
        let archive = Archive::new(store);
        if attachments.iter().all(|id| archive.is_below(id)) {
            return None;
        }
        let fate = Fate::of_body(store, &attachments, as_of);
        Some((store.entry(first)?, store.transaction(first)?, attachments, fate))
    });
    let absent = || api.absent(&format!("body {id}"));
    let (entry, bytes, attachments, fate) = found.await?.ok_or_else(absent)?;
    let described = Described::of(&entry, &bytes, api.genesis.kind, fate).ok_or_else(unreadable)?;
    Ok(Json(described.with_attachments(&attachments)))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ReadingParams {
    /// Behind which cursor; from the start without it.
    after: Option<String>,
    /// Most items, 1 to 1,000. Default 100.
    limit: Option<String>,
    /// Only what this address posted.
    issuer: Option<String>,
}

/// A page of readings.
#[derive(Serialize, ToSchema)]
struct ReadingPage {
    /// Ascending.
    readings: Vec<Reading>,
    /// Where the next page begins.
    #[schema(value_type = String)]
    next: Cursor,
}

/// The readings of a stream, ascending, each body once. A page may be shorter than asked for, even
/// empty, while `next` still moves: the end is where `next` stays.
#[utoipa::path(
    get, path = "/v1/streams/{stream}/readings", tag = "query",
    params(ReadingParams, ("stream" = String,)),
    responses((status = 200, body = ReadingPage), (status = 400, body = Problem))
)]
async fn readings(
    State(api): State<SharedApi>,
    Segment(stream): Segment<String>,
    Params(query): Params<ReadingParams>,
) -> Answer<Json<ReadingPage>> {
    let stream = stream_name(&stream)?.id();
    let after = params::after(query.after.as_deref())?;
    let limit = params::limit(query.limit.as_deref())?;
    let issuer = query.issuer.map(|text| api.address(&text)).transpose()?;
    let kind = api.genesis.kind;
    let page = api.read(move |store| {
        let entries = store.readings(&stream, after.position(), limit);
        let (mut readings, mut next, mut bytes) = (Vec::new(), after, 0);
        for entry in entries {
            if bytes > PAGE_BYTES {
                break;
            }
            next = Cursor::of(entry.position);
            let Some(sealed) = stored_body(store, &entry) else { continue };
            if issuer.is_none_or(|issuer| issuer == sealed.body.issuer) {
                bytes += u64::from(entry.bytes);
                readings.extend(Reading::stored(&entry, &sealed, kind));
            }
        }
        ReadingPage { readings, next }
    });
    Ok(Json(page.await?))
}

/// The body of a log entry. The store holds only what decoded before.
pub(super) fn stored_body(store: &dyn Store, entry: &LogEntry) -> Option<SealedBody> {
    SealedBody::from_bytes(&store.sealed_body(&entry.body)?).ok()
}

/// Reads the name of a stream.
pub(super) fn stream_name(text: &str) -> Answer<StreamName> {
    StreamName::parse(text).map_err(|error| Problem::parameter(error.to_string()))
}

fn unreadable() -> Problem {
    let status = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
    let detail = "the store holds bytes that are no transaction; look at the disk, and report this";
    Problem::new(status, "store", detail)
}
