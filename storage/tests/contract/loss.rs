//! A disk that forgets: what the database would not notice is reported, and what is left is whole.

use std::{
    fs,
    path::{Path, PathBuf},
};

use weft_core::{
    machine::{Batch, Reads as _},
    units::Position,
};
use weft_storage::{Lost, MemoryStore, Opened, Store, StoreError, Totals};

use super::{
    add, commit, opening,
    support::{Model, small_world, tangle},
};

const BATCH: usize = 5;

/// A store that got all of the small world; the last `buffered` batches are not synced. What is on
/// disk then, as a crash leaves it: the store is still open when it is copied.
fn crashed(buffered: usize) -> (tempfile::TempDir, Model) {
    let (dir, models) = crashed_keeping(usize::MAX, buffered);
    (dir, models.last().unwrap().clone())
}

/// The same of a store whose batches drop all but the newest `keeping` of those before them; and
/// what it held at first and after each batch.
fn crashed_keeping(keeping: usize, buffered: usize) -> (tempfile::TempDir, Vec<Model>) {
    let live = tempfile::tempdir().unwrap();
    let store = open(live.path()).store;
    let mut models = vec![Model::default()];
    let batches = small_world().chunks(BATCH).len();
    for (n, txs) in small_world().chunks(BATCH).enumerate() {
        let mut model = models[n].clone();
        let mut batch = model.batch(txs);
        let dropped = model.log.len().checked_sub(keeping);
        batch.drop_below = dropped.map(|dropped| Position(dropped as u64));
        commit(&store, &mut model, &batch, n + buffered < batches);
        models.push(model);
    }
    let dir = tempfile::tempdir().unwrap();
    copy(live.path(), dir.path());
    let journal = journal(dir.path());
    let mut bytes = fs::read(&journal).unwrap();
    bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1);
    fs::write(journal, bytes).unwrap();
    (dir, models)
}

fn open(dir: &Path) -> Opened {
    opening::open(dir).unwrap()
}

