//! Breaks rules on purpose, one at a time, and sees that some test notices: `cargo xtask mutants`.
//!
//! A test that cannot fail proves nothing. Each mutant, of a node ([`list`]) or of paid
//! [`sessions`], names an invariant, one place in the sources and what stands there once the rule
//! is broken; it is *killed* when the tests named beside it fail, and not because it does not
//! compile. By hand, since each one builds anew: some minutes for all of them.
//!
//! The campaign of the simulator looks for them too (`--seeds`): it knows nothing of what was
//! broken, and says how many seeds it took. What it does not find within its minutes only a test
//! shows.
//!
//! Invariant: the working tree is never touched. Mutants live in a tree of their own below
//! `target`, which is what the last commit says.

mod list;
mod sessions;

use std::{
    fs,
    path::{Path, PathBuf},
    process,
};

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

/// Runs all mutants, or those whose name holds `only`, or one of several with commas between.
pub(crate) fn run(only: &str) -> Result<()> {
    let mut survivors = Vec::new();
    each(only, |mutant, grounds| {
        let is_killed = grounds.fails_tests(mutant)?;
        let Mutant { name, invariant, .. } = mutant;
        println!("{} {name}: {invariant}", if is_killed { "killed  " } else { "SURVIVED" });
        if !is_killed {
            survivors.push(mutant.name);
        }
        Ok(())
    })?;
    ensure!(survivors.is_empty(), "no test noticed: {}", survivors.join(", "));
    Ok(())
}

/// Has the campaign of the simulator look for all mutants, or those whose name holds `only`.
pub(crate) fn hunt(only: &str) -> Result<()> {
    each(only, |mutant, grounds| {
        println!("{}: {}", mutant.name, grounds.seeds(mutant)?);
        Ok(())
    })
}

/// Breaks one rule after the other, and lets `look` look at each.
fn each(only: &str, mut look: impl FnMut(&Mutant, &Grounds) -> Result<()>) -> Result<()> {
    let shell = Shell::streaming()?;
    let folder = shell.root().join("target/mutants");
    let grounds = Grounds { tree: fresh_tree(&shell, &folder)?, build: folder.join("build") };
    let all = list::MUTANTS.iter().chain(sessions::MUTANTS);
    let is_meant = |mutant: &&Mutant| only.split(',').any(|part| mutant.name.contains(part));
    for mutant in all.filter(is_meant) {
        let path = grounds.tree.join(mutant.file);
        let good = fs::read_to_string(&path).with_context(|| format!("cannot read {path:?}"))?;
        let found = good.matches(mutant.from).count();
        ensure!(found == 1, "{}: {:?} is {found} times in {path:?}", mutant.name, mutant.from);
        fs::write(&path, good.replace(mutant.from, mutant.to))?;
        let looked = look(mutant, &grounds);
        fs::write(&path, good)?;
        looked?;
    }
    Ok(())
}

/// The sources of the last commit, in a folder of their own.
fn fresh_tree(shell: &Shell, folder: &Path) -> Result<PathBuf> {
    let tree = folder.join("tree");
    if tree.exists() {
        fs::remove_dir_all(&tree).with_context(|| format!("cannot empty {tree:?}"))?;
    }
    fs::create_dir_all(&tree).with_context(|| format!("cannot make {tree:?}"))?;
    let archive = folder.join("tree.tar");
    let [archive_text, tree_text] = [&archive, &tree].map(|path| path.display().to_string());
    shell.run(&Command::new(&format!("git archive --output {archive_text} HEAD")))?;
    // With the time of now (-m): what an earlier run built of a mutant, and was stopped before it
    // put the good text back, is newer than the commit.
    shell.run(&Command::new(&format!("tar -xmf {archive_text} -C {tree_text}")))?;
    Ok(tree)
}

/// Where mutants are built and run.
struct Grounds {
    tree: PathBuf,
    build: PathBuf,
}

impl Grounds {
    fn cargo(&self, line: &str) -> Result<process::Output> {
        let command = Command::new(&format!("cargo {line}"))
            .env("CARGO_TARGET_DIR", &self.build.display().to_string())
            .env("RUSTFLAGS", "--cap-lints allow");
        command.prepare(&self.tree).output().context("cannot run cargo")
    }

    fn build(&self, mutant: &Mutant, line: &str) -> Result<()> {
        let built = self.cargo(line)?;
        if !built.status.success() {
            bail!("{} does not compile:\n{}", mutant.name, String::from_utf8_lossy(&built.stderr));
        }
        Ok(())
    }

    /// Whether a test fails, of a mutant that compiles.
    fn fails_tests(&self, mutant: &Mutant) -> Result<bool> {
        let build = mutant.tests.split(" -- ").next().unwrap_or_default();
        self.build(mutant, &format!("test --no-run {build}"))?;
        Ok(!self.cargo(&format!("test {}", mutant.tests))?.status.success())
    }

    /// What the campaign says of a mutant: the first seed that fails, and why; or how many it ran.
    fn seeds(&self, mutant: &Mutant) -> Result<String> {
        self.build(mutant, "build --package weft-simulations")?;
        let campaign = format!("run --package weft-simulations -- dst --until-broken {MINUTES}");
        let ran = self.cargo(&campaign)?;
        let said = String::from_utf8_lossy(&ran.stdout);
        let broken = said.lines().filter(|line| line.contains(": seed "));
        let range = said.lines().filter(|line| line.contains("seeds from"));
        let lines = broken.take(1).chain(range).map(|line| line.chars().take(SHOWN).collect());
        Ok(lines.collect::<Vec<String>>().join("; "))
    }
}

/// What is shown of a line of the campaign, in characters.
const SHOWN: usize = 160;

/// How long the campaign looks for one of them.
const MINUTES: &str = "--minutes 3";
