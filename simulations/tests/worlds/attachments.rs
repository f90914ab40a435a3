//! Attachments that are not as they should be, or more than there should be, stop nobody.

use weft_core::{
    digest::TxId,
    machine::Reads as _,
    outcome::Outcome,
    time::Time,
    tx::{CommitRef, SealedBody, Transaction},
    units::{CommitIndex, Round, Sequence},
};
use weft_simulations::{
    Posting, Settings, World,
    world::device::{Device, attach_to, reading},
};

use crate::{ms, secs};

fn world(seed: u64) -> World {
    World::new(Settings { validators: 4, clients: 3, copies: true, ..Settings::new(seed) })
}

/// Four validators, with three clients and two sensors for ten seconds.
fn busy(seed: u64) -> (World, Vec<usize>) {
    let mut world = world(seed);
    let nodes = world.mesh(4);
    (0..3).for_each(|_| world.add_client(ms(400), secs(10)));
    for node in nodes.iter().take(2) {
        world.add_poster(*node, Posting { roams: 10, ..Posting::default() }, secs(10));
    }
    (world, nodes)
}

fn anchored(world: &World, sealed: &SealedBody, parent: TxId, anchor: CommitRef) -> Transaction {
    attach_to(sealed, [TxId::ZERO, parent], anchor, world.rules(), 0)
}

/// ```text
/// 0 (registers, anchor invented: BadAnchor) <- 1 (so it has no account: NoAccount)
/// both again, with a true anchor: Applied
/// ```
#[test]
fn an_invented_anchor_hurts_nobody_for_good() {
    let mut world = world(31);
    let nodes = world.mesh(4);
    world.run(secs(3)).unwrap();
    let device = Device::new(&[9; 32], world.genesis().network());
    let [first, second] =
        [0, 1].map(|number| device.say(Sequence(number.into()), reading(vec![number]), Time::ZERO));
    let invented = CommitRef { index: CommitIndex(1), round: Round(1), tag: [7; 16] };
    let anchor = |world: &World| world.node(0).status().unwrap().anchor;
    let bad = anchored(&world, &first, TxId::ZERO, invented);
    world.hand_in(nodes[0], &bad);
    world.run(secs(1)).unwrap();
    let early = anchored(&world, &second, bad.id(), anchor(&world));
    world.hand_in(nodes[1], &early);
    world.run(secs(2)).unwrap();
    let outcomes = |world: &World| {
        [&first, &second].map(|sealed| {
            let leaves = world.finals().bodies.get(&sealed.body.id()).cloned().unwrap_or_default();
            leaves.iter().map(|leaf| leaf.outcome).collect::<Vec<_>>()
        })
    };
    assert_eq!(outcomes(&world), [vec![Outcome::BadAnchor], vec![Outcome::NoAccount]]);
    let good = anchored(&world, &first, early.id(), anchor(&world));
    world.hand_in(nodes[2], &good);
    world.run(secs(1)).unwrap();
    let late = anchored(&world, &second, good.id(), anchor(&world));
    world.hand_in(nodes[3], &late);
    world.run(secs(2)).unwrap();
    let [first, second] = outcomes(&world);
    assert_eq!(first, [Outcome::BadAnchor, Outcome::Applied]);
    assert_eq!(second, [Outcome::NoAccount, Outcome::Applied]);
    world.conclude(secs(10)).unwrap();
}

/// What a leader can still order must have its whole past ordered, or too old: so an attachment
/// whose parent is anchored later than itself is taken by nobody, who posted it excepted.
#[test]
fn an_anchor_before_that_of_a_parent_is_refused() {
    let mut world = world(33);
    let nodes = world.mesh(4);
    world.run(secs(10)).unwrap();
    let mut device = Device::new(&[9; 32], world.genesis().network());
    let [first, second, third] = [1, 2, 3].map(|number| device.body(vec![number], Time::ZERO));
    let now = world.node(0).status().unwrap().anchor;
    assert!(now.round > world.genesis().commit().round);
    let parent = anchored(&world, &first, TxId::ZERO, now);
    world.hand_in(nodes[0], &parent);
    world.run(secs(1)).unwrap();
    let early = anchored(&world, &second, parent.id(), world.genesis().commit());
    let fine = anchored(&world, &third, parent.id(), now);
    world.hand_in(nodes[0], &early);
    world.hand_in(nodes[0], &fine);
    world.run(secs(2)).unwrap();
    for node in nodes {
        let has = |tx: &Transaction| world.node(node).store().entry(&tx.id()).is_some();
        assert_eq!([&parent, &fine, &early].map(has), [true, true, false], "at node {node}");
    }
    world.conclude(secs(10)).unwrap();
}

/// Sixteen attachments of one body, four to each of four validators at once: each has enough with
/// its own, and takes those that checkpoints of others cite nevertheless.
#[test]
fn more_attachments_than_a_node_takes_stop_no_checkpoint() {
    let (mut world, nodes) = busy(32);
    world.run(secs(3)).unwrap();
    let mut device = Device::new(&[9; 32], world.genesis().network());
    for _ in 0..5 {
        let sealed = device.body(vec![1], Time::ZERO);
        if sealed.body.sequence.registers() {
            let anchor = world.node(0).status().unwrap().anchor;
            let tx = anchored(&world, &sealed, TxId::ZERO, anchor);
            world.hand_in(nodes[0], &tx);
            world.run(secs(2)).unwrap();
            continue;
        }
        for (nonce, node) in (0..16).zip(nodes.iter().cycle()) {
            let anchor = world.node(*node).status().unwrap().anchor;
            let parents = [TxId::ZERO; 2];
            let tx = attach_to(&sealed, parents, anchor, world.rules(), nonce << 32);
            world.hand_in(*node, &tx);
        }
        world.run(ms(500)).unwrap();
    }
    world.conclude(secs(10)).unwrap();
}
