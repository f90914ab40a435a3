//! Any order of arrival, the same Tangle.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng as _};
use weft_core::{
    digest::TxId,
    machine::{Event, Input, Limits, Source, SubmitRefusal},
    time::Span,
    units::Position,
};

use crate::{
    drawing::{Drawn, attach, body, drawn},
    node::Node,
};

/// Some order of all of `drawn`, some of it twice.
fn arrivals(drawn: &Drawn, seed: u64) -> Vec<Input> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut inputs: Vec<Input> = drawn.transactions.iter().map(Node::gossip).collect();
    for tx in &drawn.transactions {
        if random.next_u64() % 3 == 0 {
            inputs.push(Node::gossip(tx));
        }
    }
    for last in (1..inputs.len()).rev() {
        inputs.swap(last, (random.next_u64() % (last as u64 + 1)) as usize);
    }
    inputs
}

/// Everything attached under its parents, and none before them.
fn edges(node: &Node) -> BTreeMap<TxId, [TxId; 2]> {
    let mut seen = BTreeSet::new();
    for entry in &node.shelf.log {
        for parent in entry.attachment.transactions() {
            assert!(seen.contains(&parent), "{} before its parent {parent}", entry.id);
        }
        assert!(seen.insert(entry.id), "{} twice", entry.id);
    }
    node.shelf.log.iter().map(|entry| (entry.id, entry.attachment.parents)).collect()
}

fn solid_in_any_order(drawn: &Drawn, orders: u64) {
    let expected: BTreeMap<TxId, [TxId; 2]> = drawn
        .transactions
        .iter()
        .map(|tx| (tx.id(), tx.transaction().attachment.parents))
        .collect();
    for seed in 0..orders {
        let mut node = Node::new(Limits::default());
        let inputs = arrivals(drawn, seed);
        if seed % 2 == 0 {
            inputs.into_iter().for_each(|input| drop(node.input(input)));
        } else {
            for group in inputs.chunks(1 + seed as usize % 7) {
                node.group(group.to_vec());
            }
        }
        assert_eq!(edges(&node), expected, "order {seed}");
        assert_eq!(node.status().waiting_count, 0);
        let told = node.events.iter().filter(|event| matches!(event, Event::Attached { .. }));
        assert_eq!(told.count(), expected.len(), "told once each");
    }
}

#[test]
fn a_diamond_in_a_hundred_orders() {
    solid_in_any_order(&Drawn::parse("a; b <- a; c <- a; d <- b c; e <- d; f <- a e"), 100);
}

#[test]
fn a_chain_in_a_hundred_orders() {
    let chain: String = (1..30).map(|at| format!("; {at} <- {}", at - 1)).collect();
    solid_in_any_order(&Drawn::parse(&format!("0{chain}")), 100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_tangle_in_a_hundred_orders(drawn in drawn(40)) {
        solid_in_any_order(&drawn, 100);
    }
}

/// The live DAG is smaller than what one group attaches: nothing is attached twice.
#[test]
fn a_group_may_be_larger_than_the_live_tangle() {
    let chain: String = (1..30).map(|at| format!("; {at} <- {}", at - 1)).collect();
    let drawn = Drawn::parse(&format!("0{chain}"));
    let all: Vec<Input> = drawn.transactions.iter().map(Node::gossip).collect();
    for first_half in [0, 15] {
        let mut node = Node::new(Limits { live_count_max: 4, ..Limits::default() });
        let (one_by_one, group) = all.split_at(first_half);
        one_by_one.iter().for_each(|input| drop(node.input(input.clone())));
        node.group(group.iter().rev().chain(&all).cloned());
        assert_eq!(edges(&node).len(), 30);
        node.wait(Span::from_secs(1));
        assert!(node.status().live_count <= 4);
    }
}

/// `a` is gone; whoever submits a child of it is told so, and not left waiting.
#[test]
fn a_local_child_of_nothing_is_refused() {
    let drawn = Drawn::parse("a; b <- a");
    let mut node = Node::new(Limits::default());
    let local = |name: &str| Input::Admitted {
        source: Source::Local,
        tx: drawn.tx(name),
        absent_below: Position::ZERO,
    };
    let refusal = |node: &mut Node| match node.events.pop() {
        Some(Event::Refused { id, reason }) => Some((id, reason)),
        _ => None,
    };
    let reason = SubmitRefusal::UnknownParent { parent: drawn.id("a") };
    node.input(local("b"));
    assert_eq!(refusal(&mut node), Some((drawn.id("b"), reason.clone())));
    // A peer's copy waits; the same from here is still refused.
    node.input(Node::gossip(&drawn.tx("b")));
    node.input(local("b"));
    assert_eq!(refusal(&mut node), Some((drawn.id("b"), reason)));
    assert_eq!(node.status().waiting_count, 1);
}

/// Of one body four attachments are taken unasked; a fifth only because `child` names it.
#[test]
fn a_fifth_attachment_comes_only_as_a_parent() {
    let drawn = Drawn::parse("a");
    let mut node = Node::new(Limits::default());
    node.input(Node::gossip(&drawn.tx("a")));
    let again: Vec<_> =
        (0..6).map(|nonce| attach(body("again"), [TxId::ZERO, drawn.id("a")], nonce)).collect();
    for tx in &again {
        node.input(Node::gossip(tx));
    }
    assert_eq!(node.shelf.log.len(), 1 + 4);
    let child = attach(body("child"), [again[4].id(), drawn.id("a")], 0);
    node.input(Node::gossip(&child));
    assert_eq!(node.status().waiting_count, 1);
    node.input(Node::gossip(&again[4]));
    node.input(Node::gossip(&again[5]));
    let ids: Vec<TxId> = node.shelf.log.iter().map(|entry| entry.id).collect();
    assert_eq!(ids[5..], [again[4].id(), child.id()]);
}

/// `0` never comes: of what waits for it the oldest leave when it is too much, and all when it is
/// too long. What was dropped can come again.
#[test]
fn what_waits_is_bounded_in_bytes_and_in_age() {
    let chain: String = (1..40).map(|at| format!("; {at} <- {}", at - 1)).collect();
    let drawn = Drawn::parse(&format!("0{chain}"));
    let max = 10 * 2_800;
    for (per_peer, in_all) in [(max, 1 << 20), (1 << 20, max)] {
        let limits = Limits {
            waiting_bytes_per_peer: per_peer,
            waiting_bytes_max: in_all,
            ..Limits::default()
        };
        let mut node = Node::new(limits);
        for tx in &drawn.transactions[1..] {
            node.input(Node::gossip(tx));
            let status = node.status();
            assert!(status.waiting_bytes <= max && status.waiting_count <= 11);
        }
        assert!(node.status().waiting_count >= 10);
        node.wait(Span::from_secs(61));
        assert_eq!((node.status().waiting_count, node.status().waiting_bytes), (0, 0));
        for tx in &drawn.transactions {
            node.input(Node::gossip(tx));
        }
        assert_eq!(edges(&node).len(), 40);
    }
}
