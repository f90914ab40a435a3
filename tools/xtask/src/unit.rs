//! The systemd unit says what systemd understands.
//!
//! `systemd-analyze verify` reads it as systemd would, with a program that every machine has in the
//! place of ours. A check that cannot fail proves nothing, so a second unit is broken on purpose.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::shell::{Command, Shell};
use crate::steps::Passed;

const UNIT: &str = "deploy/weft-node.service";
const PROGRAM: &str = "/usr/local/bin/weft";
const FOLDER: &str = "target/unit";

/// Lets systemd read the unit, where there is systemd.
pub(crate) fn step(shell: &Shell) -> Result<Passed> {
    if !shell.output(&Command::new("systemd-analyze --version")).is_ok_and(|(ran, _)| ran) {
        let line = format!("not checked: that systemd understands {UNIT}; install systemd first");
        return Ok(Passed { note: "not read".to_owned(), unchecked: Some(line) });
    }
    let path = shell.root().join(UNIT);
    let unit = fs::read_to_string(&path).with_context(|| format!("cannot read {path:?}"))?;
    let unit = unit.replace(PROGRAM, "/bin/true");
    let said = verdict(shell, "weft-node.service", &unit)?;
    if !said.is_empty() {
        bail!("systemd does not understand {UNIT}:\n{said}");
    }
    let slip = unit.replace("ProtectSystem=strict", "ProtectSystem=somewhat");
    if verdict(shell, "weft-slip.service", &slip)?.is_empty() {
        bail!("a unit that was broken on purpose passed: {FOLDER}/weft-slip.service");
    }
    Ok(Passed { note: "understood; a slip is refused".to_owned(), unchecked: None })
}

/// What systemd complains of.
fn verdict(shell: &Shell, name: &str, unit: &str) -> Result<String> {
    let folder = shell.root().join(Path::new(FOLDER));
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {folder:?}"))?;
    fs::write(folder.join(name), unit).with_context(|| format!("cannot write {FOLDER}/{name}"))?;
    let (_, said) =
        shell.output(&Command::new(&format!("systemd-analyze verify {FOLDER}/{name}")))?;
    let ours = said.lines().filter(|line| line.contains(name));
    Ok(ours.map(|line| format!("{line}\n")).collect())
}
