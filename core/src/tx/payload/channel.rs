//! Channels: a deposit that is paid out tick by tick (docs/MARKET.md).
//!
//! Invariant: a [`ChannelOpen`] has a price, a deposit, a chain of some length and a grace within
//! its limits; a [`Claim`] is of at least one tick. Who may say what about which channel, and
//! whether a claim is true, is for the ledger to say.

use alloc::vec::Vec;

use crate::{
    address::Address,
    codec::{Decode, DecodeError, Encode, Reader},
    digest::BodyId,
    market::{
        chain::{CHAIN_MAX, ClaimPath, PayRoot, PayWord, Salt, is_length},
        terms::{GRACE_MAX, GRACE_MIN},
    },
    time::{Span, Time},
    units::Amount,
};

/// Locks a deposit for one seller. The channel's id is the id of the body that opens it; its payer
/// is the issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelOpen {
    /// The offer that it buys.
    pub offer: BodyId,
    /// Who is paid: the offer's seller.
    pub payee: Address,
    /// The salt of the pay chain.
    pub salt: Salt,
    /// What is locked, in base units; never 0.
    pub deposit: Amount,
    /// What a tick is worth, in base units: the offer's price.
    pub price: Amount,
    /// Ticks of the pay chain: 1 to 65,536.
    pub length: u32,
    /// The root of the pay chain.
    pub root: PayRoot,
    /// The ledger time until which the channel is meant to be used.
    pub expiry: Time,
    /// How long behind `expiry` claims still count, from [`GRACE_MIN`] to [`GRACE_MAX`].
    pub grace: Span,
}

/// Adds to a deposit, or lets a channel live longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelTopUp {
    /// The channel.
    pub channel: BodyId,
    /// What is added, in base units.
    pub amount: Amount,
    /// The new expiry, if it is later than the one in force.
    pub expiry: Time,
}

/// Proof that some ticks were paid: an element of the pay chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// How many ticks; never 0.
    pub index: u32,
    /// The element at that index.
    pub word: PayWord,
    /// From the next leaf below to the root.
    pub path: ClaimPath,
}

/// Pays out what a claim proves. Anybody may say so: the payee is fixed, and an old claim takes
/// nothing back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelClaim {
    /// The channel.
    pub channel: BodyId,
    /// What was paid.
    pub claim: Claim,
}

/// Ends a channel: what is left of the deposit goes back to the payer. The payee says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelClose {
    /// The channel.
    pub channel: BodyId,
    /// What was paid and not claimed yet.
    pub claim: Option<Claim>,
}

/// Lets a channel expire soon. The payer says so, and still has to wait: what the payee can prove
/// by then is paid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelWithdraw {
    /// The channel.
    pub channel: BodyId,
}

impl ChannelOpen {
    fn check_shape(&self) -> Result<(), DecodeError> {
        let broken = |field, rule| Err(DecodeError::NotCanonical { field, rule });
        if self.deposit == Amount::ZERO {
            return broken("deposit", "above 0");
        }
        if self.price == Amount::ZERO {
            return broken("price", "above 0");
        }
        if !is_length(self.length) {
            return broken("length", "1 to 65,536 ticks");
        }
        if !(GRACE_MIN..=GRACE_MAX).contains(&self.grace) {
            return broken("grace", "one minute to 30 days");
        }
        Ok(())
    }
}

impl Encode for ChannelOpen {
    fn encode(&self, out: &mut Vec<u8>) {
        self.offer.encode(out);
        self.payee.encode(out);
        self.salt.encode(out);
        self.deposit.encode(out);
        self.price.encode(out);
        out.extend_from_slice(&self.length.to_le_bytes());
        self.root.encode(out);
        self.expiry.encode(out);
        out.extend_from_slice(&self.grace.as_millis().to_le_bytes());
    }
}

impl Decode for ChannelOpen {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let open = Self {
            offer: BodyId::decode(reader)?,
            payee: Address::decode(reader)?,
            salt: Salt::decode(reader)?,
            deposit: Amount::decode(reader)?,
            price: Amount::decode(reader)?,
            length: reader.u32()?,
            root: PayRoot::decode(reader)?,
            expiry: Time::decode(reader)?,
            grace: Span::from_millis(reader.u64()?),
        };
        open.check_shape()?;
        Ok(open)
    }
}

impl Encode for ChannelTopUp {
    fn encode(&self, out: &mut Vec<u8>) {
        self.channel.encode(out);
        self.amount.encode(out);
        self.expiry.encode(out);
    }
}

impl Decode for ChannelTopUp {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            channel: BodyId::decode(reader)?,
            amount: Amount::decode(reader)?,
            expiry: Time::decode(reader)?,
        })
    }
}

impl Encode for Claim {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.index.to_le_bytes());
        self.word.encode(out);
        self.path.encode(out);
    }
}

impl Decode for Claim {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let index = reader.u32()?;
        if !(1..=CHAIN_MAX).contains(&index) {
            let rule = "1 to 65,536 ticks";
            return Err(DecodeError::NotCanonical { field: "claim", rule });
        }
        Ok(Self { index, word: PayWord::decode(reader)?, path: ClaimPath::decode(reader)? })
    }
}

impl Encode for ChannelClaim {
    fn encode(&self, out: &mut Vec<u8>) {
        self.channel.encode(out);
        self.claim.encode(out);
    }
}

impl Decode for ChannelClaim {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { channel: BodyId::decode(reader)?, claim: Claim::decode(reader)? })
    }
}

impl Encode for ChannelClose {
    fn encode(&self, out: &mut Vec<u8>) {
        self.channel.encode(out);
        match &self.claim {
            None => out.push(0),
            Some(claim) => {
                out.push(1);
                claim.encode(out);
            }
        }
    }
}

impl Decode for ChannelClose {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let channel = BodyId::decode(reader)?;
        let claim = match reader.u8()? {
            0 => None,
            1 => Some(Claim::decode(reader)?),
            tag => return Err(DecodeError::UnknownTag { field: "claim", actual: tag.into() }),
        };
        Ok(Self { channel, claim })
    }
}

impl Encode for ChannelWithdraw {
    fn encode(&self, out: &mut Vec<u8>) {
        self.channel.encode(out);
    }
}

impl Decode for ChannelWithdraw {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { channel: BodyId::decode(reader)? })
    }
}
