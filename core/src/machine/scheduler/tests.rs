//! Lines, turns and bounds of the scheduler.

use alloc::{vec, vec::Vec};

use bytes::Bytes;
use proptest::{collection::vec as many, prelude::*};

use super::*;
use crate::{
    address::Address,
    admit::{Rules, reattached},
    codec::Encode as _,
    digest::{KeyId, NodeId},
    genesis::Genesis,
    keys::{Scheme, Signature},
    params::Params,
    tx::{Attachment, Body, CommitRef, ContentType, Data, Payload, Seal, SealedBody, StreamName},
    units::Sequence,
};

const PEER: Source = Source::Gossip(NodeId([9; 32]));

/// Something of an issuer, of some 2.7 kB.
fn tx(issuer: u8, number: u64, parents: [TxId; 2]) -> Arc<Verified> {
    let genesis = Genesis::without_finality("turns", Params { work_bits: 0, ..Params::dev() });
    let scheme = Scheme::MlDsa44;
    let body = Body {
        network: genesis.network(),
        issuer: Address::of(KeyId([issuer; 32])),
        signer: None,
        sequence: Sequence(number + 1),
        time: Time::ZERO,
        expires: Time::ZERO,
        beacon: CommitRef::NONE,
        payload: Payload::Data(Data {
            stream: StreamName::parse("s").unwrap(),
            content_type: ContentType::TEXT,
            bytes: Bytes::from_static(b"x"),
        }),
    };
    let signature = Signature::new(scheme, vec![0; scheme.signature_bytes()].into()).unwrap();
    let sealed = SealedBody { body, seal: Seal { key: None, signature } }.to_bytes();
    let attachment = Attachment::new(parents, genesis.commit());
    Arc::new(reattached(&attachment, &sealed, &Rules::new(&genesis)).unwrap())
}

fn solid(issuer: u8, number: u64) -> Solid {
    Solid::new(tx(issuer, number, [TxId::ZERO; 2]), PEER, Time::ZERO)
}

fn id(issuer: u8, number: u64) -> TxId {
    tx(issuer, number, [TxId::ZERO; 2]).id()
}

fn at(ms: u64) -> Time {
    Time::from_millis(1_000 + ms)
}

/// 100 kB a second, one at a time.
fn slow() -> Limits {
    let (line_bytes_max, line_count_max) = (100_000, 30);
    Limits {
        take_bytes_per_s: 100_000,
        take_bytes_burst: 1,
        line_bytes_max,
        line_count_max,
        ..Limits::default()
    }
}

/// All that is taken, one after the other.
fn drained(scheduler: &mut Scheduler) -> Vec<TxId> {
    let mut taken = Vec::new();
    while let Some(due) = scheduler.due(Time::ZERO, 0) {
        taken.extend(scheduler.next(due.max(at(0)), 0).map(|solid| solid.tx.id()));
    }
    taken
}

#[test]
fn where_nothing_waits_everything_passes_at_its_rate() {
    let mut scheduler = Scheduler::new(&slow());
    let passes = |scheduler: &mut Scheduler, ms| scheduler.passes(at(ms), 0, &solid(1, 0));
    assert!(passes(&mut scheduler, 0));
    // 2.7 kB are 27 ms; what is owed is at most a burst.
    assert!(!passes(&mut scheduler, 0));
    assert!(passes(&mut scheduler, 1));
    scheduler.put(solid(1, 1), 1);
    assert!(!passes(&mut scheduler, 500), "nobody overtakes who waits");
    assert!(scheduler.next(at(500), 0).is_some() && scheduler.next(at(500), 0).is_none());
    assert_eq!((scheduler.count(), scheduler.bytes(), scheduler.due(Time::ZERO, 0)), (0, 0, None));
}

#[test]
fn an_issuer_keeps_its_order_and_others_go_between() {
    let mut scheduler = Scheduler::new(&slow());
    for number in 0..6 {
        assert!(scheduler.put(solid(1, number), 1).is_empty());
    }
    scheduler.put(solid(2, 0), 1);
    let taken = drained(&mut scheduler);
    let of_one: Vec<TxId> = taken.iter().filter(|one| **one != id(2, 0)).copied().collect();
    assert_eq!(of_one, (0..6).map(|number| id(1, number)).collect::<Vec<_>>());
    assert!(taken.iter().position(|one| *one == id(2, 0)).unwrap() <= 2);
}

