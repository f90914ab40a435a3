//! The tiny client: builds without an allocator, and says what it takes.
//!
//! `client/c` has neither std nor an allocator, so a dependency that wants one breaks its build.
//! Both C examples are compiled with every warning; the one that measures is run. (The one that
//! posts is run before a real node by the tests of `weft-gateway`.) Where a target for
//! microcontrollers is installed, the library is built for it too.
//!
//! Invariant: figures come from the library as it is shipped, of this very build.

use anyhow::{Result, bail};

use crate::shell::{Command, Shell};
use crate::steps::Passed;

const MCU: &str = "thumbv7em-none-eabihf";
const BUILD: &str =
    "cargo build --release --locked --manifest-path client/c/Cargo.toml --target-dir target/tiny";
const COMPILE: &str = "cc -std=c99 -Wall -Wextra -pedantic -Werror -Iclient/c/include";
const LIBRARY: &str = "target/tiny/release/libweft_client.a -lpthread -Wl,--gc-sections";

/// Builds, compiles and measures.
pub(crate) fn step(shell: &Shell) -> Result<Passed> {
    shell.run(&Command::new(BUILD))?;
    for example in ["post", "stack"] {
        let source = format!("client/c/examples/{example}.c");
        let made = format!("target/tiny/{example}");
        shell.run(&Command::new(&format!("{COMPILE} {source} {LIBRARY} -o {made}")))?;
    }
    let measure = Command::new("target/tiny/stack");
    let (measured, figures) = shell.output(&measure)?;
    if !measured {
        bail!("{measure} failed: {figures}");
    }
    shell.say(&figures)?;
    let note = format!("{} (this machine, release)", figures.trim());
    if !crate::wasm::has_target(shell, MCU)? {
        let line = format!("not built: the tiny client for {MCU}; `rustup target add {MCU}` first");
        return Ok(Passed { note, unchecked: Some(line) });
    }
    shell.run(&Command::new(&format!("{BUILD} --target {MCU}")))?;
    Ok(Passed { note: format!("{note}; builds for {MCU}"), unchecked: None })
}
