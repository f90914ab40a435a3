//! The market over HTTP: offers and channels as the ledger has them.
//!
//! Reads of the ledger alone, as of the last commit, and each answer says of which. What becomes of
//! a channel that is over is told as long as the commit is kept that ended it.
//!
//! Left out on purpose: sessions with sellers.

mod channels;
mod offers;
mod said;

pub(super) use self::said::{
    ChannelNamed, ClaimSaid, CloseSaid, OfferNamed, OfferSaid, OpenSaid, TopUpSaid,
};

use utoipa_axum::router::OpenApiRouter;
use weft_core::{machine::Archive, time::Time, units::CommitIndex};

use super::{SharedApi, problem::Problem};

pub(super) fn routes() -> OpenApiRouter<SharedApi> {
    OpenApiRouter::new().merge(offers::routes()).merge(channels::routes())
}

/// Which commit an answer is as of.
#[derive(Clone, Copy)]
struct Now {
    commit: CommitIndex,
    /// The ledger's time.
    time: Time,
}

impl Now {
    /// As of `commit`, the last one here; the genesis has no time.
    fn of(commit: CommitIndex, archive: Archive<'_>) -> Self {
        Self { commit, time: archive.record(commit).map_or(Time::ZERO, |record| record.time) }
    }
}

/// Where a page begins: 0, or ids in hexadecimal as the page before ended with.
fn cursor<const N: usize>(text: Option<&str>) -> Result<Option<[u8; N]>, Problem> {
    let Some(text) = text.filter(|text| *text != "0") else { return Ok(None) };
    let nibble = |digit: u8| char::from(digit).to_digit(16).filter(|_| !digit.is_ascii_uppercase());
    let mut bytes = [0; N];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let mut read = pairs.len() == N && rest.is_empty();
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        match (nibble(*high), nibble(*low)) {
            (Some(high), Some(low)) => *byte = u8::try_from(high << 4 | low).unwrap_or_default(),
            _ => read = false,
        }
    }
    read.then_some(Some(bytes)).ok_or_else(|| {
        Problem::parameter(
            "after is the `next` of the page before, as this node gave it; 0 = start",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_where_the_one_before_ended() {
        assert_eq!(cursor::<2>(None), Ok(None));
        assert_eq!(cursor::<2>(Some("0")), Ok(None));
        assert_eq!(cursor::<2>(Some("00ff")), Ok(Some([0, 255])));
        for text in ["", "00", "00f", "00FF", "00fg", "00ff0", "00ff00", "+0ff"] {
            assert!(cursor::<2>(Some(text)).is_err(), "{text:?}");
        }
    }
}
