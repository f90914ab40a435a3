//! What is decided and in which order, on drawn graphs.

use alloc::{collections::BTreeMap, format, string::String, vec};

use super::{super::*, draw::*};
use crate::params::ORDER_LAG;

/// All made checkpoints, all decisions.
fn run(picture: &Picture, count: u8) -> (Consensus, Log) {
    let mut node = fresh(&committee(count), None);
    let mut log = Log::default();
    for one in &picture.made {
        assert_eq!(add(&mut node, one).fate, Fate::Accepted);
        log.drain(&mut node);
    }
    (node, log)
}

/// The letter of who leads, and of all others.
fn leader_and_others(round: u64, count: u8) -> (String, String) {
    let node = fresh(&committee(count), None);
    let leader = node.schedule.leader(Round(round)).unwrap().0;
    let letter = |author: u16| char::from(b'A' + u8::try_from(author).unwrap());
    let others = (0..count.into()).filter(|author| *author != leader).map(letter).collect();
    (letter(leader).into(), others)
}

#[test]
fn four_in_step_commit_every_round_two_rounds_later() {
    let mut node = fresh(&committee(4), None);
    let mut log = Log::default();
    let lines: Vec<String> = (2..30).map(|round| format!("ABCD{round}: *\n")).collect();
    let picture = Picture::draw(&format!("ABCD1:\n{}", lines.concat()));
    for (place, one) in picture.made.iter().enumerate() {
        add(&mut node, one);
        log.drain(&mut node);
        // A quorum of round r + 2 is enough.
        let complete = (place as u64 + 2) / 4;
        assert_eq!(log.leaders.len() as u64, complete.saturating_sub(2));
    }
    let rounds: Vec<u64> = log.leaders.iter().map(|(leader, _)| leader.round.0).collect();
    assert_eq!(rounds, Vec::from_iter(1..28));
    // One's time is `round * 100`; the median of round r - 1 is the time of commit r.
    assert_eq!(log.leaders[9].1, Time::from_millis(900));
    assert_eq!(log.leaders[0].1, Time::from_millis(2));
    let turns: BTreeSet<Author> =
        log.leaders[..4].iter().map(|(leader, _)| leader.author).collect();
    assert_eq!(turns.len(), 4, "everybody leads once in a cycle");
}

/// Two clocks of four are ten seconds slow, and each leader goes by those that are like its own.
#[test]
fn time_ascends_whatever_the_clocks_say() {
    let (mut node, mut log) = (fresh(&committee(4), None), Log::default());
    let is_slow = |author: u16| author >= 2;
    let mut before: Vec<CheckpointRef> = Vec::new();
    for round in 1..20 {
        let led = node.schedule.leader(Round(round - 1)).map_or(0, |leader| leader.0);
        let made = (0..4_u16).map(|author| {
            let mut refs = before.clone();
            refs.sort_by_key(|to| {
                let other = to.author.0;
                (other != author, other != led, is_slow(other) != is_slow(author))
            });
            refs.truncate(3);
            refs.sort_unstable();
            let time = round * 100 + if is_slow(author) { 0 } else { 10_000 };
            make((round, author), time, refs, vec![])
        });
        let made: Vec<_> = made.collect();
        before = made.iter().map(|one| one.reference()).collect();
        for one in &made {
            assert_eq!(add(&mut node, one).fate, Fate::Accepted);
            log.drain(&mut node);
        }
    }
    let times: Vec<Time> = log.leaders.iter().map(|(_, time)| *time).collect();
    assert!(times.len() > 10 && times.is_sorted_by(|one, next| one < next), "{times:?}");
    let slow = log.leaders.iter().filter(|(leader, _)| is_slow(leader.author.0)).count();
    assert!((3..times.len() - 3).contains(&slow), "{slow} of {}", times.len());
}

#[test]
fn a_leader_without_votes_is_skipped() {
    let (leader, others) = leader_and_others(2, 4);
    let picture = Picture::draw(&format!(
        "ABCD1:
         ABCD2: *
         {leader}3: ABCD2
         {others}3: {others}2
         ABCD4: *
         ABCD5: *
         ABCD6: *"
    ));
    let (node, log) = run(&picture, 4);
    let rounds: Vec<u64> = log.leaders.iter().map(|(leader, _)| leader.round.0).collect();
    assert_eq!((rounds, node.decided()), (vec![1, 3, 4], Round(4)));
    // What nobody voted for is ordered all the same, with the next leader who saw it.
    assert!(log.order.contains(&picture.reference(&format!("{leader}2"))));
}

