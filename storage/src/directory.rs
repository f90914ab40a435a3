//! The directory of a store: who uses it, and in which format it is.
//!
//! ```text
//! lock      held by the process that has the store open
//! format    the line `weft-store 4`
//! witness   what was synced last (`witness.rs`)
//! data/     the database
//! ```
//!
//! Invariant: nothing in the directory is touched before the lock is held and the format is known.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::StoreError;

/// The format that this program reads and writes. A change of any record is a new one.
const FORMAT: &str = "weft-store 4";

const LOCK: &str = "lock";
const FORMAT_FILE: &str = "format";
/// Renamed to [`FORMAT_FILE`] once it is on disk; left over only by a crash in between.
const FORMAT_NEW: &str = "format.new";

/// A directory that this process alone uses.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Makes `path` if it is missing, locks it, and sees that it is a store of this format, or
    /// empty.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |source| StoreError::File { path, source }
        };
        fs::create_dir_all(path).map_err(failed(path))?;
        let lock = lock(path)?;
        match fs::read(path.join(FORMAT_FILE)) {
            Ok(found) => same_format(path, &found)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                empty(path)?;
                write_format(path).map_err(failed(&path.join(FORMAT_FILE)))?;
            }
            Err(error) => return Err(failed(&path.join(FORMAT_FILE))(error)),
        }
        Ok(Self { path: path.to_path_buf(), _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("data")
    }

    pub(crate) fn witness(&self) -> PathBuf {
        self.path.join("witness")
    }
}

fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join(LOCK);
    let opened = File::options().create(true).truncate(false).write(true).open(&path);
    let file = opened.map_err(|source| StoreError::File { path: path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { dir: dir.to_path_buf() }),
        Err(TryLockError::Error(source)) => Err(StoreError::File { path, source }),
    }
}

fn same_format(dir: &Path, found: &[u8]) -> Result<(), StoreError> {
    let actual = String::from_utf8_lossy(found);
    let actual = actual.lines().next().unwrap_or_default();
    if actual == FORMAT {
        return Ok(());
    }
    Err(StoreError::Format {
        dir: dir.to_path_buf(),
        expected: FORMAT.to_owned(),
        // Whatever it is, the message stays readable.
        actual: actual.chars().take(2 * FORMAT.len()).collect(),
    })
}

fn empty(dir: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::File { path: dir.to_path_buf(), source };
    for file in fs::read_dir(dir).map_err(failed)? {
        let name = file.map_err(failed)?.file_name();
        if name != LOCK && name != FORMAT_NEW {
            let found = name.to_string_lossy().into_owned();
            return Err(StoreError::NotAStore { dir: dir.to_path_buf(), found });
        }
    }
    Ok(())
}

fn write_format(dir: &Path) -> io::Result<()> {
    let new = dir.join(FORMAT_NEW);
    let mut file = File::create(&new)?;
    writeln!(file, "{FORMAT}")?;
    file.sync_all()?;
    fs::rename(new, dir.join(FORMAT_FILE))?;
    sync_directory(dir)
}

/// A new name is on disk once its directory is.
#[cfg(unix)]
fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_directory_is_initialised_once() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a/b");
        drop(Directory::open(&path).unwrap());
        assert_eq!(fs::read(path.join("format")).unwrap(), b"weft-store 4\n");
        Directory::open(&path).unwrap();
    }

    #[test]
    fn a_crash_while_initialising_is_no_garbage() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("lock"), "").unwrap();
        fs::write(temp.path().join("format.new"), "weft-st").unwrap();
        Directory::open(temp.path()).unwrap();
    }

    #[test]
    fn two_do_not_share_it() {
        let temp = tempfile::tempdir().unwrap();
        let first = Directory::open(temp.path()).unwrap();
        let second = Directory::open(temp.path());
        assert!(matches!(second, Err(StoreError::Locked { .. })));
        drop(first);
        Directory::open(temp.path()).unwrap();
    }

    #[test]
    fn another_format_is_refused_and_left_alone() {
        let others = ["weft-store 3\n", "weft-store 5\n", "weft-store 44", "", "something else"];
        for found in others {
            let temp = tempfile::tempdir().unwrap();
            fs::write(temp.path().join("format"), found).unwrap();
            let refused = Directory::open(temp.path()).unwrap_err();
            assert!(matches!(refused, StoreError::Format { .. }), "{found:?}: {refused}");
            assert_eq!(fs::read(temp.path().join("format")).unwrap(), found.as_bytes());
        }
    }

    #[test]
    fn a_directory_of_others_is_refused_and_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("thesis.tex"), "..").unwrap();
        let refused = Directory::open(temp.path()).unwrap_err().to_string();
        assert!(refused.contains("thesis.tex"), "{refused}");
        assert!(!temp.path().join("format").exists());
    }
}
