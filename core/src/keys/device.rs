//! Keys and signatures in pure Rust, without std: what a device links.
//!
//! In: a 32-byte seed, or a key, a message and a signature. Out: signatures of schemes 1 and 2, and
//! verdicts for all three. By `libcrux-ml-dsa`, which takes AVX2 or NEON where it finds them and
//! portable code elsewhere, with one verdict.
//!
//! Scheme 3 is the mathematics of ML-DSA-44 over the bare message: FIPS 204 `Verify_internal`
//! (Algorithm 8), without the prefix `0x00 || length of the context || context` of Algorithm 3.
//!
//! Invariant: the same seed gives the same key, and the same message the same signature, anywhere.
//!
//! Left out on purpose: making keys and signatures of scheme 3 (`Dilithium2Key` does, on hosts),
//! and wiping what the library leaves on the stack: a device that others can read is lost anyway.

use alloc::boxed::Box;
use core::fmt;

use bytes::Bytes;
use libcrux_ml_dsa::{
    MLDSASignature, MLDSAVerificationKey,
    ml_dsa_44::{self, MLDSA44SigningKey},
    ml_dsa_65::{self, MLDSA65SigningKey},
};
use zeroize::Zeroize as _;

use super::{
    KeyError, PublicKey, Scheme, Sign, Signature, SignatureError, Verify, same_scheme,
    seed::{CONTEXT, RANDOMNESS, not_from_a_seed},
};

/// A key of scheme 1 or 2, from its seed. Wiped when dropped.
///
/// Stack, measured on x86-64 with AVX2 and without: 65 KiB to make one and 95 to sign with
/// ML-DSA-44, 90 and 130 with ML-DSA-65.
pub struct DeviceKey {
    public: PublicKey,
    secret: Secret,
}

/// An expanded signing key: 2,560 or 4,032 bytes.
enum Secret {
    MlDsa44(Box<MLDSA44SigningKey>),
    MlDsa65(Box<MLDSA65SigningKey>),
}

impl DeviceKey {
    /// The key of `scheme` that `seed` makes (FIPS 204 Algorithm 6). Whoever has the seed has the
    /// key. Scheme 3 is refused: its library makes keys from nothing but its own randomness.
    pub fn from_seed(scheme: Scheme, seed: &[u8; Scheme::SEED_BYTES]) -> Result<Self, KeyError> {
        let (public, secret) = match scheme {
            Scheme::MlDsa44 => {
                let mut pair = ml_dsa_44::generate_key_pair(*seed);
                let secret = Box::new(pair.signing_key.clone());
                pair.signing_key.as_ref_mut().zeroize();
                (pair.verification_key.as_slice().to_vec(), Secret::MlDsa44(secret))
            }
            Scheme::MlDsa65 => {
                let mut pair = ml_dsa_65::generate_key_pair(*seed);
                let secret = Box::new(pair.signing_key.clone());
                pair.signing_key.as_ref_mut().zeroize();
                (pair.verification_key.as_slice().to_vec(), Secret::MlDsa65(secret))
            }
            Scheme::Dilithium2 => return Err(not_from_a_seed(scheme)),
        };
        Ok(Self { public: PublicKey::new(scheme, Bytes::from(public))?, secret })
    }
}

impl Sign for DeviceKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, KeyError> {
        let bytes = match &self.secret {
            Secret::MlDsa44(key) => ml_dsa_44::sign(key, message, &CONTEXT, RANDOMNESS)
                .map(|signature| Bytes::copy_from_slice(signature.as_slice())),
            Secret::MlDsa65(key) => ml_dsa_65::sign(key, message, &CONTEXT, RANDOMNESS)
                .map(|signature| Bytes::copy_from_slice(signature.as_slice())),
        };
        let scheme = self.public.scheme();
        Signature::new(scheme, bytes.map_err(|_| KeyError::Signing { scheme })?)
    }
}

impl Drop for DeviceKey {
    fn drop(&mut self) {
        match &mut self.secret {
            Secret::MlDsa44(key) => key.as_ref_mut().zeroize(),
            Secret::MlDsa65(key) => key.as_ref_mut().zeroize(),
        }
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DeviceKey").field(&self.public.id()).finish()
    }
}

/// Checks signatures of all three schemes in pure Rust. Takes 55 KiB of stack, 75 for ML-DSA-65.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeviceVerifier;

impl Verify for DeviceVerifier {
    fn verify(
        &self,
        key: &PublicKey,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        let scheme = same_scheme(key, signature)?;
        let verdict = match scheme {
            Scheme::MlDsa44 => ml_dsa_44(key, message, signature),
            Scheme::MlDsa65 => ml_dsa_65(key, message, signature),
            Scheme::Dilithium2 => dilithium2(key, message, signature),
        };
        verdict.ok_or(SignatureError::Invalid { scheme })
    }
}

fn ml_dsa_44(key: &PublicKey, message: &[u8], signature: &Signature) -> Option<()> {
    let key = MLDSAVerificationKey::new(key.bytes.as_ref().try_into().ok()?);
    let signature = MLDSASignature::new(signature.bytes.as_ref().try_into().ok()?);
    ml_dsa_44::verify(&key, message, &CONTEXT, &signature).ok()
}

fn ml_dsa_65(key: &PublicKey, message: &[u8], signature: &Signature) -> Option<()> {
    let key = MLDSAVerificationKey::new(key.bytes.as_ref().try_into().ok()?);
    let signature = MLDSASignature::new(signature.bytes.as_ref().try_into().ok()?);
    ml_dsa_65::verify(&key, message, &CONTEXT, &signature).ok()
}

fn dilithium2(key: &PublicKey, message: &[u8], signature: &Signature) -> Option<()> {
    let key = MLDSAVerificationKey::new(key.bytes.as_ref().try_into().ok()?);
    let signature = MLDSASignature::new(signature.bytes.as_ref().try_into().ok()?);
    ml_dsa_44::verify_internal(&key, message, &signature).ok()
}
