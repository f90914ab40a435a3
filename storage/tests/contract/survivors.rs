//! A disk that forgets any of its batches and keeps any others, with drops among them.
//!
//! What a batch wrote is taken from the database, so a disk that forgot some is one that was given
//! the others. After one lost stretch all is as if the batches up to it were the only ones, but
//! that what a later one dropped is gone. After several, which takes as many damaged journals, only
//! the log and its bodies are promised.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::Range,
    path::Path,
    sync::Arc,
};

use fjall::PersistMode;
use proptest::{collection::vec, prelude::*};
use weft_core::{
    admit::Verified,
    machine::{Attached, Batch, Reads as _},
    units::Position,
};
use weft_storage::{FjallStore, Lost, Opened, Store as _};

use super::{
    add, commit,
    loss::totals,
    opening,
    support::{Model, STREAMS, stream, tangle},
};

const BATCHES: usize = 10;

type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// Durable batches, one after another.
#[derive(Default)]
struct History {
    batches: Vec<Written>,
    /// What the store holds with all of them, and what is on disk then.
    full: Model,
    records: Records,
}

struct Written {
    /// What the batch put or, without a value, removed.
    changes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// What was written down beside the database, and of how many transactions.
    witness: Vec<u8>,
    witnessed: u64,
}

fn open(dir: &Path) -> Opened {
    opening::open(dir).unwrap()
}

fn records(dir: &Path) -> Records {
    let (_database, records) = opening::database(dir);
    let pairs = records.iter().map(|guard| guard.into_inner().unwrap());
    pairs.map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

fn key(tag: u8, fields: &[&[u8]]) -> Vec<u8> {
    [&[tag], fields.concat().as_slice()].concat()
}

fn log_key(position: u64) -> Vec<u8> {
    key(b'l', &[&position.to_be_bytes()])
}

impl History {
    fn commit(&mut self, dir: &Path, txs: &[Arc<Verified>], drop_below: Option<Position>) {
        let batch = Batch { drop_below, ..self.full.batch(txs) };
        let floor = self.full.floor;
        commit(&open(dir).store, &mut self.full, &batch, true);
        let before = std::mem::replace(&mut self.records, records(dir));
        let dropped = &self.full.log[floor..self.full.floor];
        self.batches.push(Written {
            changes: changes(&before, &self.records, dropped),
            witness: fs::read(dir.join("witness")).unwrap(),
            witnessed: self.full.next().0,
        });
    }
}

fn changes(
    before: &Records,
    after: &Records,
    dropped: &[Attached],
) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let gone = before.keys().filter(|key| !after.contains_key(*key)).cloned();
    // Removed even if it is not there, which cannot be seen in the records.
    let further = dropped.iter().filter(|attached| !attached.first_of_body).map(|attached| {
        let position = attached.position.0.to_be_bytes();
        key(b'h', &[attached.tx.body_id().as_bytes(), &position])
    });
    let put = after.iter().filter(|(key, value)| before.get(*key) != Some(*value));
    let put = put.map(|(key, value)| (key.clone(), Some(value.clone())));
    gone.chain(further).map(|key| (key, None)).chain(put).collect()
}

/// A disk that kept some of the batches; the first `synced` were written down beside it.
fn disk(batches: &[Written], kept: &[bool], synced: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let (database, records) = opening::database(dir.path());
    for (written, _) in batches.iter().zip(kept).filter(|(_, kept)| **kept) {
        for (key, value) in &written.changes {
            match value {
                Some(value) => records.insert(key, value).unwrap(),
                None => records.remove(key).unwrap(),
            }
        }
    }
    database.persist(PersistMode::SyncAll).unwrap();
    let witness = synced.checked_sub(1).map(|last| &batches[last].witness);
    fs::write(dir.path().join("witness"), witness.map_or(&[][..], Vec::as_slice)).unwrap();
    dir
}

