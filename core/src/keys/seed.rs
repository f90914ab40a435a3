//! A key that is nothing but its seed: what a device with little memory keeps.
//!
//! Invariant: no allocation. A [`SeedKey`] makes the same public key and the same signatures as a
//! `DeviceKey` of that seed, byte for byte.
//!
//! Left out on purpose: keeping the expanded key, 2.5 or 4 KiB. It is made anew for each signature:
//! time for memory.

use core::fmt;

use libcrux_ml_dsa::{
    KEY_GENERATION_RANDOMNESS_SIZE, SIGNING_RANDOMNESS_SIZE, SigningError,
    ml_dsa_44::{self, MLDSA44KeyPair, MLDSA44Signature, MLDSA44SigningKey},
    ml_dsa_65::{self, MLDSA65KeyPair, MLDSA65Signature, MLDSA65SigningKey},
};
use zeroize::{Zeroize as _, Zeroizing};

use super::{KeyError, Scheme, key_hasher};
use crate::{codec::Sink, digest::KeyId};

/// The deterministic variant (FIPS 204 section 3.4).
pub(super) const RANDOMNESS: [u8; SIGNING_RANDOMNESS_SIZE] = [0; SIGNING_RANDOMNESS_SIZE];

/// No context string: the domain is inside the message.
pub(super) const CONTEXT: [u8; 0] = [];

const _: () = assert!(KEY_GENERATION_RANDOMNESS_SIZE == Scheme::SEED_BYTES);

/// Signs where nothing can be allocated. A device may bring one of its own: a secure element, or a
/// library that needs less stack.
pub trait Signer {
    /// The scheme of its key.
    fn scheme(&self) -> Scheme;

    /// The identifier of its key.
    fn key_id(&self) -> KeyId;

    /// Writes the public key, without tag: [`Scheme::public_key_bytes`].
    fn put_public_key(&self, out: &mut impl Sink) -> Result<(), KeyError>;

    /// Writes the signature over `message` with an empty context string:
    /// [`Scheme::signature_bytes`]. The same message gives the same bytes, always.
    fn put_signature(&self, message: &[u8], out: &mut impl Sink) -> Result<(), KeyError>;
}

/// A key of scheme 1 or 2, kept as its seed. Wiped when dropped.
pub struct SeedKey {
    scheme: Scheme,
    seed: Zeroizing<[u8; Scheme::SEED_BYTES]>,
    id: KeyId,
}

impl SeedKey {
    /// The key of `scheme` that `seed` makes (FIPS 204 Algorithm 6). Whoever has the seed has the
    /// key. Scheme 3 is refused: its library makes keys from nothing but its own randomness.
    pub fn new(scheme: Scheme, seed: &[u8; Scheme::SEED_BYTES]) -> Result<Self, KeyError> {
        let mut hasher = key_hasher(scheme);
        put_public_key(scheme, seed, &mut hasher)?;
        let id = KeyId(hasher.finish());
        Ok(Self { scheme, seed: Zeroizing::new(*seed), id })
    }
}

impl Signer for SeedKey {
    fn scheme(&self) -> Scheme {
        self.scheme
    }

    fn key_id(&self) -> KeyId {
        self.id
    }

    fn put_public_key(&self, out: &mut impl Sink) -> Result<(), KeyError> {
        put_public_key(self.scheme, &self.seed, out)
    }

    fn put_signature(&self, message: &[u8], out: &mut impl Sink) -> Result<(), KeyError> {
        put_signature(self.scheme, &self.seed, message, out)
    }
}

impl fmt::Debug for SeedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SeedKey").field(&self.id).finish()
    }
}

/// Writes the public key that `seed` makes, without tag: [`Scheme::public_key_bytes`].
pub fn put_public_key(
    scheme: Scheme,
    seed: &[u8; Scheme::SEED_BYTES],
    out: &mut impl Sink,
) -> Result<(), KeyError> {
    match scheme {
        Scheme::MlDsa44 => {
            let mut pair = pair_44(seed);
            pair.signing_key.as_ref_mut().zeroize();
            out.put(pair.verification_key.as_slice());
        }
        Scheme::MlDsa65 => {
            let mut pair = pair_65(seed);
            pair.signing_key.as_ref_mut().zeroize();
            out.put(pair.verification_key.as_slice());
        }
        Scheme::Dilithium2 => return Err(not_from_a_seed(scheme)),
    }
    Ok(())
}

/// Writes the signature over `message` by the key that `seed` makes: what a [`SeedKey`] writes, for
/// whoever keeps the seed elsewhere.
pub fn put_signature(
    scheme: Scheme,
    seed: &[u8; Scheme::SEED_BYTES],
    message: &[u8],
    out: &mut impl Sink,
) -> Result<(), KeyError> {
    let failed = |_| KeyError::Signing { scheme };
    match scheme {
        Scheme::MlDsa44 => {
            let mut pair = pair_44(seed);
            let made = sign_44(&pair.signing_key, message);
            pair.signing_key.as_ref_mut().zeroize();
            out.put(made.map_err(failed)?.as_slice());
        }
        Scheme::MlDsa65 => {
            let mut pair = pair_65(seed);
            let made = sign_65(&pair.signing_key, message);
            pair.signing_key.as_ref_mut().zeroize();
            out.put(made.map_err(failed)?.as_slice());
        }
        Scheme::Dilithium2 => return Err(not_from_a_seed(scheme)),
    }
    Ok(())
}

// Each in a frame of its own: in one frame with others, all of them would take stack at once.

#[inline(never)]
fn pair_44(seed: &[u8; Scheme::SEED_BYTES]) -> MLDSA44KeyPair {
    ml_dsa_44::generate_key_pair(*seed)
}

#[inline(never)]
fn sign_44(key: &MLDSA44SigningKey, message: &[u8]) -> Result<MLDSA44Signature, SigningError> {
    ml_dsa_44::sign(key, message, &CONTEXT, RANDOMNESS)
}

#[inline(never)]
fn pair_65(seed: &[u8; Scheme::SEED_BYTES]) -> MLDSA65KeyPair {
    ml_dsa_65::generate_key_pair(*seed)
}

#[inline(never)]
fn sign_65(key: &MLDSA65SigningKey, message: &[u8]) -> Result<MLDSA65Signature, SigningError> {
    ml_dsa_65::sign(key, message, &CONTEXT, RANDOMNESS)
}

/// The error of a scheme whose keys no seed makes.
pub(super) const fn not_from_a_seed(scheme: Scheme) -> KeyError {
    let reason = "its keys are made and stored whole; see Dilithium2Key, on hosts";
    KeyError::Unsupported { scheme, reason }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::keys::{DeviceKey, Sign as _};

    #[test]
    fn a_seed_key_is_the_device_key_of_that_seed() {
        for scheme in [Scheme::MlDsa44, Scheme::MlDsa65] {
            let whole = DeviceKey::from_seed(scheme, &[7; 32]).unwrap();
            let tiny = SeedKey::new(scheme, &[7; 32]).unwrap();
            assert_eq!((tiny.key_id(), tiny.scheme()), (whole.public_key().id(), scheme));
            let (mut key, mut signature) = (Vec::new(), Vec::new());
            tiny.put_public_key(&mut key).unwrap();
            tiny.put_signature(b"message", &mut signature).unwrap();
            assert_eq!(whole.public_key().as_bytes(), &key);
            assert_eq!(whole.sign(b"message").unwrap().as_bytes(), &signature);
        }
        assert!(SeedKey::new(Scheme::Dilithium2, &[7; 32]).is_err());
    }
}
