//! Addresses: the id of an account's first key, and how people read and write it.
//!
//! Shown as bech32m (BIP-350) with prefix `weft`, or `tweft` on test networks, so that a mistyped
//! character and an address of the wrong kind of network are both noticed.

#[cfg(feature = "alloc")]
mod text;

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

#[cfg(feature = "alloc")]
use crate::codec::Encode;
use crate::{
    codec::{Decode, DecodeError, Reader},
    digest::KeyId,
};

#[cfg(feature = "alloc")]
pub use text::AddressError;

/// The address of an account: the [`KeyId`] of its first key. It stays when the key rotates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(KeyId);

impl Address {
    /// The account whose first key is `key`.
    pub const fn of(key: KeyId) -> Self {
        Self(key)
    }

    /// The id of the account's first key.
    pub const fn first_key(&self) -> KeyId {
        self.0
    }
}

#[cfg(feature = "alloc")]
impl Encode for Address {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
}

impl Decode for Address {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        KeyId::decode(reader).map(Self)
    }
}

/// Whether value on a network is meant to be real.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "alloc", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "alloc", serde(rename_all = "lowercase"))]
pub enum NetworkKind {
    /// Real data and real value.
    Public,
    /// Development and tests; addresses start with `tweft`.
    Test,
}

impl NetworkKind {
    /// What addresses start with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Public => "weft",
            Self::Test => "tweft",
        }
    }
}

#[cfg(feature = "alloc")]
impl Encode for NetworkKind {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::Public => 1,
            Self::Test => 2,
        });
    }
}

impl Decode for NetworkKind {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            1 => Ok(Self::Public),
            2 => Ok(Self::Test),
            tag => Err(DecodeError::UnknownTag { field: "network kind", actual: tag.into() }),
        }
    }
}
