//! What became of a body when its turn in the total order came (docs/PROTOCOL.md, "Ledger").
//!
//! Final, and the same on every node: it follows from the ledger alone. The first check that fails
//! gives the outcome. An outcome is part of a leaf of a commit record.

use alloc::vec::Vec;
use core::fmt;

use crate::codec::{Decode, DecodeError, Encode, Reader};

/// What became of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// It took effect.
    Applied = 0,
    /// The anchor of its attachment names no commit of this chain. Another attachment of the same
    /// body can still take effect.
    BadAnchor = 1,
    /// Its issuer has no account, and it does not register one.
    NoAccount = 2,
    /// The key that signed it is not the one in force.
    BadKey = 3,
    /// Its time was over.
    Expired = 4,
    /// Its sequence was used by another body, or given up.
    SeqUsed = 5,
    /// It transfers or locks more than its issuer has.
    Insufficient = 6,
    /// It opens an account with less than an account must begin with.
    Dust = 7,
    /// It names an offer that is not listed: never made, ended, or expired.
    NoOffer = 8,
    /// It opens a channel with another price or payee than the offer says.
    OfferDiffers = 9,
    /// It names a channel that is not open: never opened, closed, or past its grace.
    NoChannel = 10,
    /// The offer or channel is there, and it is for somebody else to say this of it.
    NotYours = 11,
    /// The expiry is over, or further ahead than it may be.
    BadExpiry = 12,
    /// The element or its path is not of the channel's pay chain.
    BadClaim = 13,
    /// It opens a channel with less than an account must begin with.
    SmallDeposit = 14,
}

impl Outcome {
    /// All of them; each stands at its own number.
    pub const ALL: [Self; 15] = [
        Self::Applied,
        Self::BadAnchor,
        Self::NoAccount,
        Self::BadKey,
        Self::Expired,
        Self::SeqUsed,
        Self::Insufficient,
        Self::Dust,
        Self::NoOffer,
        Self::OfferDiffers,
        Self::NoChannel,
        Self::NotYours,
        Self::BadExpiry,
        Self::BadClaim,
        Self::SmallDeposit,
    ];

    /// Its number on the wire.
    pub const fn tag(self) -> u8 {
        self as u8
    }

    /// Whether it used up the body's sequence: whatever failed before that check used nothing.
    pub const fn consumes_sequence(self) -> bool {
        match self {
            Self::Applied
            | Self::Insufficient
            | Self::Dust
            | Self::NoOffer
            | Self::OfferDiffers
            | Self::NoChannel
            | Self::NotYours
            | Self::BadExpiry
            | Self::BadClaim
            | Self::SmallDeposit => true,
            Self::BadAnchor | Self::NoAccount | Self::BadKey | Self::Expired | Self::SeqUsed => {
                false
            }
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Applied => "applied",
            Self::BadAnchor => "anchored to a commit that is not of this chain; attach it again",
            Self::NoAccount => "the issuer has no account; post a body with sequence 0 first",
            Self::BadKey => "signed by a key that is not in force",
            Self::Expired => "expired before it was ordered",
            Self::SeqUsed => "its sequence was used by another body, or given up",
            Self::Insufficient => "the issuer has less than it transfers or locks",
            Self::Dust => "it opens an account with less than an account must begin with",
            Self::NoOffer => "no such offer is listed: never made, ended, or expired",
            Self::OfferDiffers => {
                "its price or payee is not that of the offer; ask for a new quote"
            }
            Self::NoChannel => "no such channel is open: never opened, closed, or past its grace",
            Self::NotYours => "only the owner of the offer or channel may say this of it",
            Self::BadExpiry => "it would expire in the past, or more than 366 days ahead",
            Self::BadClaim => "the claim is not of this channel's pay chain",
            Self::SmallDeposit => "its deposit is less than an account must begin with",
        })
    }
}

impl Encode for Outcome {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.tag());
    }
}

impl Decode for Outcome {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let tag = reader.u8()?;
        let known = Self::ALL.get(usize::from(tag)).copied();
        known.ok_or(DecodeError::UnknownTag { field: "outcome", actual: tag.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_at_its_own_number() {
        for (at, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(outcome.tag()), at);
            assert_eq!(Outcome::from_bytes(&outcome.to_bytes()), Ok(outcome));
        }
        assert!(Outcome::from_bytes(&[15]).is_err());
    }
}
