//! Nodes that are new, or were away for long, get to where the others are; and disks do not grow.

use weft_core::{
    machine::{By, History, Signing},
    time::Span,
    units::CommitIndex,
};
use weft_simulations::{Links, Posting, Settings, World, world::faults::Fault};

use crate::{ms, secs};

/// Some thirty rounds a second, so that a keep window passes in less than a minute.
fn fast(seed: u64) -> Settings {
    let mut settings = Settings { validators: 4, clients: 3, copies: true, ..Settings::new(seed) };
    settings.limits.pace.min = ms(20);
    settings.limits.history = History::For(secs(10));
    settings.links = Links { delay: [ms(1), ms(5)], jitter: ms(1), ..Links::default() };
    settings
}

/// Four validators under load for `span`.
fn busy(settings: Settings, span: Span) -> (World, Vec<usize>) {
    let mut world = World::new(settings);
    let nodes = world.mesh(4);
    (0..3).for_each(|_| world.add_client(ms(400), span));
    for node in &nodes {
        world.add_poster(*node, Posting { every: ms(300), ..Posting::default() }, span);
    }
    (world, nodes)
}

fn join(world: &mut World, nodes: &[usize]) -> usize {
    let newcomer = world.add_node();
    for node in nodes {
        world.connect(newcomer, *node);
    }
    newcomer
}

fn at(world: &World, node: usize) -> CommitIndex {
    world.node(node).status().unwrap().anchor.index
}

/// By what a node gets to where the others are, if it is on its way.
fn way(world: &World, node: usize) -> Option<By> {
    Some(world.node(node).status()?.sync?.by)
}

#[test]
fn a_newcomer_starts_from_a_snapshot() {
    let (mut world, nodes) = busy(fast(71), secs(100));
    world.run(secs(80)).unwrap();
    let before = at(&world, 0);
    assert!(before.0 > 1_600, "{before}: more than a keep window");
    let newcomer = join(&mut world, &nodes);
    world.run(ms(300)).unwrap();
    assert_eq!(way(&world, newcomer), Some(By::Snapshot));
    let mut leads_to = CommitIndex::ZERO;
    while let Some(sync) = world.node(newcomer).status().unwrap().sync {
        leads_to = sync.to;
        world.run(ms(1)).unwrap();
    }
    assert!(at(&world, newcomer) >= leads_to, "it said that it is there before it was");
    world.run(secs(3)).unwrap();
    assert!(at(&world, newcomer) > before, "{} of {before}", at(&world, newcomer));
    let lowest = world.node(newcomer).status().unwrap().lowest;
    assert!(lowest.0 > 1, "it has not fetched all");
    world.run(secs(20)).unwrap();
    world.conclude(secs(10)).unwrap();
    for node in nodes {
        let lowest = world.node(node).status().unwrap().lowest;
        assert!(lowest.0 > 1_000, "{lowest} is the lowest at {node}");
    }
}

/// Checkpoints cite more than it may want at a time: what found no room is wanted later.
#[test]
fn a_newcomer_that_may_want_little_at_a_time_arrives_too() {
    let mut settings = fast(76);
    (settings.limits.wants_per_peer, settings.limits.wants_max) = (1, 2);
    let (mut world, nodes) = busy(settings, secs(60));
    world.run(secs(40)).unwrap();
    let newcomer = join(&mut world, &nodes);
    world.run(secs(30)).unwrap();
    world.conclude(secs(10)).unwrap();
    assert_eq!(at(&world, newcomer), at(&world, 0));
}

#[test]
fn an_archive_executes_every_commit() {
    let mut settings = fast(72);
    settings.limits.history = History::All;
    let (mut world, nodes) = busy(settings, secs(70));
    world.run(secs(60)).unwrap();
    let (before, newcomer) = (at(&world, 0), join(&mut world, &nodes[..2]));
    world.run(ms(300)).unwrap();
    assert_eq!(way(&world, newcomer), Some(By::Commits));
    world.run(secs(9)).unwrap();
    assert!(at(&world, newcomer) > before && way(&world, newcomer).is_none());
    assert_eq!(world.node(newcomer).told().commits[0].record.index, CommitIndex(1));
    world.conclude(secs(10)).unwrap();
}

/// What all have dropped but for one archive, nobody takes back: not from the archive, and not from
/// somebody new to whom it is passed on.
#[test]
fn what_was_dropped_is_not_taken_back() {
    let (mut world, nodes) = busy(fast(75), secs(110));
    let archive = world.add_archive();
    nodes.iter().for_each(|node| world.connect(archive, *node));
    world.run(secs(80)).unwrap();
    assert!(world.node(0).status().unwrap().lowest.0 > 600, "much was dropped");
    let newcomer = world.add_archive();
    nodes.iter().chain([&archive]).for_each(|node| world.connect(newcomer, *node));
    world.run(ms(300)).unwrap();
    assert_eq!(way(&world, newcomer), Some(By::Commits));
    world.run(secs(40)).unwrap();
    world.conclude(secs(10)).unwrap();
    let next = |node: usize| world.node(node).status().unwrap().next;
    assert_eq!(world.node(newcomer).told().commits[0].record.index, CommitIndex(1));
    assert_eq!(next(newcomer), next(archive));
    for node in nodes {
        assert_eq!(next(node), next(archive), "{node} took something a second time");
    }
}

/// It is away for more than a keep window, and signs again.
#[test]
fn a_validator_that_was_away_for_long_takes_part_again() {
    let (mut world, nodes) = busy(fast(73), secs(110));
    world.run(secs(20)).unwrap();
    world.fault(&Fault::Crash(nodes[3]));
    world.run(secs(70)).unwrap();
    let before = at(&world, 0);
    world.fault(&Fault::Restart(nodes[3]));
    world.run(secs(10)).unwrap();
    let status = world.node(nodes[3]).status().unwrap();
    assert!(status.anchor.index > before && status.lowest.0 > 600, "{status:?}");
    assert_eq!(status.signing, Signing::Active);
    world.run(secs(10)).unwrap();
    world.conclude(secs(10)).unwrap();
}

/// Power fails again and again while a snapshot is under way.
#[test]
fn a_crash_in_the_middle_is_gone_on_from() {
    for wait in [40, 150, 300] {
        let (mut world, nodes) = busy(fast(74), secs(90));
        world.run(secs(75)).unwrap();
        let newcomer = join(&mut world, &nodes);
        for _ in 0..4 {
            world.run(ms(wait)).unwrap();
            world.fault(&Fault::Crash(newcomer));
            world.run(ms(50)).unwrap();
            world.fault(&Fault::Restart(newcomer));
        }
        world.run(secs(14)).unwrap();
        assert!(way(&world, newcomer).is_none() && at(&world, newcomer).0 + 5 > at(&world, 0).0);
        world.conclude(secs(10)).unwrap();
    }
}
