//! A plan, run: first trouble under load; then nothing goes wrong any more but for at most f
//! validators, and all must come to rest, before every judge.

use std::{
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use weft_core::{
    codec::Decode as _,
    digest::BodyId,
    machine::{Archive, Reads as _},
    outcome::Outcome,
    time::{Span, Time},
    tx::{Payload, SealedBody},
};

use super::{
    plan::{Plan, Story},
    sale::Deal,
};
use crate::{
    judges::{Broken, Rule, Verdict, agreement, determinism, durability, fairness},
    world::{Node, Posting, World, measure::Issuer},
};

/// How a run went that held.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Whether the machines had bounds so small that they are hit all the time.
    pub tiny: bool,
    /// Nodes at the end.
    pub nodes: usize,
    /// Transactions that the first node holds.
    pub transactions: u64,
    /// Frames that arrived anywhere.
    pub deliveries: u64,
    /// Steps of all machines, and how many of them were only a deadline.
    pub steps: [u64; 2],
    /// Time from the end of the load until all was known, or final, everywhere.
    pub rest_after: Span,
    /// Transactions that reached a node, repeats included, of 100 that it holds; of all nodes the
    /// one with most.
    pub copies: u64,
    /// What happened, how often: frames by kind, ends, evidence and the like.
    pub happened: BTreeMap<&'static str, u64>,
    /// A digest over all deliveries.
    pub trace: [u8; 32],
}

/// Time that shows whether all fell silent.
const SILENCE: Span = Span::from_secs(30);

/// How long somebody posts at each honest node then.
const ASKED: Span = Span::from_secs(3);

/// How long a reading that one honest validator knows may take to be final, when all is at rest.
const PROBED: Span = Span::from_secs(20);

/// How a run ended that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallen {
    /// In short.
    pub verdict: Verdict,
    /// What was seen, for people.
    pub what: String,
}

impl From<Broken> for Fallen {
    fn from(broken: Broken) -> Self {
        Self { verdict: broken.rule.verdict(), what: broken.to_string() }
    }
}

impl fmt::Display for Fallen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.verdict, self.what)
    }
}

impl Plan {
    /// Runs it, to whatever end: code of a node that panics is one.
    pub fn end(&self) -> Result<Report, Fallen> {
        match catch_unwind(AssertUnwindSafe(|| self.run())) {
            Ok(ended) => ended.map_err(Fallen::from),
            Err(cause) => {
                let text = cause.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| cause.downcast_ref::<&str>().copied());
                let what = format!("seed {}: {}", self.seed, text.unwrap_or("no message"));
                Err(Fallen { verdict: Verdict::Panicked, what })
            }
        }
    }

    /// Runs it twice: both must deliver the same, to the byte (C6).
    pub fn end_twice(&self) -> Result<Report, Fallen> {
        let (first, second) = (self.end()?, self.end()?);
        determinism::one_run(self.seed, &first.trace, &second.trace)?;
        Ok(first)
    }

    /// Runs it.
    pub fn run(&self) -> Result<Report, Broken> {
        let world = self.world();
        if let Some(sale) = &self.sale {
            return self.run_sale(sale.open(world)?);
        }
        let mut world = world;
        self.begin(&mut world);
        world.run(self.load)?;
        let loaded = world.now();
        let rested = match self.story {
            Story::Spread => self.spread(&mut world)?,
            Story::Finality => {
                world.judge_finality()?;
                heal(&mut world);
                self.finality(&mut world)?
            }
        };
        Ok(self.report(&world, rested.since(loaded)))
    }

    /// Runs it with a trade in it, which ends by itself once nothing goes wrong any more.
    fn run_sale(&self, mut deal: Deal) -> Result<Report, Broken> {
        self.begin(deal.world());
        deal.run(self.load)?;
        let loaded = deal.world().now();
        deal.world().judge_finality()?;
        heal(deal.world());
        let traded = deal.end(self.patience)?;
        let rested = self.finality(deal.world())?;
        let mut report = self.report(deal.world(), rested.since(loaded));
        report.happened.extend(traded);
        Ok(report)
    }

    fn spread(&self, world: &mut World) -> Result<Time, Broken> {
        world.settle(self.patience)?;
        let settled = world.now();
        falls_silent(world, settled)?;
        world.judge_settled()?;
        Ok(settled)
    }

    fn finality(&self, world: &mut World) -> Result<Time, Broken> {
        world.finish(self.patience)?;
        let finished = world.now();
        probe(world)?;
        world.judge()?;
        world.judge_final()?;
        Ok(finished)
    }

    fn report(&self, world: &World, rest_after: Span) -> Report {
        let (mut copies, mut steps) = (0, [0, 0]);
        for (number, node) in world.nodes().enumerate() {
            let held = node.status().map_or(0, |status| status.next.0).max(1);
            copies = copies.max(world.traffic(number).of("transaction").frames * 100 / held);
            let [all, ticks] = steps;
            steps = [all + node.pulse().steps, ticks + node.pulse().ticks];
        }
        let (trace, deliveries) = world.trace();
        let first = world.live().next().and_then(Node::status);
        Report {
            seed: self.seed,
            tiny: self.options.live_count_max < 1_000,
            nodes: world.nodes().count(),
            transactions: first.map_or(0, |status| status.next.0),
            deliveries,
            steps,
            rest_after,
            copies,
            happened: happened(world),
            trace,
        }
    }
}

