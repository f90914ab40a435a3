//! Channels: what is locked, what was claimed, and how it ended.

#![expect(unused_qualifications, reason = "utoipa's macro repeats the names of parameters")]

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_core::{
    address::NetworkKind,
    digest::BodyId,
    machine::Archive,
    market::objects::{Channel, Ending, Settlement},
};

use super::{Now, OpenSaid, cursor};
use crate::api::{
    SharedApi,
    params::{self, Params, Segment},
    problem::{Answer, Problem},
};

pub(super) fn routes() -> OpenApiRouter<SharedApi> {
    OpenApiRouter::new().routes(routes!(channel)).routes(routes!(of_account))
}

/// A channel: as it is, or as it was when it ended.
#[derive(Serialize, ToSchema)]
struct ChannelShown {
    /// Its id: that of the body that opened it.
    id: String,
    /// `open`; `due`: its time is over, and the next commits give the rest back; `closed` by the
    /// payee, or `expired`.
    state: &'static str,
    /// Who pays.
    payer: String,
    /// Its terms; `deposit` and `expiry` as they are by now.
    #[serde(flatten)]
    terms: OpenSaid,
    /// Ticks that were claimed.
    claimed: u32,
    /// What those are worth, in base units, whatever the deposit.
    entitled: String,
    /// What the payee got, in base units: that, as far as the deposit goes.
    paid_out: String,
    /// What is left of the deposit, in base units; of one that ended, what the payer got back.
    rest: String,
    /// The last instant at which anything can be claimed.
    due: u64,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Ended>,
    /// The commit that this is as of.
    commit: u64,
}

/// When a channel ended.
#[derive(Serialize, ToSchema)]
struct Ended {
    /// The commit that ended it.
    commit: u64,
    /// Its time.
    time: u64,
}

impl ChannelShown {
    fn open(channel: &Channel, kind: NetworkKind, now: Now) -> Self {
        let state = if channel.is_over(now.time) { "due" } else { "open" };
        Self {
            id: channel.id.to_string(),
            state,
            payer: channel.payer.text(kind),
            terms: OpenSaid::of(&channel.terms, kind),
            claimed: channel.claimed,
            entitled: channel.entitled().to_string(),
            paid_out: channel.paid().to_string(),
            rest: channel.rest().to_string(),
            due: channel.due().as_millis(),
            ended: None,
            commit: now.commit.0,
        }
    }

    fn ended(settled: &Settlement, kind: NetworkKind, now: Now) -> Self {
        let state = match settled.ending {
            Ending::Closed => "closed",
            Ending::Expired => "expired",
        };
        let ended = Ended { commit: settled.index.0, time: settled.time.as_millis() };
        Self { state, ended: Some(ended), ..Self::open(&settled.channel, kind, now) }
    }
}

/// A channel. One that ended is told of as long as this node keeps the commit that ended it.
#[utoipa::path(
    get, path = "/v1/market/channels/{id}", tag = "market", params(("id" = String,)),
    responses(
        (status = 200, body = ChannelShown),
        (status = 400, body = Problem),
        (status = 404, description = "Never opened, not final yet, or ended long ago", body = Problem),
    )
)]
async fn channel(
    State(api): State<SharedApi>,
    Segment(id): Segment<BodyId>,
) -> Answer<Json<ChannelShown>> {
    api.whole_ledger()?;
    let (kind, commit) = (api.genesis.kind, api.committed());
    let found = api.read(move |store| {
        let archive = Archive::new(store);
        let now = Now::of(commit, archive);
        let open = archive.channel(&id).map(|channel| ChannelShown::open(&channel, kind, now));
        open.or_else(|| Some(ChannelShown::ended(&archive.settlement(&id)?, kind, now)))
    });
    let absent = || {
        api.absent(&format!(
            "channel {id} (GET /v1/bodies/{id} tells whether its opening is final)"
        ))
    };
    found.await?.map(Json).ok_or_else(absent)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ChannelParams {
    /// Behind which place: the `next` of the page before; from the start without it.
    after: Option<String>,
    /// Most items, 1 to 1,000. Default 100.
    limit: Option<String>,
}

/// A page of channels.
#[derive(Serialize, ToSchema)]
struct ChannelPage {
    /// Ascending by id.
    channels: Vec<ChannelShown>,
    /// Where the next page begins.
    next: String,
}

/// The channels of an account that have not ended, as payer or payee.
#[utoipa::path(
    get, path = "/v1/accounts/{address}/channels", tag = "market",
    params(ChannelParams, ("address" = String,)),
    responses((status = 200, body = ChannelPage), (status = 400, body = Problem))
)]
async fn of_account(
    State(api): State<SharedApi>,
    Segment(text): Segment<String>,
    Params(query): Params<ChannelParams>,
) -> Answer<Json<ChannelPage>> {
    let address = api.address(&text)?;
    api.whole_ledger()?;
    let after = cursor::<32>(query.after.as_deref())?.map(BodyId);
    let limit = params::limit(query.limit.as_deref())?;
    let (kind, commit) = (api.genesis.kind, api.committed());
    let page = api.read(move |store| {
        let archive = Archive::new(store);
        let now = Now::of(commit, archive);
        let ids = archive.channels(&address, after, limit);
        let channels = ids.iter().filter_map(|id| archive.channel(id));
        let channels = channels.map(|channel| ChannelShown::open(&channel, kind, now)).collect();
        let next = ids.last().copied().or(after);
        ChannelPage { channels, next: next.map_or("0".to_owned(), |id| id.to_string()) }
    });
    Ok(Json(page.await?))
}
