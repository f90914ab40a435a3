//! Where an event stream goes on: how much of the log and of the commits was shown.
//!
//! ```text
//! 17        the first 17 transactions; the id of events of those who ask for these alone
//! 17.5      and commits up to 5
//! 17.5.3    and the first 3 transactions that commit 6 ordered
//! ```

use std::{fmt, str::FromStr};

use weft_core::units::CommitIndex;

use super::{params::Cursor, problem::Problem};

/// How far commits were shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shown {
    /// This commit and all before it.
    pub(super) commit: CommitIndex,
    /// Of the next one, this many leaves.
    pub(super) leaves: u32,
}

impl Shown {
    /// Up to a whole commit.
    pub(super) const fn all_of(commit: CommitIndex) -> Self {
        Self { commit, leaves: 0 }
    }
}

/// What the id of an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resume {
    /// How much of the log was shown.
    pub(super) cursor: Cursor,
    /// How far commits were shown, if they were.
    pub(super) shown: Option<Shown>,
}

impl fmt::Display for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cursor.fmt(f)?;
        match self.shown {
            None => Ok(()),
            Some(Shown { commit, leaves: 0 }) => write!(f, ".{commit}"),
            Some(Shown { commit, leaves }) => write!(f, ".{commit}.{leaves}"),
        }
    }
}

impl FromStr for Resume {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        // The parts are numbers as cursors are: digits alone.
        let number = |text: &str| text.parse::<Cursor>().map(|cursor| cursor.begin().0);
        let mut parts = text.splitn(3, '.');
        let cursor = parts.next().unwrap_or_default().parse()?;
        let commit = parts.next().map(number).transpose()?;
        let leaves = parts.next().map(number).transpose()?.unwrap_or(0);
        let leaves = u32::try_from(leaves)
            .map_err(|_| Problem::parameter("no commit orders so many transactions"))?;
        let shown = commit.map(|commit| Shown { commit: CommitIndex(commit), leaves });
        Ok(Self { cursor, shown })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for text in ["0", "17", "17.0", "17.5", "17.5.3"] {
            assert_eq!(text.parse::<Resume>().unwrap().to_string(), text);
        }
        for text in ["", ".", "1.", "1.x", "-1.2", "1.2.", "1.2.3.4", "1.2.9999999999"] {
            assert!(text.parse::<Resume>().is_err(), "{text:?}");
        }
        let plain: Resume = "17".parse().unwrap();
        assert_eq!(plain.shown, None);
    }
}
