//! Refusals as RFC 9457 problems: what programs go by, and for people the cause and the next step.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use weft_core::{admit::Refusal, digest::TxId, machine::SubmitRefusal};

use crate::submit::SubmitError;

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// `/problems/` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The code in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// Cause and next step.
    detail: String,
    /// What programs go by.
    code: &'static str,
    /// How long to wait before trying again, in milliseconds, if trying again can help.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

/// What a handler gives back.
pub(crate) type Answer<T> = Result<T, Problem>;

impl Problem {
    /// A problem with this status and code; `detail` is the cause and the next step.
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/problems/{code}"),
            title: code.replace('_', " "),
            status: status.as_u16(),
            detail: detail.into(),
            code,
            retry_after_ms: None,
        }
    }

    /// The caller may come again after `pause`.
    #[must_use]
    pub(crate) fn retry_after(mut self, pause: Duration) -> Self {
        // At least a millisecond, or a hasty client spins.
        let ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX).max(1);
        self.retry_after_ms = Some(ms);
        self
    }

    /// A value in the path or the query that cannot be read.
    pub(crate) fn parameter(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "parameter", detail)
    }

    /// Something that is not here.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// A full queue.
    pub(crate) fn busy(what: &str) -> Self {
        let detail = format!("{what}; try again in a moment");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail)
            .retry_after(Duration::from_millis(500))
    }

    /// The node is on its way down.
    pub(crate) fn stopping() -> Self {
        let detail = "this node is stopping or has stopped; see /readyz, or ask another node";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", detail)
            .retry_after(Duration::from_secs(5))
    }

    /// No event in time.
    pub(crate) fn timeout(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "timeout", detail)
    }

    /// The code that programs go by.
    pub(crate) const fn code(&self) -> &'static str {
        self.code
    }

    fn http_status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// A short name of a refusal, for programs and for counting.
pub(crate) const fn refusal_code(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::TooLong { .. } => "too_long",
        Refusal::Malformed(_) => "malformed",
        Refusal::Network { .. } => "network",
        Refusal::Scheme { .. } => "scheme",
        Refusal::Anchor { .. } => "anchor",
        Refusal::Work { .. } => "work",
        Refusal::Key { .. } => "key",
        Refusal::Seal(_) => "seal",
        Refusal::Proof(_) => "proof",
    }
}

/// A short name of why a submission was not taken.
pub(crate) const fn submit_refusal_code(refusal: &SubmitRefusal) -> &'static str {
    match refusal {
        SubmitRefusal::Refused(refusal) => refusal_code(refusal),
        SubmitRefusal::UnknownParent { .. } => "unknown_parent",
        SubmitRefusal::UnknownKey { .. } => "unknown_key",
        SubmitRefusal::Behind => "behind",
        SubmitRefusal::AnchorOrder => "anchor_order",
        SubmitRefusal::EnoughAttachments { .. } => "enough_attachments",
        SubmitRefusal::Crowded { .. } => "crowded",
    }
}

impl Problem {
    /// Why the submission of `id` was not acknowledged.
    pub(crate) fn of_submission(error: SubmitError, id: &TxId) -> Self {
        match error {
            SubmitError::Refused(reason) => reason.into(),
            SubmitError::Busy => Self::busy("too many submissions are on their way"),
            SubmitError::Stopping => Self::stopping(),
            SubmitError::Late { .. } => {
                let next = format!("{error}; see GET /v1/transactions/{id}");
                Self::new(StatusCode::GATEWAY_TIMEOUT, "timeout", next)
            }
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        };
        let next = match refusal {
            Refusal::TooLong { .. } => "split what you post",
            Refusal::Malformed(_) => "send the canonical bytes, nothing before or behind them",
            Refusal::Network { .. } => "take the network from GET /v1/tips",
            Refusal::Scheme { .. } => "GET /v1/tips lists the schemes",
            Refusal::Anchor { .. } => "take the anchor from GET /v1/tips",
            Refusal::Work { .. } => "search on, or post the body and let this node do it",
            Refusal::Key { .. } => "seal with the key that the body names",
            Refusal::Seal(_) => "seal the body again, with its own key and scheme",
            Refusal::Proof(_) => "sign the rotation with the new key, for this very sequence",
        };
        Self::new(status, refusal_code(&refusal), format!("{refusal}; {next}"))
    }
}

impl From<SubmitRefusal> for Problem {
    fn from(refusal: SubmitRefusal) -> Self {
        let code = submit_refusal_code(&refusal);
        let detail = refusal.to_string();
        match refusal {
            SubmitRefusal::Refused(refusal) => refusal.into(),
            SubmitRefusal::UnknownKey { .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
            }
            SubmitRefusal::Behind => Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
                .retry_after(Duration::from_secs(5)),
            SubmitRefusal::Crowded { retry_after } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail)
                    .retry_after(Duration::from_millis(retry_after.as_millis()))
            }
            SubmitRefusal::UnknownParent { .. }
            | SubmitRefusal::AnchorOrder
            | SubmitRefusal::EnoughAttachments { .. } => {
                Self::new(StatusCode::CONFLICT, code, detail)
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let json = serde_json::to_vec(&self).expect("texts and numbers are JSON");
        let mut response = (self.http_status(), Body::from(json)).into_response();
        let headers = response.headers_mut();
        let problem = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, problem);
        if let Some(ms) = self.retry_after_ms {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000)));
        }
        response
    }
}
