//! Numbers with a meaning: amounts, sequences, positions in the commit chain.
//!
//! Invariant: arithmetic on them is checked; none of them can be mistaken for another.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

#[cfg(feature = "alloc")]
use crate::codec::Encode;
use crate::codec::{Decode, DecodeError, Reader};

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self(0);

            /// The sum, or `None` where it does not fit.
            pub const fn checked_add(self, other: u64) -> Option<Self> {
                match self.0.checked_add(other) {
                    Some(sum) => Some(Self(sum)),
                    None => None,
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.fmt(f)
            }
        }

        #[cfg(feature = "alloc")]
        impl Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0.to_le_bytes());
            }
        }

        impl Decode for $name {
            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                reader.u64().map(Self)
            }
        }
    )*};
}

numbers! {
    /// Value, in base units.
    Amount;
    /// A body's place among those of its issuer: 0, 1, 2 ...
    Sequence;
    /// A round of checkpoints.
    Round;
    /// A commit's place in the commit chain.
    CommitIndex;
    /// A transaction's place in the order in which one node attached what it knows. Local to that
    /// node; parents always lie below their children.
    Position;
}

impl Sequence {
    /// Sequences lie below 2^63; anything above is malformed.
    pub const LIMIT: u64 = 1 << 63;

    /// Whether a body with this sequence registers its account.
    pub const fn registers(self) -> bool {
        self.0 == 0
    }
}
