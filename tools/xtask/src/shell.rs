//! Runs programs at the root of the repository and keeps what they say.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{self, Stdio};

use anyhow::{Context as _, Result, bail};

/// A program and its arguments, shown the way one would type it.
#[derive(Clone)]
pub(crate) struct Command {
    program: String,
    args: Vec<String>,
    env: Vec<(&'static str, String)>,
}

impl Command {
    /// Splits `line` at spaces; there is no quoting, so no argument may hold a space.
    pub(crate) fn new(line: &str) -> Self {
        let mut words = line.split_whitespace().map(str::to_owned);
        Self { program: words.next().unwrap_or_default(), args: words.collect(), env: Vec::new() }
    }

    /// Sets a variable of the program's environment.
    pub(crate) fn env(mut self, name: &'static str, value: &str) -> Self {
        self.env.push((name, value.to_owned()));
        self
    }

    /// The program at `path` in place of the one the line names.
    pub(crate) fn at(mut self, path: &Path) -> Self {
        self.program = path.display().to_string();
        self
    }

    /// The same, for the standard library; `root` is where it runs.
    pub(crate) fn prepare(&self, root: &Path) -> process::Command {
        let mut command = process::Command::new(&self.program);
        command.args(&self.args).current_dir(root).stdin(Stdio::null());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.env {
            write!(f, "{name}={value:?} ")?;
        }
        f.write_str(&self.program)?;
        self.args.iter().try_for_each(|arg| write!(f, " {arg}"))
    }
}

/// Where programs run and where their output goes.
pub(crate) struct Shell {
    root: PathBuf,
    log: Option<PathBuf>,
}

impl Shell {
    /// Output goes straight to the terminal.
    pub(crate) fn streaming() -> Result<Self> {
        Ok(Self { root: root()?, log: None })
    }

    /// Output goes to `target/check/<name>.log`.
    pub(crate) fn logging(name: &str) -> Result<Self> {
        let root = root()?;
        let folder = root.join("target/check");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {folder:?}"))?;
        let log = folder.join(format!("{name}.log"));
        File::create(&log).with_context(|| format!("cannot write {log:?}"))?;
        Ok(Self { root, log: Some(log) })
    }

    /// The top folder of the repository.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// All that was said so far; empty when it went to the terminal.
    pub(crate) fn transcript(&self) -> String {
        let bytes = self.log.as_ref().and_then(|log| fs::read(log).ok()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Says `text` where the output of programs goes.
    pub(crate) fn say(&self, text: &str) -> Result<()> {
        use std::io::Write as _;
        match &self.log {
            None => println!("{text}"),
            Some(log) => writeln!(File::options().append(true).open(log)?, "{text}")?,
        }
        Ok(())
    }

    /// Runs `command`; an error if it fails.
    pub(crate) fn run(&self, command: &Command) -> Result<()> {
        self.say(&format!("$ {command}"))?;
        let mut child = command.prepare(&self.root);
        if let Some(log) = &self.log {
            let log = File::options().append(true).open(log)?;
            child.stdout(log.try_clone()?).stderr(log);
            // Colours are for terminals; rustfmt asks only this one.
            child.env("TERM", "dumb").env("CARGO_TERM_COLOR", "never");
        }
        let status = child.status().with_context(|| format!("cannot run: {command}"))?;
        if !status.success() {
            bail!("this failed ({status}): {command}");
        }
        Ok(())
    }

    /// Runs `command` and returns whether it succeeded, with all it said.
    pub(crate) fn output(&self, command: &Command) -> Result<(bool, String)> {
        self.say(&format!("$ {command}"))?;
        let output = command.prepare(&self.root).output();
        let output = output.with_context(|| format!("cannot run: {command}"))?;
        let said = [output.stdout, output.stderr].concat();
        Ok((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
    }
}

/// The top folder of the repository: two above this package.
fn root() -> Result<PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.ancestors().nth(2).context("this package has no grandparent folder")?;
    Ok(root.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_reads_as_it_is_typed() {
        let command = Command::new("cargo doc --no-deps").env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(command.to_string(), "RUSTDOCFLAGS=\"-D warnings\" cargo doc --no-deps");
    }

    #[test]
    fn a_failing_program_is_an_error_that_names_it() -> Result<()> {
        let shell = Shell { root: root()?, log: None };
        let error = shell.run(&Command::new("false")).err().map(|error| error.to_string());
        assert!(error.unwrap_or_default().ends_with(": false"));
        Ok(())
    }
}
