//! What is read off a world of nodes: rates, latencies, fairness, traffic.
//!
//! A body is *final* when the node that it was handed to first told of a commit that gives it an
//! outcome; of clients, who use any node, when some node did. Latency counts from the making of the
//! body, whatever became of its first attachment. Counted are bodies made between the end of the
//! warm-up and the end of the load.

use std::collections::{BTreeMap, BTreeSet};

use weft_core::{digest::BodyId, outcome::Outcome, time::Time};

use crate::{
    Node, World,
    scenario::{
        on_node::Parts,
        picture,
        sample::{Sample, quantile},
        setting,
    },
    substrate::fair::jain,
    world::measure::Issuer,
};

/// One body, as whoever made it sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) issuer: Issuer,
    /// The node that it was handed to first.
    pub(super) node: usize,
    pub(super) made: Time,
    /// When it was final there.
    pub(super) ended: Option<Time>,
    /// Whether some node took it.
    taken: bool,
    /// Length of its first attachment, in bytes.
    bytes: u64,
}

impl Said {
    fn latency_ms(&self) -> Option<f64> {
        self.ended.map(|ended| ended.since(self.made).as_millis() as f64)
    }
}

/// Who posts, by kind.
#[derive(Clone, Debug)]
pub(super) struct Crowd {
    pub(super) honest: Vec<Issuer>,
    pub(super) spammers: Vec<Issuer>,
}

/// Looks at a world now and then.
pub(super) struct Observer {
    begin: Time,
    /// Between the end of the warm-up and the end of the load.
    window: [Time; 2],
    crowd: Crowd,
    tips: Vec<[f64; 2]>,
    lag: Vec<[f64; 2]>,
}

impl Observer {
    pub(super) fn new(world: &World, parts: &Parts<'_>, crowd: Crowd) -> Self {
        let begin = world.now();
        let window = [parts.time.warmup, parts.time.duration].map(|span| begin + span.span());
        Self { begin, window, crowd, tips: Vec::new(), lag: Vec::new() }
    }

    /// Seconds since the beginning.
    fn seconds(&self, at: Time) -> f64 {
        at.since(self.begin).as_millis() as f64 / 1_000.0
    }

    /// The length of the window, in seconds.
    fn window_s(&self) -> f64 {
        let [from, until] = self.window;
        until.since(from).as_millis() as f64 / 1_000.0
    }

    fn within(&self, at: Time) -> bool {
        let [from, until] = self.window;
        at >= from && at < until
    }

    /// Takes note of how it is now.
    pub(super) fn look(&mut self, world: &World) {
        let now = self.seconds(world.now());
        let tips: Vec<f64> =
            world.live().filter_map(Node::status).map(|status| status.tip_count as f64).collect();
        self.tips.push([now, tips.iter().sum::<f64>() / tips.len().max(1) as f64]);
        let last = |node: &Node| node.told().commits.last().map_or(0, |last| last.record.index.0);
        let chains = world.nodes().map(last);
        let (first, last) = (chains.clone().max(), chains.min());
        self.lag.push([now, (first.unwrap_or(0) - last.unwrap_or(0)) as f64]);
    }

    /// Everything that a run showed.
    pub(super) fn sample(&self, world: &World, parts: &Parts<'_>, pictured: bool) -> Sample {
        let mut sample = Sample::default();
        let bodies = said(world);
        let said: Vec<&Said> = bodies.values().collect();
        let counted: Vec<&Said> =
            said.iter().copied().filter(|one| self.within(one.made)).collect();
        self.rates(&mut sample, parts, &said, &counted);
        self.latencies(&mut sample, &counted);
        self.regions(&mut sample, parts, &counted);
        traffic(&mut sample, world, &said);
        self.commits(&mut sample, world);
        sample.series.insert("tips".into(), self.tips.clone());
        sample.series.insert("lag".into(), self.lag.clone());
        let [from, _] = self.window.map(|at| self.seconds(at));
        let warm = |points: &[[f64; 2]]| -> Vec<f64> {
            points.iter().filter(|[at, _]| *at > from).map(|[_, y]| *y).collect()
        };
        let tips = warm(&self.tips);
        sample.put("tips_mean", tips.iter().sum::<f64>() / tips.len() as f64);
        sample.put("lag_max", warm(&self.lag).into_iter().fold(0.0, f64::max));
        sample.put("turned_away", world.turned_away() as f64);
        let picture = || picture::of(world, &bodies, &self.crowd, self.begin, self.window);
        sample.dag = if pictured { picture() } else { None };
        sample
    }

