//! What a buyer chooses, and its bounds.

use weft_core::{
    market::{
        batch::SealLevel,
        objects::{Channel, Listing},
    },
    time::Span,
    tx::NetworkId,
    units::Amount,
};

/// What is bought, with what.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The network that the channel is on.
    pub network: NetworkId,
    /// The channel, as the ledger has it.
    pub channel: Channel,
    /// What is wanted.
    pub wanted: Wanted,
}

/// What a buyer wants of a seller, through whichever channel.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The offer, as the ledger has it.
    pub listing: Listing,
    /// Who must at least vouch for the readings. Default: the gateway.
    pub level: SealLevel,
    /// What is risked at most: paid and not yet keyed.
    pub exposure: Exposure,
    /// What the channel may spend in all. `None`: its deposit.
    pub spend_max: Option<Amount>,
    /// How many readings are wanted: no chunk is paid once what was paid has as many, and then it
    /// ends. `None`: all.
    pub readings_max: Option<u64>,
    /// Spans and bounds.
    pub limits: Limits,
}

impl Wanted {
    /// The defaults for `listing`: readings of any seal, one chunk at risk, the deposit to spend.
    pub fn new(listing: Listing) -> Self {
        Self {
            listing,
            level: SealLevel::Gateway,
            exposure: Exposure::default(),
            spend_max: None,
            readings_max: None,
            limits: Limits::default(),
        }
    }
}

/// What a buyer risks: what it has paid without having the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exposure {
    /// One chunk at a time, whatever its price. The default.
    #[default]
    OneChunk,
    /// As many as the window allows, up to this amount. More is faster over long ways.
    AtMost(Amount),
}

/// Spans and bounds of a buyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long the seller may take to answer a hello. Default 20 s: it asks its ledger.
    pub welcome_within: Span,
    /// How long a key may take before it is asked for again, and as long again before the
    /// connection is given up. Default 10 s.
    pub key_within: Span,
    /// Connections in a row that bring no key for what was paid, after which the seller counts as
    /// silent. Default 5.
    pub silences: u32,
    /// How often a batch is looked up before it counts as missing. Default 5.
    pub looks: u32,
    /// How long to wait between two such looks, and before the first reconnection; it doubles with
    /// each in a row, up to 64 times that. Default 1 s.
    pub patience: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            welcome_within: Span::from_secs(20),
            key_within: Span::from_secs(10),
            silences: 5,
            looks: 5,
            patience: Span::from_secs(1),
        }
    }
}
