//! Sends bodies that were signed beforehand through all nodes of a network in turn, and tells how
//! long each took to be final elsewhere.
//!
//! ```text
//! bodies -> lane 0 (chain, feed) -> node 0 \
//!        -> lane 1 ..            -> node 1  > the last node tells of each that it is ordered
//! ```
//! At a rate, a body has a moment at which it is due, and its time counts from then: a network that
//! stalls is charged for what it kept waiting. Times are those of bodies that went in at other
//! nodes than the one that is watched; all are counted.

use std::{
    collections::HashMap,
    mem,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::StreamExt as _;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Duration, Instant, sleep, sleep_until, timeout},
};
use weft_client::host::{
    ClientError, Committed, Cursor, Filter, Followed, Kinds, NodeClient, Tips,
};
use weft_core::{
    codec::Encode as _, digest::BodyId, genesis::Genesis, message::Message, tx::SealedBody,
};

use super::{
    chain::Chain,
    cluster::{Cluster, Member},
    feed::Feed,
    report::Latencies,
};
use crate::failure::Failure;

/// How long to wait after the last body for what is not final yet.
const FAREWELL: Duration = Duration::from_secs(20);

/// How often a node is asked for tips and an anchor.
const RENEW_EVERY: Duration = Duration::from_millis(250);

/// How often a full window is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// When the next body goes in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// As soon as fewer than so many are on their way.
    Window(u64),
    /// So many a second.
    PerSecond(f64),
}

/// How many are due in `time` at a rate.
pub(super) fn due_in(time: Duration, per_second: f64) -> usize {
    let gap = Duration::from_secs_f64(1.0 / per_second);
    usize::try_from(time.as_nanos() / gap.as_nanos().max(1)).unwrap_or(usize::MAX)
}

/// The way into one node.
pub(super) struct Lane {
    pub(super) feed: Feed,
    chain: Chain,
    tips: watch::Receiver<Tips>,
    renews: JoinHandle<()>,
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.renews.abort();
    }
}

impl Lane {
    /// Connects to `node`. Lanes of one network differ in `name`.
    pub(super) async fn open(
        genesis: &Genesis,
        node: &Member,
        name: [u8; 2],
    ) -> Result<Self, Failure> {
        let feed = Feed::connect(genesis, node.address, name).await?;
        let (told, mut tips) = watch::channel(node.client.tips().await?);
        let renews = tokio::spawn(renew(node.client.clone(), told));
        tips.mark_changed();
        Ok(Self { feed, chain: Chain::new(genesis), tips, renews })
    }

    /// Where the next thing hangs: on what the node showed last, and on what was hung since.
    pub(super) fn chain(&mut self) -> &mut Chain {
        if self.tips.has_changed().unwrap_or(false) {
            self.chain.follow(&self.tips.borrow_and_update());
        }
        &mut self.chain
    }

    /// Hangs a body and sends it. Gives its length.
    pub(super) fn send(&mut self, sealed: SealedBody) -> usize {
        let bytes = self.chain().hang(sealed).to_bytes();
        let length = bytes.len();
        self.feed.say(Message::Transaction(bytes.into()));
        length
    }
}

/// Keeps tips and anchor new, beside the sending: a node that is busy answers late.
async fn renew(node: NodeClient, told: watch::Sender<Tips>) {
    loop {
        sleep(RENEW_EVERY).await;
        if let Ok(tips) = node.tips().await {
            told.send_replace(tips);
        }
    }
}

/// What became of what was sent.
pub(super) struct Ran {
    pub(super) sent: usize,
    /// Bytes of all that was sent.
    pub(super) bytes: u64,
    /// From due to ordered, elsewhere; of what never was, how long it was waited for.
    pub(super) latencies: Latencies,
    /// When each was told to be ordered, ascending, since the first was due.
    finals: Vec<Duration>,
    /// How long sending took; of a full window, how long until the last was final.
    time: Duration,
    /// How many of the final ones the ledger refused.
    pub(super) refused: usize,
}

impl Ran {
    pub(super) const fn finals(&self) -> usize {
        self.finals.len()
    }

    /// Final ones a second in that time, without its first quarter: what comes later is no
    /// throughput.
    pub(super) fn per_second(&self) -> f64 {
        let until = |time: Duration| self.finals.partition_point(|at| *at <= time);
        let count = until(self.time) - until(self.time / 4);
        count as f64 / (self.time.as_secs_f64() * 0.75).max(0.001)
    }
}