#[test]
fn nothing_goes_before_its_parents_and_somebody_pays_for_them() {
    // A long line of issuer 1, and something of issuer 2 that stands on its end.
    let order = |weight| {
        let mut scheduler = Scheduler::new(&slow());
        (0..5).for_each(|number| drop(scheduler.put(solid(1, number), weight)));
        let child = tx(2, 0, [TxId::ZERO, id(1, 4)]);
        scheduler.put(Solid::new(child.clone(), PEER, Time::ZERO), 1);
        scheduler.put(solid(3, 0), 1);
        let taken = drained(&mut scheduler);
        let place = |wanted: TxId| taken.iter().position(|one| *one == wanted).unwrap();
        assert!(place(id(1, 4)) < place(child.id()));
        assert!(place(id(1, 4)) < place(id(1, 3)), "taken along, before its turn");
        assert!(place(id(3, 0)) < place(child.id()), "whoever takes it along has paid for it");
    };
    // The owner has nothing, or owes something already.
    [0, 1].into_iter().for_each(order);
}

#[test]
fn only_what_is_within_a_share_is_built_on() {
    let mut scheduler = Scheduler::new(&slow());
    scheduler.put(solid(1, 0), 1);
    scheduler.put(solid(1, 1), 1);
    scheduler.put(solid(2, 0), 0);
    let mut offered = Vec::new();
    while let Some(due) = scheduler.due(Time::ZERO, 0) {
        let taken = scheduler.next(due.max(at(0)), 0);
        offered.extend(taken.filter(|one| one.is_offered).map(|one| one.tx.id()));
    }
    assert_eq!(offered, [id(1, 0)]);
}

#[test]
fn the_longest_line_loses_its_end_and_is_told_when_to_come_again() {
    let mut scheduler = Scheduler::new(&slow());
    scheduler.put(solid(7, 0), 1);
    let mut gone = Vec::new();
    for number in 0..40 {
        let local = Solid { source: Source::Local, ..solid(1, number) };
        gone.extend(scheduler.put(local, 1));
    }
    assert!(scheduler.contains(&id(7, 0)) && scheduler.count() <= 30);
    assert!(scheduler.bytes() <= 100_000);
    assert_eq!(gone.len(), 41 - scheduler.count());
    assert!(gone.iter().all(|one| one.source == Source::Local));
    assert!(scheduler.has_turned_away(&gone[0].id) && !scheduler.contains(&gone[0].id));
    // Some 34 of 2.7 kB at half of 100 kB a second.
    let retry = gone[0].retry_after.as_millis();
    assert!((1_000..2_500).contains(&retry), "{retry} ms");
    assert!(scheduler.put(solid(8, 0), 1).iter().all(|one| one.id != id(8, 0)));
}

#[test]
fn a_cited_past_is_taken_at_once_parents_first() {
    let mut scheduler = Scheduler::new(&slow());
    let a = tx(1, 0, [TxId::ZERO; 2]);
    let b = tx(2, 0, [TxId::ZERO, a.id()]);
    let c = tx(3, 0, [TxId::ZERO, b.id()]);
    for tx in [&a, &b, &c] {
        scheduler.put(Solid::new(tx.clone(), PEER, Time::ZERO), 0);
    }
    scheduler.put(solid(4, 0), 0);
    let past = scheduler.past([c.id(), id(5, 5)]);
    let past: Vec<TxId> = past.iter().map(|solid| solid.tx.id()).collect();
    assert_eq!(past, [a.id(), b.id(), c.id()]);
    assert_eq!(drained(&mut scheduler), [id(4, 0)]);
}

