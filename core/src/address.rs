//! Addresses: the id of an account's first key, and how people read and write it.
//!
//! Shown as bech32m (BIP-350) with prefix `weft`, or `tweft` on test networks, so that a mistyped
//! character and an address of the wrong kind of network are both noticed.

use alloc::{string::String, vec::Vec};

use bech32::{Bech32m, Hrp};

use crate::{
    codec::{Decode, DecodeError, Encode, Reader},
    digest::{DIGEST_BYTES, KeyId},
};

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

    /// The text that people see.
    pub fn text(&self, kind: NetworkKind) -> String {
        bech32::encode::<Bech32m>(kind.hrp(), self.0.as_bytes())
            .expect("a prefix of five letters and 32 bytes stay below the 90 of BIP-350")
    }

    /// Reads the text of an address on a network of `kind`.
    pub fn parse(text: &str, kind: NetworkKind) -> Result<Self, AddressError> {
        let (hrp, bytes) = bech32::primitives::decode::CheckedHrpstring::new::<Bech32m>(text)
            .map(|checked| (checked.hrp(), checked.byte_iter().collect::<Vec<u8>>()))
            .map_err(|_| AddressError::Text)?;
        if hrp != kind.hrp() {
            return Err(AddressError::Network { expected: kind.prefix() });
        }
        let bytes: [u8; DIGEST_BYTES] = bytes
            .try_into()
            .map_err(|long: Vec<u8>| AddressError::Length { actual: long.len() })?;
        Ok(Self(KeyId(bytes)))
    }
}

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
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

    fn hrp(self) -> Hrp {
        Hrp::parse_unchecked(self.prefix())
    }
}

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

/// Why a text is no address here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not bech32m: mistyped or cut.
    #[error("not an address: its check letters do not match; copy it again, whole")]
    Text,
    /// An address of another kind of network.
    #[error("an address of another kind of network: expected one that starts with {expected}1")]
    Network {
        /// The prefix of this network.
        expected: &'static str,
    },
    /// The right text around the wrong number of bytes.
    #[error("an address holds 32 bytes, this one {actual}")]
    Length {
        /// Bytes found.
        actual: usize,
    },
}
