//! A shelf in a folder: one fjall database with one keyspace, so that a batch is one thing
//! everywhere.
//!
//! ```text
//! lock      held by the process that has the shelf open
//! format    the line `weft-shelf 1`
//! data/     the database
//! ```
//! Invariant: nothing in the folder is touched before the lock is held and the format is known.

use std::{
    fmt,
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    panic::catch_unwind,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
};

use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode};

use super::{Batch, Shelf, ShelfError, Table};

/// The format that this program reads and writes. A change of any record is a new one.
const FORMAT: &str = "weft-shelf 1";

/// Memory for what was read from tables, in bytes: chunks are read in the order in which they were
/// written, and the newest are in memory anyway.
const CACHE_BYTES: u64 = 16 << 20;

/// The threads of the database.
const WORKERS: usize = 2;

/// A shelf in a folder.
pub struct FjallShelf {
    database: Database,
    records: Keyspace,
    /// Held while a batch is written and synced, so that batches follow one another.
    writing: Mutex<()>,
    failure: OnceLock<String>,
    dir: PathBuf,
    /// Let go last.
    _lock: File,
}

impl FjallShelf {
    /// Opens the shelf in `dir`, or makes one in an empty or missing folder.
    pub fn open(dir: &Path) -> Result<Self, ShelfError> {
        let lock = take(dir)?;
        let database = dir.join("data");
        let (database, records) =
            open_database(&database).map_err(|cause| ShelfError::Stopped { cause })?;
        let (writing, failure) = (Mutex::default(), OnceLock::new());
        Ok(Self { database, records, writing, failure, dir: dir.to_path_buf(), _lock: lock })
    }

    fn healthy(&self) -> Result<(), ShelfError> {
        match self.failure.get() {
            None => Ok(()),
            Some(cause) => Err(ShelfError::Stopped { cause: cause.clone() }),
        }
    }

    fn stop(&self, what: &str, error: &fjall::Error) -> ShelfError {
        let cause = format!("{what} in {}: {error}", self.dir.display());
        ShelfError::Stopped { cause: self.failure.get_or_init(|| cause).clone() }
    }
}

impl fmt::Debug for FjallShelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FjallShelf").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl Shelf for FjallShelf {
    fn write(&self, batch: &Batch) -> Result<(), ShelfError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.healthy()?;
        let mut records = self.database.batch();
        for (table, key, value) in batch.iter() {
            match value {
                Some(value) => records.insert(&self.records, stored(table, key), &value[..]),
                None => records.remove(&self.records, stored(table, key)),
            }
        }
        records.commit().map_err(|error| self.stop("a batch was not written", &error))?;
        let synced = self.database.persist(PersistMode::SyncAll);
        synced.map_err(|error| self.stop("a sync failed", &error))
    }

    fn read(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, ShelfError> {
        self.healthy()?;
        let found = self.records.get(stored(table, key));
        let found = found.map_err(|error| self.stop("a read failed", &error))?;
        Ok(found.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn list(
        &self,
        table: Table,
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, ShelfError> {
        self.healthy()?;
        let end = vec![(table as u8).saturating_add(1)];
        let found = self.records.range(stored(table, from)..end).take(limit);
        let record = |guard: fjall::Guard| {
            let (key, value) = guard.into_inner()?;
            let key = key.get(1..).unwrap_or_default().to_vec();
            Ok((key, Bytes::copy_from_slice(&value)))
        };
        let found: fjall::Result<Vec<_>> = found.map(record).collect();
        found.map_err(|error| self.stop("a read failed", &error))
    }
}

fn stored(table: Table, key: &[u8]) -> Vec<u8> {
    [&[table as u8], key].concat()
}

/// Opens the database. It asserts some of what it finds in its files, so a damaged one can make it
/// panic; here that is one more way of being refused. Sealed bytes do not compress and stay where
/// they were written while tables of keys are merged.
fn open_database(path: &Path) -> Result<(Database, Keyspace), String> {
    let open = || {
        let builder = Database::builder(path).cache_size(CACHE_BYTES).worker_threads(WORKERS);
        let database = builder.open()?;
        let apart = KvSeparationOptions::default();
        let records = database.keyspace("records", || {
            KeyspaceCreateOptions::default().with_kv_separation(Some(apart))
        })?;
        Ok((database, records))
    };
    let failed = |cause: &dyn fmt::Display| format!("cannot open {}: {cause}", path.display());
    match catch_unwind(open) {
        Ok(opened) => opened.map_err(|error: fjall::Error| failed(&error)),
        Err(_) => Err(failed(&"a file of the database is damaged")),
    }
}

/// Makes `dir` if it is missing, locks it, and sees that it is a shelf of this format, or empty.
fn take(dir: &Path) -> Result<File, ShelfError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| ShelfError::File { path, source }
    };
    fs::create_dir_all(dir).map_err(failed(dir))?;
    let path = dir.join("lock");
    let opened = File::options().create(true).truncate(false).write(true).open(&path);
    let lock = opened.map_err(failed(&path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(ShelfError::Locked { dir: dir.into() }),
        Err(TryLockError::Error(source)) => return Err(ShelfError::File { path, source }),
    }
    let path = dir.join("format");
    match fs::read_to_string(&path) {
        Ok(actual) if actual.trim_end() == FORMAT => {}
        Ok(actual) => {
            let actual = actual.chars().take(2 * FORMAT.len()).collect();
            return Err(ShelfError::Format { dir: dir.into(), expected: FORMAT, actual });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            is_empty(dir)?;
            write_format(dir).map_err(failed(&path))?;
        }
        Err(error) => return Err(failed(&path)(error)),
    }
    Ok(lock)
}

fn is_empty(dir: &Path) -> Result<(), ShelfError> {
    let failed = |source| ShelfError::File { path: dir.to_path_buf(), source };
    for file in fs::read_dir(dir).map_err(failed)? {
        let name = file.map_err(failed)?.file_name();
        if name != "lock" && name != "format.new" {
            let found = name.to_string_lossy().into_owned();
            return Err(ShelfError::Foreign { dir: dir.to_path_buf(), found });
        }
    }
    Ok(())
}

/// Renamed to its name once it is on disk; a crash in between leaves `format.new` alone.
fn write_format(dir: &Path) -> io::Result<()> {
    let new = dir.join("format.new");
    let mut file = File::create(&new)?;
    writeln!(file, "{FORMAT}")?;
    file.sync_all()?;
    fs::rename(new, dir.join("format"))?;
    #[cfg(unix)]
    File::open(dir)?.sync_all()?;
    Ok(())
}
