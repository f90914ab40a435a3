//! The Tangle as it grows, for a picture: server-sent events, a few a second, however much passes.
//!
//! A picture of a thousand vertices a second shows nothing and freezes whoever draws it. So each
//! watcher gets a sample, at the rate it asks for, that prefers vertices with shown parents,
//! and with it the true counts: a page can say how many it does not show.
//!
//! Invariant: one beat is bounded, in count and so in bytes, by the rate that was asked for and by
//! what was shown before. Nothing here can be resumed: what is past is in the store, and a picture
//! of the past is another question.

#![expect(unused_qualifications, reason = "utoipa's macro repeats the names of parameters")]

mod sample;
mod watcher;

use std::convert::Infallible;

use axum::{
    extract::State,
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::watcher::Watcher;
use super::{
    SharedApi,
    params::Params,
    problem::{Answer, Problem},
};

/// Most vertices per second that a watcher may ask for.
const RATE_MAX: u32 = 200;
/// Vertices per second when nobody says: what eyes follow.
const RATE_DEFAULT: u32 = 60;

pub(super) fn routes() -> OpenApiRouter<SharedApi> {
    OpenApiRouter::new().routes(routes!(dag))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DagParams {
    /// Most vertices per second, 1 to 200. Default 60.
    rate: Option<String>,
}

/// What happened since the beat before.
#[derive(Debug, Default, PartialEq, Serialize, ToSchema)]
struct Beat {
    /// This node's clock, ms since the Unix epoch.
    at: u64,
    /// Transactions that were attached, shown or not.
    attached: u64,
    /// Transactions that commits ordered, shown or not.
    ordered: u64,
    /// Those of them that had no effect.
    rejected: u64,
    /// Events that this watcher was too slow to get; they are in no count.
    missed: u64,
    /// Transactions that are shown from now on.
    vertices: Vec<Vertex>,
    /// Shown ones that got their first child: tips no more.
    approved: Vec<u64>,
    /// Shown ones that a commit ordered.
    settled: Vec<Settled>,
    /// Shown ones that no leader can order any more.
    stale: Vec<u64>,
    /// Checkpoints that led to commits.
    checkpoints: Vec<CheckpointShown>,
}

/// A transaction in the picture.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
struct Vertex {
    /// Its number, by which other fields name it: its position at this node.
    number: u64,
    /// The transaction.
    id: String,
    /// The numbers of those of its parents that are shown.
    parents: Vec<u64>,
    /// The address of the account that posted it.
    issuer: String,
    /// `data`, `transfer`, `key_rotate`, `offer`, `offer_end`, `channel_open`, `channel_top_up`,
    /// `channel_claim`, `channel_close` or `channel_withdraw`.
    kind: &'static str,
    /// The stream, of a reading.
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<String>,
    /// When it was attached, ms since the Unix epoch.
    at: u64,
}

/// A shown transaction that got its place in the order.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
struct Settled {
    /// Which.
    number: u64,
    /// What became of it: `applied`, or why it had no effect.
    outcome: &'static str,
}

/// A checkpoint that led to a commit.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
struct CheckpointShown {
    /// The commit.
    commit: u64,
    /// The round of the checkpoint.
    round: u64,
    /// Who made it: a place in the committee.
    leader: u16,
    /// When this node made the commit, ms since the Unix epoch.
    at: u64,
    /// How many transactions it ordered.
    ordered: u64,
}

/// The Tangle as it grows: four events a second, each called `beat`, with a sample of what was
/// attached and with true counts. From now on; it cannot be resumed.
#[utoipa::path(
    get, path = "/v1/dag", tag = "events", params(DagParams),
    responses(
        (status = 200, body = Beat, content_type = "text/event-stream"),
        (status = 400, body = Problem),
        (status = 503, body = Problem),
    )
)]
async fn dag(
    State(api): State<SharedApi>,
    Params(query): Params<DagParams>,
) -> Answer<Sse<impl Stream<Item = Result<Event, Infallible>> + Send>> {
    let rate = rate(query.rate.as_deref())?;
    let place = api.subscribers.clone().try_acquire_owned();
    let place = place.map_err(|_| Problem::busy("too many event streams are open"))?;
    let watcher = Watcher::new(api, rate, place);
    let beats = stream::unfold(watcher, |mut watcher| async move {
        let beat = watcher.next_beat().await?;
        // Numbers and texts are JSON.
        let event = Event::default().event("beat").json_data(beat).unwrap_or_default();
        Some((Ok(event), watcher))
    });
    Ok(Sse::new(beats).keep_alive(KeepAlive::new()))
}

fn rate(text: Option<&str>) -> Answer<u32> {
    let Some(text) = text else { return Ok(RATE_DEFAULT) };
    let rate = text.parse().ok().filter(|rate| (1..=RATE_MAX).contains(rate));
    rate.ok_or_else(|| Problem::parameter(format!("rate is a number from 1 to {RATE_MAX}")))
}
