//! Gaps in the log and what lies below its start, and how far down they are looked for.

use weft_core::{
    codec::Reader,
    digest::{BodyId, TxId},
    machine::LogEntry,
    tx::{Attachment, CommitRef},
};

use super::*;
use crate::disk::Config;

/// A store whose log alone has `positions`, each entry the first of a body of 1,000 bytes.
fn logged(positions: impl Iterator<Item = u64>) -> (FjallStore, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let store = FjallStore::open(dir.path(), Config::default()).unwrap().store;
    for n in positions {
        let entry = LogEntry {
            position: Position(n),
            id: TxId([1; 32]),
            attachment: Attachment::new([TxId::ZERO; 2], CommitRef::NONE),
            body: BodyId([2; 32]),
            bytes: 1_000,
            is_own: false,
        };
        let totals = Totals::decode_sum(n + 1, &mut Reader::new(&[0; 32])).unwrap();
        let record = LogRecord { entry, first_of_body: true, totals };
        store.records.insert(record::log(Position(n)), record.value()).unwrap();
    }
    (store, dir)
}

fn gap(store: &FjallStore, floor: u64, journal_bytes: u64) -> Option<u64> {
    let at = store.database.snapshot();
    store.gap(&at, Position(floor), journal_bytes).unwrap().map(|gap| gap.0)
}

#[test]
fn the_lowest_gap_is_found_within_reach_of_the_journals() {
    let one = 1_000 + ATTACHMENT_BYTES;
    for (missing, reach, expected) in [
        (vec![], 1_000, None),
        (vec![40], 1_000, Some(40)),
        (vec![40, 41, 42], 1_000, Some(40)),
        (vec![20, 60], 1_000, Some(20)),
        (vec![0], 1_000, Some(0)),
        (vec![0, 99], 1_000, Some(0)),
        (vec![99], 1_000, None),
        // From 99 down, so many entries: those that end above the gap do not find it.
        (vec![40], 59, None),
        (vec![40], 60, Some(40)),
        (vec![20, 60], 50, Some(60)),
    ] {
        let (store, _dir) = logged((0..100).filter(|n| !missing.contains(n)));
        assert_eq!(gap(&store, 0, (reach - 1) * one), expected, "{missing:?} within {reach}");
    }
}

#[test]
fn a_log_starts_at_its_floor() {
    for (floor, missing, expected) in [
        (40, 0..40, None),
        (40, 0..0, None),
        (40, 0..41, Some(40)),
        (40, 40..41, Some(40)),
        (40, 20..60, Some(40)),
        (40, 60..61, Some(60)),
        (100, 0..100, None),
        (100, 0..0, None),
        (120, 50..60, None),
    ] {
        let (store, _dir) = logged((0..100).filter(|n| !missing.contains(n)));
        let found = gap(&store, floor, u64::MAX / 2);
        assert_eq!(found, expected, "{missing:?} of a log that starts at {floor}");
    }
}

#[test]
fn what_is_left_below_the_floor_is_found_within_reach_of_the_journals() {
    let (store, _dir) = logged((20..30).chain(50..100));
    let at = store.database.snapshot();
    for (floor, reach, expected) in [
        (0, 1_000, false),
        (20, 1_000, false),
        (21, 1_000, true),
        (50, 1_000, true),
        // From the floor down, so many positions.
        (50, 20, false),
        (50, 21, true),
    ] {
        let found = store.is_left_below(&at, Position(floor), reach * DROPPED_BYTES).unwrap();
        assert_eq!(found, expected, "below {floor} within {reach}");
    }
}

#[test]
fn an_empty_log_has_no_gap() {
    let (store, _dir) = logged(std::iter::empty());
    assert_eq!(gap(&store, 0, 0), None);
    assert_eq!(gap(&store, 7, 0), None);
}

#[test]
fn journals_are_counted_before_the_database_opens() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(journal_bytes(&dir.path().join("none")), 0);
    for (name, len) in [("0.jnl", 5), ("7.jnl", 11), ("lock", 3), ("jnl", 2)] {
        fs::write(dir.path().join(name), vec![0; len]).unwrap();
    }
    assert_eq!(journal_bytes(dir.path()), 16);
}
