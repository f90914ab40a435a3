//! What a body says: a reading, a transfer of value, or the account's next key.
//!
//! Kind 1 byte, length 4, content. An unknown kind is refused: a node that does not know what it
//! would order must not admit it. Invariant: a payload that decodes can be judged by the ledger
//! without another look at its shape.
//!
//! Left out until there is one: the market.

mod data;
mod rotation;
mod transfer;

use alloc::vec::Vec;

use crate::{
    codec::{Decode, DecodeError, Encode, Reader, encode_blob},
    params::PAYLOAD_BYTES_MAX,
};

pub use data::{ContentType, Data, StreamName};
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
}

impl Payload {
    const DATA: u8 = 0;
    const TRANSFER: u8 = 1;
    const KEY_ROTATE: u8 = 2;

    /// The reading, if it is one: what streams are made of.
    pub const fn reading(&self) -> Option<&Data> {
        match self {
            Self::Data(data) => Some(data),
            Self::Transfer(_) | Self::KeyRotate(_) => None,
        }
    }

    /// Length of the content, in bytes, as the size step of the work counts it: keys and
    /// signatures are free, whoever is safe from quantum computers must not pay for it.
    pub fn content_bytes(&self) -> usize {
        match self {
            Self::Data(data) => data.encoded_bytes(),
            Self::Transfer(transfer) => transfer.encoded_bytes(),
            Self::KeyRotate(_) => 0,
        }
    }
}

impl Encode for Payload {
    fn encode(&self, out: &mut Vec<u8>) {
        let (kind, content) = match self {
            Self::Data(data) => (Self::DATA, data.to_bytes()),
            Self::Transfer(transfer) => (Self::TRANSFER, transfer.to_bytes()),
            Self::KeyRotate(rotation) => (Self::KEY_ROTATE, rotation.to_bytes()),
        };
        out.push(kind);
        encode_blob(&content, out);
    }
}

impl Decode for Payload {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let kind = reader.u8()?;
        let content = reader.blob("payload", PAYLOAD_BYTES_MAX)?;
        match kind {
            Self::DATA => Data::from_bytes(content).map(Self::Data),
            Self::TRANSFER => Transfer::from_bytes(content).map(Self::Transfer),
            Self::KEY_ROTATE => KeyRotate::from_bytes(content).map(Self::KeyRotate),
            kind => Err(DecodeError::UnknownTag { field: "payload kind", actual: kind.into() }),
        }
    }
}
