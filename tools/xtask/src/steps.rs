//! The steps of a check, in the order they run, and the two ways to run them.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

use crate::report::{tail, tests_summary};
use crate::shell::{Command, Shell};
use crate::{bare, counts, deny, tidy, tiny, unit, wasm};

/// What a step has to say when it passed.
#[derive(Default)]
pub(crate) struct Passed {
    /// Shown at the end of the step's line; may be empty.
    pub(crate) note: String,
    /// What the step could not check, and why; repeated in the last lines of the run.
    pub(crate) unchecked: Option<String>,
}

/// One thing that is checked.
pub(crate) struct Step {
    name: &'static str,
    about: &'static str,
    run: fn(&Shell) -> Result<Passed>,
}

/// Cheapest first, so that a slip of the pen costs seconds and not minutes.
const STEPS: &[Step] = &[
    Step { name: "fmt", about: "every file is formatted", run: fmt },
    Step { name: "tidy", about: "sizes, banned words, layers, links, dead files", run: tidy::step },
    Step { name: "unit", about: "systemd understands the unit", run: unit::step },
    Step { name: "bare", about: "weft-core builds where no std exists", run: bare::step },
    Step {
        name: "tiny",
        about: "the C client builds without an allocator; what it takes",
        run: tiny::step,
    },
    Step {
        name: "wasm",
        about: "the verifier of the explorer is what the sources make",
        run: wasm::step,
    },
    Step { name: "clippy", about: "no warning, in every set of features", run: clippy },
    Step { name: "doc", about: "docs of public and private items, no warning", run: doc },
    Step {
        name: "counts",
        about: "the hot paths take no more instructions than before",
        run: counts::step,
    },
    Step { name: "test", about: "all tests, examples in docs included", run: test },
    Step {
        name: "deny",
        about: "licences, sources and advisories of dependencies",
        run: deny::step,
    },
];

/// The step of that name.
pub(crate) fn find(name: &str) -> Option<&'static Step> {
    STEPS.iter().find(|step| step.name == name)
}

/// The names of all steps with what they check, one per line.
pub(crate) fn list() -> String {
    STEPS.iter().map(|step| format!("  {:<8} {}\n", step.name, step.about)).collect()
}

/// Runs one step, its output straight to the terminal.
pub(crate) fn one(name: &str) -> Result<()> {
    let step = find(name).ok_or_else(|| anyhow!("no step is called {name}"))?;
    let passed = (step.run)(&Shell::streaming()?)?;
    println!("{name}: ok {}", passed.note);
    if let Some(unchecked) = passed.unchecked {
        println!("{unchecked}");
    }
    Ok(())
}

/// Runs all steps, one line each, and stops at the first that fails.
pub(crate) fn check() -> Result<()> {
    let start = Instant::now();
    let mut unchecked = Vec::new();
    for step in STEPS {
        unchecked.extend(logged(step)?);
    }
    println!("{:<8} ok     {:>7}", "all", seconds(start.elapsed()));
    for line in unchecked {
        println!("{line}");
    }
    Ok(())
}

/// Runs one step with its output in a log, and shows the end of the log if it fails.
fn logged(step: &Step) -> Result<Option<String>> {
    let shell = Shell::logging(step.name)?;
    let start = Instant::now();
    print!("{:<8} ", step.name);
    // Else the name appears only once the step is over: standard output is buffered by line.
    std::io::Write::flush(&mut std::io::stdout())?;
    let result = (step.run)(&shell);
    let time = seconds(start.elapsed());
    match result {
        Ok(passed) => {
            println!("{}", format!("ok     {time:>7}  {}", passed.note).trim_end());
            Ok(passed.unchecked)
        }
        Err(error) => {
            println!("FAILED {time:>7}");
            print!("{}", tail(&shell.transcript()));
            let (name, error) = (step.name, format!("{error:#}"));
            bail!("{error}\nall output: target/check/{name}.log\nto reproduce: cargo xtask {name}")
        }
    }
}

fn seconds(time: Duration) -> String {
    format!("{}.{} s", time.as_secs(), time.subsec_millis() / 100)
}

fn fmt(shell: &Shell) -> Result<Passed> {
    shell.run(&Command::new("cargo fmt --all --check"))?;
    // Workspaces of their own, so `--all` does not reach them.
    for alone in ["core/bare", "client/c"] {
        let fmt = format!("cargo fmt --manifest-path {alone}/Cargo.toml --check");
        shell.run(&Command::new(&fmt))?;
    }
    Ok(Passed::default())
}

fn clippy(shell: &Shell) -> Result<Passed> {
    let sets = [
        "cargo clippy --workspace --all-targets --all-features -- -D warnings",
        "cargo clippy --package weft-core --no-default-features -- -D warnings",
        "cargo clippy --package weft-core --no-default-features --features machine -- -D warnings",
        "cargo clippy --package weft-client --no-default-features -- -D warnings",
        // A workspace of its own, in the folder where `tiny` built its macros and build scripts.
        "cargo clippy --release --locked --manifest-path client/c/Cargo.toml \
         --target-dir target/tiny -- -D warnings",
    ];
    for set in sets {
        shell.run(&Command::new(set))?;
    }
    Ok(Passed { note: format!("{} sets of features", sets.len()), unchecked: None })
}

fn doc(shell: &Shell) -> Result<Passed> {
    let doc = "cargo doc --workspace --all-features --no-deps --document-private-items";
    shell.run(&Command::new(doc).env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(Passed::default())
}

/// The campaigns run the seeds that failed once, and fresh ones that follow from the commit.
fn test(shell: &Shell) -> Result<Passed> {
    let seed = fresh_seed(shell).to_string();
    shell.run(&Command::new("cargo test --workspace --all-features").env("WEFT_SEED", &seed))?;
    let note = format!("{}, fresh seeds from {seed}", tests_summary(&shell.transcript()));
    Ok(Passed { note, unchecked: None })
}

/// The first of the seeds of this commit; 0 outside of a repository.
fn fresh_seed(shell: &Shell) -> u64 {
    let head = shell.output(&Command::new("git -c safe.directory=* rev-parse HEAD"));
    let id = head.map(|(_, id)| id).unwrap_or_default();
    id.get(..8).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0)
}
