//! Follows what a node attaches and what becomes final, across cuts.
//!
//! In: a filter, kinds and a cursor. Out: each reading behind the cursor once, in the node's order;
//! each transaction that was ordered once, in the order of all nodes.
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
    ClientError, Committed, Cursor, NodeClient, Reading,
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
    /// What to be told of.
    pub kinds: Kinds,
}

/// Which kinds of events to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds {
    /// Readings that are attached.
    pub attached: bool,
    /// Transactions that are ordered, with their outcomes.
    pub committed: bool,
    /// Commits that a quorum vouches for.
    pub certified: bool,
}

impl Default for Kinds {
    /// Readings alone.
    fn default() -> Self {
        Self { attached: true, committed: false, certified: false }
    }
}

impl Kinds {
    /// All of them.
    pub const ALL: Self = Self { attached: true, committed: true, certified: true };

    const fn is_default(self) -> bool {
        self.attached && !self.committed && !self.certified
    }

    fn names(self) -> String {
        let all = [
            (self.attached, "attached"),
            (self.committed, "committed"),
            (self.certified, "certified"),
        ];
        let wanted = all.into_iter().filter(|(wanted, _)| *wanted).map(|(_, name)| name);
        wanted.collect::<Vec<_>>().join(",")
    }
}

impl Filter {
    /// One stream, from now on.
    pub fn stream(name: &str) -> Self {
        Self { stream: Some(name.to_owned()), ..Self::default() }
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let stream = self.stream.iter().map(|stream| ("stream", stream.clone()));
        let issuer = self.issuer.iter().map(|issuer| ("issuer", issuer.clone()));
        // A node that knows no kinds tells readings.
        let kinds = (!self.kinds.is_default()).then(|| ("kinds", self.kinds.names()));
        stream.chain(issuer).chain(kinds).collect()
    }
}

/// What following brings.
#[derive(Clone, Debug)]
pub enum Followed {
    /// A reading was attached.
    Reading(Box<Reading>),
    /// A transaction got its place in the order of all nodes.
    Committed(Box<Committed>),
    /// A quorum vouches for this commit and all before it.
    Certified(u64),
    /// The connection was cut. Nothing is lost: it is opened again and goes on where it ended.
    Cut {
        /// Why.
        reason: String,
        /// Behind which event it goes on.
        resume: Option<String>,
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
            last: filter.after.map(|cursor| cursor.to_string()),
            kinds: filter.kinds,
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
    /// The id of the last event that came out.
    last: Option<String>,
    kinds: Kinds,
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
            let status = self.node.status().await?;
            let (position, commit) = (status.position, status.finality.committed);
            let plain = self.kinds.is_default();
            self.last =
                Some(if plain { position.to_string() } else { format!("{position}.{commit}") });
        }
        let response = self.node.open_events(&self.query, self.last.as_deref()).await?;
        self.state = State::Open(Box::new(response), Parser::default());
        Ok(())
    }

    fn take(&mut self, event: ServerEvent) -> Result<Option<Followed>, ClientError> {
        if let Some(id) = event.id.filter(|id| !id.is_empty()) {
            self.last = Some(id);
        }
        let reason = |error: serde_json::Error| self.not_a_node(error.to_string());
        match event.kind.as_str() {
            "committed" => {
                let committed = serde_json::from_str(&event.data).map_err(reason)?;
                Ok(Some(Followed::Committed(Box::new(committed))))
            }
            "certified" => {
                #[derive(Deserialize)]
                struct Certified {
                    commit: u64,
                }
                let Certified { commit } = serde_json::from_str(&event.data).map_err(reason)?;
                Ok(Some(Followed::Certified(commit)))
            }
            "attached" => {
                let reading: Reading = serde_json::from_str(&event.data).map_err(reason)?;
                Ok(Some(Followed::Reading(Box::new(reading))))
            }
            "lagged" => {
                #[derive(Deserialize)]
                struct Lagged {
                    resume: String,
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
        Followed::Cut { reason, resume: self.last.clone(), pause: self.backoff }
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
