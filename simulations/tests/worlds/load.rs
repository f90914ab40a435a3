//! Load that does not yield: what is too much waits within bounds, and is seen in the figures.

use std::collections::BTreeSet;

use weft_simulations::{
    Posting, Settings, World,
    substrate::fair::jain,
    world::{
        costs::Costs, desk::Queues, disk::Disks, load::Issuing, measure::Issuer, signer::Scheme,
    },
};

use crate::{ms, secs};

/// A check of 2 ms on one core: 500 a second are too many for nobody to notice.
fn dear(seed: u64) -> Settings {
    let mut settings = Settings { validators: 4, ..Settings::new(seed) };
    settings.costs = Costs {
        verify_us: 2_000,
        hash_us: 10,
        handle_us: 20,
        store_us: 15,
        cores: 1,
        shuffles: true,
        ..Costs::default()
    };
    settings.disks = Disks { batch_us: 50, sync_us: 1_000 };
    settings
}

#[test]
fn nothing_is_lost_and_all_agree_when_checks_take_time_and_come_out_in_any_order() {
    for seed in 0..3 {
        let mut settings = dear(seed);
        settings.clients = 2;
        settings.costs.work_us = 30_000;
        let mut world = World::new(settings);
        let nodes = world.mesh(4);
        (0..2).for_each(|_| world.add_client(ms(300), secs(15)));
        for node in &nodes {
            let plan = Posting { every: ms(100), roams: 20, ..Posting::default() };
            world.add_poster(*node, plan, secs(15));
        }
        world.run(secs(15)).unwrap();
        world.conclude(secs(30)).unwrap();
    }
}

/// 600 bodies a second at four nodes of which each checks 500: queues grow to their bounds, what is
/// handed over is turned away, peers have to wait, and afterwards all agree.
#[test]
fn too_much_waits_within_bounds() {
    let mut settings = dear(4);
    settings.queues = Queues {
        events_max: 400,
        inputs_max: 100,
        submissions_max: 50,
        batch_max: 32,
        ..Queues::default()
    };
    let mut world = World::new(settings);
    let nodes = world.mesh(4);
    let plan = Issuing { every: ms(50), bytes: 100, home: None };
    world.add_streams(30, plan, secs(8));
    world.run(secs(8)).unwrap();
    let figures = world.node_figures(nodes[0]);
    println!("{:?}, {} turned away", figures.queues_peak, world.turned_away());
    assert!(figures.queues_peak.events >= 100, "{:?}", figures.queues_peak);
    // One batch may come on top of what is read, and of what is checked.
    assert!(figures.queues_peak.events <= 400 + 100, "{:?}", figures.queues_peak);
    assert!(figures.queues_peak.inputs <= 100 + 32, "{:?}", figures.queues_peak);
    assert!(world.turned_away() > 100, "{} turned away", world.turned_away());
    world.run(secs(20)).unwrap();
    world.finish(secs(60)).unwrap();
    world.judge().unwrap();
    world.judge_final().unwrap();
}

/// Ten who post in peace, and ten who post twenty times as much.
#[test]
fn what_becomes_final_is_counted_by_issuer() {
    let mut world = World::new(Settings { validators: 4, ..Settings::new(5) });
    let nodes = world.mesh(4);
    let (calm, loud) = (ms(1_000), ms(50));
    let issuing = |every| Issuing { every, bytes: 50, home: None };
    let honest: BTreeSet<Issuer> =
        world.add_streams(10, issuing(calm), secs(20)).into_iter().collect();
    let spam: BTreeSet<Issuer> =
        world.add_streams(10, issuing(loud), secs(20)).into_iter().collect();
    let (from, to) = (world.now() + secs(2), world.now() + secs(20));
    world.run(secs(20)).unwrap();
    world.finish(secs(20)).unwrap();
    let summary = world.summary(nodes[3], from, to);
    println!("{} of {} final", summary.finals, summary.submitted);
    assert_eq!(summary.submitted, summary.finals);
    assert!((3_400..4_200).contains(&summary.finals), "{}", summary.finals);
    assert!((190_000..230_000).contains(&summary.per_1000_s()));
    let share = summary.share_ppm(&honest);
    assert!((38_000..58_000).contains(&share), "one of 21, not {share} ppm");
    assert!(share + summary.share_ppm(&spam) >= 999_999);
    let jain_of = |issuers: &BTreeSet<Issuer>| {
        let shares = issuers.iter().map(|issuer| summary.by_issuer.get(issuer).map_or(0, |n| *n));
        jain(&shares.map(|count| count as f64).collect::<Vec<_>>())
    };
    assert!(jain_of(&spam) > 0.98);
    let index = jain_of(&honest.union(&spam).copied().collect());
    // Of n that get 1 and n that get 20: 21^2 / (2 * 401).
    assert!((0.53..0.57).contains(&index), "0.55, not {index}");
    // Each body of some 4 kB reaches three others about once, and there is talk.
    assert!((7_000..30_000).contains(&summary.bytes_per_final), "{}", summary.bytes_per_final);
    let passages = world.passages(nodes[3]);
    assert!(passages.values().all(|passage| {
        passage.attached.is_some_and(|at| {
            passage.submitted <= at && passage.committed.is_some_and(|(final_at, _)| at <= final_at)
        })
    }));
}

#[test]
fn a_seed_is_a_run_whatever_things_cost() {
    let run = |seed| {
        let mut world = World::new(dear(seed));
        let nodes = world.mesh(4);
        world.add_streams(5, Issuing { every: ms(100), bytes: 100, home: None }, secs(5));
        world.chaos(secs(4));
        world.run(secs(6)).unwrap();
        let figures = world.figures();
        println!("{figures}");
        assert!(figures.events > 1_000 && figures.machine_percent() <= 100);
        (world.trace(), world.node_figures(nodes[1]), world.summary(0, world.now(), world.now()))
    };
    assert_eq!(run(6), run(6));
    assert_ne!(run(6).0, run(7).0);
}

/// How fast a world is, for people: ten nodes, seven of which are validators, 100 bodies a second.
#[test]
fn a_world_says_how_fast_it_is() {
    let mut world = World::new(Settings { validators: 7, ..Settings::new(9) });
    let nodes = world.mesh(10);
    world.add_streams(20, Issuing { every: ms(200), bytes: 100, home: None }, secs(5));
    world.run(secs(6)).unwrap();
    let figures = world.figures();
    println!("{} nodes: {figures}", nodes.len());
    assert_eq!(figures.virtual_ms, 6_000);
    assert!(figures.events_per_s() > 0 && figures.machine_us <= figures.wall_us);
    assert!(figures.events > 20_000, "{figures}");
}

/// True signatures: the same world, as long, and nothing of it rests on the toy.
#[test]
fn true_signatures_make_all_final() {
    let mut world = World::new(Settings {
        validators: 4,
        clients: 2,
        scheme: Scheme::MlDsa44,
        ..Settings::new(8)
    });
    let nodes = world.mesh(4);
    (0..2).for_each(|_| world.add_client(ms(500), secs(5)));
    world.add_poster(nodes[1], Posting::default(), secs(5));
    world.run(secs(5)).unwrap();
    world.finish(secs(10)).unwrap();
    world.judge().unwrap();
    world.judge_final().unwrap();
    assert!(world.node(0).told().commits.len() > 20);
}