/// Sends `bodies` through `lanes` in turn, one to each node of `cluster` in order, and waits until
/// they are final, or nothing comes any more.
pub(super) async fn drive(
    cluster: &Cluster,
    lanes: &mut [Lane],
    bodies: Vec<SealedBody>,
    pace: Pace,
) -> Result<Ran, Failure> {
    let watched = cluster.nodes.last().ok_or_else(|| Failure::failed("no node"))?;
    let after = watched.client.status().await?.position;
    let start = Instant::now() + LOOK_EVERY;
    let (sent, turns) = (bodies.len(), lanes.len().max(1));
    let due = |turn: usize| match pace {
        Pace::Window(_) => start,
        Pace::PerSecond(rate) => start + Duration::from_secs_f64(turn as f64 / rate),
    };
    let open = bodies.iter().enumerate().map(|(turn, sealed)| {
        let is_elsewhere = turn % turns + 1 < cluster.nodes.len();
        (sealed.body.id(), is_elsewhere.then(|| due(turn)))
    });
    let watch = Arc::new(Mutex::new(Watch::new(open.collect(), start)));
    let mut watching = tokio::spawn(follow(watched.client.clone(), after, watch.clone()));
    let (mut bytes, mut window) = (0, Window::new(cluster).await?);
    for (turn, sealed) in bodies.into_iter().enumerate() {
        match pace {
            Pace::PerSecond(_) => sleep_until(due(turn)).await,
            Pace::Window(width) => window.until_fewer(cluster, turn as u64, width).await?,
        }
        if let Some(lane) = lanes.get_mut(turn % turns) {
            bytes += lane.send(sealed) as u64;
        }
    }
    let sending = start.elapsed();
    match timeout(FAREWELL, &mut watching).await {
        Ok(ended) => ended.map_err(Failure::failed)??,
        Err(_) => watching.abort(),
    }
    let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
    watch.give_up();
    let (latencies, finals) = (mem::take(&mut watch.latencies), mem::take(&mut watch.finals));
    let time = match (pace, finals.last()) {
        (Pace::PerSecond(_), _) => sending,
        (Pace::Window(_), Some(last)) => *last,
        (Pace::Window(_), None) => {
            return Err(Failure::failed("nothing became final").next("look into the nodes' logs"));
        }
    };
    Ok(Ran { sent, bytes, latencies, finals, time, refused: watch.refused })
}

/// What is on its way, by what all nodes have ordered.
struct Window {
    before: u64,
    finals: u64,
}

impl Window {
    async fn new(cluster: &Cluster) -> Result<Self, Failure> {
        Ok(Self { before: cluster.finals().await?, finals: 0 })
    }

    /// Waits until fewer than `width` of the `sent` are on their way.
    async fn until_fewer(
        &mut self,
        cluster: &Cluster,
        sent: u64,
        width: u64,
    ) -> Result<(), Failure> {
        let mut moved = Instant::now();
        while sent >= self.finals + width {
            let finals = cluster.finals().await?.saturating_sub(self.before);
            if finals > self.finals {
                (self.finals, moved) = (finals, Instant::now());
            } else if moved.elapsed() > FAREWELL {
                let cause = format!("the network stands still at {finals} of {sent}");
                return Err(Failure::failed(cause).next("look into the logs of its nodes"));
            } else {
                sleep(LOOK_EVERY).await;
            }
        }
        Ok(())
    }
}

/// What the watched node tells of what is sent.
struct Watch {
    /// What is not final yet, and when it was due, where that is measured.
    open: HashMap<BodyId, Option<Instant>>,
    start: Instant,
    latencies: Latencies,
    finals: Vec<Duration>,
    refused: usize,
}

impl Watch {
    fn new(open: HashMap<BodyId, Option<Instant>>, start: Instant) -> Self {
        Self { open, start, latencies: Latencies::default(), finals: Vec::new(), refused: 0 }
    }

    /// A further attachment of a body comes later, and changes nothing.
    fn committed(&mut self, committed: &Committed) {
        let Some(due) = self.open.remove(&committed.body) else { return };
        let now = Instant::now();
        self.finals.push(now.saturating_duration_since(self.start));
        self.refused += usize::from(!committed.outcome.is_applied());
        if let Some(due) = due {
            self.latencies.record(now.saturating_duration_since(due));
        }
    }

    /// What is open still took longer than until now; leaving it out would flatter.
    fn give_up(&mut self) {
        let now = Instant::now();
        for due in self.open.drain().filter_map(|(_, due)| due) {
            self.latencies.record(now.saturating_duration_since(due));
        }
    }
}

/// Follows `node` until all is final.
async fn follow(
    node: NodeClient,
    after: Cursor,
    watch: Arc<Mutex<Watch>>,
) -> Result<(), ClientError> {
    let kinds = Kinds { attached: false, committed: true, certified: false };
    let mut events = pin!(node.events(Filter { after: Some(after), kinds, ..Filter::default() }));
    while let Some(followed) = events.next().await {
        let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
        if let Followed::Committed(committed) = followed? {
            watch.committed(&committed);
        }
        if watch.open.is_empty() {
            break;
        }
    }
    Ok(())
}
