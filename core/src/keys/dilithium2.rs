//! Scheme 3 by the library it comes from: `pqcrypto-dilithium` 0.5, C code of PQClean.
//!
//! Nobody maintains that library any more. It is here for devices that shipped with it, and this
//! file is all that knows it; `docs/decisions/0002-signatures.md` says how it goes.
//!
//! **Only its portable code is built** (no feature `avx2` or `neon`). The AVX2 code does not check
//! that z is short, and rounds `UseHint` (FIPS 204 Algorithm 40) up instead of down at r0 = 0. By
//! either, whoever has a key can make machines with and without AVX2 disagree. A test fails when
//! the feature is on; and so that no switch brings back the first fault, [`encoding`] checks each
//! signature before the library sees it.
//!
//! Invariant: [`verify`] accepts exactly what FIPS 204 `Verify_internal` accepts.
//!
//! Left out on purpose: keys from a seed. The library draws its own randomness.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use pqcrypto_dilithium::dilithium2::{
    DetachedSignature, PublicKey as LibraryPublic, SecretKey as LibrarySecret, detached_sign,
    keypair, secret_key_bytes, verify_detached_signature,
};
use pqcrypto_traits::sign::{DetachedSignature as _, PublicKey as _, SecretKey as _};
use zeroize::Zeroizing;

use super::{KeyError, PublicKey, Scheme, Sign, Signature, encoding};

const SCHEME: Scheme = Scheme::Dilithium2;

/// Whether `signature` is one of `key` over the bare `message`.
pub(super) fn verify(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(library_signature)) =
        (LibraryPublic::from_bytes(key), DetachedSignature::from_bytes(signature))
    else {
        return false;
    };
    encoding::is_canonical(signature)
        && verify_detached_signature(&library_signature, message, &key).is_ok()
}

/// A key of scheme 3. Signs deterministically, as the library does. Wiped when dropped, but for the
/// copy that the library makes on the stack.
pub struct Dilithium2Key {
    public: PublicKey,
    secret: Zeroizing<Vec<u8>>,
}

impl Dilithium2Key {
    /// Length of a stored key, in bytes: the public half, then the secret half.
    pub const STORED_BYTES: usize = SCHEME.public_key_bytes() + secret_key_bytes();

    /// A new key, from randomness that the library takes from the operating system. Panics where
    /// that has none to give.
    pub fn generate() -> Self {
        let (public, secret) = keypair();
        let public = Bytes::copy_from_slice(public.as_bytes());
        Self {
            public: PublicKey::sized(SCHEME, public),
            secret: Zeroizing::new(secret.as_bytes().to_vec()),
        }
    }

    /// The key that [`Self::to_stored`] made `bytes` of. Refused unless it verifies a signature of
    /// its own.
    pub fn from_stored(bytes: &[u8]) -> Result<Self, KeyError> {
        let (public, secret) = bytes
            .split_at_checked(SCHEME.public_key_bytes())
            .filter(|(_, secret)| secret.len() == secret_key_bytes())
            .ok_or(KeyError::Length {
                what: "stored key",
                scheme: SCHEME,
                expected: Self::STORED_BYTES,
                actual: bytes.len(),
            })?;
        let public = PublicKey::new(SCHEME, Bytes::copy_from_slice(public))?;
        let key = Self { public, secret: Zeroizing::new(secret.to_vec()) };
        let probe = key.sign(b"weft: do both halves belong together?")?;
        if verify(&key.public.bytes, b"weft: do both halves belong together?", &probe.bytes) {
            Ok(key)
        } else {
            Err(KeyError::Inconsistent { scheme: SCHEME })
        }
    }

    /// Both halves, public first: [`Self::STORED_BYTES`]. Whoever has them has the key.
    pub fn to_stored(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(Self::STORED_BYTES));
        bytes.extend_from_slice(&self.public.bytes);
        bytes.extend_from_slice(&self.secret);
        bytes
    }
}

impl Sign for Dilithium2Key {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, KeyError> {
        let secret = LibrarySecret::from_bytes(&self.secret)
            .map_err(|_| KeyError::Signing { scheme: SCHEME })?;
        let signature = detached_sign(message, &secret);
        Signature::new(SCHEME, Bytes::copy_from_slice(signature.as_bytes()))
    }
}

impl fmt::Debug for Dilithium2Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dilithium2Key").field(&self.public.id()).finish()
    }
}
