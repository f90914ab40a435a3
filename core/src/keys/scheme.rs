//! The tag byte of a signature scheme, and the sizes that follow from it.
//!
//! Sizes: FIPS 204 table 2 for ML-DSA; `pqcrypto-dilithium` 0.5 for the draft before it.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::fmt;

#[cfg(feature = "alloc")]
use crate::codec::Encode;
use crate::codec::{Decode, DecodeError, Reader};

/// Which signature scheme a key and its signatures are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// ML-DSA-44 (FIPS 204): the default for accounts, validators and nodes.
    MlDsa44,
    /// ML-DSA-65 (FIPS 204): for owners who plan in decades.
    MlDsa65,
    /// Dilithium2 as `pqcrypto-dilithium` 0.5 has it, a draft before FIPS 204, not wire-compatible
    /// with ML-DSA-44 although all sizes agree. Only where the genesis lists it.
    Dilithium2,
}

impl Scheme {
    /// All schemes, by tag.
    pub const ALL: [Self; 3] = [Self::MlDsa44, Self::MlDsa65, Self::Dilithium2];
    /// Length of a secret seed, in bytes.
    pub const SEED_BYTES: usize = 32;

    /// The tag byte on the wire.
    pub const fn tag(self) -> u8 {
        match self {
            Self::MlDsa44 => 1,
            Self::MlDsa65 => 2,
            Self::Dilithium2 => 3,
        }
    }

    /// Length of a public key, in bytes.
    pub const fn public_key_bytes(self) -> usize {
        match self {
            Self::MlDsa44 | Self::Dilithium2 => 1_312,
            Self::MlDsa65 => 1_952,
        }
    }

    /// Length of a signature, in bytes.
    pub const fn signature_bytes(self) -> usize {
        match self {
            Self::MlDsa44 | Self::Dilithium2 => 2_420,
            Self::MlDsa65 => 3_309,
        }
    }

    /// Its name, as commands and errors spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MlDsa44 => "ml-dsa-44",
            Self::MlDsa65 => "ml-dsa-65",
            Self::Dilithium2 => "dilithium2",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl core::str::FromStr for Scheme {
    type Err = UnknownScheme;

    fn from_str(text: &str) -> Result<Self, UnknownScheme> {
        Self::ALL.into_iter().find(|scheme| scheme.name() == text).ok_or(UnknownScheme)
    }
}

/// Why a text names no scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("schemes are ml-dsa-44, ml-dsa-65 and dilithium2")]
pub struct UnknownScheme;

#[cfg(feature = "alloc")]
impl Encode for Scheme {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.tag());
    }
}

impl Decode for Scheme {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let tag = reader.u8()?;
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.tag() == tag)
            .ok_or(DecodeError::UnknownTag { field: "signature scheme", actual: tag.into() })
    }
}
