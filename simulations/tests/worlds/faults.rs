//! One thing goes wrong at a time.

use weft_core::time::Span;
use weft_simulations::{Node, Settings, World, world::faults::Fault};

use crate::{posting, secs};

fn held(node: &Node) -> u64 {
    node.status().unwrap().next.0
}

/// ```text
/// a - b - c   x   e - f - g      d dies; its neighbours told each other's addresses before
/// ```
#[test]
fn a_line_heals_when_its_middle_dies() {
    for seed in 0..3 {
        let mut settings = Settings::new(seed);
        settings.limits.peers_target = 2;
        let mut world = World::new(settings);
        let line = world.line(7);
        world.run(secs(15)).unwrap();
        world.fault(&Fault::Crash(line[3]));
        let others = [&line[..3], &line[4..]].concat();
        posting(&mut world, &others, 200, secs(20));
        world.run(secs(20)).unwrap();
        world.settle(secs(5)).unwrap();
        world.judge_settled().unwrap();
        assert!(world.acknowledged() > 500, "{} posts", world.acknowledged());
    }
}

/// ```text
/// a - b       e joins when there are 3,000 transactions
/// | x |
/// c - d - e
/// ```
#[test]
fn a_late_joiner_gets_all_of_it_once() {
    let mut world = World::new(Settings::new(3));
    let mesh = world.mesh(4);
    posting(&mut world, &mesh, 20, secs(17));
    world.run(secs(17)).unwrap();
    world.settle(secs(5)).unwrap();
    assert!(held(world.node(0)) > 3_000);
    let late = world.add_node();
    world.connect(late, mesh[3]);
    world.settle(secs(10)).unwrap();
    world.run(secs(10)).unwrap();
    world.judge_settled().unwrap();
    let bytes = world.bytes_per_new(late);
    assert!(bytes <= 110, "{bytes} bytes per 100");
}

/// The same where most transactions have no child: tips leave at once, so nobody approves them, and
/// no list of wants or frontiers names them all. What is new gets everything in plain order.
#[test]
fn a_late_joiner_gets_a_tangle_that_is_all_ends() {
    let mut settings = Settings::new(13);
    settings.limits.tip_age_max = Span::from_millis(1);
    settings.limits.cone_bytes = 256 << 10;
    let mut world = World::new(settings);
    let mesh = world.mesh(4);
    posting(&mut world, &mesh, 20, secs(17));
    world.run(secs(17)).unwrap();
    world.settle(secs(5)).unwrap();
    let late = world.add_node();
    world.connect(late, mesh[3]);
    world.run(secs(5)).unwrap();
    assert_eq!(held(world.node(late)), held(world.node(0)));
    world.judge_settled().unwrap();
}

/// The same while posts go on, with pages so small and walks so short that it takes the plain log,
/// in many answers.
#[test]
fn a_late_joiner_catches_up_with_a_moving_network() {
    let mut settings = Settings::new(4);
    settings.limits.cone_bytes = 64 << 10;
    settings.limits.cone_walk_max = 200;
    let mut world = World::new(settings);
    let mesh = world.mesh(4);
    posting(&mut world, &mesh, 40, secs(30));
    world.run(secs(15)).unwrap();
    let late = world.add_node();
    world.connect(late, mesh[3]);
    world.run(secs(15)).unwrap();
    let (ahead, behind) = (held(world.node(0)), held(world.node(late)));
    assert!(ahead - behind < 100, "{behind} of {ahead} while posts go on");
    world.settle(secs(5)).unwrap();
    world.judge_settled().unwrap();
    let bytes = world.bytes_per_new(late);
    assert!(bytes <= 200, "{bytes} bytes per 100");
}

