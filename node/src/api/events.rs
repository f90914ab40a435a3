//! What is attached, committed and certified: server-sent events that can be resumed.
//!
//! A subscriber with a cursor first gets what the store holds behind it, then what comes, with no
//! gap and no repeat. Of readings: it subscribes before it reads the store, events follow their
//! write, and whatever lies below what was shown is passed over. Of commits: all of them are read
//! from the store, so there is nothing to fall behind. A transaction is told as attached before it
//! is told as committed.
//!
//! A subscriber that does not read falls out of the buffer of readings: it is told from which
//! cursor to resume, and cut. Nobody else waits for it.

#![expect(unused_qualifications, reason = "utoipa's macro repeats the names of parameters")]

mod follower;

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_core::{
    address::{Address, NetworkKind},
    codec::Decode as _,
    commit::Leaf,
    digest::StreamId,
    time::Time,
    tx::SealedBody,
    units::CommitIndex,
};
use weft_storage::Store;

use self::follower::{Follower, Phase};
use super::{
    SharedApi,
    fate::OutcomeShown,
    params::{Cursor, Params},
    problem::{Answer, Problem},
    query::stream_name,
    resume::{Resume, Shown},
    shapes::Reading,
};

/// Silence after which a comment shows that the connection stands.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub(super) fn routes() -> OpenApiRouter<SharedApi> {
    OpenApiRouter::new().routes(routes!(events))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct EventParams {
    /// Only this stream.
    stream: Option<String>,
    /// Only what this address posted.
    issuer: Option<String>,
    /// Which kinds, separated by commas: `attached`, `committed`, `certified`. Default `attached`.
    kinds: Option<String>,
    /// Behind which event; from now on without it. The header `Last-Event-ID` goes before.
    after: Option<String>,
}

/// A transaction got its place in the order of all nodes.
#[derive(Serialize, ToSchema)]
struct CommittedEvent {
    /// The commit.
    commit: u64,
    /// Its place in that.
    leaf: u32,
    /// The commit's time: the ledger's clock, ms since the Unix epoch.
    time: u64,
    /// The transaction.
    id: String,
    /// Its body.
    body: String,
    /// What became of it.
    outcome: OutcomeShown,
    /// The address of the account that posted it; only for those who filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    /// Its place among those of its issuer; only for those who filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
}

/// The data of an event, by its kind.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes what is sent, and is never made")]
enum EventData {
    /// `attached`.
    Attached(Box<Reading>),
    /// `committed`.
    Committed(CommittedEvent),
    /// `certified`: a quorum vouches for this commit and all before it.
    Certified {
        /// The commit.
        commit: u64,
    },
    /// `lagged`: the subscriber is cut, and goes on behind this id.
    Lagged {
        /// The id.
        resume: String,
    },
}

/// What comes, as server-sent events. `attached`: a reading, each body once. `committed`: a
/// transaction of any kind got its place in the order, with its outcome. `certified`, with
/// `{"commit": N}`: a quorum vouches for commit N and all before it; not every N comes. `lagged`,
/// with `{"resume": ID}`, before a slow subscriber is cut.
///
/// The id of an event is its cursor; where other kinds than `attached` are asked for,
/// `CURSOR.COMMIT` or `CURSOR.COMMIT.LEAVES`. All three are taken to resume. A cursor alone says
/// nothing of commits, which then begin with the next one; after 0, with the first.
#[utoipa::path(
    get, path = "/v1/events", tag = "events",
    params(EventParams, ("Last-Event-ID" = Option<String>, Header)),
    responses(
        (status = 200, body = EventData, content_type = "text/event-stream"),
        (status = 400, body = Problem),
        (status = 503, body = Problem),
    )
)]
async fn events(
    State(api): State<SharedApi>,
    Params(query): Params<EventParams>,
    headers: HeaderMap,
) -> Answer<Sse<impl Stream<Item = Result<Event, Infallible>> + Send>> {
    let stream = query.stream.as_deref().map(stream_name).transpose()?;
    let filter = Filter {
        stream: stream.map(|name| name.id()),
        issuer: query.issuer.map(|text| api.address(&text)).transpose()?,
    };
    let kinds = Kinds::parse(query.kinds.as_deref().unwrap_or("attached"))?;
    let last = headers.get("last-event-id").map(|id| id.to_str().unwrap_or_default());
    let after = last.or(query.after.as_deref()).map(str::parse::<Resume>).transpose()?;
    let place = api.subscribers.clone().try_acquire_owned();
    let place = place.map_err(|_| Problem::busy("too many event streams are open"))?;
    // First of all: what is attached from here on is not missed.
    let live = api.feed.subscribe();
    let reached = api.feed.reached();
    let last = *reached.borrow();
    // The status goes before the events, so whoever saw an event is never ahead of it.
    let newest = Cursor::newest(api.status.borrow().next);
    let cursor = after.map(|after| after.cursor);
    let shown = match after {
        Some(Resume { shown: Some(shown), .. }) => shown,
        Some(Resume { cursor: Cursor::START, .. }) => Shown::all_of(CommitIndex::ZERO),
        _ => Shown::all_of(last.committed),
    };
    let is_ahead = kinds.committed && shown.commit > last.committed;
    // What was replayed may be in the store alone, a moment before the status says so.
    let stored = Cursor::newest(api.checks.store.next_position());
    if is_ahead || cursor.is_some_and(|cursor| cursor > stored) {
        let shown = kinds.shown(Shown::all_of(last.committed), last.certified);
        return Err(ahead(Resume { cursor: stored, shown }));
    }
    let replays = cursor.is_some() && kinds.attached;
    let follower = Follower {
        next: cursor.unwrap_or(newest).begin(),
        shown,
        // Whoever resumes hears at once how far it has come.
        certified: if after.is_some() { CommitIndex::ZERO } else { last.certified },
        phase: if replays { Phase::Replay } else { Phase::Live { heard: true } },
        stop: api.stopping.clone(),
        ready: VecDeque::new(),
        api,
        filter,
        kinds,
        live,
        reached,
        _place: place,
    };
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next_event().await?;
        Some((Ok(event), follower))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("alive")))
}

