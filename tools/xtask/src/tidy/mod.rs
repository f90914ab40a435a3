//! What no compiler checks: sizes, banned words, layers, links, dead files.
//!
//! Each rule is a function from the repository's texts to findings, so each is tested on a few
//! lines in memory. Rust is read by lines and braces with strings and comments told apart
//! (`source`), not parsed: enough for these rules, and the rules stay short.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use crate::shell::{Command, Shell};
use crate::steps::Passed;

mod layers;
mod links;
mod modules;
mod packages;
mod sizes;
mod source;
mod tokens;
mod words;

use source::Source;

/// Looks for breaches of one rule.
type Rule = fn(&Repo) -> Vec<Finding>;

const RULES: &[Rule] = &[
    sizes::files,
    sizes::functions,
    sizes::lines,
    words::banned,
    words::owners,
    words::machine_paths,
    layers::machine,
    packages::directions,
    modules::dead_files,
    modules::docs_first,
    links::dead,
];

/// The texts of a repository, by path from its top folder.
pub(crate) struct Repo {
    texts: BTreeMap<String, String>,
    sources: BTreeMap<String, Source>,
}

/// A breach of a rule, and where.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}

/// Applies every rule to every file that git tracks or would track.
pub(crate) fn step(shell: &Shell) -> Result<Passed> {
    let repo = Repo::load(shell)?;
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(&repo)).collect();
    findings.sort();
    for finding in &findings {
        shell.say(&finding.to_string())?;
    }
    if !findings.is_empty() {
        bail!("{} breaches of the rules in tools/xtask/src/tidy", findings.len());
    }
    let note = format!("{} rules over {} files", RULES.len(), repo.texts.len());
    Ok(Passed { note, unchecked: None })
}

impl Repo {
    fn new(texts: BTreeMap<String, String>) -> Self {
        let rust = texts.iter().filter(|(path, _)| path.ends_with(".rs"));
        let sources = rust.map(|(path, text)| (path.clone(), Source::new(text))).collect();
        Self { texts, sources }
    }

    fn load(shell: &Shell) -> Result<Self> {
        // `safe.directory`: a build server often runs as another user than the one who cloned.
        let list = "git -c safe.directory=* ls-files --cached --others --exclude-standard";
        let (listed, said) = shell.output(&Command::new(list))?;
        if !listed {
            bail!("{list}: {said}");
        }
        let texts = said.lines().filter_map(|path| Some((path.to_owned(), text(shell, path)?)));
        Ok(Self::new(texts.collect()))
    }
}

/// A file's text; `None` if it was deleted or is no text.
fn text(shell: &Shell, path: &str) -> Option<String> {
    fs::read_to_string(shell.root().join(Path::new(path))).ok()
}

#[cfg(test)]
impl Repo {
    /// A repository of these files.
    fn of(files: &[(&str, &str)]) -> Self {
        let own = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self::new(files.iter().map(own).collect())
    }

    /// What `rule` finds, as shown.
    fn shown(&self, rule: Rule) -> Vec<String> {
        rule(self).iter().map(Finding::to_string).collect()
    }
}
