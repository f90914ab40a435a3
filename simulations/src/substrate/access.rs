//! Access control by reputation: each issuer sets its rate by what it sees in its own queue, each
//! node serves issuers by deficit round robin, and who issues more than its share waits alone.
//!
//! Cullen, Ferraro, Sanders, Vigneri, Shorten: Access Control for Distributed Ledgers in the
//! Internet of Things, arXiv 2005.07778; conditions as in the authors' own simulator. Time in
//! microseconds, work in transactions, all of the same work.
//!
//! Invariant: a node forwards each transaction once, when its scheduler serves it.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{chance::Chance, drr::Scheduler, graph::Graph};
use crate::kernel::random::Seed;

/// A second.
const SECOND: f64 = 1e6;

/// What a node issues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    Inactive,
    /// As much as it is guaranteed.
    Content,
    /// Up to twice as much, as far as its rate allows.
    BestEffort,
    /// Three times as much, always, past its own queue.
    Malicious,
}

impl Mode {
    /// What it wants, in guaranteed shares.
    pub const fn wanted(self) -> f64 {
        match self {
            Self::Inactive => 0.0,
            Self::Content => 1.0,
            Self::BestEffort => 2.0,
            Self::Malicious => 3.0,
        }
    }
}

/// The conditions.
#[derive(Clone, Debug)]
pub struct Setting {
    /// A node each; at most 64.
    pub modes: Vec<Mode>,
    /// Links of each node.
    pub degree: usize,
    /// Of a link, in microseconds.
    pub delay: u64,
    /// What a node serves, in transactions per second.
    pub capacity: f64,
    /// Reputation falls as rank to the power of minus this.
    pub zipf: f64,
    /// Rates rise with each transaction served by this times the share of the reputation.
    pub rise: f64,
    /// Rates fall to this share of themselves when the own queue is too long.
    pub fall: f64,
    /// After a fall, neither issue nor change of rate, in microseconds.
    pub pause: u64,
    /// Transactions that wait at a node at most; then those of the longest queue are dropped.
    pub waiting_max: usize,
    /// How long it runs, in microseconds. The first quarter is not counted.
    pub until: u64,
}

impl Setting {
    /// The authors' conditions, for nodes of these modes.
    pub const fn published(modes: Vec<Mode>) -> Self {
        Self {
            modes,
            degree: 4,
            delay: 50_000,
            capacity: 50.0,
            zipf: 0.9,
            rise: 0.075,
            fall: 0.7,
            pause: 2_000_000,
            waiting_max: 500,
            until: 600_000_000,
        }
    }

    /// The guaranteed rate of each node, in transactions per second.
    pub fn guaranteed(&self) -> Vec<f64> {
        let reputation = self.reputation();
        let all: f64 = reputation.iter().sum();
        reputation.iter().map(|reputation| self.capacity * reputation / all).collect()
    }

    /// That of rank r, from 1 on, is (n + 1) / r^zipf: the unit in which a queue is too long.
    fn reputation(&self) -> Vec<f64> {
        let most = self.modes.len() as f64 + 1.0;
        let ranks = (1..=self.modes.len()).map(|rank| rank as f64);
        ranks.map(|rank| most / libm::pow(rank, self.zipf)).collect()
    }
}

/// What was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Of each issuer, what nodes that are not malicious served, in guaranteed shares.
    pub rates: Vec<f64>,
    /// Of each issuer, what it came to want in that time, in guaranteed shares.
    pub wanted: Vec<f64>,
    /// Share of their capacity that these nodes used.
    pub utilisation: f64,
    /// Of each issuer, mean seconds until a transaction was known to all; NaN of none.
    pub latency: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A node may issue.
    Issue(usize),
    /// A node hears a transaction.
    Hear(usize, usize),
    /// A node serves the next one.
    Serve(usize),
}

#[derive(Debug)]
struct Tx {
    issuer: usize,
    issued: u64,
    /// A bit per node that knows it.
    known: u64,
}

#[derive(Debug)]
struct Node {
    mode: Mode,
    chance: Chance,
    queue: Scheduler<usize>,
    is_serving: bool,
    /// Issued per second, and by how much that rises.
    rate: f64,
    rise: f64,
    /// Longest own queue before the rate falls, and its moving average.
    own_max: f64,
    own: f64,
    falls: bool,
    paused_until: u64,
    issues_from: u64,
    /// When it wants to issue the next one.
    wants_at: f64,
    wanted: f64,
}

