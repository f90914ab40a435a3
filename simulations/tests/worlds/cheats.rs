//! Validators that break the rules: up to f of them harm nobody, and more are found out.

use weft_core::time::Span;
use weft_simulations::{
    Posting, Settings, World,
    judges::agreement,
    world::{faults::Fault, vice::Vice},
};

use crate::secs;

fn world(seed: u64) -> (World, Vec<usize>) {
    let mut world =
        World::new(Settings { validators: 4, clients: 3, copies: true, ..Settings::new(seed) });
    let nodes = world.mesh(4);
    for _ in 0..3 {
        world.add_client(Span::from_millis(300), secs(20));
    }
    world.add_poster(nodes[1], Posting::default(), secs(20));
    (world, nodes)
}

/// ```text
/// a - b       d breaks the rules in one way or the other from the third second on
/// | x |
/// c - d
/// ```
#[test]
fn one_of_four_that_breaks_the_rules_stops_nobody() {
    for (seed, vice) in
        (0..).zip([Vice::Silent, Vice::Withholding, Vice::Late(Span::from_millis(300))])
    {
        let (mut world, nodes) = world(seed);
        world.plan_fault(secs(3), Fault::Corrupt(nodes[3], vice));
        world.run(secs(20)).unwrap();
        world.finish(secs(10)).unwrap();
        world.run(secs(5)).unwrap();
        world.judge_final().unwrap();
        println!("{vice:?} {}", world.node(0).told().commits.len());
        assert!(world.node(0).told().commits.len() > 100, "{vice:?}");
    }
}

/// ```text
/// a - d   d' - c      a and c hear each other, and so find out about d
///  \__ b _/
/// ```
#[test]
fn an_equivocator_is_convicted_and_left_out() {
    let mut convicted = 0;
    for seed in 0..4 {
        let (mut world, nodes) = world(seed);
        world.plan_fault(secs(3), Fault::Twin(nodes[3], vec![nodes[1], nodes[2]]));
        world.run(secs(20)).unwrap();
        world.finish(secs(10)).unwrap();
        world.run(secs(5)).unwrap();
        world.judge_final().unwrap();
        convicted += (0..3).filter(|node| !world.node(*node).told().convicted.is_empty()).count();
        println!("{convicted} {}", world.node(0).told().commits.len());
    }
    assert!(convicted > 6, "{convicted} of 12 have proof");
}

/// Every other validator gets another checkpoint of d, round by round.
#[test]
fn whoever_says_something_else_to_everybody_is_convicted() {
    for seed in 4..7 {
        let (mut world, nodes) = world(seed);
        world.plan_fault(secs(3), Fault::Corrupt(nodes[3], Vice::ManyFaced));
        world.run(secs(20)).unwrap();
        world.finish(secs(20)).unwrap();
        world.run(secs(5)).unwrap();
        world.judge_final().unwrap();
        for node in 0..3 {
            assert!(!world.node(node).told().convicted.is_empty(), "{node} has no proof");
        }
        println!("{} commits", world.node(0).told().commits.len());
        assert!(world.node(0).told().commits.len() > 60);
    }
}

/// ```text
/// a - c - d   |   b - c' - d'      two of four: each side has a quorum
/// ```
#[test]
fn more_than_f_equivocators_and_a_split_break_agreement_and_are_seen() {
    let (mut world, nodes) = world(9);
    world.run(secs(3)).unwrap();
    let (b, c, d) = (nodes[1], nodes[2], nodes[3]);
    world.part(&[nodes[0]], true);
    let other = world.twin(c, &[b]);
    let last = world.twin(d, &[b, other]);
    for (a, b) in [(c, last), (d, other), (c, b), (d, b)] {
        world.fault(&Fault::Block(a, b));
        world.fault(&Fault::Block(b, a));
    }
    for mate in [c, d] {
        world.fault(&Fault::Unblock(nodes[0], mate));
        world.fault(&Fault::Unblock(mate, nodes[0]));
    }
    world.run(secs(15)).unwrap();
    for node in [nodes[0], b] {
        println!("{:?}", world.node(node).told().commits.last().map(|c| &c.record));
    }
    assert!(agreement::agreement(world.nodes()).is_err());
    assert!(world.judge_finality().is_err());
}