/// A chain that is deeper than anybody looks, below every line's head.
#[test]
fn however_deep_a_past_is_everything_gets_its_turn() {
    let mut scheduler = Scheduler::new(&Limits { line_count_max: 500, ..Limits::default() });
    let mut chain = vec![tx(1, 0, [TxId::ZERO; 2])];
    for number in 1..200 {
        let parent = chain[chain.len() - 1].id();
        chain.push(tx(1, number, [TxId::ZERO, parent]));
    }
    // Children came before their parents, which left and came again.
    for tx in chain.iter().rev() {
        scheduler.put(Solid::new(tx.clone(), PEER, Time::ZERO), 1);
    }
    let ids: Vec<TxId> = chain.iter().map(|tx| tx.id()).collect();
    assert_eq!(drained(&mut scheduler), ids);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Against a list of what came and did not leave, whatever comes and is taken in between.
    #[test]
    fn bounds_hold_and_each_that_came_leaves_once(
        steps in many((1_u8..6, 0_u64..4, any::<bool>()), 1..120),
    ) {
        let limits = slow();
        let mut scheduler = Scheduler::new(&limits);
        let mut naive: Vec<TxId> = Vec::new();
        let mut numbers = [0_u64; 6];
        let mut now = 0;
        for (issuer, weight, takes) in steps {
            now += 5;
            if takes {
                if let Some(solid) = scheduler.next(at(now), 0) {
                    let left = naive.extract_if(.., |one| *one == solid.tx.id()).count();
                    prop_assert_eq!(left, 1, "it waited, and once");
                }
            } else {
                let number = &mut numbers[usize::from(issuer)];
                *number += 1;
                naive.push(id(issuer, *number));
                for gone in scheduler.put(solid(issuer, *number), weight) {
                    let left = naive.extract_if(.., |one| *one == gone.id).count();
                    prop_assert_eq!(left, 1, "it waited, and once");
                }
            }
            prop_assert!(scheduler.bytes() <= limits.line_bytes_max);
            prop_assert!(scheduler.count() <= limits.line_count_max);
            prop_assert_eq!(scheduler.count(), naive.len());
        }
        let mut taken = drained(&mut scheduler);
        taken.sort_unstable();
        naive.sort_unstable();
        prop_assert_eq!(taken, naive);
        prop_assert_eq!((scheduler.count(), scheduler.bytes()), (0, 0));
    }
}

#[test]
fn who_brings_more_than_is_taken_has_to_wait_until_half_is_gone() {
    let peer = PEER.peer().unwrap();
    let mut scheduler = Scheduler::new(&slow());
    let changes = |scheduler: &mut Scheduler| scheduler.changes_of_held(|_| true);
    // An eighth of the lines is more than four and less than five.
    for number in 0..4 {
        scheduler.put(solid(1, number), 0);
        // What has a share stands in a line of its own.
        scheduler.put(solid(2, number), 1);
        assert_eq!(changes(&mut scheduler), []);
    }
    scheduler.put(solid(1, 4), 0);
    assert_eq!(changes(&mut scheduler), [(peer, true)]);
    assert_eq!(changes(&mut scheduler), []);
    let of_poor = |number| id(1, number);
    let waits = |scheduler: &Scheduler| (0..5).filter(|n| scheduler.contains(&of_poor(*n))).count();
    while waits(&scheduler) > 3 {
        let due = scheduler.due(Time::ZERO, 0).unwrap();
        scheduler.next(due.max(at(0)), 0).unwrap();
        assert_eq!(changes(&mut scheduler), []);
    }
    while waits(&scheduler) > 2 {
        let due = scheduler.due(Time::ZERO, 0).unwrap();
        scheduler.next(due.max(at(0)), 0).unwrap();
    }
    assert_eq!(changes(&mut scheduler), [(peer, false)]);
}

#[test]
fn nobody_is_held_who_is_not_connected() {
    let peer = PEER.peer().unwrap();
    let mut scheduler = Scheduler::new(&slow());
    (0..6).for_each(|number| drop(scheduler.put(solid(1, number), 0)));
    assert_eq!(scheduler.changes_of_held(|_| false), []);
    assert_eq!(scheduler.changes_of_held(|_| true), [(peer, true)]);
    assert_eq!(scheduler.changes_of_held(|_| false), [(peer, false)]);
}