/// Where the log of a disk starts and how long it was when that was written.
fn noted(found: &Records) -> (u64, u64) {
    let Some(value) = found.get(&b"f"[..]) else { return (0, 0) };
    let count = |at: usize| u64::from_le_bytes(*value[at..].first_chunk().unwrap());
    (count(0), count(40))
}

/// The part of the log from `floor` on that is whole: each entry, and what its body hangs at.
fn whole(found: &Records, full: &Model, floor: u64) -> Range<u64> {
    let is_whole = |position: &u64| {
        let Some(attached) = full.log.get(*position as usize) else { return false };
        let body = found.get(&key(b'b', &[attached.tx.body_id().as_bytes()]));
        let at = body.map(|value| u64::from_le_bytes(*value.first_chunk().unwrap()));
        let is_there = |position| found.contains_key(&log_key(position));
        is_there(*position) && at.is_some_and(is_there)
    };
    floor..(floor..).find(|position| !is_whole(position)).unwrap()
}

/// Whether a body came once more after the batch that dropped it, which is lost. It hangs first at
/// both places then, until the lower one leaves.
fn is_twice_there(model: &Model) -> bool {
    let mut bodies = BTreeSet::new();
    model.log[model.floor..].iter().any(|attached| {
        let is_new = bodies.insert(attached.tx.body_id());
        attached.first_of_body && !is_new
    })
}

fn judge(history: &History, kept: &[bool], synced: usize) {
    let full = &history.full;
    let dir = disk(&history.batches, kept, synced);
    let found = records(dir.path());
    let (floor, len_noted) = noted(&found);
    let whole = whole(&found, full, floor);
    let positions = floor..full.log.len() as u64;
    let newest = positions.rev().find(|position| found.contains_key(&log_key(*position)));
    let witnessed = synced.checked_sub(1).map_or(0, |last| history.batches[last].witnessed);
    let there_were = len_noted.max(witnessed).max(newest.map_or(floor, |newest| newest + 1));

    let Opened { store, lost } = open(dir.path());
    assert_eq!(store.next_position(), Position(whole.end));
    let expected = lost.map(|Lost { expected, .. }| expected.transactions());
    assert_eq!(expected, (there_were > whole.end).then_some(there_were), "{lost:?}");
    assert!(lost.is_none_or(|lost| lost.actual == store.totals()));
    let log = full.log[..whole.end as usize].to_vec();
    let mut model = Model { log, floor: floor as usize, ..Model::default() };
    assert_eq!(store.totals(), totals(&model), "whatever has left counts");
    let stretches = kept.windows(2).filter(|pair| !pair[0] && pair[1]).count();
    if stretches > 1 || is_twice_there(&model) {
        assert_eq!(store.log(Position::ZERO, usize::MAX), model.entries());
        for Attached { tx, .. } in &model.log[model.floor..] {
            assert_eq!(store.transaction(&tx.id()).as_ref(), Some(tx.bytes()));
            assert!(store.attachments(&tx.body_id()).iter().all(|id| store.entry(id).is_some()));
        }
        for name in STREAMS {
            store.readings(&stream(name), None, usize::MAX);
        }
        store.health().unwrap();
    } else {
        model.check_of(&store, tangle());
    }
    if stretches < 2 {
        goes_on(store, dir.path(), &mut model);
        let left: Vec<_> = records(dir.path()).into_keys().collect();
        assert_eq!(left, [b"f"], "nothing names a transaction any more");
        assert_eq!(open(dir.path()).lost, None);
    }
}

/// One more comes, and nothing is missing from then on; more come, and all leave, one by one.
fn goes_on(store: FjallStore, dir: &Path, model: &mut Model) {
    let free = tangle().iter().filter(|tx| store.entry(&tx.id()).is_none());
    let txs: Vec<_> = free.take(9).cloned().collect();
    add(&store, model, &txs[..1], true);
    drop(store);
    let Opened { store, lost } = open(dir);
    assert_eq!(lost, None);
    add(&store, model, &txs[1..], true);
    for below in model.floor..=model.log.len() {
        let drop_below = Some(Position(below as u64));
        commit(&store, model, &Batch { drop_below, ..Batch::default() }, false);
        store.health().unwrap();
    }
    model.check_of(&store, tangle());
}