    fn rates(&self, sample: &mut Sample, parts: &Parts<'_>, said: &[&Said], counted: &[&Said]) {
        let (seconds, load) = (self.window_s(), parts.load);
        let spam = load.spam_rate() * load.spammers as f64;
        sample.put("offered_tps", load.tps + spam);
        sample.put("posted_tps", counted.len() as f64 / seconds);
        let taken = counted.iter().filter(|one| one.taken).count();
        sample.put("accepted_tps", taken as f64 / seconds);
        let done: Vec<&&Said> =
            said.iter().filter(|one| one.ended.is_some_and(|ended| self.within(ended))).collect();
        sample.put("final_tps", done.len() as f64 / seconds);
        let of = |issuer: &Issuer| done.iter().filter(|one| one.issuer == *issuer).count() as f64;
        let honest: Vec<f64> = self.crowd.honest.iter().map(of).collect();
        sample.put("honest_tps", honest.iter().sum::<f64>() / seconds);
        sample.put("jain", jain(&honest));
        let open = counted.iter().filter(|one| one.ended.is_none()).count();
        sample.put("unfinal", open as f64 / counted.len().max(1) as f64);
        let named = |(number, count): (usize, &f64)| (format!("p{number}"), count / seconds);
        let mut bars: Vec<(String, f64)> = honest.iter().enumerate().map(named).collect();
        let spam = self.crowd.spammers.iter().enumerate();
        bars.extend(spam.map(|(number, who)| (format!("spam {number}"), of(who) / seconds)));
        sample.bars.insert("issuer_tps".into(), bars);
        let mut buckets: BTreeMap<u64, f64> = BTreeMap::new();
        for ended in said.iter().filter_map(|one| one.ended) {
            *buckets.entry(ended.since(self.begin).as_millis() / 1_000).or_default() += 1.0;
        }
        let [_, until] = self.window;
        let whole = until.since(self.begin).as_millis() / 1_000;
        let rate =
            |second: u64| [second as f64 + 0.5, buckets.get(&second).copied().unwrap_or_default()];
        sample.series.insert("finality_rate".into(), (0..whole).map(rate).collect());
    }

    fn latencies(&self, sample: &mut Sample, counted: &[&Said]) {
        let honest_ones: BTreeSet<Issuer> = self.crowd.honest.iter().copied().collect();
        let of = |meant: &dyn Fn(Issuer) -> bool| -> Vec<f64> {
            let meant = counted.iter().filter(|one| meant(one.issuer));
            meant.filter_map(|one| one.latency_ms()).collect()
        };
        let is_client = |issuer: Issuer| matches!(issuer, Issuer::Client(_));
        let mut all = of(&|issuer| !is_client(issuer));
        let mut honest = of(&|issuer| honest_ones.contains(&issuer));
        let mut clients = of(&is_client);
        sample.put_tail("finality", &mut all);
        sample.put_tail("honest_finality", &mut honest);
        sample.put_tail("client_finality", &mut clients);
        let quantiles = [
            ("finality_p50_ms", &all, 0.5),
            ("finality_p95_ms", &all, 0.95),
            ("finality_p99_ms", &all, 0.99),
            ("finality_max_ms", &all, 1.0),
            ("honest_p99_ms", &honest, 0.99),
            ("client_p99_ms", &clients, 0.99),
        ];
        for (name, sorted, share) in quantiles {
            sample.put(name, quantile(sorted, share).unwrap_or(f64::NAN));
        }
    }

    fn regions(&self, sample: &mut Sample, parts: &Parts<'_>, counted: &[&Said]) {
        let Ok(Some(regions)) = setting::regions(parts.net) else { return };
        let mut bars = Vec::new();
        for (number, name) in regions.names().iter().enumerate() {
            let here = counted.iter().filter(|one| regions.place(one.node) == number);
            let mut latencies: Vec<f64> = here.filter_map(|one| one.latency_ms()).collect();
            latencies.sort_by(f64::total_cmp);
            if let Some(median) = quantile(&latencies, 0.5) {
                bars.push((name.clone(), median));
            }
        }
        sample.bars.insert("region_p50_ms".into(), bars);
    }

