//! Everything goes wrong at once, another way with each seed: swarms of faults over networks of all
//! shapes, links and bounds.
//!
//! A run has two halves. First chaos, under load; then nothing goes wrong any more, and everybody
//! has to agree, and to fall silent.

use std::collections::BTreeMap;

use weft_core::time::{Span, Time};

use crate::{
    judges::Broken,
    kernel::random::{Dice, Seed},
    world::{
        Links, Posting, {Settings, World},
    },
};

/// How one run went.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Whether the machines had bounds so small that they are hit all the time.
    pub tiny: bool,
    /// Nodes at the end.
    pub nodes: usize,
    /// Transactions that all of them hold.
    pub transactions: u64,
    /// Frames that arrived anywhere.
    pub deliveries: u64,
    /// Steps of all machines, and how many of them were only a deadline.
    pub steps: [u64; 2],
    /// Time from the end of the load until all agreed.
    pub settled_after: Span,
    /// Transactions that reached a node, repeats included, of 100 that it holds; of all nodes the
    /// one with most.
    pub copies: u64,
    /// Frames that arrived by kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// A digest over all deliveries.
    pub trace: [u8; 32],
}

/// Time under load.
const LOAD: Span = Span::from_secs(40);

/// Time until the last fault is over.
const CHAOS: Span = Span::from_secs(35);

/// Time after the load in which all must agree.
const PATIENCE: Span = Span::from_secs(240);

/// Time that shows whether all fell silent.
const SILENCE: Span = Span::from_secs(30);

/// One run.
pub fn run(number: u64) -> Result<Report, Broken> {
    let mut dice = Seed::new(number).dice("campaign", 0);
    let tiny = dice.chance(50);
    let mut world = World::new(settings(number, tiny, &mut dice));
    let count = 3 + dice.index(6);
    let nodes = if dice.chance(50) { world.mesh(count) } else { world.line(count) };
    for node in nodes {
        let plan = Posting {
            every: dice.span(Span::from_millis(50), Span::from_millis(1_500)),
            bytes_max: dice.pick(&[32, 200, 4_000]).copied().unwrap_or(32),
            roams: dice.pick(&[0, 10]).copied().unwrap_or(0),
            twice: dice.pick(&[0, 5]).copied().unwrap_or(0),
        };
        world.add_poster(node, plan, LOAD);
    }
    world.chaos(CHAOS);
    world.run(LOAD)?;
    let loaded = world.now();
    world.settle(PATIENCE)?;
    let settled = world.now();
    let report = report(&world, tiny, settled.since(loaded));
    falls_silent(&mut world, settled)?;
    world.judge_settled()?;
    Ok(report)
}

fn settings(number: u64, tiny: bool, dice: &mut Dice) -> Settings {
    let ms = Span::from_millis;
    let mut settings = Settings::new(number);
    settings.links = Links {
        delay: [ms(1), dice.span(ms(2), ms(150))],
        jitter: dice.span(ms(0), ms(40)),
        bytes_per_ms: dice.chance(30).then(|| dice.between(200, 2_000)),
        ..Links::default()
    };
    settings.group_max = dice.pick(&[1, 8, 64]).copied().unwrap_or(64);
    // Whoever takes inputs one by one must be quick.
    let busy = if settings.group_max == 64 { 30 } else { 3 };
    settings.busy = dice.span(ms(0), ms(busy));
    let limits = &mut settings.limits;
    limits.peers_target = dice.index(5);
    if tiny {
        limits.live_count_max = 200;
        limits.cone_walk_max = 64;
        limits.cone_bytes = 64 << 10;
        limits.tips_max = 32;
        settings.seen_max = 300;
        if dice.chance(50) {
            limits.waiting_bytes_per_peer = 64 << 10;
            limits.waiting_bytes_max = 128 << 10;
        }
    }
    settings
}

/// Once all agree, nobody sends another transaction, and little else.
fn falls_silent(world: &mut World, settled: Time) -> Result<(), Broken> {
    world.run_until(settled + Span::from_secs(5), |_| false)?;
    let nodes: Vec<usize> = (0..world.nodes().count()).collect();
    let before: Vec<_> = nodes.iter().map(|node| world.traffic(*node).clone()).collect();
    world.run(SILENCE)?;
    for (node, before) in nodes.into_iter().zip(before) {
        let since = world.traffic(node).since(&before);
        if since.of("transaction").frames > 0 || since.total().frames > 10 * nodes_of(world) {
            return Err(Broken(format!(
                "seed {}: node {node} heard in silence {since:?}",
                world.settings().seed
            )));
        }
    }
    Ok(())
}

fn nodes_of(world: &World) -> u64 {
    world.nodes().count() as u64
}

fn report(world: &World, tiny: bool, settled_after: Span) -> Report {
    let mut kinds: BTreeMap<&'static str, u64> = BTreeMap::new();
    let (mut copies, mut steps) = (0, [0, 0]);
    for (number, node) in world.nodes().enumerate() {
        let held = node.status().map_or(0, |status| status.next.0).max(1);
        copies = copies.max(world.traffic(number).of("transaction").frames * 100 / held);
        let [all, ticks] = steps;
        steps = [all + node.pulse().steps, ticks + node.pulse().ticks];
        for (kind, count) in world.traffic(number).kinds() {
            *kinds.entry(kind).or_default() += count.frames;
        }
    }
    let (trace, deliveries) = world.trace();
    Report {
        seed: world.settings().seed,
        tiny,
        nodes: world.nodes().count(),
        transactions: world.live().next().map_or(0, |node| node.status().map_or(0, |s| s.next.0)),
        deliveries,
        steps,
        settled_after,
        copies,
        kinds,
        trace,
    }
}
