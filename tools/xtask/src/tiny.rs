//! The tiny client: builds without an allocator, is what its header says, and says what it takes.
//!
//! `client/c` has neither std nor an allocator, so a dependency that wants one breaks its build.
//! The header is held against the sources ([`header`]). All C examples are compiled with every
//! warning; the one that measures is run here, for seeds and for a signer of the firmware's own.
//! (Those that post are run before a real gateway and a real node by the tests of `weft-gateway`.)
//!
//! Code is measured as firmware would link it: with nothing but what it calls. For a
//! microcontroller where that target is installed, else for this machine; the figures say which.
//!
//! Invariant: figures come from the library as it is shipped, of this very build.

use anyhow::{Context as _, Result, bail};

use crate::header;
use crate::lock;
use crate::shell::{Command, Shell};
use crate::steps::Passed;

const MCU: &str = "thumbv7em-none-eabihf";
const BUILD: &str =
    "cargo build --release --locked --manifest-path client/c/Cargo.toml --target-dir target/tiny";
const COMPILE: &str = "cc -std=c99 -Wall -Wextra -pedantic -Werror -Iclient/c/include";
const LIBRARY: &str = "target/tiny/release/libweft_client.a -lpthread -Wl,--gc-sections";
/// What firmware calls that starts up, registers and seals, ..
const SEALS: &str = "-u weft_device_init -u weft_device_register -u weft_device_seal";
/// .. what comes to it where this library signs, ..
const SIGNS: &str = "-u weft_seed_public_key -u weft_seed_sign";
/// .. and where the device does its own work.
const WORKS: &str = "-u weft_work_init -u weft_work_step -u weft_work_attach";

/// Builds, compares, compiles and measures.
pub(crate) fn step(shell: &Shell) -> Result<Passed> {
    let items = header::check(shell)?;
    lock::take_over(shell, "client/c")?;
    shell.run(&Command::new(BUILD))?;
    for example in ["post", "attach", "stack"] {
        let source = format!("client/c/examples/{example}.c");
        let made = format!("target/tiny/{example}");
        shell.run(&Command::new(&format!("{COMPILE} {source} {LIBRARY} -o {made}")))?;
    }
    let measure = Command::new("target/tiny/stack");
    let (measured, figures) = shell.output(&measure)?;
    if !measured {
        bail!("{measure} failed: {figures}");
    }
    let (target, built, unchecked) = if crate::wasm::has_target(shell, MCU)? {
        shell.run(&Command::new(&format!("{BUILD} --target {MCU}")))?;
        (MCU, format!("target/tiny/{MCU}/release"), None)
    } else {
        let line = format!("not built: the tiny client for {MCU}; `rustup target add {MCU}` first");
        ("this machine", "target/tiny/release".to_owned(), Some(line))
    };
    let code = |calls: &[&str]| code_bytes(shell, &format!("{built}/libweft_client.a"), calls);
    let [elsewhere, by_seed, works] =
        [code(&[SEALS])?, code(&[SEALS, SIGNS])?, code(&[SEALS, SIGNS, WORKS])?];
    let code = format!(
        "code for {target}: {by_seed} bytes by seed, {elsewhere} with a signer elsewhere, {} more \
         for work",
        works.saturating_sub(by_seed)
    );
    let figures = figures.trim();
    shell.say(&format!("{figures}\n{code}"))?;
    let note = format!("{items} items as in the header; {figures} (this machine); {code}");
    Ok(Passed { note, unchecked })
}

/// Code and constants of the library that are linked for these calls, in bytes.
fn code_bytes(shell: &Shell, library: &str, calls: &[&str]) -> Result<u64> {
    let (_, sysroot) = shell.output(&Command::new("rustc --print sysroot"))?;
    let (_, host) = shell.output(&Command::new("rustc --print host-tuple"))?;
    let linker = format!("{}/lib/rustlib/{}/bin/rust-lld", sysroot.trim(), host.trim());
    // What a platform brings with its C library, such as memcpy, is not ours to count.
    let options = "-flavor gnu --gc-sections --unresolved-symbols=ignore-all -e weft_version";
    let (calls, linked) = (calls.join(" "), "target/tiny/linked");
    shell.run(&Command::new(&format!("{linker} {options} {calls} {library} -o {linked}")))?;
    let (_, sizes) = shell.output(&Command::new(&format!("size {linked}")))?;
    let text = sizes.lines().nth(1).and_then(|line| line.split_whitespace().next());
    let text = text.and_then(|text| text.parse().ok());
    text.with_context(|| format!("size {linked} says no size: {sizes}"))
}
