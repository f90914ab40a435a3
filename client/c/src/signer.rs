//! Who signs for a device: the firmware's own cryptography, or this library by a seed.
//!
//! Invariant: a device signs through the functions that it was given, and through nothing else, so
//! that the linker drops ML-DSA for firmware that brings its own.
//!
//! Left out on purpose: checking what was signed. A check takes as much stack as small devices
//! lack; a gateway refuses a registration that is not signed right, and a node all else.

use core::ffi::{c_int, c_void};

use weft_client::tiny::Random as _;
use weft_core::{
    codec::{Sink, SliceSink},
    digest::KeyId,
    keys::{KeyError, Scheme, Signer, key_id, put_public_key, put_signature},
};

use crate::{
    error::{WEFT_NULL, WEFT_OK, WEFT_RANDOM, of_key},
    platform::WeftPlatform,
    sizes::{WEFT_PUBLIC_KEY_BYTES, WEFT_SEED_BYTES, WEFT_SIGNATURE_BYTES},
};

/// The one scheme of this interface.
pub(crate) const SCHEME: Scheme = Scheme::MlDsa44;

/// A key, wherever it is. `context` is handed to each function as it is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WeftSigner {
    /// Anything, or null.
    pub context: *mut c_void,
    /// Writes the public key; 0 if it did.
    pub public_key: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            public_key: *mut [u8; WEFT_PUBLIC_KEY_BYTES],
        ) -> c_int,
    >,
    /// Signs; 0 if it did.
    pub sign: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            message: *const [u8; 32],
            signature: *mut [u8; WEFT_SIGNATURE_BYTES],
        ) -> c_int,
    >,
}

impl WeftSigner {
    fn public_key(&self) -> Result<[u8; WEFT_PUBLIC_KEY_BYTES], KeyError> {
        let mut key = [0; WEFT_PUBLIC_KEY_BYTES];
        // SAFETY: the header asks that the function takes these.
        let told = self.public_key.map(|write| unsafe { write(self.context, &raw mut key) });
        if told == Some(0) { Ok(key) } else { Err(FAILED) }
    }

    fn signature(&self, message: &[u8; 32]) -> Result<[u8; WEFT_SIGNATURE_BYTES], KeyError> {
        let mut signature = [0; WEFT_SIGNATURE_BYTES];
        // SAFETY: the header asks that the function takes these.
        let told = self.sign.map(|sign| unsafe { sign(self.context, message, &raw mut signature) });
        if told == Some(0) { Ok(signature) } else { Err(FAILED) }
    }
}

const FAILED: KeyError = KeyError::Signing { scheme: SCHEME };

/// A signer with the name of its key.
pub(crate) struct Key {
    id: KeyId,
    signer: WeftSigner,
}

impl Key {
    /// Asks `signer` for its key.
    pub(crate) fn new(signer: WeftSigner) -> Result<Self, KeyError> {
        Ok(Self { id: key_id(SCHEME, &signer.public_key()?), signer })
    }
}

impl Signer for Key {
    fn scheme(&self) -> Scheme {
        SCHEME
    }

    fn key_id(&self) -> KeyId {
        self.id
    }

    fn put_public_key(&self, out: &mut impl Sink) -> Result<(), KeyError> {
        out.put(&self.signer.public_key()?);
        Ok(())
    }

    fn put_signature(&self, message: &[u8], out: &mut impl Sink) -> Result<(), KeyError> {
        // What is signed here are ids of bodies: all have 32 bytes.
        let message = message.try_into().map_err(|_| FAILED)?;
        out.put(&self.signer.signature(message)?);
        Ok(())
    }
}

/// Draws a new seed with the random source of `platform`.
///
/// # Safety
///
/// `platform` is as the header says, `seed` is writable for 32 bytes. Either may be null.
// SAFETY: no other symbol of this name exists: the prefix is this library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_seed_new(
    platform: *const WeftPlatform,
    seed: *mut [u8; WEFT_SEED_BYTES],
) -> c_int {
    // SAFETY: null, or the caller promises.
    let (Some(platform), Some(seed)) = (unsafe { (platform.as_ref(), seed.as_mut()) }) else {
        return WEFT_NULL;
    };
    let mut source = *platform;
    match source.seed() {
        Some(drawn) => {
            *seed = drawn;
            WEFT_OK
        }
        None => WEFT_RANDOM,
    }
}

/// Writes the public key that a seed makes: `public_key` of a signer whose context is a seed.
///
/// # Safety
///
/// `seed` is readable for 32 bytes, `public_key` writable for its length. Either may be null.
// SAFETY: no other symbol of this name exists: the prefix is this library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_seed_public_key(
    seed: *mut c_void,
    public_key: *mut [u8; WEFT_PUBLIC_KEY_BYTES],
) -> c_int {
    // SAFETY: null, or the caller promises.
    let (Some(seed), Some(out)) = (unsafe { (seed_at(seed), public_key.as_mut()) }) else {
        return WEFT_NULL;
    };
    told(put_public_key(SCHEME, seed, &mut SliceSink::new(out)))
}

/// Signs by a seed: `sign` of a signer whose context is a seed.
///
/// # Safety
///
/// `seed` and `message` are readable for 32 bytes each, `signature` is writable for its length. Any
/// may be null.
// SAFETY: no other symbol of this name exists: the prefix is this library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_seed_sign(
    seed: *mut c_void,
    message: *const [u8; 32],
    signature: *mut [u8; WEFT_SIGNATURE_BYTES],
) -> c_int {
    // SAFETY: null, or the caller promises.
    let (Some(seed), Some(message), Some(out)) =
        (unsafe { (seed_at(seed), message.as_ref(), signature.as_mut()) })
    else {
        return WEFT_NULL;
    };
    told(put_signature(SCHEME, seed, message, &mut SliceSink::new(out)))
}

/// # Safety
///
/// `seed` is null, or readable for 32 bytes as long as the result lives.
unsafe fn seed_at<'a>(seed: *const c_void) -> Option<&'a [u8; WEFT_SEED_BYTES]> {
    // SAFETY: the caller promises.
    unsafe { seed.cast::<[u8; WEFT_SEED_BYTES]>().as_ref() }
}

fn told(made: Result<(), KeyError>) -> c_int {
    made.map_or_else(|error| of_key(&error), |()| WEFT_OK)
}
