//! Proof that a device said what a body says. Outside every id, so that it can be pruned.

use alloc::vec::Vec;
use core::convert::Infallible;

use bytes::Bytes;

use crate::{
    codec::{DecodeError, Encode, Reader, Sink as _},
    keys::{KeyError, PublicKey, Scheme, Sign, Signature},
};

use super::{
    Body,
    sealing::{put, seal_bytes},
};

/// A signature over a body id, and the key itself when the body registers its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// Present exactly when the body's sequence is 0. Of the same scheme as the signature.
    pub key: Option<PublicKey>,
    /// Over the body id, with an empty context string.
    pub signature: Signature,
}

impl Seal {
    /// Seals `body` with `key`.
    pub fn new(body: &Body, key: &dyn Sign) -> Result<Self, KeyError> {
        Ok(Self {
            key: body.sequence.registers().then(|| key.public_key().clone()),
            signature: key.sign(body.id().as_bytes())?,
        })
    }

    /// Its scheme.
    pub const fn scheme(&self) -> Scheme {
        self.signature.scheme()
    }

    /// Length on the wire, in bytes.
    pub fn encoded_bytes(&self) -> usize {
        seal_bytes(self.scheme(), self.key.is_some())
    }

    /// Reads a seal; `registers` says whether it must carry the key.
    pub(super) fn decode(reader: &mut Reader<'_>, registers: bool) -> Result<Self, DecodeError> {
        let scheme = <Scheme as crate::codec::Decode>::decode(reader)?;
        let wrong = |_| DecodeError::NotCanonical { field: "seal", rule: "sizes of its scheme" };
        let key = if registers {
            let bytes = reader.take("key", scheme.public_key_bytes())?;
            // Keys outlive what brought them.
            Some(PublicKey::new(scheme, Bytes::copy_from_slice(bytes)).map_err(wrong)?)
        } else {
            None
        };
        let bytes = reader.bytes("signature", scheme.signature_bytes())?;
        Ok(Self { key, signature: Signature::new(scheme, bytes).map_err(wrong)? })
    }
}

impl Encode for Seal {
    fn encode(&self, out: &mut Vec<u8>) {
        let key = self.key.as_ref().map(|key| copy(key.as_bytes()));
        let Ok(()) = put(out, self.scheme(), key, copy(self.signature.as_bytes()));
    }
}

/// Writes what is there already.
fn copy(bytes: &[u8]) -> impl FnOnce(&mut Vec<u8>) -> Result<(), Infallible> {
    move |out| {
        out.put(bytes);
        Ok(())
    }
}
