//! Breaks rules on purpose, one at a time, and sees that some test notices: `cargo xtask mutants`.
//!
//! A test that cannot fail proves nothing. Each mutant, of a node ([`list`]) or of paid
//! [`sessions`], names an invariant, one place in the sources and what stands there once the rule
//! is broken; it is *killed* when the tests named beside it fail, and not because it does not
//! compile. By hand, since each one builds anew: some minutes for all of them.
//!
//! Invariant: the working tree is never touched. Mutants live in a tree of their own below
//! `target`, which is what the last commit says.

mod list;
mod sessions;

use std::{fs, path::Path, process};

use anyhow::{Context as _, Result, bail, ensure};

use crate::shell::{Command, Shell};

/// A rule, and how to break it.
struct Mutant {
    /// Its name, to run it alone.
    name: &'static str,
    /// What must hold (docs/decisions/0009-finality.md lists these).
    invariant: &'static str,
    /// Where.
    file: &'static str,
    /// What stands there, once.
    from: &'static str,
    /// What breaks the rule.
    to: &'static str,
    /// Arguments of `cargo test` for tests that must notice.
    tests: &'static str,
}

/// Runs all mutants, or those whose name holds `only`.
pub(crate) fn run(only: &str) -> Result<()> {
    let shell = Shell::streaming()?;
    let folder = shell.root().join("target/mutants");
    let tree = fresh_tree(&shell, &folder)?;
    let mut survivors = Vec::new();
    let all = list::MUTANTS.iter().chain(sessions::MUTANTS);
    for mutant in all.filter(|mutant| mutant.name.contains(only)) {
        let is_killed = is_killed(mutant, &folder, &tree)?;
        let Mutant { name, invariant, .. } = mutant;
        println!("{} {name}: {invariant}", if is_killed { "killed  " } else { "SURVIVED" });
        if !is_killed {
            survivors.push(*name);
        }
    }
    ensure!(survivors.is_empty(), "no test noticed: {}", survivors.join(", "));
    Ok(())
}

/// The sources of the last commit, in a folder of their own.
fn fresh_tree(shell: &Shell, folder: &Path) -> Result<std::path::PathBuf> {
    let tree = folder.join("tree");
    if tree.exists() {
        fs::remove_dir_all(&tree).with_context(|| format!("cannot empty {tree:?}"))?;
    }
    fs::create_dir_all(&tree).with_context(|| format!("cannot make {tree:?}"))?;
    let archive = folder.join("tree.tar");
    let [archive_text, tree_text] = [&archive, &tree].map(|path| path.display().to_string());
    shell.run(&Command::new(&format!("git archive --output {archive_text} HEAD")))?;
    shell.run(&Command::new(&format!("tar -xf {archive_text} -C {tree_text}")))?;
    Ok(tree)
}

fn is_killed(mutant: &Mutant, folder: &Path, tree: &Path) -> Result<bool> {
    let path = tree.join(mutant.file);
    let good = fs::read_to_string(&path).with_context(|| format!("cannot read {path:?}"))?;
    let found = good.matches(mutant.from).count();
    ensure!(found == 1, "{}: {:?} is {found} times in {path:?}", mutant.name, mutant.from);
    fs::write(&path, good.replace(mutant.from, mutant.to))?;
    let ended = test(mutant, folder, tree);
    fs::write(&path, good)?;
    ended
}

/// Whether a test fails, of a mutant that compiles.
fn test(mutant: &Mutant, folder: &Path, tree: &Path) -> Result<bool> {
    let cargo = |line: &str| -> Result<process::Output> {
        let command = Command::new(&format!("cargo test {line}"))
            .env("CARGO_TARGET_DIR", &folder.join("build").display().to_string())
            .env("RUSTFLAGS", "--cap-lints allow");
        command.prepare(tree).output().context("cannot run cargo")
    };
    let build = mutant.tests.split(" -- ").next().unwrap_or_default();
    let built = cargo(&format!("--no-run {build}"))?;
    if !built.status.success() {
        bail!("{} does not compile:\n{}", mutant.name, String::from_utf8_lossy(&built.stderr));
    }
    Ok(!cargo(mutant.tests)?.status.success())
}
