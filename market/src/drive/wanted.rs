//! What a buyer wants of a seller, before there is a session.

use weft_core::{
    market::{
        batch::SealLevel,
        objects::{Channel, Listing},
    },
    tx::NetworkId,
    units::Amount,
};

use crate::buyer::{Exposure, Limits, Settings};

/// How a stream is bought.
#[derive(Clone, Debug)]
pub struct StallSettings {
    /// The offer, as the ledger has it.
    pub listing: Listing,
    /// Who must at least vouch for the readings.
    pub level: SealLevel,
    /// What is risked at most.
    pub exposure: Exposure,
    /// What the channel may spend in all; `None`: its deposit.
    pub spend_max: Option<Amount>,
    /// How many readings are wanted; `None`: all.
    pub readings_max: Option<u64>,
    /// Spans and bounds.
    pub limits: Limits,
}

impl StallSettings {
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

    /// The same for the session of `channel`.
    pub(super) fn of_machine(&self, network: NetworkId, channel: Channel) -> Settings {
        Settings {
            network,
            listing: self.listing.clone(),
            channel,
            level: self.level,
            exposure: self.exposure,
            spend_max: self.spend_max,
            readings_max: self.readings_max,
            limits: self.limits,
        }
    }
}
