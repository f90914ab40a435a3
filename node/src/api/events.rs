//! Readings as they are attached: server-sent events that can be resumed.
//!
//! A subscriber with a cursor first gets what the store holds behind it, then what is attached,
//! with no gap and no repeat: it subscribes before it reads the store, events follow their commit,
//! and whatever lies below what was shown is passed over.
//!
//! A subscriber that does not read falls out of the buffer: it is told from which cursor to resume,
//! and cut. Nobody else waits for it.

#![expect(unused_qualifications, reason = "utoipa's macro repeats the names of parameters")]

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::{Stream, stream};
use serde::Deserialize;
use tokio::sync::{
    OwnedSemaphorePermit,
    broadcast::{self, error::RecvError},
};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_core::{address::Address, digest::StreamId, units::Position};

use super::{
    SharedApi,
    params::{Cursor, Params},
    problem::{Answer, Problem},
    query::{stored_body, stream_name},
    shapes::Reading,
};
use crate::{feed::Attachment, stop::Stop};

/// Silence after which a comment shows that the connection stands.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Log entries read at once while replaying: bounds what one subscriber holds in memory.
const REPLAY_PAGE: usize = 64;

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
    /// Behind which cursor; from now on without it. The header `Last-Event-ID` goes before.
    after: Option<String>,
}

/// Readings as they are attached, each body once, as server-sent events: `attached` with a cursor
/// as id and a reading as data; `lagged` with `{"resume": CURSOR}` before a slow subscriber is cut.
#[utoipa::path(
    get, path = "/v1/events", tag = "events",
    params(EventParams, ("Last-Event-ID" = Option<String>, Header)),
    responses(
        (status = 200, body = Reading, content_type = "text/event-stream"),
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
    let last = headers.get("last-event-id").map(|id| id.to_str().unwrap_or_default());
    let after = last.or(query.after.as_deref()).map(str::parse::<Cursor>).transpose()?;
    let place = api.subscribers.clone().try_acquire_owned();
    let place = place.map_err(|_| Problem::busy("too many event streams are open"))?;
    // First of all: what is attached from here on is not missed.
    let live = api.feed.subscribe();
    // The status goes before the events, so whoever saw an event is never ahead of it.
    let newest = Cursor::newest(api.status.borrow().next);
    if after.is_some_and(|after| after > newest) {
        return Err(ahead(newest));
    }
    let follower = Follower {
        next: after.unwrap_or(newest).begin(),
        phase: if after.is_some() { Phase::Replay } else { Phase::Live { heard: true } },
        stop: api.stopping.clone(),
        ready: VecDeque::new(),
        api,
        filter,
        live,
        _place: place,
    };
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next_event().await?;
        Some((Ok(event), follower))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("alive")))
}

/// Which readings a subscriber wants.
#[derive(Clone, Copy)]
struct Filter {
    stream: Option<StreamId>,
    issuer: Option<Address>,
}

enum Phase {
    /// Reads the store until there is nothing new in it.
    Replay,
    /// Listens. `heard`: whether this subscriber has kept up since it began to.
    Live { heard: bool },
    /// Was told to resume elsewhere.
    Cut,
}

/// One subscriber.
struct Follower {
    api: SharedApi,
    filter: Filter,
    live: broadcast::Receiver<Arc<Attachment>>,
    /// The first position that was not shown.
    next: Position,
    phase: Phase,
    ready: VecDeque<Event>,
    stop: Stop,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    /// The next event; `None` is the end of the stream.
    async fn next_event(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            match self.phase {
                Phase::Cut => return None,
                Phase::Replay => self.replay().await?,
                Phase::Live { heard } => self.listen(heard).await?,
            }
        }
    }

    /// Reads one page from the store. A store that fails ends the stream.
    async fn replay(&mut self) -> Option<()> {
        let (filter, next, kind) = (self.filter, self.next, self.api.genesis.kind);
        let page = self.api.read(move |store| {
            let (entries, end) = match filter.stream {
                Some(stream) => {
                    let after = next.0.checked_sub(1).map(Position);
                    let entries = store.readings(&stream, after, REPLAY_PAGE);
                    let end = entries.len() < REPLAY_PAGE;
                    (entries, end)
                }
                None => {
                    let entries = store.log(next, REPLAY_PAGE);
                    let end = entries.len() < REPLAY_PAGE;
                    (entries, end)
                }
            };
            let last = entries.last().map(|entry| entry.position);
            let mut readings = Vec::new();
            for entry in entries {
                // Further attachments say nothing new; the index of streams leaves them out itself.
                let first = filter.stream.is_some()
                    || store.attachments(&entry.body).first() == Some(&entry.id);
                let sealed = if first { stored_body(store, &entry) } else { None };
                if let Some(sealed) = sealed
                    && filter.issuer.is_none_or(|issuer| issuer == sealed.body.issuer)
                {
                    readings.extend(Reading::stored(&entry, &sealed, kind));
                }
            }
            (readings, last, end)
        });
        let (readings, last, end) = page.await.ok()?;
        self.ready.extend(readings.iter().filter_map(event_of));
        if let Some(last) = last {
            self.next = Cursor::of(last).begin();
        }
        if end {
            self.phase = Phase::Live { heard: false };
        }
        Some(())
    }

    /// Waits for an event. Whoever fell behind while the store was read reads on there; whoever
    /// falls behind later does not read what it is sent.
    async fn listen(&mut self, heard: bool) -> Option<()> {
        let received = tokio::select! {
            biased;
            () = self.stop.told() => return None,
            received = self.live.recv() => received,
        };
        match received {
            Ok(attachment) => {
                self.phase = Phase::Live { heard: true };
                if attachment.position >= self.next {
                    self.next = Cursor::of(attachment.position).begin();
                    if self.wants(&attachment) {
                        let reading = Reading::live(&attachment, self.api.genesis.kind);
                        self.ready.extend(reading.as_ref().and_then(event_of));
                    }
                }
            }
            Err(RecvError::Lagged(_)) if !heard => self.phase = Phase::Replay,
            Err(RecvError::Lagged(_)) => {
                let resume = Cursor::newest(self.next);
                let lagged = Event::default().event("lagged");
                let data = format!("{{\"resume\":\"{resume}\"}}");
                self.ready.push_back(lagged.data(data));
                self.phase = Phase::Cut;
            }
            Err(RecvError::Closed) => return None,
        }
        Some(())
    }

    fn wants(&self, attachment: &Attachment) -> bool {
        let body = &attachment.tx.transaction().body;
        let Some(data) = body.payload.reading() else { return false };
        self.filter.stream.is_none_or(|stream| stream == data.stream.id())
            && self.filter.issuer.is_none_or(|issuer| issuer == body.issuer)
    }
}

/// To wait until this node is there too would be to leave a gap.
fn ahead(newest: Cursor) -> Problem {
    let detail = format!(
        "the cursor lies ahead of all that this node has, which is {newest}: it is another node's, \
         or this node's disk lost something; begin anew at after=0, or at a cursor of this node"
    );
    Problem::new(StatusCode::BAD_REQUEST, "cursor", detail)
}

/// A reading as an event. Texts and numbers are JSON without line breaks, so there always is one.
fn event_of(reading: &Reading) -> Option<Event> {
    let id = reading.cursor.to_string();
    Event::default().event("attached").id(id).json_data(reading).ok()
}
