//! Instants and spans, in whole milliseconds.
//!
//! Invariant: no operation wraps. What a [`Time`] counts from is the giver's choice: the machine is
//! given milliseconds since the Unix epoch, the simulator starts where it likes.
//!
//! Left out on purpose: a clock. Time is an argument everywhere in this crate.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::ops::Add;

#[cfg(feature = "alloc")]
use crate::codec::Encode;
use crate::codec::{Decode, DecodeError, Reader};

/// An instant, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The epoch itself; in a body it stands for "no clock".
    pub const ZERO: Self = Self(0);

    /// The instant `ms` milliseconds after the epoch.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// `span` before this instant, or the epoch.
    #[must_use]
    pub const fn before(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Add<Span> for Time {
    type Output = Self;

    /// The far end of time instead of an overflow.
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

#[cfg(feature = "alloc")]
impl Encode for Time {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_le_bytes());
    }
}

impl Decode for Time {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.u64().map(Self)
    }
}

/// A length of time, in milliseconds; a plain number of them in files for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "alloc", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "alloc", serde(transparent))]
pub struct Span(u64);

impl Span {
    /// `ms` milliseconds.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// `secs` seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000))
    }

    /// Its length in milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }
}
