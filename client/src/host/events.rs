//! Follows what a node attaches, across cuts.
//!
//! In: a filter and a cursor. Out: each reading behind the cursor once, in the node's order.
//!
//! Invariant: after a cut, whoever cut, the stream goes on behind the last event that came out: no
//! gap, no repeat. That holds from the first moment: a follower without a cursor asks the node for
//! its newest one before it listens.
//!
//! Left out on purpose: a limit on how often it reconnects. Whoever is tired of waiting drops the
//! stream; [`Followed::Cut`] tells when there is reason to.

use std::{collections::VecDeque, time::Duration};

use futures_util::{Stream, stream};
use reqwest::Response;
use serde::Deserialize;
use tokio::time::{sleep, timeout};

use super::{
    ClientError, Cursor, NodeClient, Reading,
    sse::{Parser, ServerEvent},
};

/// Silence after which a connection counts as dead: three heartbeats.
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// Back-off after a cut: doubles from the first to the last.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Which readings to follow, and from where.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this stream.
    pub stream: Option<String>,
    /// Only what this address posted.
    pub issuer: Option<String>,
    /// Behind this cursor of the same node; without one, from now on.
    pub after: Option<Cursor>,
}

impl Filter {
    /// One stream, from now on.
    pub fn stream(name: &str) -> Self {
        Self { stream: Some(name.to_owned()), ..Self::default() }
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let stream = self.stream.iter().map(|stream| ("stream", stream.clone()));
        stream.chain(self.issuer.iter().map(|issuer| ("issuer", issuer.clone()))).collect()
    }
}

/// What following brings.
#[derive(Clone, Debug)]
pub enum Followed {
    /// A reading was attached.
    Reading(Box<Reading>),
    /// The connection was cut. Nothing is lost: it is opened again and goes on where it ended.
    Cut {
        /// Why.
        reason: String,
        /// Behind which cursor it goes on.
        resume: Option<Cursor>,
        /// After which pause.
        pause: Duration,
    },
}

impl NodeClient {
    /// Follows what the node attaches. The stream ends only after an error, which is one that
    /// reconnecting cannot mend, or one of the very first connection.
    pub fn events(
        &self,
        filter: Filter,
    ) -> impl Stream<Item = Result<Followed, ClientError>> + Send + use<> {
        let query = filter.query();
        let state = Follower {
            node: self.clone(),
            query,
            last: filter.after,
            state: State::Begin,
            ready: VecDeque::new(),
            backoff: BACKOFF_MIN,
        };
        stream::unfold(state, |mut follower| async move {
            let next = follower.next().await?;
            if next.is_err() {
                follower.state = State::Ended;
            }
            Some((next, follower))
        })
    }
}

struct Follower {
    node: NodeClient,
    query: Vec<(&'static str, String)>,
    last: Option<Cursor>,
    state: State,
    /// Events of one chunk of bytes that have not come out yet.
    ready: VecDeque<ServerEvent>,
    backoff: Duration,
}

enum State {
    /// Nothing was ever heard of this node.
    Begin,
    /// Waits before it connects again.
    Paused,
    Open(Box<Response>, Parser),
    Ended,
}

impl Follower {
    async fn next(&mut self) -> Option<Result<Followed, ClientError>> {
        loop {
            while let Some(event) = self.ready.pop_front() {
                match self.take(event) {
                    Ok(Some(followed)) => return Some(Ok(followed)),
                    Ok(None) => {}
                    Err(error) => return Some(Err(error)),
                }
            }
            let first = matches!(self.state, State::Begin);
            let step = match &mut self.state {
                State::Ended => return None,
                State::Begin => self.connect().await,
                State::Paused => {
                    sleep(self.backoff).await;
                    self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
                    self.connect().await
                }
                State::Open(response, parser) => {
                    let read = read(&self.node, response, parser, &mut self.ready).await;
                    if read.is_ok() {
                        self.backoff = BACKOFF_MIN;
                    }
                    read
                }
            };
            match step {
                Ok(()) => {}
                Err(error) if first || !error.is_passing() => return Some(Err(error)),
                Err(error) => return Some(Ok(self.cut(&error))),
            }
        }
    }

    async fn connect(&mut self) -> Result<(), ClientError> {
        if self.last.is_none() {
            // Between the first connection and the first event there is no id to resume from.
            self.last = Some(self.node.status().await?.position);
        }
        let response = self.node.open_events(&self.query, self.last).await?;
        self.state = State::Open(Box::new(response), Parser::default());
        Ok(())
    }

    fn take(&mut self, event: ServerEvent) -> Result<Option<Followed>, ClientError> {
        let reason = |error: serde_json::Error| self.not_a_node(error.to_string());
        match event.kind.as_str() {
            "attached" => {
                let reading: Reading = serde_json::from_str(&event.data).map_err(reason)?;
                self.last = Some(reading.cursor);
                Ok(Some(Followed::Reading(Box::new(reading))))
            }
            "lagged" => {
                #[derive(Deserialize)]
                struct Lagged {
                    resume: Cursor,
                }
                let lagged: Lagged = serde_json::from_str(&event.data).map_err(reason)?;
                self.last = Some(lagged.resume);
                self.ready.clear();
                let slow = "the node cut a reader that was too slow".to_owned();
                Ok(Some(self.paused(slow)))
            }
            // A newer node may tell more.
            _ => Ok(None),
        }
    }

    fn cut(&mut self, error: &ClientError) -> Followed {
        self.paused(error.to_string())
    }

    fn paused(&mut self, reason: String) -> Followed {
        self.state = State::Paused;
        Followed::Cut { reason, resume: self.last, pause: self.backoff }
    }

    fn not_a_node(&self, reason: String) -> ClientError {
        ClientError::NotANode { url: self.node.url().to_owned(), reason }
    }
}

/// Waits for the next bytes and takes the events that end in them.
async fn read(
    node: &NodeClient,
    response: &mut Response,
    parser: &mut Parser,
    ready: &mut VecDeque<ServerEvent>,
) -> Result<(), ClientError> {
    let url = || node.url().to_owned();
    let cut = |reason: &str| ClientError::Unreachable { url: url(), reason: reason.to_owned() };
    let Ok(chunk) = timeout(SILENCE_MAX, response.chunk()).await else {
        return Err(cut("no heartbeat"));
    };
    let bytes = chunk.map_err(|error| ClientError::transport(node.url(), &error))?;
    let bytes = bytes.ok_or_else(|| cut("the connection was closed"))?;
    let fed = parser.feed(&bytes, ready);
    fed.map_err(|long| ClientError::NotANode { url: url(), reason: long.to_string() })
}
