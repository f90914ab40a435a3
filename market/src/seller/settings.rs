//! What a seller chooses, and its bounds.

use weft_core::{market::objects::Listing, time::Span, tx::NetworkId};

use crate::seal::StreamSecret;

/// What is sold, on what terms.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The network that the channels are on.
    pub network: NetworkId,
    /// The offer, as the ledger has it.
    pub listing: Listing,
    /// What the keys follow from.
    pub secret: StreamSecret,
    /// Bounds and spans.
    pub limits: Limits,
}

/// Bounds and spans of a seller. The defaults suit channels of hours and a ledger of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most connections; more are refused with `Busy`. Default 2,048. The worst case in memory is
    /// 12 KiB each while they greet, and 9 KiB for the channel of each after that.
    pub sessions: usize,
    /// Most hellos that wait for the ledger at once; more are refused with `Busy`. Default 256.
    pub greeting: usize,
    /// Most channels that are known at once, connected or unclaimed; beyond, new ones are refused
    /// with `Busy`. Default 16,384.
    pub channels: usize,
    /// Most chunks for sale; the oldest are left out beyond. Default 65,536, of 64 bytes each.
    pub listed: usize,
    /// Questions that one connection may ask. Default 16: a buyer needs one.
    pub questions: u32,
    /// Flaws of one connection beyond which it is closed: payments that do not hold, frames out of
    /// order, keys asked for again. Each round without one forgives one. Default 16.
    pub flaws: u32,
    /// How long a connection may stay without a hello, and a hello without the ledger's answer.
    /// Default 20 s.
    pub greet_within: Span,
    /// How long a chunk may stay unpaid before the connection is closed. Default 60 s: the buyer
    /// looks the batch up first.
    pub pay_within: Span,
    /// What is unclaimed is claimed when it is so many hundredths of the deposit. Default 20.
    pub claim_percent: u64,
    /// And when it is so old. Default 6 h.
    pub claim_every: Span,
    /// A claim that does not show on the ledger is posted again after so long. Default 60 s.
    pub claim_again: Span,
    /// How long before the expiry of a channel service ends and the rest is claimed; and how much
    /// of the grace must be left when commits stall. Default 10 min: far more than a claim takes.
    pub margin: Span,
    /// How long a channel must still last when a session begins. Default 15 min: longer than
    /// [`Self::margin`], or it would end at once.
    pub lasting: Span,
    /// How often a channel is looked up, so that a withdrawal is seen long before it takes effect.
    /// Default 60 s.
    pub look_every: Span,
}

impl Limits {
    /// The least grace of a channel: twice the margin, so that a stall is seen in time.
    pub const fn grace(&self) -> Span {
        Span::from_millis(self.margin.as_millis().saturating_mul(2))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 2_048,
            greeting: 256,
            channels: 16_384,
            listed: 65_536,
            questions: 16,
            flaws: 16,
            greet_within: Span::from_secs(20),
            pay_within: Span::from_secs(60),
            claim_percent: 20,
            claim_every: Span::from_secs(6 * 3_600),
            claim_again: Span::from_secs(60),
            margin: Span::from_secs(10 * 60),
            lasting: Span::from_secs(15 * 60),
            look_every: Span::from_secs(60),
        }
    }
}
