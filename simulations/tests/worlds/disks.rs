//! Disks that fail, fill up and are slow, and power that fails between any two effects of a step.

use weft_core::time::Span;
use weft_simulations::{
    Posting, Settings, World,
    world::{disk::Boundary, faults::Fault},
};

use crate::secs;

/// Four validators under load for 20 seconds.
fn busy(settings: Settings) -> (World, Vec<usize>) {
    let mut world = World::new(Settings { validators: 4, clients: 2, copies: true, ..settings });
    let nodes = world.mesh(4);
    (0..2).for_each(|_| world.add_client(Span::from_millis(300), secs(20)));
    for node in &nodes {
        world.add_poster(*node, Posting::default(), secs(20));
    }
    (world, nodes)
}

/// The validator loses power ten times, each time at the same boundary of a step that syncs.
#[test]
fn a_validator_crashes_at_every_boundary_and_contradicts_nobody() {
    let boundaries = [
        Boundary::BeforeWrite,
        Boundary::AfterWrite,
        Boundary::AfterMessages(0),
        Boundary::AfterMessages(1),
        Boundary::AfterMessages(3),
    ];
    for (seed, boundary) in (0..).zip(boundaries) {
        let (mut world, nodes) = busy(Settings::new(seed));
        for crash in 0..6 {
            world.plan_fault(secs(2 + 3 * crash), Fault::CrashAt(nodes[3], boundary, secs(3)));
        }
        world.run(secs(20)).unwrap();
        world.conclude(secs(30)).unwrap();
        let lives = world.node(nodes[3]).lives();
        assert!(lives >= 6, "{boundary:?}: {lives} lives");
        assert!(world.node(0).told().convicted.is_empty());
    }
}

/// What was written is there after the crash, and nobody had heard of it.
#[test]
fn a_step_that_was_written_and_not_said_is_written() {
    let (mut world, nodes) = busy(Settings::new(20));
    world.run(secs(5)).unwrap();
    for (boundary, is_there) in [(Boundary::BeforeWrite, false), (Boundary::AfterWrite, true)] {
        let last = |world: &World| world.node(nodes[2]).disk_commits()[1];
        world.fault(&Fault::CrashAt(nodes[2], boundary, secs(3)));
        let (before, end) = (last(&world), world.now() + secs(3));
        let steps = world.node(nodes[2]).pulse().steps;
        world.run_until(end, |world| !world.node(nodes[2]).is_live()).unwrap();
        assert!(!world.node(nodes[2]).is_live(), "{boundary:?}");
        assert!(world.node(nodes[2]).pulse().steps > steps);
        assert_eq!(last(&world) > before, is_there, "{boundary:?}");
        world.run(secs(4)).unwrap();
        assert!(world.node(nodes[2]).is_live(), "it comes back by itself");
    }
    world.run(secs(10)).unwrap();
    world.conclude(secs(30)).unwrap();
}

#[test]
fn a_failed_sync_stops_a_node_until_it_is_started_again() {
    let (mut world, nodes) = busy(Settings::new(21));
    world.plan_fault(secs(5), Fault::FailSync(nodes[1], secs(1)));
    world.run(secs(10)).unwrap();
    assert!(!world.node(nodes[1]).is_live(), "it stopped for good");
    let others = world.node(nodes[0]).told().commits.len();
    assert!(others > 20, "the others go on: {others}");
    world.fault(&Fault::Restart(nodes[1]));
    world.run(secs(10)).unwrap();
    assert!(world.node(nodes[1]).is_live());
    world.conclude(secs(30)).unwrap();
}

#[test]
fn a_full_disk_stops_a_node_again_and_again_until_there_is_room() {
    let (mut world, nodes) = busy(Settings::new(22));
    world.plan_fault(secs(4), Fault::FillDisk(nodes[3]));
    for restart in 0..4 {
        world.plan_fault(secs(5 + 2 * restart), Fault::Restart(nodes[3]));
    }
    world.run(secs(13)).unwrap();
    assert!(!world.node(nodes[3]).is_live());
    assert_eq!(world.node(nodes[3]).lives(), 5);
    let written = world.node(nodes[3]).disk_commits();
    world.fault(&Fault::FreeDisk(nodes[3]));
    world.fault(&Fault::Restart(nodes[3]));
    world.run(secs(7)).unwrap();
    assert!(world.node(nodes[3]).disk_commits()[0] > written[0] + 20);
    world.conclude(secs(30)).unwrap();
}

/// A sync of 80 ms on every disk: each round waits for it, and nothing breaks.
#[test]
fn a_slow_disk_makes_finality_slow() {
    let latency = |slow_ms: u64| {
        let (mut world, nodes) = busy(Settings::new(23));
        for node in &nodes {
            world.fault(&Fault::SlowDisk(*node, Span::from_millis(slow_ms)));
        }
        let (from, to) = (world.now(), world.now() + secs(20));
        world.run(secs(20)).unwrap();
        world.conclude(secs(30)).unwrap();
        world.summary(nodes[0], from, to).percentile_ms(50).unwrap()
    };
    let (fast, slow) = (latency(0), latency(80));
    println!("{fast} ms, and {slow} with slow disks");
    assert!(slow > fast + 160, "{fast} ms, and {slow} with slow disks");
}

/// After so many reads one fails, in a step or while the node starts. What was decided upon that is
/// neither written nor said, and the next start finds all as it was.
#[test]
fn a_failed_read_stops_a_node_and_loses_nothing() {
    let mut stops = 0;
    for (seed, good) in (30..).zip([0, 7, 40]) {
        let (mut world, nodes) = busy(Settings::new(seed));
        world.run(secs(3)).unwrap();
        for is_start in [false, true, false, true] {
            if is_start {
                world.fault(&Fault::Crash(nodes[3]));
            }
            world.fault(&Fault::FailRead(nodes[3], good, secs(2)));
            world.fault(&Fault::Restart(nodes[3]));
            world.run(secs(3)).unwrap();
            stops += usize::from(!world.node(nodes[3]).is_live());
            world.judge().unwrap();
            world.fault(&Fault::Restart(nodes[3]));
            assert!(world.node(nodes[3]).is_live(), "all reads are good again");
            world.run(secs(1)).unwrap();
        }
        world.conclude(secs(30)).unwrap();
        assert!(world.node(nodes[0]).told().convicted.is_empty());
    }
    assert_eq!(stops, 12, "each time it stopped");
}
