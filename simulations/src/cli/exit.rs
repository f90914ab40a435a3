//! How a command ends: a code, and why.
//!
//! Invariant: the codes are part of the interface; `--help` lists them.

use std::{
    fmt::Display,
    io::{self, Write as _},
    process::ExitCode,
};

use crate::{report::folder::WriteError, scenario::read::BadScenario};

/// What `--help` says of the codes.
pub(super) const CODES: &str = "\
Exit codes:
  0  everything held
  1  an expectation was missed, or a value is out of its tolerance
  2  a scenario, an argument or a file is wrong
  3  a rule of safety was broken
  4  a run did not repeat";

/// The codes but 0, the worse the higher but for the wrong input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Missed = 1,
    Usage = 2,
    Unsafe = 3,
    Unrepeatable = 4,
}

/// Why a command ends with another code than 0.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    code: Code,
    /// Empty if everything was said before.
    text: String,
}

impl Failure {
    pub(super) fn new(code: Code, text: impl Display) -> Self {
        Self { code, text: text.to_string() }
    }

    pub(super) fn usage(text: impl Display) -> Self {
        Self::new(Code::Usage, text)
    }

    pub(super) fn report(self) -> ExitCode {
        if !self.text.is_empty() {
            // A closed standard error is no reason to do anything else.
            let _ = writeln!(io::stderr(), "error: {}", self.text);
        }
        ExitCode::from(self.code as u8)
    }
}

impl From<BadScenario> for Failure {
    fn from(bad: BadScenario) -> Self {
        Self::usage(bad)
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Self::usage(error)
    }
}

/// One line of a result. A reader that went away is no failure.
pub(super) fn say(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// The last line of a command that judges.
pub(super) fn end(passed: usize, failed: usize, code: Code) -> Result<(), Failure> {
    say(format!("{passed} passed, {failed} failed"));
    if failed == 0 { Ok(()) } else { Err(Failure::new(code, "")) }
}
