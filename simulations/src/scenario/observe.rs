//! What is read off a world of nodes: rates, latencies, fairness, traffic.
//!
//! A body is *final* when the node that its poster uses told of a commit that gives it an outcome.
//! Latency counts from the making of the body, whatever became of its first attachment. Counted are
//! bodies made between the end of the warm-up and the end of the load.

use std::collections::{BTreeMap, BTreeSet};

use weft_core::{
    address::Address,
    codec::Decode as _,
    digest::{BodyId, TxId},
    machine::{LogEntry, Reads as _},
    outcome::Outcome,
    time::Time,
    tx::Transaction,
    units::Position,
};
use weft_storage::Store as _;

use crate::{
    Node, World,
    scenario::{
        on_node::{GLANCE, Parts},
        picture,
        sample::{Sample, quantile},
        setting,
        statistics::jain,
    },
    world::device::Device,
};

/// Who made a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Issuer {
    /// An honest poster, by number.
    Poster(usize),
    /// Somebody who posts far too much.
    Spammer(usize),
    /// Somebody who pays.
    Client,
}

/// One body, as its poster sees it.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) tx: TxId,
    pub(super) parents: Vec<TxId>,
    pub(super) issuer: Issuer,
    pub(super) made: Time,
    /// When it was final where it was asked for.
    pub(super) ended: Option<Time>,
    /// The first attachment of its body.
    is_first: bool,
    bytes: usize,
}

/// Looks at a world now and then.
pub(super) struct Observer {
    begin: Time,
    /// Between the end of the warm-up and the end of the load.
    window: [Time; 2],
    homes: Vec<usize>,
    honest: usize,
    by_address: BTreeMap<Address, Issuer>,
    tips: Vec<[f64; 2]>,
    lag: Vec<[f64; 2]>,
}

impl Observer {
    /// `homes`: the node that each poster uses, honest ones first.
    pub(super) fn new(world: &World, parts: &Parts<'_>, homes: Vec<usize>) -> Self {
        let begin = world.now();
        let honest = usize::try_from(parts.load.posters).unwrap_or(0);
        let issuer = |number: usize| {
            let key = world.seed.bytes("device", number as u64);
            let address = Device::new(&key, world.genesis().network()).address();
            let is_honest = number < honest;
            let spammer = number.saturating_sub(honest);
            (address, if is_honest { Issuer::Poster(number) } else { Issuer::Spammer(spammer) })
        };
        Self {
            begin,
            window: [parts.time.warmup, parts.time.duration].map(|span| begin + span.span()),
            by_address: (0..homes.len()).map(issuer).collect(),
            homes,
            honest,
            tips: Vec::new(),
            lag: Vec::new(),
        }
    }

    /// Seconds since the beginning.
    fn seconds(&self, at: Time) -> f64 {
        at.since(self.begin).as_millis() as f64 / 1_000.0
    }

    /// Takes note of how it is now.
    pub(super) fn look(&mut self, world: &World) {
        let now = self.seconds(world.now());
        let tips: Vec<f64> =
            world.live().filter_map(Node::status).map(|status| status.tip_count as f64).collect();
        self.tips.push([now, tips.iter().sum::<f64>() / tips.len().max(1) as f64]);
        let chains = world.nodes().map(|node| {
            node.told().commits.last().map_or(0, |last| last.record.index.0)
        });
        let (first, last) = (chains.clone().max(), chains.min());
        self.lag.push([now, (first.unwrap_or(0) - last.unwrap_or(0)) as f64]);
    }

    /// Everything that a run showed.
    pub(super) fn sample(&self, world: &World, parts: &Parts<'_>, pictured: bool) -> Sample {
        let mut sample = Sample::default();
        let said = self.said(world);
        let counted: Vec<&Said> = said.iter().filter(|one| one.is_first && self.counts(one)).collect();
        self.rates(&mut sample, parts, &said, &counted);
        self.latencies(&mut sample, parts, &counted);
        self.traffic(&mut sample, world, &said);
        self.commits(&mut sample, world);
        sample.series.insert("tips".into(), self.tips.clone());
        sample.series.insert("lag".into(), self.lag.clone());
        let [from, _] = self.window;
        let warm = |points: &[[f64; 2]]| -> Vec<f64> {
            points.iter().filter(|[at, _]| *at > self.seconds(from)).map(|[_, y]| *y).collect()
        };
        let tips = warm(&self.tips);
        sample.put("tips_mean", tips.iter().sum::<f64>() / tips.len() as f64);
        sample.put("lag_max", warm(&self.lag).into_iter().fold(0.0, f64::max));
        sample.dag = pictured.then(|| picture::of(world, &said, self.begin, self.window)).flatten();
        sample
    }

