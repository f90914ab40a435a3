//! The past that is sent is the past that is missing.

use std::collections::BTreeSet;

use bytes::Bytes;
use proptest::prelude::*;
use weft_core::{
    codec::Decode as _,
    digest::TxId,
    machine::{Input, Limits, ToNet},
    message::{GetCone, Message},
    time::Span,
    tx::Transaction,
    units::Position,
};

use crate::{
    drawing::{Drawn, drawn},
    node::{Node, PEER},
};

fn holder(drawn: &Drawn, limits: Limits) -> Node {
    let mut node = Node::new(limits);
    for tx in &drawn.transactions {
        node.input(Node::gossip(tx));
    }
    node
}

fn decoded(bytes: &[Bytes]) -> Vec<Transaction> {
    bytes.iter().map(|bytes| Transaction::from_bytes(bytes).unwrap()).collect()
}

/// All answers to one question, as an asker puts it who attaches what comes.
fn fetch(node: &mut Node, want: &[TxId], have: &[TxId]) -> Vec<TxId> {
    let (mut came, mut from) = (Vec::new(), Position::ZERO);
    loop {
        let cone = GetCone { want: want.into(), have: have.into(), from };
        let (bytes, next) = node.ask(cone);
        came.extend(decoded(&bytes));
        let Some(next) = next else { break };
        assert!(next > from, "gets further with each answer");
        from = next;
    }
    let mut seen: BTreeSet<TxId> = BTreeSet::new();
    let all: BTreeSet<TxId> = came.iter().map(Transaction::id).collect();
    for tx in &came {
        for parent in tx.attachment.transactions().filter(|parent| all.contains(parent)) {
            assert!(seen.contains(&parent), "parents first");
        }
        assert!(seen.insert(tx.id()), "nothing twice");
    }
    came.iter().map(Transaction::id).collect()
}

fn pick(drawn: &Drawn, picks: &[usize]) -> Vec<TxId> {
    let ids = drawn.ids();
    picks.iter().map(|pick| ids[pick % ids.len()]).collect()
}

/// What `have` lacks of the past of `want`.
fn lacking(drawn: &Drawn, want: &[TxId], have: &[TxId]) -> BTreeSet<TxId> {
    drawn.past(want).difference(&drawn.past(have)).copied().collect()
}

#[test]
fn of_a_diamond() {
    let drawn = Drawn::parse("a; b <- a; c <- a; d <- b c; e <- a");
    let mut node = holder(&drawn, Limits::default());
    let names = |names: &str| names.split(' ').map(|name| drawn.id(name)).collect::<Vec<_>>();
    assert_eq!(fetch(&mut node, &names("d"), &names("b")), names("c d"));
    assert_eq!(fetch(&mut node, &names("d"), &names("a")), names("b c d"));
    assert_eq!(fetch(&mut node, &names("d"), &names("d")), []);
    assert_eq!(fetch(&mut node, &names("b"), &names("d")), []);
    assert_eq!(fetch(&mut node, &names("e d"), &names("c")), names("b d e"));
    assert_eq!(fetch(&mut node, &[TxId([9; 32])], &names("a")), [], "what nobody has");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Live or only in the store, cut into many answers or one.
    #[test]
    fn is_exact_where_it_is_walked(
        drawn in drawn(80),
        want in proptest::collection::vec(any::<usize>(), 1..4),
        have in proptest::collection::vec(any::<usize>(), 1..4),
        live in prop_oneof![Just(4), Just(20), Just(1_000)],
        cone_bytes in prop_oneof![Just(6_000), Just(1 << 20)],
    ) {
        let limits = Limits { live_count_max: live, cone_bytes, ..Limits::default() };
        let mut node = holder(&drawn, limits);
        let (want, have) = (pick(&drawn, &want), pick(&drawn, &have));
        let came: BTreeSet<TxId> = fetch(&mut node, &want, &have).into_iter().collect();
        prop_assert_eq!(came, lacking(&drawn, &want, &have));
    }

    /// For whoever has nothing, and where the walk would be too long: plain order, which may hold
    /// more, but nothing less.
    #[test]
    fn holds_all_that_lacks_where_it_is_too_long(
        drawn in drawn(80),
        want in proptest::collection::vec(any::<usize>(), 1..4),
        have in proptest::collection::vec(any::<usize>(), 0..3),
        cone_bytes in prop_oneof![Just(6_000), Just(1 << 20)],
    ) {
        let limits = Limits { cone_walk_max: 3, cone_bytes, ..Limits::default() };
        let mut node = holder(&drawn, limits);
        let (want, have) = (pick(&drawn, &want), pick(&drawn, &have));
        let came: BTreeSet<TxId> = fetch(&mut node, &want, &have).into_iter().collect();
        prop_assert!(came.is_superset(&lacking(&drawn, &want, &have)));
    }
}

