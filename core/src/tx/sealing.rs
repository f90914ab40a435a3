//! The bytes of a seal: the one place that knows their order and how many there are.
//!
//! Invariant: no allocation. A device without an allocator and `Seal::encode` both write it here.

use crate::{
    codec::Sink,
    digest::BodyId,
    keys::{KeyError, Scheme, Signer},
};

/// Length of a seal, in bytes; `registers` says whether it carries the key.
pub const fn seal_bytes(scheme: Scheme, registers: bool) -> usize {
    1 + scheme.signature_bytes() + if registers { scheme.public_key_bytes() } else { 0 }
}

/// Signs `body` and writes the seal. With the key exactly if the body `registers` its account.
pub fn put_seal(
    signer: &impl Signer,
    body: &BodyId,
    registers: bool,
    out: &mut impl Sink,
) -> Result<(), KeyError> {
    let key = registers.then_some(|out: &mut _| signer.put_public_key(out));
    put(out, signer.scheme(), key, |out| signer.put_signature(body.as_bytes(), out))
}

/// Scheme, key, signature; the last two by who has them or makes them.
pub(super) fn put<S: Sink, E>(
    out: &mut S,
    scheme: Scheme,
    key: Option<impl FnOnce(&mut S) -> Result<(), E>>,
    signature: impl FnOnce(&mut S) -> Result<(), E>,
) -> Result<(), E> {
    out.put(&[scheme.tag()]);
    if let Some(key) = key {
        key(out)?;
    }
    signature(out)
}
