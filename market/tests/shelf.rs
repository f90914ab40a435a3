//! What every shelf promises, asked of both; and what only the one on disk can break.

#![expect(clippy::unwrap_used, reason = "a test that fails there is a test that fails")]

use std::{fs, sync::Arc};

use bytes::Bytes;
use weft_market::shelf::{Batch, FjallShelf, MemoryShelf, Shelf, ShelfError, Table};

/// A shelf under test, and how its process ends and starts again.
trait Subject: Sized {
    fn new() -> Self;
    fn shelf(&self) -> Arc<dyn Shelf>;
    fn restart(self) -> Self;
}

struct Memory(Arc<MemoryShelf>);

impl Subject for Memory {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn shelf(&self) -> Arc<dyn Shelf> {
        self.0.clone()
    }

    fn restart(self) -> Self {
        self
    }
}

struct Disk(Arc<FjallShelf>, tempfile::TempDir);

impl Subject for Disk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self(Arc::new(FjallShelf::open(dir.path()).unwrap()), dir)
    }

    fn shelf(&self) -> Arc<dyn Shelf> {
        self.0.clone()
    }

    fn restart(self) -> Self {
        let Self(shelf, dir) = self;
        drop(shelf);
        Self(Arc::new(FjallShelf::open(dir.path()).unwrap()), dir)
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
    an_empty_shelf_has_nothing
    what_was_written_is_there_at_once_and_after_a_restart
    a_removed_record_is_gone
    the_last_word_on_a_key_counts
    lists_are_ordered_bounded_and_of_one_table
}

fn put(shelf: &dyn Shelf, records: &[(Table, &[u8], &'static [u8])]) {
    let mut batch = Batch::default();
    records.iter().for_each(|(table, key, value)| batch.put(*table, key, *value));
    shelf.write(&batch).unwrap();
}

fn an_empty_shelf_has_nothing<S: Subject>() {
    let subject = S::new();
    assert_eq!(subject.shelf().read(Table::Counter, b"a").unwrap(), None);
    assert_eq!(subject.shelf().list(Table::Counter, b"", 9).unwrap(), []);
    subject.shelf().write(&Batch::default()).unwrap();
}

fn what_was_written_is_there_at_once_and_after_a_restart<S: Subject>() {
    let subject = S::new();
    let long = Bytes::from(vec![7; 200_000]);
    let mut batch = Batch::default();
    batch.put(Table::Ciphertext, b"k", long.clone());
    batch.put(Table::Single, b"", &b"one"[..]);
    subject.shelf().write(&batch).unwrap();
    let holds = |shelf: &dyn Shelf| {
        assert_eq!(shelf.read(Table::Ciphertext, b"k").unwrap(), Some(long.clone()));
        assert_eq!(shelf.read(Table::Single, b"").unwrap().unwrap(), b"one"[..]);
        assert_eq!(shelf.read(Table::Chunk, b"k").unwrap(), None);
    };
    holds(&*subject.shelf());
    holds(&*subject.restart().shelf());
}

fn a_removed_record_is_gone<S: Subject>() {
    let subject = S::new();
    put(&*subject.shelf(), &[(Table::Counter, b"a", b"1"), (Table::Counter, b"b", b"2")]);
    let mut batch = Batch::default();
    batch.remove(Table::Counter, b"a");
    batch.remove(Table::Counter, b"never there");
    subject.shelf().write(&batch).unwrap();
    let left = subject.restart().shelf().list(Table::Counter, b"", 9).unwrap();
    assert_eq!(left, [(b"b".to_vec(), Bytes::from_static(b"2"))]);
}

fn the_last_word_on_a_key_counts<S: Subject>() {
    let subject = S::new();
    let (mut first, mut later) = (Batch::default(), Batch::default());
    first.put(Table::Counter, b"a", &b"1"[..]);
    first.put(Table::Counter, b"b", &b"1"[..]);
    later.put(Table::Counter, b"a", &b"2"[..]);
    later.remove(Table::Counter, b"b");
    first.extend(later);
    subject.shelf().write(&first).unwrap();
    assert_eq!(subject.shelf().read(Table::Counter, b"a").unwrap().unwrap(), b"2"[..]);
    assert_eq!(subject.shelf().read(Table::Counter, b"b").unwrap(), None);
}

fn lists_are_ordered_bounded_and_of_one_table<S: Subject>() {
    let subject = S::new();
    put(
        &*subject.shelf(),
        &[
            (Table::Ciphertext, b"\0\x03", b"c"),
            (Table::Chunk, b"\0\x02", b"b"),
            (Table::Chunk, b"\0\x01", b"a"),
            (Table::Chunk, b"\xff\xff", b"z"),
            (Table::Single, b"\0\x09", b"s"),
        ],
    );
    let keys = |from: &[u8], limit| {
        let found = subject.shelf().list(Table::Chunk, from, limit).unwrap();
        found.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    assert_eq!(keys(b"", 9), [b"\0\x01", b"\0\x02", b"\xff\xff"]);
    assert_eq!(keys(b"\0\x02", 1), [b"\0\x02"]);
    assert_eq!(keys(b"\xff\xff\0", 9), [b""; 0]);
}

#[test]
fn a_folder_belongs_to_one_process_and_to_one_format() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = FjallShelf::open(dir.path()).unwrap();
    assert!(matches!(FjallShelf::open(dir.path()), Err(ShelfError::Locked { .. })));
    drop(shelf);
    fs::write(dir.path().join("format"), "weft-shelf 9\n").unwrap();
    let refused = FjallShelf::open(dir.path()).unwrap_err().to_string();
    assert!(refused.contains("weft-shelf 9") && refused.contains("weft-shelf 1"), "{refused}");
}

#[test]
fn a_folder_of_others_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.tex"), "..").unwrap();
    let refused = FjallShelf::open(dir.path()).unwrap_err().to_string();
    assert!(refused.contains("thesis.tex"), "{refused}");
    assert!(!dir.path().join("format").exists() && !dir.path().join("data").exists());
}
