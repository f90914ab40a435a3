//! What offers and channels may say: units, samples, and the limits that the ledger keeps.
//!
//! A tick is one payment step; an offer says how many ticks a chunk costs and what a tick is worth.
//! Invariant: what a chunk costs follows from its batch and its length, so that buyer and seller
//! count the same before anything is paid.
//!
//! Left out on purpose: who pays whom (`channel`), and the rules of the ledger.

use alloc::vec::Vec;

use super::batch::SealedBatch;
use crate::{
    codec::{Decode, DecodeError, Encode, Reader},
    time::{Span, Time},
    units::Amount,
};

const MINUTE_MS: u64 = 60_000;
const DAY: Span = Span::from_secs(24 * 60 * 60);

/// How far ahead an offer or a channel may expire: a year and a day, so that what nobody cares for
/// leaves the ledger by itself.
pub const EXPIRY_AHEAD_MAX: Span = Span::from_millis(366 * DAY.as_millis());

/// Shortest time for claims behind a channel's expiry: some commits, even of a slow committee.
pub const GRACE_MIN: Span = Span::from_secs(60);

/// Longest: how long a buyer's rest may be locked by a seller that never claims.
pub const GRACE_MAX: Span = Span::from_millis(30 * DAY.as_millis());

/// How long a channel lives on when its payer withdraws. A seller that looks in once a day sees it
/// in time, and has the grace on top.
pub const WITHDRAW_DELAY: Span = DAY;

/// What an offer locks while it is listed, in units of what an account must begin with (dust): an
/// offer takes some ten times the room of an account.
const BOND_DUSTS: u64 = 10;

/// Most offers and channels that one commit record settles because their time is over.
pub const DUE_AT_ONCE: usize = 1_024;

/// Longest title of an offer, in bytes of UTF-8.
pub const TITLE_BYTES_MAX: usize = 128;

/// Most addresses at which a seller says it can be reached.
pub const REACH_MAX: usize = 4;

/// What an offer locks while it is listed, where an account must begin with `dust`.
pub const fn offer_bond(dust: Amount) -> Amount {
    Amount(dust.0.saturating_mul(BOND_DUSTS))
}

/// Whether something may expire at `expiry` when it is now `time`: later, and at most
/// [`EXPIRY_AHEAD_MAX`] later.
pub fn may_expire(expiry: Time, time: Time) -> bool {
    expiry > time && expiry <= time + EXPIRY_AHEAD_MAX
}

/// What a tick pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Unit {
    /// One reading.
    Reading = 0,
    /// 24 bytes of the chunk before it is sealed, the last of them begun.
    Bytes24 = 1,
    /// One chunk, whatever is in it.
    Chunk = 2,
    /// One minute from the chunk's first reading to its last, the last of them begun.
    Minute = 3,
}

impl Unit {
    /// All of them; each stands at its own number.
    pub const ALL: [Self; 4] = [Self::Reading, Self::Bytes24, Self::Chunk, Self::Minute];

    /// Its number on the wire.
    pub const fn tag(self) -> u8 {
        self as u8
    }

    /// The name that people use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Bytes24 => "24-bytes",
            Self::Chunk => "chunk",
            Self::Minute => "minute",
        }
    }

    /// The unit that people call `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name() == name)
    }

    /// Ticks that a chunk costs; at least 1. `plain_bytes` is the chunk's length before it is
    /// sealed. The far end of the numbers instead of an overflow: no chain is as long.
    pub fn ticks(self, batch: &SealedBatch, plain_bytes: usize) -> u32 {
        let ticks = match self {
            Self::Reading => batch.count.into(),
            Self::Bytes24 => plain_bytes.div_ceil(24) as u64,
            Self::Chunk => 1,
            // A chunk that ends where it began has begun its first minute.
            Self::Minute => batch.last.since(batch.first).as_millis() / MINUTE_MS + 1,
        };
        u32::try_from(ticks).unwrap_or(u32::MAX).max(1)
    }
}

impl Encode for Unit {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.tag());
    }
}

impl Decode for Unit {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let tag = reader.u8()?;
        let known = Self::ALL.get(usize::from(tag)).copied();
        known.ok_or(DecodeError::UnknownTag { field: "unit", actual: tag.into() })
    }
}

/// What a seller gives away before anything is paid: its last readings, some time later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Most readings of one sample; 0 = no sample.
    pub readings: u16,
    /// How old a reading must be, in seconds.
    pub delay_s: u32,
}

impl Encode for Sample {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.readings.to_le_bytes());
        out.extend_from_slice(&self.delay_s.to_le_bytes());
    }
}

impl Decode for Sample {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { readings: reader.u16()?, delay_s: reader.u32()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::batch::SealLevel;

    #[test]
    fn a_chunk_costs_what_its_unit_says() {
        let ticks = |unit: Unit, last, bytes| {
            let batch = SealedBatch {
                level: SealLevel::Gateway,
                chunk: 0,
                first: Time::from_millis(1_000),
                last: Time::from_millis(last),
                count: 7,
                plain_root: [0; 32],
                ciphertext: [0; 32],
                key_commitment: [0; 32],
            };
            unit.ticks(&batch, bytes)
        };
        assert_eq!(ticks(Unit::Reading, 1_000, 900), 7);
        assert_eq!(ticks(Unit::Chunk, 900_000, 900), 1);
        assert_eq!(
            [0, 1, 24, 25, 48].map(|bytes| ticks(Unit::Bytes24, 1_000, bytes)),
            [1, 1, 1, 2, 2]
        );
        let minutes = [1_000, 60_999, 61_000, 121_000].map(|last| ticks(Unit::Minute, last, 1));
        assert_eq!(minutes, [1, 1, 2, 3]);
        assert_eq!(ticks(Unit::Minute, u64::MAX, 1), u32::MAX);
        for (at, unit) in Unit::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(unit.tag()), at);
            assert_eq!(Unit::from_name(unit.name()), Some(unit));
        }
    }

    #[test]
    fn what_expires_does_so_later_and_within_a_year() {
        let (now, ms) = (Time::from_millis(5), Time::from_millis);
        let last = 5 + EXPIRY_AHEAD_MAX.as_millis();
        let may = [5, 6, last, last + 1].map(|expiry| may_expire(ms(expiry), now));
        assert_eq!(may, [false, true, true, false]);
    }
}
