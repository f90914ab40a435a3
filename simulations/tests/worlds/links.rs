//! Distance, loss, bandwidth, and ways that are clogged one by one.

use weft_simulations::{
    Links, Posting, Settings, World,
    world::{links::Regions, load::Issuing},
};

use crate::{ms, secs};

/// The time until a body is final at another node, for half of them and for 99 of 100, of
/// `validators` on such links.
fn latency(validators: u64, links: Links) -> [u64; 2] {
    let mut settings = Settings { validators, ..Settings::new(1) };
    settings.limits.pace.leader_timeout = ms(600);
    settings.links = links;
    let mut world = World::new(settings);
    let nodes = world.mesh(usize::try_from(validators).unwrap());
    for node in &nodes[1..] {
        world.add_poster(*node, Posting::default(), secs(20));
    }
    let (from, to) = (world.now() + secs(5), world.now() + secs(20));
    world.run(secs(20)).unwrap();
    world.finish(secs(20)).unwrap();
    world.judge_final().unwrap();
    let summary = world.summary(nodes[0], from, to);
    assert_eq!(summary.submitted, summary.finals);
    [50, 99].map(|percent| summary.percentile_ms(percent).unwrap())
}

#[test]
fn distance_is_felt() {
    let near = latency(4, Links { delay: [ms(1), ms(2)], jitter: ms(0), ..Links::default() });
    let regions = Some(Regions::ten());
    let far = latency(10, Links { regions, ..Links::default() });
    println!("near {near:?}, ten regions {far:?} ms");
    assert!(near[0] < 250 && far[0] > 350, "{near:?} {far:?}");
}

/// A packet of a hundred lost: the median hardly changes, the tail gains a round trip or two.
#[test]
fn loss_is_felt_in_the_tail() {
    let links = Links { delay: [ms(30), ms(30)], jitter: ms(1), ..Links::default() };
    let none = latency(4, links.clone());
    let some = latency(4, Links { loss_ppm: 10_000, ..links.clone() });
    let much = latency(4, Links { loss_ppm: 200_000, ..links });
    println!("no loss {none:?}, 1 % {some:?}, 20 % {much:?} ms");
    assert!(some[0] < none[0] + 60, "{none:?} {some:?}");
    assert!(much[0] > none[0] && much[1] > some[1], "{none:?} {some:?} {much:?}");
}

/// Bodies of 2 kB at an uplink of 100 kB/s: it carries the load to two neighbours, and the queue in
/// front of it is time.
#[test]
fn an_uplink_is_a_queue() {
    let run = |uplink_bytes_per_ms| {
        let mut settings = Settings::new(2);
        settings.links.uplink_bytes_per_ms = uplink_bytes_per_ms;
        settings.limits.peers_target = 0;
        let mut world = World::new(settings);
        let line = world.line(3);
        let plan = Posting { every: ms(100), bytes_max: 2_000, ..Posting::default() };
        world.add_poster(line[1], plan, secs(10));
        world.run(secs(10)).unwrap();
        world.settle(secs(20)).unwrap();
        world.judge_settled().unwrap();
        (world.now(), world.sent(line[1]).total().bytes)
    };
    let ((fast, sent), (slow, _)) = (run(None), run(Some(100)));
    assert!(sent > 500_000, "{sent} bytes");
    assert!(slow > fast, "{slow:?} after {fast:?}");
}

/// What waits on its way to a peer that takes nothing is bounded: the connection breaks first.
#[test]
fn whoever_is_too_slow_is_let_go() {
    let mut settings = Settings::new(3);
    settings.links.bytes_per_ms = Some(20);
    settings.links.backlog_bytes_max = 200_000;
    settings.limits.peers_target = 0;
    let mut world = World::new(settings);
    let line = world.line(2);
    let plan = Issuing { every: ms(20), bytes: 4_000, home: Some(line[0]) };
    world.add_streams(1, plan, secs(10));
    world.run(secs(2)).unwrap();
    let mut alone = 0;
    for _ in 0..80 {
        world.run(ms(100)).unwrap();
        alone += usize::from(world.node(line[0]).status().unwrap().peers.is_empty());
    }
    assert!(alone > 0, "the connection was never let go");
    world.settle(secs(240)).unwrap();
    world.judge_settled().unwrap();
}

#[test]
fn clogged_and_flapping_ways_heal() {
    for seed in 0..3 {
        let mut world = World::new(Settings { validators: 4, clients: 2, ..Settings::new(seed) });
        let nodes = world.mesh(5);
        (0..2).for_each(|_| world.add_client(ms(300), secs(20)));
        world.add_poster(nodes[4], Posting::default(), secs(20));
        world.swizzle(&nodes[..2], [secs(2), secs(14)], seed);
        world.flap([nodes[3], nodes[4]], [secs(1), secs(18)], ms(700));
        world.run(secs(8)).unwrap();
        let before = world.node(nodes[4]).told().commits.len();
        world.run(secs(12)).unwrap();
        world.finish(secs(20)).unwrap();
        world.judge().unwrap();
        world.judge_final().unwrap();
        assert!(world.node(nodes[4]).told().commits.len() > before + 20);
    }
}
