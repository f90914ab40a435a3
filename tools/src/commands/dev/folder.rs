//! The folder of `weft dev`, and what in it is ours.
//!
//! A marker file lists every name that the command made or is about to make; it is written before
//! they are, and locked while the command runs. Invariant: a folder without our marker is never
//! touched, and nothing that the marker does not list is ever removed.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Component, Path},
};

use serde::{Deserialize, Serialize};

use super::door;
use crate::{failure::Failure, network::Network};

const MARKER: &str = "weft-dev.json";

/// Name of the folder that remembers what the sensor sold.
pub(super) const MARKET: &str = "market";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Marker {
    made_by: String,
    made: Vec<String>,
}

const MADE_BY: &str = "weft dev";

/// Ours while this lives.
pub(super) struct Folder {
    _locked: File,
}

impl Folder {
    /// Takes `dir` for a network of `nodes`. With `reset`, removes what earlier runs made in it.
    pub(super) fn open(dir: &Path, nodes: u16, reset: bool) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::failed(format!("{}: {error}", dir.display()));
        if !has_marker(dir) && !is_new(dir).map_err(failed)? {
            let cause =
                format!("{} was not made by `weft dev`; nothing in it was touched", dir.display());
            return Err(Failure::usage(cause).next("name a new folder with --dir DIR"));
        }
        fs::create_dir_all(dir).map_err(failed)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(dir.join(MARKER)).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let cause = format!("another `weft dev` runs in {}", dir.display());
                return Err(Failure::failed(cause).next("end it, or name another with --dir DIR"));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut marker = read(&mut file, dir)?;
        if reset {
            remove(dir, &marker.made).map_err(failed)?;
            marker.made.clear();
        }
        let names = Network::names(nodes).into_iter().chain([MARKET.to_owned()]);
        let names = names.chain(door::NAMES.map(str::to_owned));
        marker.made.extend(names);
        marker.made.sort();
        marker.made.dedup();
        write(&mut file, &marker).map_err(failed)?;
        Ok(Self { _locked: file })
    }
}

fn has_marker(dir: &Path) -> bool {
    fs::symlink_metadata(dir.join(MARKER)).is_ok_and(|found| found.is_file())
}

/// Whether nothing is there, or an empty folder.
fn is_new(dir: &Path) -> io::Result<bool> {
    match fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// An empty marker is one that was being made when the machine went down: nothing was made yet.
fn read(file: &mut File, dir: &Path) -> Result<Marker, Failure> {
    let mut text = String::new();
    let path = dir.join(MARKER);
    let foreign = |cause: &dyn std::fmt::Display| {
        let cause = format!("{} is no marker of `weft dev`: {cause}", path.display());
        Failure::usage(cause).next("name another folder with --dir DIR")
    };
    file.read_to_string(&mut text).map_err(|error| foreign(&error))?;
    if text.is_empty() {
        return Ok(Marker { made_by: MADE_BY.to_owned(), made: Vec::new() });
    }
    let marker: Marker = serde_json::from_str(&text).map_err(|error| foreign(&error))?;
    let mut strange = marker.made.iter().filter(|name| !is_plain(name));
    if marker.made_by != MADE_BY || strange.next().is_some() {
        return Err(foreign(&"it lists what this command never makes"));
    }
    Ok(marker)
}

fn write(file: &mut File, marker: &Marker) -> io::Result<()> {
    let text = serde_json::to_string_pretty(marker)?;
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Whether a name stays inside its folder.
fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}

fn remove(dir: &Path, names: &[String]) -> io::Result<()> {
    for name in names {
        let path = dir.join(name);
        // A link is removed, never followed.
        let removed = match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => fs::remove_dir_all(&path),
            Ok(_) => fs::remove_file(&path),
            Err(error) => Err(error),
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_foreign_folder_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.txt"), "years of work").unwrap();
        for reset in [false, true] {
            let failure = Folder::open(dir.path(), 4, reset).err().unwrap();
            assert_eq!(failure.exit(), Exit::Usage);
            assert_eq!(names(dir.path()), ["thesis.txt"]);
        }
    }

    #[test]
    fn reset_removes_what_was_made_and_leaves_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path(), 2, false).unwrap();
        fs::create_dir(dir.path().join("node1")).unwrap();
        fs::write(dir.path().join("node1/node.key"), "x").unwrap();
        fs::write(dir.path().join("genesis.toml"), "x").unwrap();
        fs::write(dir.path().join("notes.txt"), "mine").unwrap();
        drop(folder);
        drop(Folder::open(dir.path(), 1, false).unwrap());
        assert_eq!(names(dir.path()), ["genesis.toml", "node1", "notes.txt", MARKER]);
        drop(Folder::open(dir.path(), 1, true).unwrap());
        assert_eq!(names(dir.path()), ["notes.txt", MARKER], "node1 too, though 1 node was asked");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_removed_and_not_followed() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(other.path().join("kept"), "x").unwrap();
        drop(Folder::open(dir.path(), 1, false).unwrap());
        std::os::unix::fs::symlink(other.path(), dir.path().join("node0")).unwrap();
        drop(Folder::open(dir.path(), 1, true).unwrap());
        assert_eq!(
            (names(dir.path()), names(other.path())),
            (vec![MARKER.into()], vec!["kept".into()])
        );
    }

    #[test]
    fn a_marker_that_lists_what_we_never_make_is_refused() {
        for name in ["../thesis", "/etc/passwd", "a/b", "", ".", ".."] {
            let dir = tempfile::tempdir().unwrap();
            let marker = Marker { made_by: MADE_BY.into(), made: vec![name.into()] };
            let text = serde_json::to_string(&marker).unwrap();
            fs::write(dir.path().join(MARKER), text).unwrap();
            let failure = Folder::open(dir.path(), 1, true).err().unwrap();
            assert_eq!(failure.exit(), Exit::Usage, "{name:?}");
        }
    }

    #[test]
    fn two_cannot_run_in_one_folder() {
        let dir = tempfile::tempdir().unwrap();
        let first = Folder::open(dir.path(), 1, false).unwrap();
        let failure = Folder::open(dir.path(), 1, true).err().unwrap();
        assert!(failure.cause().contains("another"), "{}", failure.cause());
        drop(first);
        Folder::open(dir.path(), 1, true).unwrap();
    }
}
