//! What buyer and seller are told of the ledger: final facts only.
//!
//! Whoever drives a machine reads them from a node it trusts, or checks them by proofs. Invariant:
//! what is said here does not become untrue, but for what time and later commits change.

use weft_core::{keys::PublicKey, market::objects::Channel, units::Amount};

/// An open channel, and who may begin a session on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The channel.
    pub channel: Channel,
    /// The key of the payer's account, as it is now.
    pub payer_key: PublicKey,
}

/// What the first `index` ticks of a channel are worth, whatever the deposit; the far end of
/// amounts instead of an overflow.
pub(crate) const fn worth(channel: &Channel, index: u32) -> Amount {
    Amount(channel.terms.price.0.saturating_mul(index as u64))
}

/// Whether the deposit covers the first `index` ticks.
pub(crate) fn covers(channel: &Channel, index: u32) -> bool {
    worth(channel, index) <= channel.terms.deposit
}
