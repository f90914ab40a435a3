//! What comes in a path, a query or a body, as values; whatever cannot be read is a problem that
//! says how it is written.

use std::{fmt, str::FromStr};

use axum::{
    extract::{
        FromRequest, FromRequestParts, Path, Query, Request,
        rejection::{PathRejection, QueryRejection},
    },
    http::{StatusCode, request::Parts},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned};
use utoipa::IntoParams;
use weft_core::{admit::Refusal, params::TRANSACTION_BYTES_MAX, units::Position};

use super::problem::Problem;

/// Most items of one page.
const LIMIT_MAX: usize = 1_000;
/// Items of a page when nobody says.
const LIMIT_DEFAULT: usize = 100;

/// What is read of a body that is too long, in bytes: whoever sends so much hears why it is
/// refused, for a connection that closes in the middle tells nothing.
const DRAINED_MAX: usize = 2 << 20;

/// A place in this node's order, as it is shown: how many transactions there were, the one named
/// included. So 0 stands before the first one, and "after" a cursor begins at the position of the
/// same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cursor(u64);

impl Cursor {
    /// Before everything.
    pub(crate) const START: Self = Self(0);

    /// The cursor of the transaction at `position`.
    pub(crate) const fn of(position: Position) -> Self {
        Self(position.0.saturating_add(1))
    }

    /// The cursor behind the item with this number, in lists that count by other numbers.
    pub(crate) const fn behind(number: u64) -> Self {
        Self(number.saturating_add(1))
    }

    /// The cursor of the newest of `next` transactions.
    pub(crate) const fn newest(next: Position) -> Self {
        Self(next.0)
    }

    /// The first position behind it.
    pub(crate) const fn begin(self) -> Position {
        Position(self.0)
    }

    /// The position it names; `None` before everything.
    pub(crate) const fn position(self) -> Option<Position> {
        match self.0.checked_sub(1) {
            Some(position) => Some(Position(position)),
            None => None,
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Cursor {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if digits { text.parse().ok() } else { None };
        number.map(Self).ok_or_else(|| {
            Problem::parameter("a cursor is a whole number as this node gave it out; 0 = the start")
        })
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Which page of a list that is ordered by cursors.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// Behind which cursor; from the start without it.
    after: Option<String>,
    /// Most items, 1 to 1,000. Default 100.
    limit: Option<String>,
}

impl Paging {
    /// Behind what, and how many items at most.
    pub(crate) fn read(&self) -> Result<(Cursor, usize), Problem> {
        Ok((after(self.after.as_deref())?, limit(self.limit.as_deref())?))
    }
}

/// Reads how many items a page may have.
pub(crate) fn limit(text: Option<&str>) -> Result<usize, Problem> {
    let Some(text) = text else { return Ok(LIMIT_DEFAULT) };
    let number = text.parse().ok().filter(|number| (1..=LIMIT_MAX).contains(number));
    number.ok_or_else(|| Problem::parameter(format!("limit is a number from 1 to {LIMIT_MAX}")))
}

/// Reads an optional cursor.
pub(crate) fn after(text: Option<&str>) -> Result<Cursor, Problem> {
    text.map_or(Ok(Cursor::START), str::parse)
}

/// The one variable segment of a path.
pub(crate) struct Segment<T>(pub(crate) T);

impl<S: Send + Sync, T: FromStr<Err: fmt::Display>> FromRequestParts<S> for Segment<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let segment = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) =
            segment.map_err(|error: PathRejection| Problem::parameter(error.body_text()))?;
        text.parse().map(Self).map_err(|error: T::Err| Problem::parameter(error.to_string()))
    }
}

/// The query.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        let Query(params) =
            query.map_err(|error: QueryRejection| Problem::parameter(error.body_text()))?;
        Ok(Self(params))
    }
}

/// A body of at most [`TRANSACTION_BYTES_MAX`], whatever its content type says.
pub(crate) struct Octets(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for Octets {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let mut chunks = request.into_body().into_data_stream();
        let (mut body, mut length) = (BytesMut::new(), 0_usize);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| {
                Problem::new(StatusCode::BAD_REQUEST, "body", "the body broke off; send it again")
            })?;
            length = length.saturating_add(chunk.len());
            if length <= TRANSACTION_BYTES_MAX {
                body.extend_from_slice(&chunk);
            } else if length > DRAINED_MAX {
                break;
            }
        }
        if length > TRANSACTION_BYTES_MAX {
            return Err(Refusal::TooLong { actual: length }.into());
        }
        Ok(Self(body.freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_counts_what_is_there_with_it() {
        assert_eq!(Cursor::of(Position(0)).to_string(), "1");
        assert_eq!(Cursor::of(Position(0)).begin(), Position(1));
        assert_eq!(Cursor::START.begin(), Position(0));
        assert_eq!(Cursor::START.position(), None);
        assert_eq!(Cursor::of(Position(7)).position(), Some(Position(7)));
        assert_eq!(Cursor::newest(Position(8)), Cursor::of(Position(7)));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-1", "+1", "1.0", "x", " 1", "99999999999999999999"] {
            assert!(text.parse::<Cursor>().is_err(), "{text:?}");
        }
        for text in ["", "0", "-1", "1001", "9e9", "99999999999999999999999"] {
            assert!(limit(Some(text)).is_err(), "{text:?}");
        }
        assert_eq!(limit(None), Ok(100));
        assert_eq!(limit(Some("1000")), Ok(1_000));
        assert_eq!("18446744073709551615".parse::<Cursor>().unwrap().begin(), Position(u64::MAX));
    }
}
