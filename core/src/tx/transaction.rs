//! The parts put together: a sealed body, and a transaction.
//!
//! Invariant: what decodes encodes to the very same bytes.

use alloc::vec::Vec;

use super::{Attachment, Body, Payload, Seal};
use crate::{
    codec::{Decode, DecodeError, Encode, Reader},
    digest::{BodyId, TxId},
    keys::PublicKey,
};

/// One attachment of one sealed body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Where it hangs in the Tangle, and the work.
    pub attachment: Attachment,
    /// What the device said.
    pub body: Body,
    /// Proof that the device said it.
    pub seal: Seal,
}

impl Transaction {
    /// The id of its body.
    pub fn body_id(&self) -> BodyId {
        self.body.id()
    }

    /// Its id.
    pub fn id(&self) -> TxId {
        self.attachment.id(&self.body_id())
    }

    /// The key that others learn from it: the first one of an account, or the next one. Never two,
    /// since no rotation registers.
    pub const fn new_key(&self) -> Option<&PublicKey> {
        match &self.body.payload {
            Payload::KeyRotate(rotation) => Some(&rotation.key),
            _ => self.seal.key.as_ref(),
        }
    }
}

impl Encode for Transaction {
    fn encode(&self, out: &mut Vec<u8>) {
        self.attachment.encode(out);
        self.body.encode(out);
        self.seal.encode(out);
    }
}

impl Decode for Transaction {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let attachment = Attachment::decode(reader)?;
        let sealed = SealedBody::decode(reader)?;
        Ok(Self { attachment, body: sealed.body, seal: sealed.seal })
    }
}

/// A body with its seal: all that a device hands over, and all that is stored once per body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedBody {
    /// What the device said.
    pub body: Body,
    /// Proof that the device said it.
    pub seal: Seal,
}

impl SealedBody {
    /// Hangs this body into the Tangle.
    pub fn attach(self, attachment: Attachment) -> Transaction {
        Transaction { attachment, body: self.body, seal: self.seal }
    }
}

impl Encode for SealedBody {
    fn encode(&self, out: &mut Vec<u8>) {
        self.body.encode(out);
        self.seal.encode(out);
    }
}

impl Decode for SealedBody {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let body = Body::decode(reader)?;
        let seal = Seal::decode(reader, body.sequence.registers())?;
        Ok(Self { body, seal })
    }
}
