//! Clocks that are wrong, and processes that stand still: nothing but the times of day may differ.

use weft_simulations::{
    Posting, Settings, World,
    world::{clock::Clocks, faults::Fault},
};

use crate::{ms, secs};

fn busy(seed: u64, clocks: Clocks) -> (World, Vec<usize>) {
    let mut world =
        World::new(Settings { validators: 4, clients: 2, clocks, ..Settings::new(seed) });
    let nodes = world.mesh(5);
    (0..2).for_each(|_| world.add_client(ms(300), secs(20)));
    for node in &nodes {
        world.add_poster(*node, Posting::default(), secs(20));
    }
    (world, nodes)
}

fn commits(world: &World, node: usize) -> usize {
    world.node(node).told().commits.len()
}

#[test]
fn wrong_clocks_agree() {
    let skewed = Clocks { skew: secs(60), drift_ppm: 20_000, ..Clocks::default() };
    let timers = Clocks { late: ms(40), early: ms(10), ..Clocks::default() };
    for (seed, clocks) in [(1, skewed.clone()), (2, timers.clone()), (3, skewed)] {
        let (mut world, nodes) = busy(seed, clocks.clone());
        world.run(secs(20)).unwrap();
        let now = world.now();
        let ahead: Vec<i64> =
            nodes.iter().map(|node| world.node(*node).clock_ahead_ms(now)).collect();
        println!("{ahead:?} ms ahead, {} commits", commits(&world, 0));
        assert_eq!(ahead.iter().any(|ahead| ahead.abs() > 1_000), clocks.skew > secs(1));
        assert!(commits(&world, 0) > 60, "{clocks:?}: {}", commits(&world, 0));
        world.conclude(secs(30)).unwrap();
    }
}

/// The clock is set while the node runs; it is felt after a restart, forward and back.
#[test]
fn a_clock_that_was_set_harms_nobody() {
    for (seed, by_ms) in [(4, 3_600_000), (5, -600_000), (6, -30_000)] {
        let (mut world, nodes) = busy(seed, Clocks::default());
        world.plan_fault(secs(4), Fault::StepClock(nodes[2], by_ms));
        world.plan_fault(secs(6), Fault::Crash(nodes[2]));
        world.plan_fault(secs(7), Fault::Restart(nodes[2]));
        world.run(secs(5)).unwrap();
        assert_eq!(world.node(nodes[2]).clock_ahead_ms(world.now()), 0);
        world.run(secs(15)).unwrap();
        assert_eq!(world.node(nodes[2]).clock_ahead_ms(world.now()), by_ms);
        world.conclude(secs(30)).unwrap();
    }
}

#[test]
fn a_frozen_clock_stops_no_other() {
    let (mut world, nodes) = busy(7, Clocks::default());
    world.plan_fault(secs(4), Fault::FreezeClock(nodes[1]));
    world.plan_fault(secs(14), Fault::ThawClock(nodes[1]));
    world.run(secs(4)).unwrap();
    let before = commits(&world, 0);
    world.run(secs(10)).unwrap();
    assert!(commits(&world, 0) > before + 20);
    world.run(secs(6)).unwrap();
    let ahead = world.node(nodes[1]).clock_ahead_ms(world.now());
    assert!((-10_001..=-9_999).contains(&ahead), "{ahead}");
    world.conclude(secs(30)).unwrap();
}

/// Short pauses pass unnoticed; a long one costs the connections.
#[test]
fn a_process_that_stood_still_goes_on() {
    for (seed, length, peers_lost) in [(8, ms(800), false), (9, secs(8), true)] {
        let (mut world, nodes) = busy(seed, Clocks::default());
        world.run(secs(5)).unwrap();
        let steps = world.node(nodes[3]).pulse().steps;
        world.fault(&Fault::Pause(nodes[3]));
        world.run(length).unwrap();
        assert_eq!(world.node(nodes[3]).pulse().steps, steps, "it did nothing");
        let others = world.node(nodes[0]).status().unwrap().peers.len();
        assert_eq!(others < 4, peers_lost);
        world.fault(&Fault::Resume(nodes[3]));
        world.run(secs(10)).unwrap();
        world.conclude(secs(30)).unwrap();
        assert_eq!(world.node(nodes[3]).lives(), 1);
    }
}
