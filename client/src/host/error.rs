//! What can go wrong between here and a node, and what to do about it.

use std::{error::Error, fmt, time::Duration};

use reqwest::StatusCode;
use serde::Deserialize;
use weft_core::digest::BodyId;

use crate::DraftError;

/// Why a node did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address of the node is none. The caller's to mend.
    #[error("{url:?} is not the address of a node: {reason}")]
    Url {
        /// The text given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No connection, or one that broke. What was asked may have been done.
    #[error("cannot reach the node at {url}: {reason}")]
    Unreachable {
        /// The node.
        url: String,
        /// What the system said.
        reason: String,
    },
    /// The node answered that it will not.
    #[error(transparent)]
    Refused(#[from] Problem),
    /// What answered does not speak as a node does.
    #[error("what answers at {url} does not speak as a Weft node: {reason}")]
    NotANode {
        /// Who answered.
        url: String,
        /// What was wrong with the answer.
        reason: String,
    },
    /// What was to be posted cannot be.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// No outcome in time. It may still come.
    #[error("body {body} has no outcome after {} s; it may still get one", .waited.as_secs())]
    Late {
        /// The body.
        body: BodyId,
        /// How long the wait was.
        waited: Duration,
    },
    /// The network's genesis does not list the scheme of the key.
    #[error("the node's network does not admit {scheme} keys; it admits {admitted}")]
    Scheme {
        /// The scheme of the key at hand.
        scheme: String,
        /// What the genesis lists.
        admitted: String,
    },
}

impl ClientError {
    /// A connection that did not come about, or broke, or fell silent.
    pub(super) fn transport(url: &str, error: &reqwest::Error) -> Self {
        let reason =
            if error.is_timeout() { "no answer in time".to_owned() } else { deepest(error) };
        Self::Unreachable { url: url.to_owned(), reason }
    }

    /// Whether the same request may succeed later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Late { .. } => true,
            Self::Refused(problem) => problem.is_passing(),
            Self::Url { .. } | Self::NotANode { .. } | Self::Draft(_) | Self::Scheme { .. } => {
                false
            }
        }
    }

    /// The refusal, if it is one.
    pub const fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            _ => None,
        }
    }

    /// What to do next, in a sentence, where the error itself does not say it.
    pub fn next_step(&self) -> Option<&'static str> {
        match self {
            Self::Url { .. } => Some("write it as http://HOST:PORT"),
            Self::Unreachable { .. } => {
                Some("check that the node runs and that the address is its API's")
            }
            Self::NotANode { .. } => Some("check the port: it may belong to another program"),
            Self::Scheme { .. } => Some("make a key of an admitted scheme"),
            Self::Late { .. } => {
                Some("ask again with its id; the node's /readyz says whether finality stands still")
            }
            Self::Refused(_) | Self::Draft(_) => None,
        }
    }
}

/// What the operating system said, below all that libraries put around it.
fn deepest(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// A refusal as a node words it (RFC 9457): what is wrong and the next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// What programs go by, in `snake_case`: `unknown_parent`, `quota`, `work` ..
    pub code: String,
    /// Cause and next step, for people.
    pub detail: String,
    /// How long to wait before trying again, if trying again can help.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, HTTP {})", self.detail, self.code, self.status)
    }
}

impl Error for Problem {}

#[derive(Deserialize)]
struct ProblemAnswer {
    code: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    retry_after_ms: Option<u64>,
}

impl Problem {
    /// Whether the node said "not now" rather than "no".
    pub const fn is_passing(&self) -> bool {
        matches!(self.status, 429 | 502..=504)
    }

    /// What an answer of `status` says. Not every refusal comes from the node: one that carries no
    /// problem is a proxy's, or the router's, and is told by its status alone.
    pub(super) fn read(status: StatusCode, retry_after: Option<&str>, body: &[u8]) -> Self {
        let header = retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let reason = status.canonical_reason().unwrap_or("unknown status");
        match serde_json::from_slice::<ProblemAnswer>(body) {
            Ok(said) => Self {
                status: status.as_u16(),
                code: said.code,
                detail: [said.detail, said.title, reason.to_owned()]
                    .into_iter()
                    .find(|text| !text.is_empty())
                    .unwrap_or_default(),
                retry_after: said.retry_after_ms.map(Duration::from_millis).or(header),
            },
            Err(_) => Self {
                status: status.as_u16(),
                code: format!("http_{}", status.as_u16()),
                detail: reason.to_owned(),
                retry_after: header,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_keeps_what_the_node_said() {
        let body = br#"{"type":"/problems/quota","title":"quota","status":429,
            "detail":"work quota used up; retry later","code":"quota","retry_after_ms":250}"#;
        let problem = Problem::read(StatusCode::TOO_MANY_REQUESTS, Some("1"), body);
        assert_eq!(problem.retry_after, Some(Duration::from_millis(250)), "the finer one wins");
        assert_eq!(problem.to_string(), "work quota used up; retry later (quota, HTTP 429)");
        assert!(ClientError::from(problem).is_passing());
    }

    #[test]
    fn an_answer_without_a_problem_is_told_by_its_status() {
        let problem = Problem::read(StatusCode::BAD_GATEWAY, Some("3"), b"<html>");
        assert_eq!((problem.code.as_str(), problem.detail.as_str()), ("http_502", "Bad Gateway"));
        assert_eq!(problem.retry_after, Some(Duration::from_secs(3)));
        let problem = Problem::read(StatusCode::NOT_FOUND, Some("soon"), b"");
        assert_eq!(problem.retry_after, None);
        assert!(!ClientError::from(problem).is_passing());
    }
}