/// Attachments by body and turn, where the log is dropped below, and whether the disk kept it.
type Batches = &'static [(&'static [(usize, usize)], Option<u64>, bool)];

#[test]
fn what_a_later_batch_built_on_is_lost() {
    let stories: [(&str, Batches); 7] = [
        (
            "what lies between two attachments of a body",
            &[(&[(0, 0)], None, true), (&[(1, 0)], None, false), (&[(0, 1)], None, true)],
        ),
        (
            "the entry that a body hangs first at since",
            &[(&[(0, 0)], None, true), (&[(0, 1), (1, 0)], None, false), (&[], Some(1), true)],
        ),
        (
            "that a body hangs first at an entry that is there",
            &[(&[(0, 0), (1, 0), (0, 1)], None, true), (&[], Some(1), false), (&[], Some(2), true)],
        ),
        (
            "that a body left, which came again and was lost again",
            &[
                (&[(0, 0), (0, 1)], None, true),
                (&[(1, 0)], Some(2), false),
                (&[(0, 2)], None, true),
            ],
        ),
        (
            "that a body left, which came again and left",
            &[
                (&[(0, 0), (1, 0)], None, true),
                (&[], Some(1), false),
                (&[(0, 1)], None, true),
                (&[], Some(3), true),
            ],
        ),
        (
            "that a body left, which came again and stays",
            &[(&[(0, 0)], None, true), (&[], Some(1), false), (&[(0, 1)], None, true)],
        ),
        (
            "a body, and that it stayed when the entry left that it came with",
            &[
                (&[(0, 0)], None, false),
                (&[(1, 0), (0, 1)], None, true),
                (&[], Some(1), false),
                (&[], Some(2), true),
            ],
        ),
    ];
    for (lost, batches) in stories {
        let (dir, mut history) = (tempfile::tempdir().unwrap(), History::default());
        for (attached, below, _) in batches {
            let txs = attached.iter().map(|(body, turn)| tangle()[turn * 8 + body].clone());
            let txs: Vec<_> = txs.collect();
            history.commit(dir.path(), &txs, below.map(Position));
        }
        let kept: Vec<bool> = batches.iter().map(|(_, _, kept)| *kept).collect();
        for synced in [0, batches.len()] {
            println!("lost: {lost}; {synced} batches were written down");
            judge(&history, &kept, synced);
        }
    }
}

/// All but so many batches from there on, and nothing from the end on.
fn stretch(from: usize, count: usize, end: usize) -> Vec<bool> {
    (0..BATCHES).map(|n| n < end && !(from..from + count).contains(&n)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_lost_what_is_left_is_whole(
        mut order in vec(any::<prop::sample::Index>(), 5 * BATCHES),
        steps in vec((0..6_usize, prop::option::weighted(0.5, any::<u8>())), BATCHES),
        stretches in vec((0..BATCHES, 1..5_usize, 5..=BATCHES, 0..=BATCHES), 6),
        others in vec((vec(prop::bool::weighted(0.75), BATCHES), 0..=BATCHES), 2),
    ) {
        let (dir, mut history) = (tempfile::tempdir().unwrap(), History::default());
        let mut free = tangle().to_vec();
        for (attached, part) in steps {
            let picks = order.drain(..attached);
            let txs: Vec<_> = picks.map(|n| free.swap_remove(n.index(free.len()))).collect();
            let below = part.map(|part| history.full.dropping(part));
            history.commit(dir.path(), &txs, below);
        }
        for (from, count, end, synced) in stretches {
            judge(&history, &stretch(from, count, end), synced);
        }
        for (kept, synced) in others {
            judge(&history, &kept, synced);
        }
    }
}
