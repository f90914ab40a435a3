//! The workspaces that stand alone are built of the same versions as the main one.
//!
//! Invariant: what is checked is what is shipped, and what `deny` says of the main lock file,
//! licences and advisories, holds for all.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::shell::{Command, Shell};

/// Gives the workspace in the folder `alone` the versions of the main one.
///
/// Cargo prunes the copied lock file to what the package needs. As with the main lock file, a
/// changed dependency shows up as a change to commit.
pub(crate) fn take_over(shell: &Shell, alone: &str) -> Result<()> {
    let ours = shell.root().join(alone).join("Cargo.lock");
    let before = fs::read(&ours).unwrap_or_default();
    let main = shell.root().join("Cargo.lock");
    fs::copy(&main, &ours).with_context(|| format!("cannot copy {main:?}"))?;
    let pruned = prune(shell, alone);
    if pruned.is_err() {
        restore(&ours, &before)?;
    }
    pruned
}

fn prune(shell: &Shell, alone: &str) -> Result<()> {
    let metadata = format!("cargo metadata --manifest-path {alone}/Cargo.toml --format-version 1");
    let (resolved, said) = shell.output(&Command::new(&metadata))?;
    if !resolved {
        shell.say(&said)?;
        bail!("this failed: {metadata}");
    }
    Ok(())
}

fn restore(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {path:?}"))
}
