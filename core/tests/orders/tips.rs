//! Which transactions a new one may approve (PROTOCOL.md section 1).

use std::collections::{BTreeMap, BTreeSet};

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use weft_core::{digest::TxId, machine::Limits, time::Span, tx::choose_parents};

use crate::{
    drawing::{Drawn, attach, body},
    node::Node,
};

fn ms(ms: u64) -> Span {
    Span::from_millis(ms)
}

fn tips(node: &mut Node) -> BTreeSet<TxId> {
    node.status().tips.into_iter().collect()
}

fn named(drawn: &Drawn, names: &str) -> BTreeSet<TxId> {
    names.split_whitespace().map(|name| drawn.id(name)).collect()
}

fn node_with(drawn: &Drawn, names: &str) -> Node {
    let mut node = Node::new(Limits::default());
    for name in names.split_whitespace() {
        node.input(Node::gossip(&drawn.tx(name)));
    }
    node
}

/// `a` stays 200 ms after its first child came, and not longer for a second one.
#[test]
fn a_tip_lingers_after_its_first_child() {
    let drawn = Drawn::parse("a; b <- a; c <- a");
    let mut node = node_with(&drawn, "a");
    node.wait(ms(1_000));
    node.input(Node::gossip(&drawn.tx("b")));
    assert_eq!(tips(&mut node), named(&drawn, "a b"));
    node.wait(ms(150));
    node.input(Node::gossip(&drawn.tx("c")));
    assert_eq!(tips(&mut node), named(&drawn, "a b c"));
    node.wait(ms(49));
    assert_eq!(tips(&mut node), named(&drawn, "a b c"));
    node.wait(ms(1));
    assert_eq!(tips(&mut node), named(&drawn, "b c"));
}

/// Nobody approves `a` to `d`: they leave after 60 s, but the two newest stay.
#[test]
fn a_tip_leaves_by_age_but_never_the_two_newest() {
    let drawn = Drawn::parse("a; b; c; d; e <- c");
    let mut node = node_with(&drawn, "a b");
    node.wait(ms(30_000));
    node.input(Node::gossip(&drawn.tx("c")));
    node.wait(ms(30_000));
    assert_eq!(tips(&mut node), named(&drawn, "b c"), "a left");
    node.input(Node::gossip(&drawn.tx("d")));
    node.wait(ms(1_000));
    assert_eq!(tips(&mut node), named(&drawn, "c d"), "b is no longer among the two newest");
    node.wait(ms(3_600_000));
    assert_eq!(tips(&mut node), named(&drawn, "c d"), "whatever their age");
    node.input(Node::gossip(&drawn.tx("e")));
    node.wait(ms(1_000));
    assert_eq!(tips(&mut node), named(&drawn, "d e"));
}

/// Of a body only the first attachment is ever a tip, and a child that is none leaves its parents
/// in their place.
#[test]
fn only_the_first_attachment_of_a_body_is_a_tip() {
    let drawn = Drawn::parse("a; b");
    let mut node = node_with(&drawn, "a b");
    let first = attach(body("twice"), [TxId::ZERO, drawn.id("a")], 1);
    let second = attach(body("twice"), [TxId::ZERO, drawn.id("b")], 2);
    node.input(Node::gossip(&first));
    node.input(Node::gossip(&second));
    node.wait(ms(1_000));
    let expected: BTreeSet<TxId> = [first.id(), drawn.id("b")].into();
    assert_eq!(tips(&mut node), expected);
}

#[test]
fn there_are_never_more_than_the_most() {
    let many: String = (0..50).map(|at| format!("{at}; ")).collect();
    let drawn = Drawn::parse(&many);
    let limits = Limits { tips_max: 20, tips_shown: 8, ..Limits::default() };
    let mut node = Node::new(limits);
    for tx in &drawn.transactions {
        node.input(Node::gossip(tx));
        assert!(node.status().tip_count <= 20);
    }
    let newest: BTreeSet<TxId> = drawn.ids()[30..].iter().copied().collect();
    assert_eq!(node.status().tips.len(), 8);
    assert!((0..50).all(|_| tips(&mut node).is_subset(&newest)), "the oldest leave");
}

/// After a restart the tips are those that had no child, and nothing that was approved long ago.
#[test]
fn a_restart_finds_the_tips_again() {
    let drawn = Drawn::parse("a; b <- a; c <- a; d <- b");
    let mut node = node_with(&drawn, "a b c d");
    node.restart(Limits::default());
    assert_eq!(tips(&mut node), named(&drawn, "c d"));
    assert_eq!(node.status().next.0, 4);
}

/// 30 tips, 20 shown at a time, 1,500 draws: each is shown and chosen about equally often. The
/// bound on the sum of squares is far beyond what chance leads to (29 degrees of
/// freedom: 1 in 10^6 above
/// 80).
#[test]
fn tips_are_shown_and_chosen_evenly() {
    let many: String = (0..30).map(|at| format!("{at}; ")).collect();
    let drawn = Drawn::parse(&many);
    let mut node = Node::new(Limits { tips_shown: 20, ..Limits::default() });
    for tx in &drawn.transactions {
        node.input(Node::gossip(tx));
    }
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let (mut shown, mut chosen, mut firsts) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for _ in 0..1_500 {
        let tips = node.status().tips;
        assert_eq!(tips.iter().collect::<BTreeSet<_>>().len(), 20, "none twice");
        *firsts.entry(tips[0]).or_insert(0_u64) += 1;
        tips.iter().for_each(|tip| *shown.entry(*tip).or_insert(0_u64) += 1);
        let parents = choose_parents(&tips, [random.next_u64(), random.next_u64()]);
        assert_ne!(parents[0], parents[1]);
        parents.iter().for_each(|tip| *chosen.entry(*tip).or_insert(0_u64) += 1);
    }
    for (what, counts, total) in
        [("shown", shown, 30_000), ("chosen", chosen, 3_000), ("first", firsts, 1_500)]
    {
        let expected = total / 30;
        let squares: u64 = drawn
            .ids()
            .iter()
            .map(|id| counts.get(id).copied().unwrap_or(0).abs_diff(expected).pow(2))
            .sum();
        assert!(squares < 80 * expected, "{what}: {squares} over {expected}");
    }
}

#[test]
fn parents_are_distinct_and_zero_stands_in_where_tips_are_few() {
    let ids: Vec<TxId> = (1..=3).map(|byte| TxId([byte; 32])).collect();
    assert_eq!(choose_parents(&[], [5, 7]), [TxId::ZERO; 2]);
    assert_eq!(choose_parents(&ids[..1], [5, 7]), [TxId::ZERO, ids[0]]);
    let mut pairs = BTreeSet::new();
    for first in 0..6 {
        for second in 0..6 {
            let [a, b] = choose_parents(&ids, [first, second]);
            assert_ne!(a, b);
            pairs.insert((a, b));
        }
    }
    assert_eq!(pairs.len(), 6, "every pair in every order");
}
