//! The committed counts, in a file that a change shows line by line.

use std::fs;

use anyhow::{Context as _, Result};
use toml::{Table, Value};

use super::{Counts, MadeWith};
use crate::shell::Shell;

pub(super) const FILE: &str = "benches/counts.toml";

const HEAD: &str = "\
# Instructions that the hot paths take: docs/decisions/0019-instruction-counts.md.
# `cargo xtask counts` compares, `cargo xtask counts --bless` writes.

";

const MADE_WITH: &str = "made_with";
const INSTRUCTIONS: &str = "instructions";

/// What the hot paths took, and with which tools.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Baseline {
    pub(super) made_with: MadeWith,
    pub(super) instructions: Counts,
}

impl Baseline {
    pub(super) fn read(shell: &Shell) -> Result<Self> {
        let text = fs::read_to_string(shell.root().join(FILE));
        let text = text.with_context(|| format!("cannot read {FILE}; `{}`", super::BLESS))?;
        Self::parse(&text).with_context(|| format!("{FILE} is no baseline; `{}`", super::BLESS))
    }

    pub(super) fn write(&self, shell: &Shell) -> Result<()> {
        let text = self.text()?;
        fs::write(shell.root().join(FILE), text).with_context(|| format!("cannot write {FILE}"))
    }

    fn parse(text: &str) -> Result<Self> {
        let file: Table = text.parse()?;
        let section = |name: &str| {
            let section = file.get(name).and_then(Value::as_table);
            section.with_context(|| format!("there is no section [{name}]"))
        };
        let mut made_with = MadeWith::new();
        for (name, version) in section(MADE_WITH)? {
            let version = version.as_str().with_context(|| format!("{name} is no text"))?;
            made_with.insert(name.clone(), version.to_owned());
        }
        let mut instructions = Counts::new();
        for (path, count) in section(INSTRUCTIONS)? {
            let count = count.as_integer().and_then(|count| u64::try_from(count).ok());
            let count = count.with_context(|| format!("{path} is no count"))?;
            instructions.insert(path.clone(), count);
        }
        Ok(Self { made_with, instructions })
    }

    fn text(&self) -> Result<String> {
        let mut counts = Table::new();
        for (path, count) in &self.instructions {
            counts.insert(path.clone(), Value::try_from(*count)?);
        }
        let made_with: Table =
            self.made_with.iter().map(|(name, of)| (name.clone(), of.as_str().into())).collect();
        let file = Table::from_iter([
            (MADE_WITH.to_owned(), Value::Table(made_with)),
            (INSTRUCTIONS.to_owned(), Value::Table(counts)),
        ]);
        Ok(format!("{HEAD}{}", toml::to_string_pretty(&file)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() -> Result<()> {
        let made_with = [("rustc".to_owned(), "rustc 1.95.0 (5980 \"x\")".to_owned())].into();
        let instructions = [("decode".to_owned(), 81_995)].into();
        let baseline = Baseline { made_with, instructions };
        assert_eq!(Baseline::parse(&baseline.text()?)?, baseline);
        assert!(Baseline::parse("[made_with]\n").is_err());
        assert!(Baseline::parse("[made_with]\n[instructions]\ndecode = -1\n").is_err());
        Ok(())
    }
}
