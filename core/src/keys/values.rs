//! Keys, signatures and verdicts as values that own their bytes.
//!
//! Invariant: each has the length of its scheme.
//!
//! Left out on purpose: how they are made and checked (`device`, `host`).

use alloc::vec::Vec;

use bytes::Bytes;

use super::{KeyError, Scheme, key_id};
use crate::{
    codec::{Decode, DecodeError, Encode, Reader},
    digest::KeyId,
};

/// A public key with its scheme. Knows its identifier: a key is asked for it with every signature
/// that it checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    pub(super) scheme: Scheme,
    pub(super) bytes: Bytes,
    id: KeyId,
}

impl PublicKey {
    /// Takes `bytes` as a key of `scheme`; only the length is checked here.
    pub fn new(scheme: Scheme, bytes: Bytes) -> Result<Self, KeyError> {
        expect_length("public key", scheme, scheme.public_key_bytes(), bytes.len())?;
        Ok(Self::sized(scheme, bytes))
    }

    /// `bytes` have the length of a key of `scheme`.
    pub(super) fn sized(scheme: Scheme, bytes: Bytes) -> Self {
        let id = key_id(scheme, &bytes);
        Self { scheme, bytes, id }
    }

    /// Its scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Its bytes, without the tag.
    pub const fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Its identifier: `H("weft.key", scheme || key)`.
    pub const fn id(&self) -> KeyId {
        self.id
    }
}

impl Encode for PublicKey {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.scheme.tag());
        out.extend_from_slice(&self.bytes);
    }
}

impl Decode for PublicKey {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let scheme = Scheme::decode(reader)?;
        let bytes = reader.take("public key", scheme.public_key_bytes())?;
        Ok(Self::sized(scheme, Bytes::copy_from_slice(bytes)))
    }
}

/// A signature with its scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub(super) scheme: Scheme,
    pub(super) bytes: Bytes,
}

impl Signature {
    /// Takes `bytes` as a signature of `scheme`; only the length is checked here.
    pub fn new(scheme: Scheme, bytes: Bytes) -> Result<Self, KeyError> {
        expect_length("signature", scheme, scheme.signature_bytes(), bytes.len())?;
        Ok(Self { scheme, bytes })
    }

    /// Its scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }
}

const fn expect_length(
    what: &'static str,
    scheme: Scheme,
    expected: usize,
    actual: usize,
) -> Result<(), KeyError> {
    if expected == actual {
        return Ok(());
    }
    Err(KeyError::Length { what, scheme, expected, actual })
}

/// Checks signatures. Every implementation gives the same verdict on the same bytes.
pub trait Verify: Send + Sync {
    /// Whether `signature` is one of `key` over `message`, with an empty context string.
    fn verify(
        &self,
        key: &PublicKey,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError>;
}

/// The scheme of both, or the error that says they differ.
pub(super) fn same_scheme(
    key: &PublicKey,
    signature: &Signature,
) -> Result<Scheme, SignatureError> {
    if key.scheme == signature.scheme {
        return Ok(key.scheme);
    }
    Err(SignatureError::SchemeMismatch { key: key.scheme, signature: signature.scheme })
}

/// Makes signatures with one key. Deterministic: the same message gives the same bytes.
pub trait Sign: Send + Sync {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// A signature over `message`, with an empty context string.
    fn sign(&self, message: &[u8]) -> Result<Signature, KeyError>;
}

/// Why a signature is refused. The fault of whoever sent the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Key and signature are of different schemes. Schemes 1 and 3 have the same sizes, so the tag
    /// decides.
    #[error("signature is of scheme {signature}, but the key is of scheme {key}")]
    SchemeMismatch {
        /// The key's scheme.
        key: Scheme,
        /// The signature's scheme.
        signature: Scheme,
    },
    /// The signature does not belong to this key and message.
    #[error("no valid {scheme} signature of this key over this message")]
    Invalid {
        /// The scheme of both.
        scheme: Scheme,
    },
}
