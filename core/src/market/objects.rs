//! Offers and channels as the ledger holds them, and what is remembered of a channel that is over.
//!
//! Invariant: of a channel exactly `min(price * claimed, deposit)` was paid out, at every time; so
//! the order of claims and top-ups does not matter. What it still holds is the rest.
//!
//! Each knows its own id: whoever finds it in the state trie, at a place that is a digest, can put
//! it into an index.
//!
//! Left out on purpose: the rules (`machine/ledger/market`).

use alloc::vec::Vec;

use crate::{
    address::Address,
    codec::{Decode, DecodeError, Encode, Reader},
    digest::BodyId,
    market::chain::{CHAIN_MAX, claim_holds},
    time::Time,
    tx::{ChannelOpen, Claim, Offer},
    units::{Amount, CommitIndex},
};

/// An offer that is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The body that made it.
    pub id: BodyId,
    /// Who sells.
    pub seller: Address,
    /// What is locked while it is listed, in base units.
    pub bond: Amount,
    /// What was said.
    pub offer: Offer,
}

impl Listing {
    /// Whether it is off the list at `time`, whoever may have noticed.
    pub fn is_over(&self, time: Time) -> bool {
        time > self.offer.expiry
    }
}

/// A channel that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// The body that opened it.
    pub id: BodyId,
    /// Who pays.
    pub payer: Address,
    /// Its terms; deposit and expiry as they are by now.
    pub terms: ChannelOpen,
    /// Ticks that were claimed: the highest index so far, 0 for none.
    pub claimed: u32,
}

impl Channel {
    /// What the claimed ticks are worth, in base units, whatever the deposit. The far end of the
    /// numbers instead of an overflow: no deposit is as large.
    pub const fn entitled(&self) -> Amount {
        Amount(self.terms.price.0.saturating_mul(self.claimed as u64))
    }

    /// What was paid out: all that was claimed, as far as the deposit goes.
    pub fn paid(&self) -> Amount {
        self.entitled().min(self.terms.deposit)
    }

    /// What is left of the deposit.
    pub fn rest(&self) -> Amount {
        let rest = self.terms.deposit.0.checked_sub(self.paid().0);
        Amount(rest.expect("no more was paid than was deposited"))
    }

    /// The last instant of the ledger's time at which anything can be claimed.
    pub fn due(&self) -> Time {
        self.terms.expiry + self.terms.grace
    }

    /// Whether it is over at `time`, whoever may have noticed.
    pub fn is_over(&self, time: Time) -> bool {
        time > self.due()
    }

    /// Whether `claim` tells nothing new: no more ticks than were claimed already.
    pub const fn is_stale(&self, claim: &Claim) -> bool {
        claim.index <= self.claimed
    }

    /// Whether `claim` is of this channel's chain. Costs some 260 hashes.
    pub fn holds(&self, claim: &Claim) -> bool {
        let ChannelOpen { root, salt, length, .. } = &self.terms;
        claim_holds(root, salt, *length, claim.index, &claim.word, &claim.path)
    }
}

/// How a channel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Ending {
    /// The payee closed it.
    Closed = 0,
    /// Its time was over.
    Expired = 1,
}

/// What a node remembers of a channel that is over, as long as it keeps the commit that ended it.
/// Not an object: nothing of it is in the state root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The commit that ended it.
    pub index: CommitIndex,
    /// Its time.
    pub time: Time,
    /// How it ended.
    pub ending: Ending,
    /// The channel as it was then: `paid` is what the payee got, `rest` what the payer got back.
    pub channel: Channel,
}

impl Encode for Listing {
    fn encode(&self, out: &mut Vec<u8>) {
        self.id.encode(out);
        self.seller.encode(out);
        self.bond.encode(out);
        self.offer.encode(out);
    }
}

impl Decode for Listing {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            id: BodyId::decode(reader)?,
            seller: Address::decode(reader)?,
            bond: Amount::decode(reader)?,
            offer: Offer::decode(reader)?,
        })
    }
}

impl Encode for Channel {
    fn encode(&self, out: &mut Vec<u8>) {
        self.id.encode(out);
        self.payer.encode(out);
        self.terms.encode(out);
        out.extend_from_slice(&self.claimed.to_le_bytes());
    }
}

impl Decode for Channel {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let channel = Self {
            id: BodyId::decode(reader)?,
            payer: Address::decode(reader)?,
            terms: ChannelOpen::decode(reader)?,
            claimed: reader.u32()?,
        };
        if channel.claimed > channel.terms.length.min(CHAIN_MAX) {
            let rule = "no more ticks than the chain has";
            return Err(DecodeError::NotCanonical { field: "claimed", rule });
        }
        Ok(channel)
    }
}

impl Encode for Settlement {
    fn encode(&self, out: &mut Vec<u8>) {
        self.index.encode(out);
        self.time.encode(out);
        out.push(self.ending as u8);
        self.channel.encode(out);
    }
}

impl Decode for Settlement {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            index: CommitIndex::decode(reader)?,
            time: Time::decode(reader)?,
            ending: match reader.u8()? {
                0 => Ending::Closed,
                1 => Ending::Expired,
                tag => return Err(DecodeError::UnknownTag { field: "ending", actual: tag.into() }),
            },
            channel: Channel::decode(reader)?,
        })
    }
}
