//! Offers: what is for sale.

#![expect(unused_qualifications, reason = "utoipa's macro repeats the names of parameters")]

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_core::{
    address::{Address, NetworkKind},
    digest::{BodyId, StreamId},
    machine::Archive,
    market::objects::Listing,
};

use super::{Now, OfferSaid, cursor};
use crate::api::{
    SharedApi,
    params::{self, Params, Segment},
    problem::{Answer, Problem},
    query::stream_name,
    shapes::hex,
};

pub(super) fn routes() -> OpenApiRouter<SharedApi> {
    OpenApiRouter::new().routes(routes!(offers)).routes(routes!(offer))
}

/// An offer that is listed.
#[derive(Serialize, ToSchema)]
struct OfferShown {
    /// Its id: that of the body that made it.
    id: String,
    /// The address of who sells.
    seller: String,
    /// What is locked while it is listed, in base units.
    bond: String,
    /// What was said.
    #[serde(flatten)]
    offer: OfferSaid,
    /// The commit that this is as of.
    commit: u64,
}

impl OfferShown {
    fn of(listing: &Listing, kind: NetworkKind, now: Now) -> Self {
        Self {
            id: listing.id.to_string(),
            seller: listing.seller.text(kind),
            bond: listing.bond.to_string(),
            offer: OfferSaid::of(&listing.offer, kind),
            commit: now.commit.0,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OfferParams {
    /// Behind which place: the `next` of the page before; from the start without it.
    after: Option<String>,
    /// Most items, 1 to 1,000. Default 100.
    limit: Option<String>,
    /// Only offers of streams with this name.
    stream: Option<String>,
    /// Only what this address sells.
    seller: Option<String>,
}

/// A page of offers.
#[derive(Serialize, ToSchema)]
struct OfferPage {
    /// Those of one stream name stand together.
    offers: Vec<OfferShown>,
    /// Where the next page begins.
    next: String,
}

/// What is looked for.
struct Wanted {
    after: Option<(StreamId, BodyId)>,
    limit: usize,
    stream: Option<StreamId>,
    seller: Option<Address>,
}

/// What is for sale. A page may be shorter than asked for, even empty, while `next` still moves: the
/// end is where `next` stays.
#[utoipa::path(
    get, path = "/v1/market/offers", tag = "market", params(OfferParams),
    responses((status = 200, body = OfferPage), (status = 400, body = Problem))
)]
async fn offers(
    State(api): State<SharedApi>,
    Params(query): Params<OfferParams>,
) -> Answer<Json<OfferPage>> {
    api.whole_ledger()?;
    let after = cursor::<64>(query.after.as_deref())?;
    let wanted = Wanted {
        after: after.and_then(|ids| {
            let (stream, id) = ids.split_first_chunk::<32>()?;
            Some((StreamId(*stream), BodyId(id.try_into().ok()?)))
        }),
        limit: params::limit(query.limit.as_deref())?,
        stream: query.stream.map(|name| stream_name(&name)).transpose()?.map(|name| name.id()),
        seller: query.seller.map(|text| api.address(&text)).transpose()?,
    };
    let (kind, commit) = (api.genesis.kind, api.committed());
    let page = api.read(move |store| {
        let archive = Archive::new(store);
        found(&wanted, archive, kind, Now::of(commit, archive))
    });
    Ok(Json(page.await?))
}

fn found(wanted: &Wanted, archive: Archive<'_>, kind: NetworkKind, now: Now) -> OfferPage {
    // Before the first offer of the stream, unless the page before was among them already.
    let first = wanted.stream.map(|stream| (stream, BodyId::ZERO));
    let (mut next, mut offers) = (wanted.after.max(first), Vec::new());
    for (stream, id) in archive.offers(next, wanted.limit) {
        if wanted.stream.is_some_and(|only| only != stream) {
            break;
        }
        next = Some((stream, id));
        // One that is over answers like one that is gone, even before it is.
        let listing = archive.listing(&id).filter(|listing| !listing.is_over(now.time));
        let listing = listing.filter(|one| wanted.seller.is_none_or(|only| only == one.seller));
        offers.extend(listing.map(|listing| OfferShown::of(&listing, kind, now)));
    }
    let next = next.map_or("0".to_owned(), |(stream, id)| hex(&[stream.0, id.0].concat()));
    OfferPage { offers, next }
}

/// An offer that is listed.
#[utoipa::path(
    get, path = "/v1/market/offers/{id}", tag = "market", params(("id" = String,)),
    responses(
        (status = 200, body = OfferShown),
        (status = 400, body = Problem),
        (status = 404, description = "Never made, ended, expired, or not final yet", body = Problem),
    )
)]
async fn offer(
    State(api): State<SharedApi>,
    Segment(id): Segment<BodyId>,
) -> Answer<Json<OfferShown>> {
    api.whole_ledger()?;
    let (kind, commit) = (api.genesis.kind, api.committed());
    let found = api.read(move |store| {
        let archive = Archive::new(store);
        let now = Now::of(commit, archive);
        let listing = archive.listing(&id).filter(|listing| !listing.is_over(now.time))?;
        Some(OfferShown::of(&listing, kind, now))
    });
    found.await?.map(Json).ok_or_else(|| {
        Problem::not_found(format!(
            "no offer {id} is listed: it ended, expired, or is not final yet; GET /v1/bodies/{id} \
             tells whether it was made, GET /v1/market/offers what is for sale"
        ))
    })
}
