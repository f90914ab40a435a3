//! How the database is set up.
//!
//! ```text
//! journal -> memory, 32 MiB -> table -> 8 tables -> merged into the next level
//! ```
//! Each arrow is work beside that of the node, on the same cores and the same disk. So it comes in
//! small portions, and stands back while others have work (`docs/decisions/0005-store.md`).

use std::{error::Error, path::Path, sync::Arc, thread};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, compaction::Leveled};
#[cfg(target_os = "linux")]
use rustix::process::setpriority_process;

use super::Config;

/// The threads of the database. One does both, write full memtables to tables and merge tables: of
/// several, the first spins for as long as another merges, which costs a busy node a twentieth.
const WORKERS: usize = 1;

/// What is gathered in memory before it becomes a table. Half of what fjall does by itself: writing
/// one takes a core and the disk, and everything else waits for as long.
const MEMTABLE_BYTES: u64 = 32 << 20;

/// Tables that are merged into the next level at once: twice what fjall does by itself, so that as
/// many bytes are merged as often.
const TABLES_MERGED: u8 = 8;

/// How long a merged table is. The first level has room for as many as are merged at once, so this
/// is half of what fjall does by itself, too.
const TABLE_BYTES: u64 = 32 << 20;

/// How far the threads of the database stand back behind all others (`nice`), where the system can
/// say so of a thread: a merge can wait for a second, a round of checkpoints cannot.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

type BoxedError = Box<dyn Error + Send + Sync>;

/// Opens the database, in a thread of its own, whose priority its threads inherit. It asserts some
/// of what it finds in its files, so a damaged file can make it panic; here that is one more way of
/// being refused.
pub(super) fn open_database(
    path: &Path,
    config: Config,
) -> Result<(Database, Keyspace), BoxedError> {
    let open = || {
        #[cfg(target_os = "linux")]
        stand_back();
        try_open_database(path, config)
    };
    match thread::scope(|scope| scope.spawn(open).join()) {
        Ok(opened) => opened.map_err(BoxedError::from),
        Err(panic) => {
            let told = panic.downcast_ref::<String>().map(String::as_str);
            let told = told.or_else(|| panic.downcast_ref().copied());
            Err(format!("a file is damaged: {}", told.unwrap_or("no reason given")).into())
        }
    }
}

/// Has this thread, and those it starts, wait while others have work.
#[cfg(target_os = "linux")]
fn stand_back() {
    // On Linux it is asked of a thread, and no system refuses to be asked for less.
    if let Err(error) = setpriority_process(None, NICE) {
        tracing::warn!(%error, "merges of the store will not wait for other work");
    }
}

/// Signatures and readings do not compress (LZ4 is not even built in), and bodies stay where they
/// were written while tables of keys are merged.
fn try_open_database(path: &Path, config: Config) -> fjall::Result<(Database, Keyspace)> {
    let database =
        Database::builder(path).cache_size(config.cache_bytes).worker_threads(WORKERS).open()?;
    let tables =
        Leveled::default().with_table_target_size(TABLE_BYTES).with_l0_threshold(TABLES_MERGED);
    let records = database.keyspace("records", || {
        KeyspaceCreateOptions::default()
            .with_kv_separation(Some(KvSeparationOptions::default()))
            .max_memtable_size(MEMTABLE_BYTES)
            .compaction_strategy(Arc::new(tables))
    })?;
    Ok((database, records))
}