/// Which kinds of events a subscriber wants.
#[derive(Clone, Copy, Default)]
struct Kinds {
    attached: bool,
    committed: bool,
    certified: bool,
}

impl Kinds {
    fn parse(text: &str) -> Answer<Self> {
        let mut kinds = Self::default();
        for name in text.split(',') {
            match name {
                "attached" => kinds.attached = true,
                "committed" => kinds.committed = true,
                "certified" => kinds.certified = true,
                _ => {
                    let detail = "kinds are attached, committed and certified, by commas";
                    return Err(Problem::parameter(detail));
                }
            }
        }
        Ok(kinds)
    }

    const fn of_finality(self) -> bool {
        self.committed || self.certified
    }

    /// What ids of events say of commits.
    fn shown(self, shown: Shown, last: CommitIndex) -> Option<Shown> {
        let told = if self.committed { shown } else { Shown::all_of(last) };
        self.of_finality().then_some(told)
    }
}

/// Which readings a subscriber wants.
#[derive(Clone, Copy)]
struct Filter {
    stream: Option<StreamId>,
    issuer: Option<Address>,
}

impl Filter {
    /// The body of a leaf if it is wanted; `None` inside if all are, and nothing need be read.
    fn pass(&self, store: &dyn Store, leaf: &Leaf) -> Option<Option<SealedBody>> {
        if self.stream.is_none() && self.issuer.is_none() {
            return Some(None);
        }
        let sealed = SealedBody::from_bytes(&store.sealed_body(&leaf.body)?).ok()?;
        let of_stream =
            |stream| sealed.body.payload.reading().is_some_and(|data| data.stream.id() == stream);
        let wanted = self.stream.is_none_or(of_stream)
            && self.issuer.is_none_or(|issuer| issuer == sealed.body.issuer);
        wanted.then_some(Some(sealed))
    }
}

impl CommittedEvent {
    fn of(
        leaf: &Leaf,
        (index, number, time): (CommitIndex, u32, Time),
        sealed: Option<SealedBody>,
        kind: NetworkKind,
    ) -> Self {
        let body = sealed.map(|sealed| sealed.body);
        Self {
            commit: index.0,
            leaf: number,
            time: time.as_millis(),
            id: leaf.tx.to_string(),
            body: leaf.body.to_string(),
            outcome: leaf.outcome.into(),
            issuer: body.as_ref().map(|body| body.issuer.text(kind)),
            sequence: body.as_ref().map(|body| body.sequence.0),
        }
    }
}

/// To wait until this node is there too would be to leave a gap.
fn ahead(newest: Resume) -> Problem {
    let detail = format!(
        "the cursor lies ahead of all that this node has, which is {newest}: it is another node's, \
         or this node's disk lost something; begin anew at after=0, or at a cursor of this node"
    );
    Problem::new(StatusCode::BAD_REQUEST, "cursor", detail)
}