/// Over its budget a peer gets nothing, is told to come again, and then gets the rest.
#[test]
fn a_peer_over_its_budget_comes_again() {
    let chain: String = (1..40).map(|at| format!("; {at} <- {}", at - 1)).collect();
    let drawn = Drawn::parse(&format!("0{chain}"));
    let burst = 20_000;
    let limits =
        Limits { serve_bytes_burst: burst, serve_bytes_per_s: 10_000, ..Limits::default() };
    let mut node = holder(&drawn, limits);
    let question = |from| GetCone { want: vec![drawn.id("39")], have: Vec::new(), from };
    let (first, next) = node.ask(question(Position::ZERO));
    let bytes: usize = first.iter().map(Bytes::len).sum();
    assert!(bytes as u64 <= burst && first.len() >= 5, "{bytes} bytes");
    let next = next.unwrap();
    assert_eq!(next.0 as usize, first.len());
    assert_eq!(node.ask(question(next)), (Vec::new(), Some(next)));
    node.now = node.now + Span::from_secs(1);
    assert_eq!(decoded(&node.ask(question(next)).0)[0].id(), drawn.ids()[first.len()]);
}

/// ```text
/// c0 <- .. <- c699 <- .. <- c999        the asker, who knows nothing of x
///              ^---- x0 <- .. <- x99    the other, who knows nothing beyond c699
/// ```
/// The asker does not know where they part; it says where it stands at distances that grow by a
/// quarter, so what comes again is at most a quarter of its own side.
#[test]
fn after_a_partition_little_is_sent_twice() {
    let chain = |name: &str, count: usize, first: &str| {
        let link = |at: usize| match at {
            0 => format!("{name}0 {first}; "),
            at => format!("{name}{at} <- {name}{}; ", at - 1),
        };
        (0..count).map(link).collect::<String>()
    };
    let drawn = Drawn::parse(&(chain("c", 1_000, "") + &chain("x", 100, "<- c699")));
    let (common_and_own, other) = drawn.transactions.split_at(1_000);
    let mut asker = Node::new(Limits::default());
    asker.group(common_and_own.iter().map(Node::gossip));
    let mut server = Node::new(Limits::default());
    server.group(common_and_own[..700].iter().chain(other).map(Node::gossip));

    let frontier = Message::Frontier(vec![drawn.id("x99")]);
    asker.input(Input::Message { from: PEER, message: frontier });
    let asked = asker.wait(Span::from_secs(1)).into_iter().find_map(|said| match said {
        ToNet::Ask { message: Message::GetCone(cone), .. } => Some(cone),
        _ => None,
    });
    let cone = asked.unwrap();
    assert!(cone.have.len() < 64, "{} ids", cone.have.len());
    let came = fetch(&mut server, &cone.want, &cone.have);
    assert!(came.ends_with(&drawn.ids()[1_000..]));
    let again = came.len() - 100;
    assert!(again <= 300 / 4, "{again} again");
}
