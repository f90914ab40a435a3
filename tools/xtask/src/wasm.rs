//! The verifier that browsers load is the one that the sources make.
//!
//! Nodes serve `node/explorer/verifier.wasm`, which lies in the repository so that nobody needs
//! another compiler target to build a node. This step builds it anew and compares every byte; paths
//! of the machine are left out of it, so all machines make the same. Where the target is missing,
//! the last lines say that this was not checked.
//!
//! Invariant: the sources are not changed. After a change of `core` that reaches it, whoever made
//! the change copies the new one, as the error says.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::shell::{Command, Shell};
use crate::steps::Passed;

const TARGET: &str = "wasm32-unknown-unknown";
const BUILT: &str = "target/wasm32-unknown-unknown/browser/weft_verifier.wasm";
const SERVED: &str = "node/explorer/verifier.wasm";
/// Longest that a page should load for one check, in bytes.
const BYTES_MAX: usize = 512 * 1024;

/// Builds the verifier and compares it with the one that is served.
pub(crate) fn step(shell: &Shell) -> Result<Passed> {
    if !has_target(shell, TARGET)? {
        let add = format!("rustup target add {TARGET}");
        let line = format!("not checked: that {SERVED} is what the sources make; `{add}` first");
        return Ok(Passed { note: "not built".to_owned(), unchecked: Some(line) });
    }
    let build = format!("cargo build --package weft-verifier --profile browser --target {TARGET}");
    shell.run(&Command::new(&build).env("RUSTFLAGS", &remaps(shell.root())))?;
    let built = read(shell, BUILT)?;
    if built.len() > BYTES_MAX {
        bail!("{BUILT} has {} bytes, allowed are {BYTES_MAX}", built.len());
    }
    if read(shell, SERVED).unwrap_or_default() != built {
        bail!("{SERVED} is not what the sources make; please type\n    cp {BUILT} {SERVED}");
    }
    Ok(Passed { note: format!("{} KiB, as served", built.len() / 1024), unchecked: None })
}

/// Whether this machine can build for `target`.
pub(crate) fn has_target(shell: &Shell, target: &str) -> Result<bool> {
    let print = Command::new(&format!("rustc --print target-libdir --target {target}"));
    let (known, said) = shell.output(&print)?;
    Ok(known && Path::new(said.trim()).is_dir())
}

/// Names for the folders of this machine that would else be found in the file.
fn remaps(root: &Path) -> String {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    let registries = home.and_then(|home| fs::read_dir(home.join("registry/src")).ok());
    let registries = registries.into_iter().flatten().flatten().map(|entry| entry.path());
    let registries = registries.map(|path| (path, "/registry"));
    let all = registries.chain([(root.to_owned(), "/weft")]);
    let flag =
        |(path, name): (PathBuf, &str)| format!("--remap-path-prefix={}={name}", path.display());
    all.map(flag).collect::<Vec<_>>().join(" ")
}

fn read(shell: &Shell, path: &str) -> Result<Vec<u8>> {
    fs::read(shell.root().join(path)).with_context(|| format!("cannot read {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_the_repository_is_renamed() {
        let flags = remaps(Path::new("/home/ada/weft"));
        assert!(flags.ends_with("--remap-path-prefix=/home/ada/weft=/weft"), "{flags}");
    }
}