/// Whoever met none but cheats would never hear anything: operators name somebody honest.
fn heal(world: &mut World) {
    let honest = world.honest_numbers();
    for (by, to) in honest.iter().skip(1).zip(honest.iter().cycle().take(honest.len() - 1)) {
        world.connect(*by, *to);
    }
}

/// C15: what only one honest validator was told is final soon, whichever that is. C14: and as much
/// of it as of what any other was told, for all of them are asked alike.
pub(crate) fn probe(world: &mut World) -> Result<(), Broken> {
    let posting = Posting { every: Span::from_millis(500), ..Posting::default() };
    let (from, earlier) = (world.now(), world.posters.len());
    for node in world.honest_numbers() {
        world.add_poster(node, posting, ASKED);
    }
    let probers = earlier..world.posters.len();
    world.run(ASKED)?;
    world.run(Span::from_secs(1))?;
    world.finish(PROBED).map_err(|late| Broken { rule: Rule::C15Censorship, ..late })?;
    world.run(Span::from_secs(5))?;
    let Some(watch) = world.honest_numbers().first().copied() else { return Ok(()) };
    let shares = world.summary(watch, from, world.now()).by_issuer;
    let share = |poster| shares.get(&Issuer::Poster(poster)).copied().unwrap_or_default();
    fairness::like_shares(&probers.map(share).collect::<Vec<_>>())
        .map_err(|broken| world.located(&broken))
}

/// Once all agree, nobody sends another transaction, and little else.
fn falls_silent(world: &mut World, settled: Time) -> Result<(), Broken> {
    world.run_until(settled + Span::from_secs(5), |_| false)?;
    let nodes: Vec<usize> = (0..world.nodes().count()).collect();
    let before: Vec<_> = nodes.iter().map(|node| world.traffic(*node).clone()).collect();
    world.run(SILENCE)?;
    let frames_max = 10 * nodes.len() as u64;
    for (node, before) in nodes.into_iter().zip(before) {
        let since = world.traffic(node).since(&before);
        if since.of("transaction").frames > 0 || since.total().frames > frames_max {
            let what = format!("node {node} heard in silence {since:?}");
            return Err(world.located(&Broken::new(Rule::C10Bounds, what)));
        }
    }
    Ok(())
}

fn happened(world: &World) -> BTreeMap<&'static str, u64> {
    let mut happened: BTreeMap<&'static str, u64> = BTreeMap::new();
    for (number, _) in world.nodes().enumerate() {
        for (kind, count) in world.traffic(number).kinds() {
            *happened.entry(kind).or_default() += count.frames;
        }
    }
    let longest = agreement::longest(world.nodes());
    let leaves = || longest.iter().flat_map(|commit| commit.leaves.iter());
    let failed = leaves().filter(|leaf| leaf.outcome != Outcome::Applied);
    let most = |of: fn(&Node) -> usize| world.nodes().map(of).max().unwrap_or_default() as u64;
    let whole = world.nodes().filter(|node| node.told().is_whole()).count();
    let applied = leaves().filter(|leaf| leaf.outcome == Outcome::Applied);
    happened.extend(traded(world, applied.map(|leaf| leaf.body)));
    happened.extend([
        ("commits", longest.len() as u64),
        ("ordered", leaves().count() as u64),
        ("without effect", failed.count() as u64),
        ("stale", most(|node| node.told().stale.len())),
        ("certified", most(|node| usize::try_from(node.told().certified).unwrap_or(usize::MAX))),
        ("convicted", most(|node| node.told().convicted.len())),
        ("reads failed", world.nodes().map(|node| node.told().failed_reads).sum()),
        ("restarted", most(|node| usize::try_from(node.lives()).unwrap_or(usize::MAX)) - 1),
        ("jumped by a snapshot", (world.nodes().count() - whole) as u64),
        ("dropped what was final", most(|node| usize::from(!durability::is_whole(node)))),
    ]);
    happened
}

/// What of the market took effect, as far as a node still has the bodies.
fn traded(world: &World, applied: impl Iterator<Item = BodyId>) -> [(&'static str, u64); 3] {
    let (mut opened, mut claimed, mut ended) = (0, 0, 0);
    let store = world.live().next().map(Node::store);
    for (store, id) in store.into_iter().cycle().zip(applied) {
        let sealed = store.sealed_body(&id).and_then(|bytes| SealedBody::from_bytes(&bytes).ok());
        match sealed.map(|sealed| sealed.body.payload) {
            Some(Payload::ChannelOpen(_)) => {
                opened += 1;
                ended += u64::from(Archive::new(store).settlement(&id).is_some());
            }
            Some(Payload::ChannelClaim(_)) => claimed += 1,
            _ => {}
        }
    }
    [("channels opened", opened), ("claims", claimed), ("channels ended", ended)]
}
