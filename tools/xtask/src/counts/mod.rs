//! The hot paths take no more instructions than the committed baseline says.
//!
//! Instructions and not time: a machine that others use counts the same. `weft-benches` has a
//! program that runs one path at a time, `callgrind` counts what its function `counted` does, and
//! more than [`MORE_MAX_PERCENT`] above `benches/counts.toml` fails with the name of the path.
//!
//! Counts depend on compilers, C library and processor, so a baseline says what it was made with.
//! With anything else this step compares nothing, and the last lines say so.
//!
//! Invariant: a check changes no baseline. `cargo xtask counts --bless` makes a new one, which is
//! committed with the change that it belongs to.

mod baseline;

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result, anyhow, bail};

use self::baseline::Baseline;
use crate::shell::{Command, Shell};
use crate::steps::Passed;

const BUILD: &str = "cargo build --release --package weft-benches --bin counts";
const PROGRAM: &str = "target/release/counts";
const BLESS: &str = "cargo xtask counts --bless";

/// How much more a path may take. Counts repeat to half a percent, see
/// `docs/decisions/0019-instruction-counts.md`.
const MORE_MAX_PERCENT: u64 = 3;

/// Instructions by path.
type Counts = BTreeMap<String, u64>;

/// What counts depend on beside the sources, by what it is called in the baseline.
type MadeWith = BTreeMap<String, String>;

/// Counts, and compares with the baseline if that was made with the same tools.
pub(crate) fn step(shell: &Shell) -> Result<Passed> {
    let baseline = Baseline::read(shell)?;
    let Some(tools) = tools(shell)? else {
        return Ok(uncompared("install valgrind first"));
    };
    if let Some(why) = difference(&baseline.made_with, &tools) {
        return Ok(uncompared(&why));
    }
    shell.run(&Command::new(BUILD))?;
    let processor = processor(shell)?;
    if let Some(why) = difference(&baseline.made_with, &processor) {
        return Ok(uncompared(&why));
    }
    let note = judge(&baseline.instructions, &count(shell)?)?;
    Ok(Passed { note, unchecked: None })
}

/// Makes a new baseline with the tools of this machine.
pub(crate) fn bless() -> Result<()> {
    let shell = Shell::streaming()?;
    let mut made_with = tools(&shell)?.context("counting needs valgrind; please install it")?;
    shell.run(&Command::new(BUILD))?;
    made_with.extend(processor(&shell)?);
    Baseline { made_with, instructions: count(&shell)? }.write(&shell)?;
    println!("counts: wrote {}, to be committed with the reason", baseline::FILE);
    Ok(())
}

fn uncompared(why: &str) -> Passed {
    let line = format!("not compared: instruction counts of the hot paths; {why}");
    Passed { note: "NOT COMPARED".to_owned(), unchecked: Some(line) }
}

/// The tools of this machine that counts depend on; `None` without valgrind.
fn tools(shell: &Shell) -> Result<Option<MadeWith>> {
    let mut found = MadeWith::new();
    for (name, ask) in [
        ("cc", "cc --version"),
        ("libc", "getconf GNU_LIBC_VERSION"),
        ("rustc", "rustc --version"),
        ("valgrind", "valgrind --version"),
    ] {
        match first_line(shell, ask) {
            Some(version) => drop(found.insert(name.to_owned(), version)),
            None if name == "valgrind" => return Ok(None),
            None => drop(found.insert(name.to_owned(), "unknown".to_owned())),
        }
    }
    Ok(Some(found))
}

/// What programs see of the processor under valgrind.
fn processor(shell: &Shell) -> Result<MadeWith> {
    let ask = format!("valgrind --quiet --tool=none {PROGRAM} processor");
    let seen = first_line(shell, &ask).with_context(|| format!("this failed: {ask}"))?;
    Ok(MadeWith::from([("processor".to_owned(), seen)]))
}

fn first_line(shell: &Shell, line: &str) -> Option<String> {
    let (ran, said) = shell.output(&Command::new(line)).ok()?;
    said.lines().next().filter(|_| ran).map(|line| line.trim().to_owned())
}

/// Why a baseline that was made with other tools than these is none for them.
fn difference(made_with: &MadeWith, here: &MadeWith) -> Option<String> {
    let other = |name: &String| made_with.get(name).map_or("unknown", String::as_str);
    let (name, actual) = here.iter().find(|(name, actual)| other(name) != *actual)?;
    let expected = other(name);
    Some(format!(
        "{} was made with {name} {expected:?}, here is {actual:?}; to compare with a state of \
         yours, `{BLESS}` there",
        baseline::FILE
    ))
}

