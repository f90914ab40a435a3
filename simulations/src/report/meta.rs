//! `meta.json`: what is known of a run and is no part of its result.

use std::process::Command;

use serde::Serialize;

/// What stands in `meta.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Meta {
    /// The seeds, in order.
    pub seeds: Vec<u64>,
    /// Runs that ended, and runs that were planned.
    pub runs: [usize; 2],
    /// Digest over everything that was delivered in all runs, in order.
    pub trace: String,
    /// Commit of the folder in which it ran; `unknown` outside a repository.
    pub commit: String,
    /// Whether that folder held changes that no commit has.
    pub dirty: bool,
    /// The compiler of this machine; the one that built the program, unless it was replaced since.
    pub rustc: String,
    /// Version of this package.
    pub version: &'static str,
    /// Time on the wall, in seconds.
    pub wall_s: f64,
    /// Things that happened in all runs, per second on the wall.
    pub events_per_s: f64,
    /// Threads that ran seeds.
    pub threads: usize,
}

/// Commit and state of the folder, and the compiler.
pub(crate) struct Place {
    pub(crate) commit: String,
    pub(crate) dirty: bool,
    pub(crate) rustc: String,
}

impl Place {
    /// Asks `git` and `rustc`; neither has to be there.
    pub(crate) fn ask() -> Self {
        let unknown = || "unknown".to_owned();
        let changes = said("git", &["status", "--porcelain", "--untracked-files=no"]);
        Self {
            commit: said("git", &["rev-parse", "HEAD"]).unwrap_or_else(unknown),
            dirty: changes.is_some_and(|changes| !changes.is_empty()),
            rustc: said("rustc", &["--version"]).unwrap_or_else(unknown),
        }
    }
}

/// What a program says, if it is there and succeeds.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