    fn counts(&self, one: &Said) -> bool {
        let [from, until] = self.window;
        one.made >= from && one.made < until
    }

    /// All that anybody said, as far as a node has it, in the order of the longest log.
    fn said(&self, world: &World) -> Vec<Said> {
        let ended = Ended::of(world);
        let Some(node) = world.nodes().max_by_key(|node| node.store().next_position()) else {
            return Vec::new();
        };
        let mut bodies = BTreeSet::new();
        let log = node.store().log(Position::ZERO, usize::MAX);
        let said = log.into_iter().filter_map(|LogEntry { id, attachment, body, .. }| {
            let bytes = node.store().transaction(&id)?;
            let tx = Transaction::from_bytes(&bytes).ok()?;
            let issuer = self.by_address.get(&tx.body.issuer).copied().unwrap_or(Issuer::Client);
            let home = match issuer {
                Issuer::Poster(number) => self.homes.get(number).copied(),
                Issuer::Spammer(number) => self.homes.get(self.honest + number).copied(),
                Issuer::Client => None,
            };
            Some(Said {
                tx: id,
                parents: attachment.transactions().collect(),
                issuer,
                made: tx.body.time,
                ended: ended.at(home, &body),
                is_first: bodies.insert(body),
                bytes: bytes.len(),
            })
        });
        said.collect()
    }

    fn rates(&self, sample: &mut Sample, parts: &Parts<'_>, said: &[Said], counted: &[&Said]) {
        let [from, until] = self.window;
        let seconds = until.since(from).as_millis() as f64 / 1_000.0;
        let load = parts.load;
        let spam = load.tps / load.posters as f64 * load.spam_factor * load.spammers as f64;
        sample.put("offered_tps", load.tps + spam);
        sample.put("accepted_tps", counted.len() as f64 / seconds);
        let in_time = |one: &&Said| {
            one.is_first && one.ended.is_some_and(|ended| ended >= from && ended < until)
        };
        let done: Vec<&Said> = said.iter().filter(in_time).collect();
        sample.put("final_tps", done.len() as f64 / seconds);
        let of = |issuer: Issuer| done.iter().filter(|one| one.issuer == issuer).count() as f64;
        let honest: Vec<f64> = (0..self.honest).map(|number| of(Issuer::Poster(number))).collect();
        sample.put("honest_tps", honest.iter().sum::<f64>() / seconds);
        sample.put("jain", jain(&honest).unwrap_or(f64::NAN));
        let open = counted.iter().filter(|one| one.ended.is_none()).count();
        sample.put("unfinal", open as f64 / counted.len().max(1) as f64);
        let mut bars: Vec<(String, f64)> = honest
            .iter()
            .enumerate()
            .map(|(number, count)| (format!("p{number}"), count / seconds))
            .collect();
        bars.extend((self.honest..self.homes.len()).map(|number| {
            let number = number - self.honest;
            (format!("spam {number}"), of(Issuer::Spammer(number)) / seconds)
        }));
        sample.bars.insert("issuer_tps".into(), bars);
        let mut buckets: BTreeMap<u64, f64> = BTreeMap::new();
        for ended in said.iter().filter(|one| one.is_first).filter_map(|one| one.ended) {
            *buckets.entry(ended.since(self.begin).as_millis() / 1_000).or_default() += 1.0;
        }
        let whole = until.since(self.begin).as_millis() / 1_000;
        let rate = |second: u64| {
            [second as f64 + 0.5, buckets.get(&second).copied().unwrap_or_default()]
        };
        sample.series.insert("finality_rate".into(), (0..whole).map(rate).collect());
    }