/// ```text
/// a - b - c | d - e - f      30 seconds of two networks that know nothing of each other
/// ```
#[test]
fn both_sides_of_a_partition_agree_after_it() {
    let mut world = World::new(Settings::new(5));
    let mesh = world.mesh(6);
    posting(&mut world, &mesh, 100, secs(60));
    world.run(secs(15)).unwrap();
    world.part(&mesh[..3], true);
    world.run(secs(30)).unwrap();
    let lacking = world.acknowledged() - held(world.node(0));
    assert!(lacking > 500, "the sides differ by {lacking}");
    world.part(&mesh[..3], false);
    world.run(secs(15)).unwrap();
    world.settle(secs(5)).unwrap();
    world.judge_settled().unwrap();
    for node in mesh {
        let bytes = world.bytes_per_new(node);
        assert!(bytes <= 175, "{node} got {bytes} bytes per 100");
    }
}

/// Nobody names anybody for good, and 12 nodes are parted until each side has made do. Then they
/// find each other again, though nobody lacks connections.
#[test]
fn a_network_that_made_do_on_both_sides_grows_together() {
    let mut settings = Settings::new(6);
    settings.limits.peers_target = 3;
    let mut world = World::new(settings);
    let line = world.line(12);
    world.run(secs(30)).unwrap();
    for pair in line.windows(2) {
        world.disown(pair[0], pair[1]);
    }
    let odd: Vec<usize> = line.iter().copied().filter(|node| node % 2 == 1).collect();
    world.part(&odd, true);
    world.run(secs(60)).unwrap();
    posting(&mut world, &line, 1_000, secs(10));
    world.run(secs(10)).unwrap();
    world.part(&odd, false);
    world.settle(secs(200)).unwrap();
    world.judge_settled().unwrap();
}

/// ```text
/// a - b      c loses power under load, and with it what was not synced; later it comes back
/// | x |
/// c - d
/// ```
#[test]
fn a_crashed_node_comes_back_with_all_it_acknowledged() {
    for seed in 0..3 {
        let mut world = World::new(Settings::new(seed));
        let mesh = world.mesh(4);
        posting(&mut world, &mesh, 50, secs(30));
        for crash in 1..4 {
            world.plan_fault(secs(6 * crash), Fault::Crash(mesh[2]));
            world.plan_fault(secs(6 * crash + 3), Fault::Restart(mesh[2]));
        }
        world.run(secs(30)).unwrap();
        world.settle(secs(10)).unwrap();
        world.judge_settled().unwrap();
        assert_eq!(world.node(mesh[2]).lives(), 4);
        assert!(world.node(mesh[2]).told().acknowledged.len() > 200);
    }
}

/// ```text
/// a - b - c      c knew only b by name, and learned of a; then b dies for good and c restarts
/// ```
#[test]
fn a_restarted_node_finds_the_network_in_its_address_book() {
    let mut world = World::new(Settings::new(9));
    let line = world.line(3);
    world.run(secs(5)).unwrap();
    world.fault(&Fault::Crash(line[2]));
    world.fault(&Fault::Crash(line[1]));
    world.run(secs(5)).unwrap();
    posting(&mut world, &line[..1], 500, secs(5));
    world.run(secs(5)).unwrap();
    world.fault(&Fault::Restart(line[2]));
    world.settle(secs(20)).unwrap();
    world.judge_settled().unwrap();
    assert!(held(world.node(line[2])) > 5);
}

/// ```text
/// a -> b    but not    a <- b      a half-open link breaks by silence, and is made again
/// ```
#[test]
fn a_link_that_carries_one_way_only_breaks_and_comes_back() {
    let mut settings = Settings::new(10);
    settings.limits.peers_target = 0;
    let mut world = World::new(settings);
    let line = world.line(3);
    posting(&mut world, &line, 200, secs(20));
    world.plan_fault(secs(5), Fault::Block(line[1], line[0]));
    world.plan_fault(secs(15), Fault::Unblock(line[1], line[0]));
    world.run(secs(12)).unwrap();
    let peers = |world: &World, node: usize| world.node(node).status().unwrap().peers.len();
    assert_eq!([peers(&world, 0), peers(&world, 1)], [0, 1]);
    world.run(secs(8)).unwrap();
    world.settle(secs(10)).unwrap();
    world.judge_settled().unwrap();
    assert_eq!([peers(&world, 0), peers(&world, 1)], [1, 2]);
}