    fn commits(&self, sample: &mut Sample, world: &World) {
        let [from, until] = self.window;
        let (mut gap, mut most) = (0, 0);
        for node in world.live() {
            let told = node.told().commits.iter().map(|commit| commit.at);
            let times: Vec<Time> = told.filter(|at| self.within(*at)).collect();
            most = most.max(times.len());
            let ends = std::iter::once(from).chain(times.iter().copied());
            let next = times.iter().copied().chain([until]);
            let longest = ends.zip(next).map(|(one, next)| next.since(one).as_millis()).max();
            gap = gap.max(longest.unwrap_or(0));
        }
        sample.put("commits_per_s", most as f64 / self.window_s());
        sample.put("gap_max_ms", gap as f64);
        let finals = world.finals();
        let outcomes = finals.bodies.keys().filter_map(|body| finals.outcome(body));
        let lost = outcomes.filter(|outcome| *outcome != Outcome::Applied).count();
        sample.put("conflicts", lost as f64);
    }
}

/// All bodies that somebody handed over.
fn said(world: &World) -> BTreeMap<BodyId, Said> {
    let mut said: BTreeMap<BodyId, Said> = BTreeMap::new();
    for submission in world.submissions().values() {
        let one = said.entry(submission.body).or_insert(Said {
            issuer: submission.issuer,
            node: submission.node,
            made: submission.submitted,
            ended: None,
            taken: false,
            bytes: submission.bytes,
        });
        if submission.submitted < one.made {
            (one.made, one.node) = (submission.submitted, submission.node);
        }
        one.taken |= submission.attached.is_some();
    }
    let mut first: BTreeMap<BodyId, Time> = BTreeMap::new();
    for (number, node) in told(world) {
        for commit in &node.told().commits {
            for leaf in commit.leaves.iter() {
                // A fault of an attachment is no end of its body.
                if matches!(leaf.outcome, Outcome::BadAnchor | Outcome::NoAccount) {
                    continue;
                }
                let at = first.entry(leaf.body).or_insert(commit.at);
                *at = commit.at.min(*at);
                if let Some(one) = said.get_mut(&leaf.body).filter(|one| one.node == number) {
                    one.ended.get_or_insert(commit.at);
                }
            }
        }
    }
    for (body, one) in &mut said {
        if matches!(one.issuer, Issuer::Client(_)) {
            one.ended = first.get(body).copied();
        }
    }
    said
}

/// Honest nodes by number.
fn told(world: &World) -> impl Iterator<Item = (usize, &Node)> {
    world.honest_numbers().into_iter().map(|number| (number, world.node(number)))
}

fn traffic(sample: &mut Sample, world: &World, said: &[&Said]) {
    let done = said.iter().filter(|one| one.ended.is_some()).count() as f64;
    let nodes = world.honest_numbers();
    let (mut bytes, mut frames, mut copies) = (0.0, 0.0, 0.0);
    let mut kinds: BTreeMap<&str, f64> = BTreeMap::new();
    for node in &nodes {
        let traffic = world.traffic(*node);
        bytes += traffic.total().bytes as f64;
        frames += traffic.total().frames as f64;
        copies += traffic.of("transaction").frames as f64;
        for (kind, count) in traffic.kinds() {
            *kinds.entry(kind).or_default() += count.bytes as f64;
        }
    }
    let each = done * nodes.len() as f64;
    sample.put("bytes_per_tx", bytes / each);
    sample.put("frames_per_tx", frames / each);
    sample.put("copies_per_tx", copies / each);
    let length = said.iter().map(|one| one.bytes as f64).sum::<f64>() / said.len() as f64;
    sample.put("tx_bytes", length);
    sample.put("wire_ratio", bytes / each / length);
    let shares = kinds.into_iter().map(|(kind, of)| (kind.to_owned(), 100.0 * of / bytes));
    let mut shares: Vec<(String, f64)> = shares.filter(|(_, share)| *share >= 0.5).collect();
    shares.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    sample.bars.insert("bytes_by_kind".into(), shares);
}
