//! How the tests open a store, beside those that start processes.
//!
//! Between its fork and its exec a child holds all files of this process, whichever test opened
//! them, and the locks on them. A store that is closed in that moment is still locked, so nothing
//! is opened while a child starts.

use std::{
    path::Path,
    process::{Child, Command},
    sync::RwLock,
};

use fjall::{Database, Keyspace};
use weft_storage::{Config, FjallStore, Opened, StoreError};

static CHILD_STARTS: RwLock<()> = RwLock::new(());

pub(crate) fn spawn(command: &mut Command) -> Child {
    let _starts = CHILD_STARTS.write().unwrap();
    command.spawn().unwrap()
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
