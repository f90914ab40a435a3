//! Networks of all shapes, and nothing goes wrong.

use weft_simulations::{Settings, World};

use crate::{posting, secs};

/// ```text
/// a - b      each with each, 4 to 10 of them; everybody posts
/// | x |
/// c - d
/// ```
/// At first every link carries everything; after a while a tree is left, and announcements.
#[test]
fn a_mesh_agrees_and_sends_little_twice() {
    for count in [4, 7, 10] {
        let mut world = World::new(Settings::new(count as u64));
        let nodes = world.mesh(count);
        posting(&mut world, &nodes, 200, secs(30));
        world.run(secs(10)).unwrap();
        let before: Vec<_> = nodes
            .iter()
            .map(|node| (world.traffic(*node).total().bytes, world.node(*node).fetched()))
            .collect();
        world.run(secs(20)).unwrap();
        world.settle(secs(5)).unwrap();
        world.judge_settled().unwrap();
        assert!(world.acknowledged() > 140 * count as u64, "{} posts", world.acknowledged());
        for (node, (total, fetched)) in nodes.into_iter().zip(before) {
            let total = world.traffic(node).total().bytes - total;
            let bytes = total * 100 / (world.node(node).fetched() - fetched);
            println!("{count} {node} {bytes} all {}", world.bytes_per_new(node));
            assert!(bytes <= 130, "{count} nodes: {node} got {bytes} bytes per 100");
        }
    }
}

/// ```text
/// a - b - c - d - e - f - g - h      everybody posts; nobody dials anybody else
/// ```
#[test]
fn posts_reach_the_end_of_a_line_at_the_cost_of_one_copy() {
    let mut settings = Settings::new(8);
    settings.limits.peers_target = 0;
    let mut world = World::new(settings);
    let line = world.line(8);
    world.run(secs(1)).unwrap();
    posting(&mut world, &line, 200, secs(20));
    world.run(secs(20)).unwrap();
    world.settle(secs(2)).unwrap();
    world.judge_settled().unwrap();
    for node in line {
        let bytes = world.bytes_per_new(node);
        assert!(bytes <= 130, "{node} got {bytes} bytes per 100");
    }
}

/// One seed is one run, to the byte; another seed is another one.
#[test]
fn a_seed_is_a_run() {
    let run = |seed| {
        let mut world = World::new(Settings::new(seed));
        let nodes = world.mesh(5);
        posting(&mut world, &nodes, 100, secs(10));
        world.chaos(secs(8));
        world.run(secs(10)).unwrap();
        world.settle(secs(60)).unwrap();
        (world.trace(), world.now())
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
