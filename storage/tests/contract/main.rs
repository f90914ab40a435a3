//! What every store promises, asked of both; and what only the one on disk can break.

#![expect(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that fails there is a test that fails"
)]

mod kill;
mod loss;
mod model;
mod opening;
mod pruning;
mod refused;
mod support;
mod survivors;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use pruning::*;
use support::{Model, STREAMS, address, attach, key, peers, reading, small_world, stream};
use weft_core::{
    admit::Verified,
    digest::TxId,
    machine::Batch,
    units::{Position, Sequence},
};
use weft_storage::{ATTACHMENTS_LISTED_MAX, FjallStore, MemoryStore, Store, Totals};

/// A store under test, and how its process ends and starts again in good order.
trait Subject: Sized {
    fn new() -> Self;
    fn store(&self) -> &dyn Store;
    fn restart(self) -> Self;
}

struct Memory(MemoryStore);

impl Subject for Memory {
    fn new() -> Self {
        Self(MemoryStore::new())
    }

    fn store(&self) -> &dyn Store {
        &self.0
    }

    fn restart(self) -> Self {
        self
    }
}

struct Disk {
    store: FjallStore,
    dir: tempfile::TempDir,
}

impl Disk {
    fn open(dir: tempfile::TempDir) -> Self {
        let opened = opening::open(dir.path()).unwrap();
        assert_eq!(opened.lost, None);
        Self { store: opened.store, dir }
    }
}

impl Subject for Disk {
    fn new() -> Self {
        Self::open(tempfile::tempdir().unwrap())
    }

    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn restart(self) -> Self {
        let Self { store, dir } = self;
        drop(store);
        Self::open(dir)
    }
}

macro_rules! contract {
    ($($name:ident)*) => {
        mod memory {
            $(#[test] fn $name() { super::$name::<super::Memory>(); })*
        }
        mod disk {
            $(#[test] fn $name() { super::$name::<super::Disk>(); })*
        }
    };
}

contract! {
    an_empty_store_has_nothing
    a_batch_is_readable_at_once_and_after_a_restart
    a_batch_is_seen_whole_or_not_at_all
    the_log_is_paged
    readings_are_paged
    attachments_are_listed_in_order_and_bounded
    equivocations_both_stay
    keys_and_addresses_are_kept
    totals_do_not_depend_on_the_order
    positions_follow_one_another
    a_further_attachment_needs_its_body
    what_lies_below_leaves_and_positions_go_on
    a_drop_is_seen_whole_or_not_at_all
    a_body_stays_as_long_as_it_hangs_somewhere
    what_a_batch_attaches_keeps_a_body
    what_left_may_come_again
    what_left_stays_away
    nothing_is_dropped_that_is_still_to_come
}

fn add(store: &dyn Store, model: &mut Model, txs: &[Arc<Verified>], durable: bool) {
    let batch = model.batch(txs);
    commit(store, model, &batch, durable);
}

fn commit(store: &dyn Store, model: &mut Model, batch: &Batch, durable: bool) {
    store.commit(batch, durable).unwrap();
    model.apply(batch);
}

fn filled<S: Subject>() -> (S, Model) {
    let (subject, mut model) = (S::new(), Model::default());
    for txs in small_world().chunks(7) {
        add(subject.store(), &mut model, txs, false);
    }
    (subject, model)
}

fn an_empty_store_has_nothing<S: Subject>() {
    let subject = S::new();
    Model::default().check(subject.store());
    assert_eq!(subject.store().totals(), Totals::ZERO);
    subject.store().commit(&Batch::default(), true).unwrap();
    Model::default().check(subject.restart().store());
}

fn a_batch_is_readable_at_once_and_after_a_restart<S: Subject>() {
    let (mut subject, mut model) = (S::new(), Model::default());
    for (n, txs) in small_world().chunks(40).enumerate() {
        add(subject.store(), &mut model, txs, n % 2 == 0);
        model.check(subject.store());
        let totals = subject.store().totals();
        subject = subject.restart();
        model.check(subject.store());
        assert_eq!(subject.store().totals(), totals);
    }
}

fn a_batch_is_seen_whole_or_not_at_all<S: Subject>() {
    let (subject, mut model) = (S::new(), Model::default());
    let store = subject.store();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for txs in small_world().chunks(10) {
                add(store, &mut model, txs, false);
            }
        });
        let mut seen = 0;
        loop {
            let ended = writer.is_finished();
            let log = store.log(Position::ZERO, usize::MAX);
            assert_eq!(log.len() % 10, 0, "a part of a batch");
            assert!(log.len() >= seen, "a batch went away");
            seen = log.len();
            if let Some(last) = log.last() {
                assert!(store.transaction(&last.id).is_some(), "an entry without its body");
            }
            if ended {
                break assert_eq!(seen, small_world().len());
            }
        }
    });
}