/// Weight of the newest length in the average of a queue's.
const NEWEST: f64 = 0.1;

#[derive(Debug)]
struct Run<'a> {
    setting: &'a Setting,
    graph: Graph,
    nodes: Vec<Node>,
    txs: Vec<Tx>,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    sequence: u64,
    served: Vec<u64>,
    wanted: Vec<u64>,
    latency: Vec<(u64, u64)>,
}

/// Runs the network. What a node wants, and when, depends on the seed and on its own mode alone.
/// `None` if there is no graph of that degree.
pub fn run(setting: &Setting, seed: Seed) -> Option<Shown> {
    let count = setting.modes.len();
    let mut chance = Chance::new(seed, "access.graph", 0);
    let graph = Graph::regular(count, setting.degree, &mut chance, |_| setting.delay)?;
    let guaranteed = setting.guaranteed();
    let quanta: Vec<f64> = guaranteed.iter().map(|rate| rate / setting.capacity).collect();
    let nodes = setting.modes.iter().zip(guaranteed.iter().zip(setting.reputation()));
    let nodes = nodes.zip(0..).map(|((mode, (rate, reputation)), number)| Node {
        chance: Chance::new(seed, "access.wants", number),
        mode: *mode,
        queue: Scheduler::new(&quanta, 1.0),
        is_serving: false,
        rate: if *mode == Mode::Malicious { 3.0 * rate } else { *rate },
        rise: setting.rise * rate / setting.capacity,
        own_max: reputation,
        own: 0.0,
        falls: false,
        paused_until: 0,
        issues_from: 0,
        wants_at: 0.0,
        wanted: rate * mode.wanted(),
    });
    let mut run = Run {
        setting,
        graph,
        nodes: nodes.collect(),
        txs: Vec::new(),
        events: BinaryHeap::new(),
        sequence: 0,
        served: vec![0; count],
        wanted: vec![0; count],
        latency: vec![(0, 0); count],
    };
    for node in 0..count {
        run.want(node);
    }
    while let Some(Reverse((now, _, event))) = run.events.pop() {
        if now > setting.until {
            break;
        }
        match event {
            Event::Issue(node) => run.issue(node, now),
            Event::Hear(node, tx) => run.hear(node, tx, now),
            Event::Serve(node) => run.serve(node, now),
        }
    }
    Some(run.shown(&guaranteed))
}

