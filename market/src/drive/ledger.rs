//! What sellers and buyers need of a ledger, whoever brings it.
//!
//! Invariant: answers are final facts, as the node sees them that is asked; whoever trusts no node
//! brings an implementation that checks proofs. Sealed and sent are two things, so that what was
//! signed can be written down before it leaves: sending the same body again is the same body.
//!
//! Left out on purpose: HTTP (`weft-client`), accounts and their keys.

use std::{pin::Pin, time::Duration};

use weft_core::{
    address::Address,
    digest::BodyId,
    market::objects::Listing,
    time::Time,
    tx::{Data, NetworkId, Payload, SealedBody},
};

use crate::ledger::Found;

/// A question on its way.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, LedgerError>> + Send + 'a>>;

/// A ledger as one account sees it.
pub trait Ledger: Send + Sync {
    /// The network that it is of.
    fn network(&self) -> NetworkId;

    /// The account that speaks.
    fn account(&self) -> Address;

    /// Signs `payload` for the account, and sends nothing.
    fn seal(&self, payload: Payload) -> Answer<'_, SealedBody>;

    /// Hands a body to a node, which has it on its disk when this returns. Again is no harm.
    fn send<'a>(&'a self, sealed: &'a SealedBody) -> Answer<'a, ()>;

    /// Waits until a body that was sent took effect; an error if it ended without.
    fn finish(&self, body: BodyId) -> Answer<'_, ()>;

    /// An offer that is listed.
    fn listing(&self, offer: BodyId) -> Answer<'_, Option<Listing>>;

    /// A channel that is open, and the key of its payer.
    fn channel(&self, id: BodyId) -> Answer<'_, Option<Box<Found>>>;

    /// The reading of a body that took effect, and whose it is.
    fn data(&self, body: BodyId) -> Answer<'_, Option<(Address, Data)>>;

    /// Whether [`Self::data`] tells only what a proof of the committee shows.
    fn is_proving(&self) -> bool;

    /// The time of the newest commit, once it is another than `last`. Returns the same one after
    /// some seconds at the latest.
    fn committed(&self, last: Time) -> Answer<'_, Time>;
}

/// Why a ledger did not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LedgerError {
    /// Not now; the same may succeed later.
    #[error("{cause}")]
    Passing {
        /// Why.
        cause: String,
        /// When to try again, if the node said so.
        retry_after: Option<Duration>,
    },
    /// No: the same will be refused again.
    #[error("{cause}")]
    Refused {
        /// What programs go by: the node's code, or the outcome's.
        code: String,
        /// Why, and what to do.
        cause: String,
    },
}

impl LedgerError {
    /// Whether the same may succeed later.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Passing { .. })
    }
}
