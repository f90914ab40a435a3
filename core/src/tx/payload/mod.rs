//! What a body says: a reading, a transfer of value, the account's next key, or a word of the
//! market.
//!
//! Kind 1 byte, length 4, content. An unknown kind is refused: a node that does not know what it
//! would order must not admit it. Invariant: a payload that decodes can be judged by the ledger
//! without another look at its shape.
//!
//! Left out on purpose: what the ledger makes of it (`machine/ledger`).

mod channel;
mod data;
mod offer;
mod rotation;
mod transfer;

use alloc::vec::Vec;

use crate::{
    codec::{Decode, DecodeError, Encode, Reader, encode_blob},
    params::PAYLOAD_BYTES_MAX,
    tx::Reading,
};

pub use channel::{ChannelClaim, ChannelClose, ChannelOpen, ChannelTopUp, ChannelWithdraw, Claim};
pub use data::{Data, StreamName};
pub use offer::{Offer, OfferEnd, Title};
pub use rotation::KeyRotate;
pub use transfer::{Output, Transfer};

/// What a body says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A reading (kind 0).
    Data(Data),
    /// Value for other accounts (kind 1).
    Transfer(Transfer),
    /// The account's next key (kind 2).
    KeyRotate(KeyRotate),
    /// A stream for sale (kind 3).
    Offer(Offer),
    /// The end of an offer (kind 4).
    OfferEnd(OfferEnd),
    /// A deposit for a seller (kind 5).
    ChannelOpen(ChannelOpen),
    /// More of it, or for longer (kind 6).
    ChannelTopUp(ChannelTopUp),
    /// Ticks that were paid (kind 7).
    ChannelClaim(ChannelClaim),
    /// The payee's end of a channel (kind 8).
    ChannelClose(ChannelClose),
    /// The payer's wish to end a channel (kind 9).
    ChannelWithdraw(ChannelWithdraw),
}

impl Payload {
    const DATA: u8 = Reading::KIND;
    const TRANSFER: u8 = 1;
    const KEY_ROTATE: u8 = 2;
    const OFFER: u8 = 3;
    const OFFER_END: u8 = 4;
    const CHANNEL_OPEN: u8 = 5;
    const CHANNEL_TOP_UP: u8 = 6;
    const CHANNEL_CLAIM: u8 = 7;
    const CHANNEL_CLOSE: u8 = 8;
    const CHANNEL_WITHDRAW: u8 = 9;

    /// The reading, if it is one: what streams are made of.
    pub const fn reading(&self) -> Option<&Data> {
        match self {
            Self::Data(data) => Some(data),
            _ => None,
        }
    }

    /// Length of the content, in bytes, as the size step of the work counts it: keys and
    /// signatures are free, whoever is safe from quantum computers must not pay for it.
    pub fn content_bytes(&self) -> usize {
        match self {
            Self::Data(data) => data.reading().content_bytes(),
            Self::Transfer(transfer) => transfer.encoded_bytes(),
            Self::KeyRotate(_) => 0,
            market => market.content().1.len(),
        }
    }

    /// The kind and the content's bytes.
    fn content(&self) -> (u8, Vec<u8>) {
        match self {
            Self::Data(data) => (Self::DATA, data.to_bytes()),
            Self::Transfer(transfer) => (Self::TRANSFER, transfer.to_bytes()),
            Self::KeyRotate(rotation) => (Self::KEY_ROTATE, rotation.to_bytes()),
            Self::Offer(offer) => (Self::OFFER, offer.to_bytes()),
            Self::OfferEnd(end) => (Self::OFFER_END, end.to_bytes()),
            Self::ChannelOpen(open) => (Self::CHANNEL_OPEN, open.to_bytes()),
            Self::ChannelTopUp(more) => (Self::CHANNEL_TOP_UP, more.to_bytes()),
            Self::ChannelClaim(claim) => (Self::CHANNEL_CLAIM, claim.to_bytes()),
            Self::ChannelClose(close) => (Self::CHANNEL_CLOSE, close.to_bytes()),
            Self::ChannelWithdraw(wish) => (Self::CHANNEL_WITHDRAW, wish.to_bytes()),
        }
    }
}

impl Encode for Payload {
    fn encode(&self, out: &mut Vec<u8>) {
        if let Self::Data(data) = self {
            return data.reading().put(out);
        }
        let (kind, content) = self.content();
        out.push(kind);
        encode_blob(&content, out);
    }
}

impl Decode for Payload {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let kind = reader.u8()?;
        let content = reader.nested("payload", PAYLOAD_BYTES_MAX)?;
        match kind {
            Self::DATA => Data::from_reader(content).map(Self::Data),
            Self::TRANSFER => Transfer::from_reader(content).map(Self::Transfer),
            Self::KEY_ROTATE => KeyRotate::from_reader(content).map(Self::KeyRotate),
            Self::OFFER => Offer::from_reader(content).map(Self::Offer),
            Self::OFFER_END => OfferEnd::from_reader(content).map(Self::OfferEnd),
            Self::CHANNEL_OPEN => ChannelOpen::from_reader(content).map(Self::ChannelOpen),
            Self::CHANNEL_TOP_UP => ChannelTopUp::from_reader(content).map(Self::ChannelTopUp),
            Self::CHANNEL_CLAIM => ChannelClaim::from_reader(content).map(Self::ChannelClaim),
            Self::CHANNEL_CLOSE => ChannelClose::from_reader(content).map(Self::ChannelClose),
            Self::CHANNEL_WITHDRAW => {
                ChannelWithdraw::from_reader(content).map(Self::ChannelWithdraw)
            }
            kind => Err(DecodeError::UnknownTag { field: "payload kind", actual: kind.into() }),
        }
    }
}
