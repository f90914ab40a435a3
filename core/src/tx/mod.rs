//! A transaction in its three parts: attachment, body, seal.
//!
//! The device signs the body only. Anyone may attach it: name two approved transactions and an
//! anchor, and do the work. The seal is outside every id, so that signatures can be pruned.
//!
//! ```text
//! attachment   parents 2 x 32 | anchor 32 | nonce 8                                      104 bytes
//! body         version 1 | network 4 | issuer 32 | signer 1 or 33 | sequence 8 | time 8
//!              | expires 8 | beacon 32 | kind 1 | length 4 | content n                99 + n bytes
//! seal         scheme 1 | key 0 or pk (exactly when sequence is 0) | signature    1 + sig (+ pk)
//!
//! BodyId = H("weft.bdy", body)        TxId = H("weft.txn", parents | anchor | BodyId | nonce)
//! ```
//!
//! Invariant: what decodes encodes to the very same bytes. Whether work and signature are right is
//! decided in [`admit`](crate::admit).

mod attachment;
mod body;
mod payload;
mod seal;

use alloc::vec::Vec;

use crate::{
    codec::{Decode, DecodeError, Encode, Reader},
    digest::{BodyId, TxId},
    keys::PublicKey,
};

pub use attachment::{Attachment, CommitRef, WORK_PREFIX_BYTES, choose_parents};
pub use body::{Body, NetworkId};
pub use payload::{
    ChannelClaim, ChannelClose, ChannelOpen, ChannelTopUp, ChannelWithdraw, Claim, ContentType,
    Data, KeyRotate, Offer, OfferEnd, Output, Payload, StreamName, Title, Transfer,
};
pub use seal::Seal;

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