#[test]
fn an_undecided_slot_is_settled_by_the_first_anchor_three_rounds_above() {
    // Three vote for the leader of round 2, but one of round 4 alone sees all three.
    let (leader, others) = leader_and_others(2, 4);
    let (x, y, z) = (&others[0..1], &others[1..2], &others[2..3]);
    let lines = format!(
        "ABCD1:
         ABCD2: *
         {leader}{x}{y}3: *
         {z}3: {others}2
         {leader}4: {leader}{x}{y}3
         {x}4: {x}{y}{z}3
         {y}4: {leader}{y}{z}3
         {z}4: {leader}{x}{z}3"
    );
    let (node, log) = run(&Picture::draw(&lines), 4);
    assert_eq!((log.leaders.len(), node.decided()), (1, Round(1)), "one certificate is too few");
    let rest = "ABCD5: *\nABCD6: *\nABCD7: *";
    let (_, log) = run(&Picture::draw(&format!("{lines}\n{rest}")), 4);
    let rounds: Vec<u64> = log.leaders.iter().map(|(leader, _)| leader.round.0).collect();
    assert_eq!(rounds[..2], [1, 2], "the anchor of round 5 has the certificate in its past");
}

#[test]
fn two_certified_proposals_raise_an_alarm() {
    // Leader, and a second equivocator, of four: one more than may be.
    let (leader, others) = leader_and_others(1, 4);
    let (x, y, z) = (&others[0..1], &others[1..2], &others[2..3]);
    let picture = Picture::draw(&format!(
        "ABCD1:
         {leader}1': 
         {x}2: ABCD1
         {leader}2: ABCD1
         {z}2: ABCD1
         {leader}2': {leader}1' {x}{y}{z}1
         {z}2': {leader}1' {x}{y}{z}1
         {y}2: {leader}1' {x}{y}{z}1
         {x}3: {leader}{x}{z}2
         {y}3: {y}2 {leader}{z}2'
         {leader}3: {leader}{x}{z}2"
    ));
    let mut node = fresh(&committee(4), None);
    let mut log = Log::default();
    let mut evidence = 0;
    for one in &picture.made {
        evidence += usize::from(add(&mut node, one).evidence.is_some());
        log.drain(&mut node);
    }
    let alarm = log.alarm.unwrap();
    let mut certified = alarm.certified;
    certified.sort_unstable();
    let mut proposals = [format!("{leader}1"), format!("{leader}1'")].map(|n| picture.get(&n).id());
    proposals.sort_unstable();
    assert_eq!((alarm.round, certified), (Round(1), proposals));
    assert_eq!((log.leaders.len(), evidence), (0, 2));
    assert_eq!(node.create_due(Time::from_millis(9_999), true), None, "it signs no more");
}

#[test]
fn a_leader_brings_tips_with_their_past_parents_first() {
    let committee = committee(1);
    let mut node = fresh(&committee, None);
    let id = |byte: u8| TxId([byte; 32]);
    let none = TxId::ZERO;
    let parents: BTreeMap<TxId, [TxId; 2]> = [
        (id(1), [none, none]),
        (id(2), [id(1), none]),
        (id(3), [id(2), id(1)]),
        (id(4), [id(9), id(3)]),
        (id(5), [id(7), id(2)]),
        (id(8), [id(7), none]),
    ]
    .into();
    // 7 was ordered before, 9 is stale and was never fetched.
    let past = |id: &TxId| {
        let ordered = id.0[0] == 7;
        let parents = if ordered { Some([none; 2]) } else { parents.get(id).copied() };
        parents.map(|parents| Orderable { parents, anchor_round: Round::ZERO, ordered })
    };
    let mut log = Log::default();
    let mut refs = Vec::new();
    for (round, tips) in [(1, vec![id(4)]), (2, vec![id(8), id(5)]), (3, vec![]), (4, vec![])] {
        let one = make((round, 0), round * 10, refs, tips);
        refs = vec![one.reference()];
        add(&mut node, &one);
    }
    log.drain_with(&mut node, &past);
    // Commit 2 meets what commit 1 ordered, as `past` does not know it: each leader asks anew.
    assert_eq!(log.transactions[..4], [1, 2, 3, 4].map(id));
    assert_eq!(log.transactions[4..], [1, 2, 5, 8].map(id));
}

#[test]
fn what_is_stale_for_the_leader_is_not_ordered() {
    let id = |byte: u8| TxId([byte; 32]);
    let one = make((1, 0), 1, Vec::new(), vec![id(1), id(2), id(3)]);
    let past = |id: &TxId| {
        let anchor_round = Round(u64::from(id.0[0]));
        Some(Orderable { parents: [TxId::ZERO; 2], anchor_round, ordered: false })
    };
    let order = order::transactions(&[one], Round(ORDER_LAG + 2), &past);
    assert_eq!(order, [id(2), id(3)]);
}
