//! Brings what the checks need and a fresh machine lacks.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::shell::{Command, Shell};

/// The version of cargo-deny that is installed where no suitable one is found.
const DENY_VERSION: &str = "0.20.2";
/// Versions whose reading of `deny.toml` is the same.
const DENY_SUITABLE: &str = "cargo-deny 0.20.";

/// System packages, then cargo-deny.
pub(crate) fn all() -> Result<()> {
    let shell = Shell::streaming()?;
    shell.run(&Command::new("sh tools/setup.sh"))?;
    let deny = cargo_deny(&shell)?;
    println!("setup: ok, cargo-deny is {}", deny.display());
    Ok(())
}

/// Where a suitable cargo-deny is; installs one below `target/` if there is none.
///
/// Below `target/` and not for the whole machine: a check should leave no traces outside.
pub(crate) fn cargo_deny(shell: &Shell) -> Result<PathBuf> {
    let tools = shell.root().join("target/tools");
    let own = tools.join("bin").join(format!("cargo-deny{}", env::consts::EXE_SUFFIX));
    for candidate in [Path::new("cargo-deny"), &own] {
        if is_suitable(shell, candidate) {
            return Ok(candidate.to_owned());
        }
    }
    // It runs for seconds: to optimise it would take longer than all its runs.
    let install = format!("cargo install cargo-deny --locked --version {DENY_VERSION} --force");
    let place = format!("--debug --root {0} --target-dir {0}/build", "target/tools");
    let install = Command::new(&format!("{install} {place}"));
    shell.run(&install.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_INCREMENTAL", "0"))?;
    fs::remove_dir_all(tools.join("build")).context("cannot remove target/tools/build")?;
    Ok(own)
}

fn is_suitable(shell: &Shell, program: &Path) -> bool {
    let version = shell.output(&Command::new("cargo-deny --version").at(program));
    version.is_ok_and(|(ran, said)| ran && said.starts_with(DENY_SUITABLE))
}
