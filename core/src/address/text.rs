//! How people write an address, and how it is read.

use alloc::{string::String, vec::Vec};

use bech32::{Bech32m, Hrp};

use super::{Address, NetworkKind};
use crate::digest::{DIGEST_BYTES, KeyId};

impl Address {
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

impl NetworkKind {
    fn hrp(self) -> Hrp {
        Hrp::parse_unchecked(self.prefix())
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
