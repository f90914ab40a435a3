//! Licences, sources and bans of all dependencies, always; known vulnerabilities, if they can be
//! known.
//!
//! The list of advisories lives on a git host which not every network may reach. Where it cannot
//! be fetched, an older copy on this machine is used; without one the step still passes, but
//! names what was not checked. A found advisory is always a failure.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::setup;
use crate::shell::{Command, Shell};
use crate::steps::Passed;

/// Longest time for fetching and checking advisories. A network that swallows packets would
/// otherwise hold a check for minutes.
const ADVISORIES_SECONDS_MAX: u64 = 60;
/// How cargo-deny says that the list cannot be fetched, ..
const NOT_FETCHED: &str = "failed to fetch advisory database";
/// .. and that it has the list and found something.
const FOUND: &str = "advisories FAILED";

/// Checks all that `deny.toml` asks for.
pub(crate) fn step(shell: &Shell) -> Result<Passed> {
    let deny = setup::cargo_deny(shell)?;
    shell.run(&Command::new("cargo-deny check bans licenses sources").at(&deny))?;
    let cause = match advisories(shell, &Command::new("cargo-deny check advisories").at(&deny))? {
        Verdict::Clean => return Ok(Passed::default()),
        Verdict::Failed { cause, is_unreachable: true } => cause,
        Verdict::Failed { cause, .. } => bail!("cargo-deny could not run: {cause}"),
    };
    let offline = Command::new("cargo-deny --offline check advisories").at(&deny);
    let note = match advisories(shell, &offline)? {
        Verdict::Clean => "advisories: checked against an OLD COPY",
        Verdict::Failed { .. } => "advisories: NOT CHECKED",
    };
    let unchecked = format!("{note}, database unreachable: {cause}");
    Ok(Passed { note: note.to_owned(), unchecked: Some(unchecked) })
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// No advisory concerns a dependency.
    Clean,
    /// The advisories were not looked at, and why.
    Failed { cause: String, is_unreachable: bool },
}

fn advisories(shell: &Shell, command: &Command) -> Result<Verdict> {
    let command = command
        .clone()
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_HTTP_LOW_SPEED_LIMIT", "1000")
        .env("GIT_HTTP_LOW_SPEED_TIME", "20");
    shell.say(&format!("$ {command}"))?;
    let child = command
        .prepare(shell.root())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own, so that the git below it can be ended with it.
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot run: {command}"))?;
    let Some(output) = wait(child, Duration::from_secs(ADVISORIES_SECONDS_MAX))? else {
        let cause = format!("no answer in {ADVISORIES_SECONDS_MAX} s");
        return Ok(Verdict::Failed { cause, is_unreachable: true });
    };
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    shell.say(&said)?;
    judge(output.status.success(), &said).with_context(|| format!("this failed: {command}"))
}

/// The output of `child`, or `None` if it had to be ended.
fn wait(child: Child, time: Duration) -> Result<Option<Output>> {
    let group = child.id();
    let start = Instant::now();
    // A thread reads the pipes: a child that fills them would never end.
    let reader = thread::spawn(move || child.wait_with_output());
    while !reader.is_finished() {
        if start.elapsed() > time {
            let kill = Command::new(&format!("kill -KILL -- -{group}"));
            kill.prepare(".".as_ref()).status().context("cannot run kill")?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(50));
    }
    match reader.join() {
        Ok(output) => Ok(Some(output?)),
        Err(_) => bail!("the thread that reads cargo-deny's output panicked"),
    }
}

/// Tells a network that refuses from a dependency that is bad: the latter is the error.
fn judge(passed: bool, said: &str) -> Result<Verdict> {
    if passed {
        return Ok(Verdict::Clean);
    }
    if said.contains(FOUND) {
        bail!("an advisory concerns a dependency");
    }
    let fatal = said.lines().find(|line| line.starts_with("fatal:"));
    let cause = fatal.or_else(|| said.lines().find(|line| line.contains("[ERROR]")));
    let cause = cause.unwrap_or("it says nothing").trim().to_owned();
    Ok(Verdict::Failed { cause, is_unreachable: said.contains(NOT_FETCHED) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_refuses_is_no_bad_dependency() -> Result<()> {
        let said = "\
2026-11-23 [ERROR] failed to fetch advisory database https://host/db with cli: failed to clone
Cloning into 'db'...
fatal: unable to access 'https://host/db/': Could not resolve host: host
";
        let cause = "fatal: unable to access 'https://host/db/': Could not resolve host: host";
        let verdict = Verdict::Failed { cause: cause.to_owned(), is_unreachable: true };
        assert_eq!(judge(false, said)?, verdict);
        Ok(())
    }

    #[test]
    fn any_other_failure_is_not_taken_for_the_network() {
        let said = "2026-11-23 [ERROR] failed to parse deny.toml";
        let verdict = judge(false, said);
        assert!(matches!(verdict, Ok(Verdict::Failed { is_unreachable: false, .. })));
    }

    #[test]
    fn a_found_advisory_fails_and_silence_passes() {
        let found = "error[vulnerability]: use after free\n\nadvisories FAILED\n";
        assert!(judge(false, found).is_err());
        assert!(matches!(judge(true, "advisories ok"), Ok(Verdict::Clean)));
    }

    #[test]
    fn a_program_that_hangs_is_ended() -> Result<()> {
        let mut sleep = Command::new("sleep 600").prepare(".".as_ref());
        let child = sleep.process_group(0).spawn()?;
        assert!(wait(child, Duration::from_millis(100))?.is_none());
        Ok(())
    }
}