    fn latencies(&self, sample: &mut Sample, parts: &Parts<'_>, counted: &[&Said]) {
        let of = |meant: &dyn Fn(Issuer) -> bool| -> Vec<f64> {
            let meant = counted.iter().filter(|one| meant(one.issuer));
            meant.filter_map(|one| one.latency_ms()).collect()
        };
        let mut all = of(&|issuer| issuer != Issuer::Client);
        let mut honest = of(&|issuer| matches!(issuer, Issuer::Poster(_)));
        let mut clients = of(&|issuer| issuer == Issuer::Client);
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
        let Ok(Some(regions)) = setting::regions(parts.net, std::path::Path::new("")) else {
            return;
        };
        let mut bars = Vec::new();
        for (number, name) in regions.names().iter().enumerate() {
            let here = |issuer: Issuer| {
                matches!(issuer, Issuer::Poster(poster)
                    if self.homes.get(poster).map(|home| regions.place(*home)) == Some(number))
            };
            let mut latencies = of(&here);
            latencies.sort_by(f64::total_cmp);
            if let Some(median) = quantile(&latencies, 0.5) {
                bars.push((name.clone(), median));
            }
        }
        sample.bars.insert("region_p50_ms".into(), bars);
    }

    fn traffic(&self, sample: &mut Sample, world: &World, said: &[Said]) {
        let done = said.iter().filter(|one| one.is_first && one.ended.is_some()).count() as f64;
        let nodes = world.nodes().count();
        let (mut bytes, mut frames, mut copies) = (0.0, 0.0, 0.0);
        let mut kinds: BTreeMap<&str, f64> = BTreeMap::new();
        for node in 0..nodes {
            let traffic = world.traffic(node);
            bytes += traffic.total().bytes as f64;
            frames += traffic.total().frames as f64;
            copies += traffic.of("transaction").frames as f64;
            for (kind, count) in traffic.kinds() {
                *kinds.entry(kind).or_default() += count.bytes as f64;
            }
        }
        let each = done * nodes as f64;
        sample.put("bytes_per_tx", bytes / each);
        sample.put("frames_per_tx", frames / each);
        sample.put("copies_per_tx", copies / (said.len() * nodes) as f64);
        let length = said.iter().map(|one| one.bytes as f64).sum::<f64>() / said.len() as f64;
        sample.put("tx_bytes", length);
        let mut shares: Vec<(String, f64)> = kinds
            .into_iter()
            .map(|(kind, of)| (kind.to_owned(), 100.0 * of / bytes.max(1.0)))
            .filter(|(_, share)| *share >= 0.5)
            .collect();
        shares.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        sample.bars.insert("bytes_by_kind".into(), shares);
    }

    fn commits(&self, sample: &mut Sample, world: &World) {
        let [from, until] = self.window;
        let seconds = until.since(from).as_millis() as f64 / 1_000.0;
        let (mut gap, mut most) = (0, 0);
        for node in world.live() {
            let told = node.told().commits.iter().map(|commit| commit.at);
            let times: Vec<Time> = told.filter(|at| *at >= from && *at < until).collect();
            most = most.max(times.len());
            let ends = std::iter::once(from).chain(times.iter().copied());
            let next = times.iter().copied().chain([until]);
            let longest = ends.zip(next).map(|(one, next)| next.since(one).as_millis()).max();
            gap = gap.max(longest.unwrap_or(0));
        }
        sample.put("commits_per_s", most as f64 / seconds);
        sample.put("gap_max_ms", gap as f64);
        let lost = world.finals().bodies.keys();
        let lost = lost.filter(|body| {
            let outcome = world.finals().outcome(body);
            outcome.is_some_and(|outcome| outcome != Outcome::Applied)
        });
        sample.put("conflicts", lost.count() as f64);
    }
}

impl Said {
    fn latency_ms(&self) -> Option<f64> {
        self.ended.map(|ended| ended.since(self.made).as_millis() as f64)
    }
}

/// When bodies were final, at each node.
struct Ended(Vec<BTreeMap<BodyId, Time>>);

impl Ended {
    fn of(world: &World) -> Self {
        let node = |node: &Node| {
            let mut ended = BTreeMap::new();
            for commit in &node.told().commits {
                for leaf in commit.leaves.iter() {
                    // A fault of an attachment is no end of its body.
                    if !matches!(leaf.outcome, Outcome::BadAnchor | Outcome::NoAccount) {
                        ended.entry(leaf.body).or_insert(commit.at);
                    }
                }
            }
            ended
        };
        Self(world.nodes().map(node).collect())
    }

    /// At `home`; of those who use any node, where it was first.
    fn at(&self, home: Option<usize>, body: &BodyId) -> Option<Time> {
        let Self(nodes) = self;
        let first = || nodes.iter().filter_map(|ended| ended.get(body)).min().copied();
        match home {
            Some(home) => nodes.get(home).and_then(|ended| ended.get(body)).copied(),
            None => first(),
        }
    }
}

const _: () = assert!(GLANCE.as_millis() > 0);
