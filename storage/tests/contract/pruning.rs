//! What every store promises when old transactions leave. Stories; `model.rs` has the rest.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use weft_core::{
    digest::TxId,
    machine::Batch,
    units::{Position, Sequence},
};
use weft_storage::{Store, Totals};

use super::{
    Subject, add, commit, filled,
    support::{Model, STREAMS, address, attach, key, peers, reading, small_world, stream, tangle},
};

fn dropping(below: u64) -> Batch {
    Batch { drop_below: Some(Position(below)), ..Batch::default() }
}

fn drop_below(store: &dyn Store, model: &mut Model, below: u64) {
    commit(store, model, &dropping(below), false);
}

pub(crate) fn what_lies_below_leaves_and_positions_go_on<S: Subject>() {
    let (mut subject, mut model) = filled::<S>();
    let batch = Batch { keys: vec![key(0)], addresses: Some(peers(3)), ..Batch::default() };
    commit(subject.store(), &mut model, &batch, false);
    let totals = subject.store().totals();
    for below in [1, 2, 50, 119, 120] {
        drop_below(subject.store(), &mut model, below);
        model.check(subject.store());
        subject = subject.restart();
        model.check(subject.store());
        assert_eq!(subject.store().totals(), totals, "all that ever came counts");
        let entries = model.entries();
        for from in [below - 1, below, below + 1] {
            let skipped = usize::from(from > below);
            let expected: Vec<_> = entries.iter().skip(skipped).take(5).copied().collect();
            assert_eq!(subject.store().log(Position(from), 5), expected, "{from} of {below}");
        }
    }
    assert!(model.entries().is_empty());
    add(subject.store(), &mut model, &tangle()[..12], true);
    model.check(subject.store());
    assert_eq!(subject.store().log(Position::ZERO, 1)[0].position, Position(120));
    model.check(subject.restart().store());
}

pub(crate) fn a_drop_is_seen_whole_or_not_at_all<S: Subject>() {
    let (subject, mut model) = (S::new(), Model::default());
    let store = subject.store();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for (n, txs) in small_world().chunks(10).enumerate() {
                let mut batch = model.batch(txs);
                batch.drop_below = n.checked_sub(3).map(|n| Position(n as u64 * 10));
                commit(store, &mut model, &batch, false);
            }
        });
        loop {
            let ended = writer.is_finished();
            let log = store.log(Position::ZERO, usize::MAX);
            let newest = store.newest(usize::MAX);
            for part in [log.as_slice(), newest.as_slice()] {
                let positions = part.iter().map(|entry| entry.position.0);
                let low = positions.clone().min().unwrap_or(0);
                let high = positions.max().map_or(0, |high| high + 1);
                assert_eq!(high - low, part.len() as u64, "a gap");
                assert_eq!((low % 10, high % 10), (0, 0), "a part of a batch");
                assert_eq!(low, high.saturating_sub(40), "a drop without its batch");
            }
            for name in STREAMS {
                store.readings(&stream(name), None, usize::MAX);
            }
            store.health().unwrap();
            if ended {
                break assert_eq!(log.len(), 40);
            }
        }
    });
}

pub(crate) fn a_body_stays_as_long_as_it_hangs_somewhere<S: Subject>() {
    let (mut subject, mut model) = (S::new(), Model::default());
    let body = reading(0, 7, STREAMS[0], b"hangs often".to_vec());
    let hung: Vec<_> = (0..5).map(|n| attach(body.clone(), [TxId::ZERO; 2], n)).collect();
    let txs: Vec<_> = hung.iter().zip(tangle()).flat_map(|(a, b)| [a.clone(), b.clone()]).collect();
    add(subject.store(), &mut model, &txs, false);

    // It hangs at 0, 2, 4, 6 and 8; at 2 and 4 no longer than at 0.
    for (below, first, left) in [(1, Some(2), 4), (5, Some(6), 2), (8, Some(8), 1), (9, None, 0)] {
        drop_below(subject.store(), &mut model, below);
        for _ in 0..2 {
            let store = subject.store();
            model.check_of(store, &txs);
            let attachments = store.attachments(&hung[0].body_id());
            let expected: Vec<_> = hung.iter().skip(5 - left).map(|tx| tx.id()).collect();
            assert_eq!(attachments, expected, "all below {below} left");
            let readings = store.readings(&stream(STREAMS[0]), None, usize::MAX);
            let own = readings.iter().filter(|entry| entry.body == hung[0].body_id());
            let places: Vec<_> = own.map(|entry| entry.position.0).collect();
            assert_eq!(places, Vec::from_iter(first), "all below {below} left");
            assert_eq!(store.sealed_body(&hung[0].body_id()).is_some(), first.is_some());
            subject = subject.restart();
        }
    }
    assert_eq!(
        subject.store().highest_sequence(&address(0)),
        Some(Sequence(1)),
        "of what is there"
    );
}

pub(crate) fn what_a_batch_attaches_keeps_a_body<S: Subject>() {
    let (mut subject, mut model) = (S::new(), Model::default());
    add(subject.store(), &mut model, &tangle()[..8], false);
    // Eight bodies, each of which hangs once more in the batch that drops where it hung first.
    let mut batch = model.batch(&tangle()[8..24]);
    batch.drop_below = Some(Position(8));
    commit(subject.store(), &mut model, &batch, false);
    assert!(batch.attached.iter().all(|attached| !attached.first_of_body));
    for below in [16, 24] {
        model.check_of(subject.store(), tangle());
        subject = subject.restart();
        model.check_of(subject.store(), tangle());
        drop_below(subject.store(), &mut model, below);
    }
    model.check_of(subject.store(), tangle());
}

pub(crate) fn what_left_may_come_again<S: Subject>() {
    let (mut subject, mut model) = (S::new(), Model::default());
    let txs = &tangle()[..8];
    for round in 1..4 {
        add(subject.store(), &mut model, txs, false);
        model.check_of(subject.store(), tangle());
        drop_below(subject.store(), &mut model, round * 8 - round);
        model.check_of(subject.store(), tangle());
        drop_below(subject.store(), &mut model, round * 8);
        model.check_of(subject.store(), tangle());
        subject = subject.restart();
    }
    assert_ne!(subject.store().totals(), Totals::ZERO);
}

pub(crate) fn what_left_stays_away<S: Subject>() {
    let (mut subject, mut model) = filled::<S>();
    drop_below(subject.store(), &mut model, 60);
    for below in [60, 59, 0] {
        drop_below(subject.store(), &mut model, below);
        model.check(subject.store());
        assert_eq!(subject.store().log(Position::ZERO, 1)[0].position, Position(60));
        subject = subject.restart();
    }
    model.check(subject.store());
}

pub(crate) fn nothing_is_dropped_that_is_still_to_come<S: Subject>() {
    let (subject, mut model) = (S::new(), Model::default());
    add(subject.store(), &mut model, &small_world()[..10], false);
    let mut batch = model.batch(&small_world()[10..20]);
    batch.drop_below = Some(Position(11));
    let commit = AssertUnwindSafe(|| subject.store().commit(&batch, false));
    assert!(catch_unwind(commit).is_err(), "it would drop what it attaches");
}
