//! What an account did, and what others paid to it.
//!
//! Left out on purpose: what channels paid out, which the market tells of.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_core::{
    address::{Address, NetworkKind},
    codec::Decode as _,
    digest::{BodyId, TxId},
    machine::{Archive, Place},
    params::LEAVES_MAX,
    tx::{Body, Payload, SealedBody},
    units::{Amount, CommitIndex, Sequence},
};
use weft_storage::Store;

use super::{
    SharedApi,
    fate::Fate,
    params::{Cursor, Paging, Params, Segment},
    problem::{Answer, Problem},
    shapes::Said,
};

pub(super) fn routes() -> OpenApiRouter<SharedApi> {
    OpenApiRouter::new().routes(routes!(history)).routes(routes!(received))
}

/// A body of an account that used up its sequence.
#[derive(Serialize, ToSchema)]
struct Done {
    /// Its place among those of its issuer.
    sequence: u64,
    /// The transaction that was ordered.
    id: String,
    /// Its body.
    body: String,
    /// The device's clock; 0 = no clock.
    time: u64,
    /// What it says.
    content: Said,
    /// What became of it.
    #[serde(flatten)]
    fate: Fate,
}

impl Done {
    fn of(id: &TxId, body_id: &BodyId, body: &Body, kind: NetworkKind, fate: Fate) -> Self {
        Self {
            sequence: body.sequence.0,
            id: id.to_string(),
            body: body_id.to_string(),
            time: body.time.as_millis(),
            content: Said::of(&body.payload, kind),
            fate,
        }
    }
}

/// A page of an account's history.
#[derive(Serialize, ToSchema)]
struct HistoryPage {
    /// Ascending by sequence.
    bodies: Vec<Done>,
    /// Where the next page begins.
    #[schema(value_type = String)]
    next: Cursor,
}

/// The bodies of an account that used up their sequences, ascending by sequence. What is not
/// ordered yet is not among them, nor what lost its sequence to another body. What others paid to
/// it is told by `received`.
#[utoipa::path(
    get, path = "/v1/accounts/{address}/history", tag = "ledger",
    params(Paging, ("address" = String,)),
    responses((status = 200, body = HistoryPage), (status = 400, body = Problem))
)]
async fn history(
    State(api): State<SharedApi>,
    Segment(text): Segment<String>,
    Params(paging): Params<Paging>,
) -> Answer<Json<HistoryPage>> {
    let address = api.address(&text)?;
    let (after, limit) = paging.read()?;
    let (kind, as_of) = (api.genesis.kind, api.as_of());
    let page = api.read(move |store| {
        let found = Archive::new(store).history(&address, Sequence(after.begin().0), limit);
        let next = found.last().map_or(after, |(sequence, _)| Cursor::behind(sequence.0));
        let bodies = found.iter().filter_map(|(_, id)| {
            let (body_id, body) = stored(store, id)?;
            Some(Done::of(id, &body_id, &body, kind, Fate::of(store, id, as_of)))
        });
        HistoryPage { bodies: bodies.collect(), next }
    });
    Ok(Json(page.await?))
}

/// What others paid to an account with one body.
#[derive(Serialize, ToSchema)]
struct Received {
    /// Who paid.
    from: String,
    /// How much of it went to this account, in base units: a decimal text.
    amount: String,
    /// The transfer as a whole, with the sequence of its issuer.
    #[serde(flatten)]
    done: Done,
}

/// A page of what an account received.
#[derive(Serialize, ToSchema)]
struct ReceivedPage {
    /// In the order of the ledger.
    transfers: Vec<Received>,
    /// Where the next page begins.
    #[schema(value_type = String)]
    next: Cursor,
}

/// Transfers to an account that were applied, in the order of the ledger, as far back as this node
/// keeps what was ordered. What channels paid out is told by the market.
#[utoipa::path(
    get, path = "/v1/accounts/{address}/received", tag = "ledger",
    params(Paging, ("address" = String,)),
    responses((status = 200, body = ReceivedPage), (status = 400, body = Problem))
)]
async fn received(
    State(api): State<SharedApi>,
    Segment(text): Segment<String>,
    Params(paging): Params<Paging>,
) -> Answer<Json<ReceivedPage>> {
    let address = api.address(&text)?;
    let (after, limit) = paging.read()?;
    let (kind, as_of) = (api.genesis.kind, api.as_of());
    let page = api.read(move |store| {
        let found = Archive::new(store).received(&address, place_at(after), limit);
        let next = found.last().map_or(after, |(place, _)| behind(*place));
        let transfers = found.iter().filter_map(|(_, id)| {
            let (body_id, body) = stored(store, id)?;
            let done = Done::of(id, &body_id, &body, kind, Fate::of(store, id, as_of));
            let amount = paid_to(&address, &body).to_string();
            Some(Received { from: body.issuer.text(kind), amount, done })
        });
        ReceivedPage { transfers: transfers.collect(), next }
    });
    Ok(Json(page.await?))
}

/// Where a cursor behind places begins: they are numbered as if all commits were full.
fn place_at(cursor: Cursor) -> Place {
    let (number, full) = (cursor.begin().0, LEAVES_MAX as u64);
    let leaf = u32::try_from(number % full).unwrap_or(0);
    Place { index: CommitIndex(number / full), number: leaf }
}

fn behind(place: Place) -> Cursor {
    let full = LEAVES_MAX as u64;
    Cursor::behind(place.index.0.saturating_mul(full).saturating_add(place.number.into()))
}

fn paid_to(address: &Address, body: &Body) -> Amount {
    let Payload::Transfer(transfer) = &body.payload else { return Amount::ZERO };
    let own = transfer.outputs().iter().filter(|output| output.to == *address);
    Amount(own.map(|output| output.amount.0).fold(0, u64::saturating_add))
}

/// The body of a transaction, and its id.
fn stored(store: &dyn Store, id: &TxId) -> Option<(BodyId, Body)> {
    let id = store.entry(id)?.body;
    Some((id, SealedBody::from_bytes(&store.sealed_body(&id)?).ok()?.body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_right_behind_the_last_place() {
        let last = Place { index: CommitIndex(7), number: 4_095 };
        assert_eq!(place_at(behind(last)), Place { index: CommitIndex(8), number: 0 });
        assert_eq!(place_at(Cursor::START), Place { index: CommitIndex(0), number: 0 });
    }
}