impl Run<'_> {
    fn put(&mut self, at: u64, event: Event) {
        self.sequence += 1;
        self.events.push(Reverse((at, self.sequence, event)));
    }

    /// The node wants to issue once more, and does when it may.
    fn want(&mut self, at: usize) {
        let Some(node) = self.nodes.get_mut(at).filter(|node| node.wanted > 0.0) else {
            return;
        };
        node.wants_at += node.chance.exponential(SECOND / node.wanted);
        let wants_at = micros(node.wants_at);
        let due = wants_at.max(node.issues_from);
        if (self.setting.until / 4..self.setting.until).contains(&wants_at)
            && let Some(wanted) = self.wanted.get_mut(at)
        {
            *wanted += 1;
        }
        self.put(due, Event::Issue(at));
    }

    fn issue(&mut self, at: usize, now: u64) {
        let Some(node) = self.nodes.get_mut(at) else {
            return;
        };
        if now < node.issues_from {
            let later = node.issues_from;
            self.put(later, Event::Issue(at));
            return;
        }
        let is_malicious = node.mode == Mode::Malicious;
        if !is_malicious {
            node.issues_from = now + micros(SECOND / node.rate);
        }
        let tx = self.txs.len();
        self.txs.push(Tx { issuer: at, issued: now, known: 0 });
        if is_malicious {
            self.know(at, tx, now);
            self.forward(at, tx, now);
        } else {
            self.hear(at, tx, now);
        }
        self.want(at);
    }

    /// Whether the transaction is new to the node, which knows it from now on.
    fn know(&mut self, at: usize, tx: usize, now: u64) -> bool {
        let all = u64::MAX >> (64 - self.nodes.len());
        let Some(tx) = self.txs.get_mut(tx) else {
            return false;
        };
        let is_new = tx.known & (1 << at) == 0;
        tx.known |= 1 << at;
        if is_new
            && tx.known == all
            && tx.issued >= self.setting.until / 4
            && let Some((count, sum)) = self.latency.get_mut(tx.issuer)
        {
            *count += 1;
            *sum += now - tx.issued;
        }
        is_new
    }

    fn hear(&mut self, at: usize, tx: usize, now: u64) {
        if !self.know(at, tx, now) {
            return;
        }
        let issuer = self.txs.get(tx).map_or(at, |tx| tx.issuer);
        let Some(node) = self.nodes.get_mut(at) else {
            return;
        };
        node.queue.put(issuer, 1.0, tx);
        if issuer == at {
            node.falls |= node.own > node.own_max;
        }
        if node.queue.waiting_in_all() > self.setting.waiting_max {
            node.queue.drop_longest();
        }
        if !node.is_serving {
            node.is_serving = true;
            self.put(now, Event::Serve(at));
        }
    }

    fn serve(&mut self, at: usize, now: u64) {
        let Some(node) = self.nodes.get_mut(at) else {
            return;
        };
        let Some((issuer, _, tx)) = node.queue.take() else {
            node.is_serving = false;
            return;
        };
        node.own = (1.0 - NEWEST) * node.own + NEWEST * node.queue.waiting(at) as f64;
        node.set_rate(self.setting, now);
        if node.mode != Mode::Malicious
            && now >= self.setting.until / 4
            && let Some(served) = self.served.get_mut(issuer)
        {
            *served += 1;
        }
        self.put(now + micros(SECOND / self.setting.capacity), Event::Serve(at));
        self.forward(at, tx, now);
    }

    fn forward(&mut self, at: usize, tx: usize, now: u64) {
        let Some(known) = self.txs.get(tx).map(|tx| tx.known) else {
            return;
        };
        for place in 0..self.graph.neighbours(at).len() {
            if let Some((to, delay)) = self.graph.neighbours(at).get(place).copied()
                && known & (1 << to) == 0
            {
                self.put(now + delay, Event::Hear(to, tx));
            }
        }
    }

    fn shown(&self, guaranteed: &[f64]) -> Shown {
        let honest = self.nodes.iter().filter(|node| node.mode != Mode::Malicious).count() as f64;
        let seconds = self.setting.until as f64 * 0.75 / SECOND;
        let all: u64 = self.served.iter().sum();
        let shares = |counts: &[u64], by: f64| {
            let shares = counts.iter().zip(guaranteed);
            shares.map(|(count, rate)| *count as f64 / (by * seconds * rate)).collect()
        };
        let latency = self.latency.iter();
        Shown {
            rates: shares(&self.served, honest),
            wanted: shares(&self.wanted, 1.0),
            utilisation: all as f64 / (honest * seconds * self.setting.capacity),
            latency: latency.map(|(count, sum)| *sum as f64 / *count as f64 / SECOND).collect(),
        }
    }
}

impl Node {
    /// The rate rises a little with each transaction served, and falls when the own queue was too
    /// long; then nothing changes and nothing is issued for a while.
    fn set_rate(&mut self, setting: &Setting, now: u64) {
        if self.mode == Mode::Malicious {
            return;
        }
        if now < self.paused_until {
            self.falls = false;
        } else if self.falls {
            self.falls = false;
            self.rate *= setting.fall;
            self.paused_until = now + setting.pause;
            self.issues_from = self.issues_from.max(now) + setting.pause;
        } else {
            self.rate += self.rise;
        }
    }
}

/// Microseconds, whole; of a time that is not negative.
fn micros(time: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from a float the cast saturates, and no time is negative"
    )]
    let micros = time as u64;
    micros
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_more_than_it_wants_nor_much_less() {
        let modes = vec![Mode::Content; 8];
        let mut setting = Setting { until: 100_000_000, ..Setting::published(modes) };
        setting.capacity = 200.0;
        let guaranteed: f64 = setting.guaranteed().iter().sum();
        assert!((guaranteed - 200.0).abs() < 1e-9);
        let shown = run(&setting, Seed::new(1)).unwrap();
        assert!(shown.rates.iter().all(|rate| (0.7..1.1).contains(rate)), "{shown:?}");
    }
}
