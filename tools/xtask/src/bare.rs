//! The bare check: `weft-core` builds where no std exists, and the check itself can fail.
//!
//! `core/bare` is a library with its own panic handler. The one in std would be a second, which
//! the compiler refuses: so if any dependency of `weft-core` pulls std in, the build breaks.
//! A check that cannot fail proves nothing, so the last build adds std on purpose.

use anyhow::{Result, bail};

use crate::lock;
use crate::shell::{Command, Shell};
use crate::steps::Passed;

/// Sets of features of `core/bare` that have to build.
const SETS: &[&str] = &["", "--features machine"];
/// What must not build, and the words with which the compiler refuses it.
const SLIP: &str = "--features machine,std-on-purpose";
const REFUSAL: &str = "duplicate lang item `panic_impl`";

/// Builds all sets, then proves that a slip would be seen.
pub(crate) fn step(shell: &Shell) -> Result<Passed> {
    lock::take_over(shell, "core/bare")?;
    for set in SETS {
        shell.run(&build(set))?;
    }
    let (built, said) = shell.output(&build(SLIP))?;
    if built {
        bail!("std was added on purpose and the bare build still passed: {}", build(SLIP));
    }
    if !said.contains(REFUSAL) {
        shell.say(&said)?;
        bail!("the build with std failed for another reason than {REFUSAL}: {}", build(SLIP));
    }
    Ok(Passed {
        note: format!("{} builds; std on purpose is refused", SETS.len()),
        unchecked: None,
    })
}

fn build(features: &str) -> Command {
    Command::new(&format!(
        "cargo build --manifest-path core/bare/Cargo.toml --target-dir target/bare {features}"
    ))
}