fn the_log_is_paged<S: Subject>() {
    let (subject, model) = filled::<S>();
    let (store, entries) = (subject.store(), model.entries());
    let last = entries.len() as u64;
    for (from, limit) in [(0, 0), (0, 1), (0, 50), (3, 50), (119, 50), (120, 1), (u64::MAX, 9)] {
        let expected = entries.iter().skip(from.min(last) as usize).take(limit);
        let expected: Vec<_> = expected.copied().collect();
        assert_eq!(store.log(Position(from), limit), expected, "{limit} from {from}");
    }
    for limit in [0, 1, 50, 120, 121, usize::MAX] {
        let expected: Vec<_> = entries.iter().rev().take(limit).copied().collect();
        assert_eq!(store.newest(limit), expected, "the newest {limit}");
    }
}

fn readings_are_paged<S: Subject>() {
    let (subject, _) = filled::<S>();
    let store = subject.store();
    for name in STREAMS {
        let id = stream(name);
        let all = store.readings(&id, None, usize::MAX);
        assert!(all.len() >= 20);
        let mut paged = Vec::new();
        loop {
            let after = paged.last().map(|entry: &weft_core::machine::LogEntry| entry.position);
            let page = store.readings(&id, after, 6);
            assert!(page.len() <= 6);
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, all);
        assert!(store.readings(&id, Some(Position(u64::MAX)), 6).is_empty());
        assert!(store.readings(&id, None, 0).is_empty());
    }
}

fn attachments_are_listed_in_order_and_bounded<S: Subject>() {
    let (subject, mut model) = (S::new(), Model::default());
    let sealed = reading(0, 1, STREAMS[0], b"once".to_vec());
    let count = ATTACHMENTS_LISTED_MAX + 3;
    let txs: Vec<_> =
        (0..count as u64).map(|n| attach(sealed.clone(), [TxId::ZERO; 2], n)).collect();
    add(subject.store(), &mut model, &txs[..2], false);
    add(subject.store(), &mut model, &txs[2..], false);
    let expected: Vec<TxId> = txs.iter().take(ATTACHMENTS_LISTED_MAX).map(|tx| tx.id()).collect();
    assert_eq!(subject.store().attachments(&txs[0].body_id()), expected);
    let readings = subject.store().readings(&stream(STREAMS[0]), None, usize::MAX);
    assert_eq!(readings.len(), 1, "one reading, however often it hangs");
}

fn equivocations_both_stay<S: Subject>() {
    let (subject, mut model) = (S::new(), Model::default());
    let body = |content: &str| reading(0, 7, STREAMS[0], content.into());
    let txs = ["yes", "no"].map(|content| attach(body(content), [TxId::ZERO; 2], 0));
    add(subject.store(), &mut model, &txs, false);
    let readings = subject.store().readings(&stream(STREAMS[0]), None, usize::MAX);
    assert_eq!(readings.iter().map(|e| e.id).collect::<Vec<_>>(), txs.each_ref().map(|t| t.id()));
    assert_eq!(subject.store().highest_sequence(&address(0)), Some(Sequence(7)));
    assert_eq!(subject.store().highest_sequence(&address(1)), None);
}

fn keys_and_addresses_are_kept<S: Subject>() {
    let (mut subject, mut model) = (S::new(), Model::default());
    let mut batch = Batch { keys: vec![key(0), key(1)], ..Batch::default() };
    commit(subject.store(), &mut model, &batch, true);
    batch.keys = vec![key(1), key(2)];
    batch.addresses = Some(peers(200));
    commit(subject.store(), &mut model, &batch, false);
    model.check(subject.store());
    subject = subject.restart();
    model.check(subject.store());
    for addresses in [peers(3), Vec::new()] {
        let batch = Batch { addresses: Some(addresses), ..Batch::default() };
        commit(subject.store(), &mut model, &batch, false);
        model.check(subject.store());
    }
}

fn totals_do_not_depend_on_the_order<S: Subject>() {
    let txs = &small_world()[..5];
    let mut back = txs.to_vec();
    back.reverse();
    let totals = [txs, &back, &txs[1..], &txs[..4]].map(|txs| {
        let subject = S::new();
        subject.store().commit(&Model::default().batch(txs), false).unwrap();
        subject.store().totals()
    });
    assert_eq!(totals[0], totals[1]);
    assert_ne!(totals[0], totals[2]);
    assert_ne!(totals[2], totals[3]);
    assert_eq!(totals[2].transactions(), 4);
}

fn positions_follow_one_another<S: Subject>() {
    for wrong in [0, 9, 11] {
        let (subject, mut model) = (S::new(), Model::default());
        add(subject.store(), &mut model, &small_world()[..10], false);
        let mut batch = model.batch(&small_world()[10..11]);
        batch.attached[0].position = Position(wrong);
        let commit = AssertUnwindSafe(|| subject.store().commit(&batch, false));
        assert!(catch_unwind(commit).is_err(), "position {wrong} after 9");
    }
}

fn a_further_attachment_needs_its_body<S: Subject>() {
    let subject = S::new();
    let mut batch = Model::default().batch(&small_world()[..1]);
    batch.attached[0].first_of_body = false;
    let commit = AssertUnwindSafe(|| subject.store().commit(&batch, false));
    assert!(catch_unwind(commit).is_err());
}
