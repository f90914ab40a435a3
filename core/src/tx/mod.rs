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
#[cfg(feature = "alloc")]
mod body;
mod head;
#[cfg(feature = "alloc")]
mod payload;
mod reading;
#[cfg(feature = "alloc")]
mod seal;
mod sealing;
#[cfg(feature = "alloc")]
mod transaction;

pub use attachment::{Attachment, CommitRef, WORK_PREFIX_BYTES, choose_parents};
#[cfg(feature = "alloc")]
pub use body::Body;
pub use head::{Head, NetworkId};
#[cfg(feature = "alloc")]
pub use payload::{
    ChannelClaim, ChannelClose, ChannelOpen, ChannelTopUp, ChannelWithdraw, Claim, Data, KeyRotate,
    Offer, OfferEnd, Output, Payload, StreamName, Title, Transfer,
};
pub use reading::{ContentType, Reading};
#[cfg(feature = "alloc")]
pub use seal::Seal;
pub use sealing::{put_seal, seal_bytes};
#[cfg(feature = "alloc")]
pub use transaction::{SealedBody, Transaction};
