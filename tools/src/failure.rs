//! How a command fails: an exit code, a cause, and the next step.
//!
//! Invariant: every failure that a person can mend says how. The codes are part of the interface;
//! they are listed by `weft --help` and in `docs/guide/first-five-minutes.md`.

use std::{fmt::Display, process::ExitCode};

use serde_json::json;
use weft_client::{
    DraftError,
    host::{ClientError, PostError},
};
use weft_node::{config::ConfigError, genesis_file::GenesisFileError, key_file::KeyFileError};

/// What `weft --help` says of the codes.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed on this machine
  2  wrong input: arguments, files or settings
  3  cannot reach the node
  4  refused by the node
  5  not found
  6  a proof that proves nothing";

/// The exit codes but 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Failed = 1,
    Usage = 2,
    Unreachable = 3,
    Refused = 4,
    NotFound = 5,
    NotProven = 6,
}

/// Why a command ends early.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    exit: Exit,
    cause: String,
    next: Option<String>,
    /// Whoever reads our output has gone: nothing is wrong, and nobody is there to be told.
    is_closed: bool,
}

impl Failure {
    pub(crate) fn new(exit: Exit, cause: impl Display) -> Self {
        Self { exit, cause: cause.to_string(), next: None, is_closed: false }
    }

    pub(crate) fn failed(cause: impl Display) -> Self {
        Self::new(Exit::Failed, cause)
    }

    pub(crate) fn usage(cause: impl Display) -> Self {
        Self::new(Exit::Usage, cause)
    }

    /// The reader of our output has gone.
    pub(crate) fn closed() -> Self {
        Self { is_closed: true, ..Self::failed("nobody reads the output") }
    }

    /// Says what to do next.
    pub(crate) fn next(self, step: impl Display) -> Self {
        Self { next: Some(step.to_string()), ..self }
    }

    /// Puts what was being done in front of the cause.
    pub(crate) fn during(self, what: impl Display) -> Self {
        Self { cause: format!("{what}: {}", self.cause), ..self }
    }

    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    pub(crate) fn cause(&self) -> &str {
        &self.cause
    }

    pub(crate) fn next_step(&self) -> Option<&str> {
        self.next.as_deref()
    }

    /// Tells it on standard error and gives the code to end with.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        if self.is_closed {
            return ExitCode::SUCCESS;
        }
        let code = self.exit as u8;
        if json {
            let error = json!({ "exit": code, "cause": self.cause, "next": self.next });
            eprintln!("{}", json!({ "error": error }));
        } else {
            eprintln!("error: {}", self.cause);
            if let Some(next) = &self.next {
                eprintln!("  next: {next}");
            }
        }
        ExitCode::from(code)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit = match &error {
            ClientError::Url { .. } | ClientError::Scheme { .. } => Exit::Usage,
            ClientError::Draft(DraftError::Key(_)) => Exit::Failed,
            ClientError::Draft(_) => Exit::Usage,
            ClientError::Unreachable { .. } | ClientError::NotANode { .. } => Exit::Unreachable,
            ClientError::Refused(problem) if problem.status == 404 => Exit::NotFound,
            ClientError::Refused(_) | ClientError::Late { .. } => Exit::Refused,
        };
        let failure = Self::new(exit, &error);
        match (&error, error.next_step()) {
            (ClientError::Unreachable { .. }, _) => failure
                .next("start a node with `weft dev`, or name another with --node URL or WEFT_NODE"),
            (ClientError::Scheme { .. }, _) => {
                failure.next("make one with `weft key new --scheme SCHEME FILE`")
            }
            (_, Some(next)) => failure.next(next),
            (_, None) => failure,
        }
    }
}

impl From<PostError> for Failure {
    fn from(error: PostError) -> Self {
        error.error.into()
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error)
    }
}

impl From<KeyFileError> for Failure {
    fn from(error: KeyFileError) -> Self {
        match error {
            KeyFileError::Unwritable { .. } | KeyFileError::NoRandomness { .. } => {
                Self::failed(error)
            }
            KeyFileError::Unreadable { .. } => {
                Self::usage(error).next("name a key file, or make one with `weft key new FILE`")
            }
            _ => Self::usage(error),
        }
    }
}

impl From<GenesisFileError> for Failure {
    fn from(error: GenesisFileError) -> Self {
        match error {
            GenesisFileError::Unwritable { .. } => Self::failed(error),
            _ => Self::usage(error),
        }
    }
}
