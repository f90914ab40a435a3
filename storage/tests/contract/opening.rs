//! How the tests open a store, beside those that start processes.
//!
//! Between its fork and its exec a child holds all files of this process, whichever test opened
//! them, and the locks on them. A store that is closed in that moment is still locked, so nothing
//! is opened while a child starts. It has started when it says something: that an exec took place
//! is known to the parent before the kernel closes the files.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::RwLock,
};

use fjall::{Database, Keyspace};
use weft_storage::{Config, FjallStore, Opened, StoreError};

static CHILD_STARTS: RwLock<()> = RwLock::new(());

/// Starts a process that says something soon, and what it says after its first line.
pub(crate) fn spawn(command: &mut Command) -> (Child, BufReader<ChildStdout>) {
    let _starts = CHILD_STARTS.write().unwrap();
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    said.read_line(&mut String::new()).unwrap();
    (child, said)
}

pub(crate) fn open(dir: &Path) -> Result<Opened, StoreError> {
    let _none_starts = CHILD_STARTS.read().unwrap();
    FjallStore::open(dir, Config::default())
}

/// The database of a store, past the store.
pub(crate) fn database(dir: &Path) -> (Database, Keyspace) {
    let _none_starts = CHILD_STARTS.read().unwrap();
    let database = Database::builder(dir.join("data")).open().unwrap();
    let records = database.keyspace("records", Default::default).unwrap();
    (database, records)
}
