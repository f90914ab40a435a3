//! Post-quantum keys and signatures: three schemes behind one tag byte.
//!
//! In: a [`PublicKey`], the bytes that were signed and a [`Signature`]. Out: a verdict, the same
//! from every implementation of [`Verify`], or nodes would fork.
//!
//! Invariant: a [`PublicKey`] and a [`Signature`] have the length of their scheme; which scheme
//! they are of is part of the value, and a mix-up is an error that says so.
//!
//! Left out on purpose: a source of randomness. Keys come from a 32-byte seed that the caller draws
//! (but those of scheme 3, whose library draws its own); signatures are deterministic (FIPS 204
//! section 3.4, `rnd` = 0), so a replayed run is the same run.

#[cfg(feature = "alloc")]
mod device;
#[cfg(feature = "host")]
mod dilithium2;
#[cfg(feature = "host")]
mod encoding;
#[cfg(feature = "host")]
mod host;
mod scheme;
mod seed;
#[cfg(feature = "alloc")]
mod values;

use crate::digest::{Domain, Hasher, KeyId};

#[cfg(feature = "alloc")]
pub use device::{DeviceKey, DeviceVerifier};
#[cfg(feature = "host")]
pub use dilithium2::Dilithium2Key;
#[cfg(feature = "host")]
pub use host::{HostKey, HostVerifier};
pub use scheme::{Scheme, UnknownScheme};
pub use seed::{SeedKey, Signer, put_public_key, put_signature};
#[cfg(feature = "alloc")]
use values::same_scheme;
#[cfg(feature = "alloc")]
pub use values::{PublicKey, Sign, Signature, SignatureError, Verify};

/// The identifier of a key by its bytes, whose length is not checked here:
/// `H("weft.key", scheme || key)`.
pub fn key_id(scheme: Scheme, key: &[u8]) -> KeyId {
    KeyId(key_hasher(scheme).chain(key).finish())
}

/// Begins the identifier of a key of `scheme`: its bytes follow.
fn key_hasher(scheme: Scheme) -> Hasher {
    Hasher::new(Domain::Key).chain(&[scheme.tag()])
}

/// Why a key cannot be taken or used. The caller's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Wrong length for the scheme.
    #[error("a {scheme} {what} has {expected} bytes, not {actual}")]
    Length {
        /// Which part.
        what: &'static str,
        /// The scheme named.
        scheme: Scheme,
        /// The length of that scheme.
        expected: usize,
        /// The length found.
        actual: usize,
    },
    /// This kind of key cannot be made for the scheme.
    #[error("{scheme} keys are not made from a seed here: {reason}")]
    Unsupported {
        /// The scheme asked for.
        scheme: Scheme,
        /// Why not, and what to do instead.
        reason: &'static str,
    },
    /// The key does not verify what it signs, or two libraries disagree about it.
    #[error("this {scheme} key fails its own check: its halves are of two keys, or memory is bad")]
    Inconsistent {
        /// The scheme.
        scheme: Scheme,
    },
    /// The library refused to sign.
    #[error("the {scheme} library did not sign; try another seed")]
    Signing {
        /// The scheme.
        scheme: Scheme,
    },
}
