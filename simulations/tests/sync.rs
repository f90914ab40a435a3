//! Nodes that are new, or were away for long, get to where the others are; and disks do not grow.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may panic")]

use weft_core::{
    machine::History,
    time::Span,
    units::CommitIndex,
};
use weft_simulations::{Links, Posting, Settings, World};

const fn secs(secs: u64) -> Span {
    Span::from_secs(secs)
}

const fn ms(ms: u64) -> Span {
    Span::from_millis(ms)
}

/// Some thirty rounds a second, so that a keep window passes in less than a minute.
fn fast(seed: u64, history: History) -> Settings {
    let mut settings =
        Settings { validators: 4, clients: 3, copies: true, ..Settings::new(seed) };
    settings.limits.pace.min = ms(20);
    settings.limits.history = history;
    settings.links = Links { delay: [ms(1), ms(5)], jitter: ms(1), bytes_per_ms: None };
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

fn at(world: &World, node: usize) -> CommitIndex {
    world.node(node).status().unwrap().anchor.index
}

/// All that was said becomes final, and holds before every judge.
fn finish(world: &mut World) {
    world.finish(secs(10)).unwrap();
    world.run(secs(3)).unwrap();
    world.judge_final().unwrap();
}

#[test]
fn a_newcomer_starts_from_a_snapshot() {
    let (mut world, nodes) = busy(fast(71, History::For(secs(10))), secs(100));
    world.run(secs(80)).unwrap();
    let before = at(&world, 0);
    assert!(before.0 > 1_600, "{before}: more than a keep window");
    let newcomer = world.add_node();
    for node in &nodes {
        world.connect(newcomer, *node);
    }
    world.run(secs(5)).unwrap();
    let status = world.node(newcomer).status().unwrap();
    assert_eq!(status.sync, None, "it arrived");
    assert!(at(&world, newcomer) > before, "{} of {before}", at(&world, newcomer));
    assert!(status.lowest.0 > 1, "it has not fetched all");
    world.run(secs(20)).unwrap();
    finish(&mut world);
}