/// Counts every path that the program has, one process for each.
fn count(shell: &Shell) -> Result<Counts> {
    let list = Command::new(&format!("{PROGRAM} list"));
    let (listed, paths) = shell.output(&list)?;
    if !listed {
        bail!("this failed: {list}: {paths}");
    }
    paths.lines().map(|path| Ok((path.to_owned(), count_one(shell, path)?))).collect()
}

/// Counts one path; `callgrind_annotate` shows what it leaves in `target/counts`.
fn count_one(shell: &Shell, path: &str) -> Result<u64> {
    let folder = shell.root().join("target/counts");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {folder:?}"))?;
    let left = format!("target/counts/{path}.out");
    let tool = "valgrind --tool=callgrind --toggle-collect=counts::counted";
    let run = format!("{tool} --callgrind-out-file={left} {PROGRAM} {path}");
    shell.run(&Command::new(&run))?;
    let text = fs::read_to_string(shell.root().join(&left));
    let text = text.with_context(|| format!("cannot read {left}"))?;
    let sum = text.lines().find_map(|line| line.strip_prefix("totals:")?.trim().parse().ok());
    match sum.with_context(|| format!("{left} has no totals"))? {
        // The name after `--toggle-collect` is that of no function any more.
        0 => bail!("nothing was counted of `{path}`: {run}"),
        sum => Ok(sum),
    }
}

/// Holds what was counted against the baseline: what to say of it, or all that is wrong.
fn judge(baseline: &Counts, counted: &Counts) -> Result<String> {
    let mut faults = Vec::new();
    let mut better = Vec::new();
    for (path, now) in counted {
        let Some(before) = baseline.get(path) else {
            faults.push(format!("`{path}` is not in {}", baseline::FILE));
            continue;
        };
        let percent = (*now as f64 / *before as f64 - 1.0) * 100.0;
        let (is, allowed) = (now.saturating_mul(100), |percent| before.saturating_mul(percent));
        if is > allowed(100 + MORE_MAX_PERCENT) {
            faults.push(format!(
                "`{path}` takes {now} instructions, {percent:.1} % more than {before}"
            ));
        } else if is < allowed(100 - MORE_MAX_PERCENT) {
            better.push(format!("; `{path}` takes {:.1} % less: `{BLESS}` keeps that", -percent));
        }
    }
    let gone = baseline.keys().filter(|path| !counted.contains_key(*path));
    faults.extend(gone.map(|path| format!("{} has `{path}`, which is no more", baseline::FILE)));
    if faults.is_empty() {
        let count = counted.len();
        return Ok(format!("{count} paths within {MORE_MAX_PERCENT} %{}", better.concat()));
    }
    let next = format!("if it must be so: `{BLESS}`, and say why in the commit");
    Err(anyhow!("{}\n{next}", faults.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts<const N: usize>(counts: [(&str, u64); N]) -> Counts {
        counts.map(|(path, count)| (path.to_owned(), count)).into()
    }

    #[test]
    fn more_than_allowed_fails_with_the_name() -> Result<()> {
        let baseline = counts([("decode", 1_000), ("admit", 1_000)]);
        let verdict = |decode| judge(&baseline, &counts([("decode", decode), ("admit", 1_000)]));
        assert_eq!(verdict(1_030)?, "2 paths within 3 %");
        assert!(verdict(900)?.contains("`decode` takes 10.0 % less"));
        let said = verdict(1_031).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said.contains("`decode` takes 1031 instructions, 3.1 % more than 1000"), "{said}");
        assert!(said.contains(BLESS) && !said.contains("`admit`"), "{said}");
        Ok(())
    }

    #[test]
    fn a_path_without_its_other_half_fails() {
        let (one, two) = (counts([("decode", 1)]), counts([("decode", 1), ("admit", 1)]));
        for (baseline, counted) in [(&one, &two), (&two, &one)] {
            let said = judge(baseline, counted).err().map(|error| error.to_string());
            assert!(said.unwrap_or_default().contains("`admit`"));
        }
    }

    #[test]
    fn other_tools_are_told_apart() {
        let tools = |rustc: &str| MadeWith::from([("rustc".to_owned(), rustc.to_owned())]);
        assert_eq!(difference(&tools("1"), &tools("1")), None);
        let why = difference(&tools("1"), &tools("2")).unwrap_or_default();
        assert!(why.contains("rustc \"1\", here is \"2\"") && why.contains(BLESS), "{why}");
        assert!(difference(&MadeWith::new(), &tools("1")).is_some());
    }
}