fn copy(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap() {
        let (from, to) = {
            let file = file.unwrap();
            (file.path(), to.join(file.file_name()))
        };
        if from.is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

fn journal(dir: &Path) -> PathBuf {
    dir.join("data/0.jnl")
}

fn prefix(model: &Model, len: u64) -> Model {
    Model { log: model.log[..len as usize].to_vec(), ..Model::default() }
}

pub(crate) fn totals(model: &Model) -> Totals {
    let store = MemoryStore::new();
    let txs: Vec<_> = model.log.iter().map(|attached| attached.tx.clone()).collect();
    store.commit(&Model::default().batch(&txs), false).unwrap();
    store.totals()
}

/// Opens a damaged copy: it is refused, or holds whole batches and says what it lost.
fn judge(dir: &Path, model: &Model, synced: u64) -> Result<Option<Lost>, StoreError> {
    let Opened { store, lost } = opening::open(dir)?;
    let left = store.totals().transactions();
    assert_eq!(left % BATCH as u64, 0, "a part of a batch is left");
    prefix(model, left).check(&store);
    assert_eq!(lost.is_some(), left < synced, "{left} of {synced} are left: {lost:?}");
    Ok(lost)
}

#[test]
fn a_bit_that_flips_in_the_journal_is_refused_or_reported() {
    let (dir, model) = crashed(0);
    let bytes = fs::read(journal(dir.path())).unwrap();
    let key = [b"l".as_slice(), &31_u64.to_be_bytes()].concat();
    let key_at = bytes.windows(key.len()).position(|window| window == key).unwrap();
    let (mut refused, mut reported) = (0, 0);
    // The 21 bytes in front of the key, its first bytes, and places all over the journal.
    let header = key_at - 21..key_at + 2;
    for at in header.chain((0..bytes.len()).step_by(bytes.len() / 40)) {
        let damaged = tempfile::tempdir().unwrap();
        copy(dir.path(), damaged.path());
        let mut bytes = bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(journal(damaged.path()), bytes).unwrap();
        match judge(damaged.path(), &model, model.log.len() as u64) {
            Err(StoreError::Open { .. }) => refused += 1,
            Err(other) => panic!("byte {at}: {other}"),
            Ok(None) => panic!("byte {at} made no difference"),
            Ok(Some(Lost { expected, .. })) => {
                assert_eq!(expected, totals(&model));
                reported += 1;
            }
        }
    }
    assert!(reported > 3 && refused > 20, "{reported} reported, {refused} refused");
}

#[test]
fn a_journal_may_end_anywhere_after_what_was_synced() {
    let (dir, model) = crashed(9);
    let bytes = fs::read(journal(dir.path())).unwrap();
    let synced = (model.log.len() - 9 * BATCH) as u64;
    let (mut whole, mut short) = (0, 0);
    for end in (0..=bytes.len()).rev().step_by(bytes.len() / 30) {
        let damaged = tempfile::tempdir().unwrap();
        copy(dir.path(), damaged.path());
        fs::write(journal(damaged.path()), &bytes[..end]).unwrap();
        match judge(damaged.path(), &model, synced).unwrap() {
            None => whole += 1,
            Some(lost) => {
                short += 1;
                assert_eq!(lost.expected, totals(&prefix(&model, synced)));
            }
        }
    }
    assert!(whole > 5 && short > 10, "{whole} whole, {short} short");
}

#[test]
fn a_log_that_starts_later_may_end_anywhere_too() {
    // With nothing of what was there before, all that is left came with the newest batch.
    for keeping in [17, 0] {
        let (dir, models) = crashed_keeping(keeping, 9);
        let bytes = fs::read(journal(dir.path())).unwrap();
        let synced = models.len() - 1 - 9;
        let (mut whole, mut short) = (0, 0);
        for end in (0..=bytes.len()).rev().step_by(bytes.len() / 20) {
            let damaged = tempfile::tempdir().unwrap();
            copy(dir.path(), damaged.path());
            fs::write(journal(damaged.path()), &bytes[..end]).unwrap();
            let Opened { store, lost } = open(damaged.path());
            let left = store.totals().transactions() as usize / BATCH;
            models[left].check(&store);
            assert_eq!(store.totals(), totals(&models[left]));
            let expected = (left < synced).then(|| totals(&models[synced]));
            assert_eq!(lost.map(|lost| lost.expected), expected);
            if expected.is_some() { short += 1 } else { whole += 1 }
        }
        assert!(whole > 3 && short > 5, "{whole} whole, {short} short");
    }
}

#[test]
fn a_log_of_which_all_left_goes_on_where_it_was() {
    let (dir, models) = crashed_keeping(usize::MAX, 0);
    let mut model = models.last().unwrap().clone();
    let store = open(dir.path()).store;
    let batch = Batch { drop_below: Some(model.next()), ..Batch::default() };
    commit(&store, &mut model, &batch, true);
    drop(store);
    let witness = fs::read(dir.path().join("witness")).unwrap();
    let Opened { store, lost } = open(dir.path());
    assert_eq!(lost, None);
    model.check(&store);
    assert_eq!(store.totals(), totals(&model), "all that ever came counts");

    // What comes then, and is lost again, is missed.
    let (count, before) = (model.next().0, model.clone());
    add(&store, &mut model, &tangle()[..3], true);
    let expected = store.totals();
    drop(store);
    remove_batches(dir.path(), &model, count as usize..count as usize + 3);
    let Opened { store, lost } = open(dir.path());
    assert_eq!(lost, Some(Lost { expected, actual: totals(&before) }));
    before.check(&store);
    drop(store);
    fs::write(dir.path().join("witness"), &witness).unwrap();
    assert_eq!(open(dir.path()).lost, None, "nothing came before that was written down");
}

#[test]
fn a_loss_is_reported_until_something_is_synced() {
    let (dir, model) = crashed(0);
    let mut bytes = fs::read(journal(dir.path())).unwrap();
    bytes.truncate(bytes.len() / 2);
    fs::write(journal(dir.path()), bytes).unwrap();

    let Opened { store, lost } = open(dir.path());
    let lost = lost.unwrap();
    let mut model = prefix(&model, lost.actual.transactions());
    let again = tempfile::tempdir().unwrap();
    copy(dir.path(), again.path());
    assert_eq!(open(again.path()).lost, Some(lost));

    let rest = &small_world()[model.log.len()..];
    add(&store, &mut model, rest, true);
    model.check(&store);
    assert_eq!(store.totals(), lost.expected, "all is back");
    drop(store);
    let Opened { store, lost } = open(dir.path());
    assert_eq!(lost, None);
    model.check(&store);
}

/// What a cut journal leaves when the journal after it is whole.
fn remove_batches(dir: &Path, model: &Model, positions: std::ops::Range<usize>) {
    let (database, records) = opening::database(dir);
    for attached in &model.log[positions] {
        let (tx, position) = (&attached.tx, attached.position.0.to_be_bytes());
        let body = tx.body_id();
        let mut keys = vec![
            [b"l".as_slice(), &position].concat(),
            [b"t".as_slice(), tx.id().as_bytes()].concat(),
            [b"h".as_slice(), body.as_bytes(), &position].concat(),
        ];
        if attached.first_of_body {
            keys.push([b"b".as_slice(), body.as_bytes()].concat());
            for guard in records.prefix("s").chain(records.prefix("i")) {
                let key = guard.key().unwrap();
                if key.ends_with(&position) {
                    keys.push(key.to_vec());
                }
            }
        }
        for key in keys {
            records.remove(key).unwrap();
        }
    }
    database.persist(fjall::PersistMode::SyncAll).unwrap();
}

#[test]
fn what_hangs_above_a_gap_is_removed() {
    // Batches of five: one in the middle, at the start, two apart, the last; and what a removal
    // that a crash ended leaves: a gap, and less above it.
    let gaps = [(vec![4], 20), (vec![0], 0), (vec![7, 15], 35), (vec![23], 115), (vec![3, 23], 15)];
    for (gaps, left) in gaps {
        let (dir, full) = crashed(2);
        for gap in &gaps {
            remove_batches(dir.path(), &full, gap * BATCH..(gap + 1) * BATCH);
        }
        let Opened { store, lost } = open(dir.path());
        let mut model = prefix(&full, left);
        model.check(&store);
        assert_eq!(store.totals(), totals(&model));
        if gaps == [23] {
            // No gap, and nothing that was synced.
            assert_eq!(lost, None);
        } else {
            let newest = if gaps.contains(&23) { prefix(&full, 115) } else { full.clone() };
            let lost = lost.unwrap();
            assert_eq!((lost.expected, lost.actual), (totals(&newest), totals(&model)));
        }
        let rest = &small_world()[left as usize..];
        add(&store, &mut model, rest, true);
        drop(store);
        let Opened { store, lost } = open(dir.path());
        assert_eq!(lost, None);
        model.check(&store);
        assert_eq!(store.totals(), totals(&full));
    }
}

#[test]
fn a_database_of_another_day_is_noticed() {
    let other = tempfile::tempdir().unwrap();
    let store = open(other.path()).store;
    let mut back = small_world().to_vec();
    back.truncate(60);
    back.reverse();
    store.commit(&Model::default().batch(&back[..30]), true).unwrap();
    drop(store);
    // As long as the 30 it speaks of are there, or left last.
    for (floor, noticed) in [(0, true), (20, true), (30, true), (31, false), (120, false)] {
        let (dir, mut model) = crashed(0);
        let store = open(dir.path()).store;
        let batch = Batch { drop_below: Some(Position(floor)), ..Batch::default() };
        commit(&store, &mut model, &batch, true);
        drop(store);
        fs::copy(other.path().join("witness"), dir.path().join("witness")).unwrap();
        let Opened { store, lost } = open(dir.path());
        let expected = lost.map(|lost| (lost.expected.transactions(), lost.actual));
        assert_eq!(expected, noticed.then_some((30, store.totals())), "all below {floor} left");
    }
}

#[test]
fn a_disk_that_cannot_be_read_stops_the_store() {
    let (dir, mut model) = crashed(0);
    let (database, records) = opening::database(dir.path());
    records.rotate_memtable_and_wait().unwrap();
    drop((records, database));

    let store = open(dir.path()).store;
    for file in fs::read_dir(dir.path().join("data/keyspaces/1/blobs")).unwrap() {
        fs::File::options().write(true).open(file.unwrap().path()).unwrap().set_len(0).unwrap();
    }
    store.health().unwrap();
    let first = small_world()[0].clone();
    assert!(store.entry(&first.id()).is_some(), "keys are in other files");
    assert_eq!(store.sealed_body(&first.body_id()), None);
    assert!(matches!(store.health(), Err(StoreError::Stopped { .. })));
    assert_eq!(store.entry(&first.id()), None, "what is read now is not to be trusted");
    model.log.clear();
    let refused = store.commit(&model.batch(&small_world()[..1]), true).unwrap_err();
    assert!(refused.to_string().contains("a read failed"), "{refused}");
}
