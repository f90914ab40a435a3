//! Who trades here, on what terms.

use weft_core::{
    address::Address,
    digest::{BodyId, KeyId, NodeId},
    keys::{DeviceKey, Scheme, Sign as _},
    market::{
        batch::SealLevel,
        chain::{PayChain, Salt},
        objects::{Channel, Listing},
        terms::{Sample, Unit},
    },
    time::{Span, Time},
    tx::{ChannelOpen, NetworkId, Offer, StreamName, Title},
    units::Amount,
};
use weft_market::{
    buyer::{self, Exposure, Wanted},
    seal::StreamSecret,
    seller,
};

use super::LENGTH;

/// The network.
pub(crate) const NETWORK: NetworkId = NetworkId(*b"mkt1");

/// What differs between worlds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shop {
    pub(crate) price: u64,
    pub(crate) deposit: u64,
    pub(crate) unit: Unit,
    pub(crate) exposure: Exposure,
    pub(crate) spend_max: Option<u64>,
    pub(crate) readings_max: Option<u64>,
    pub(crate) expiry: Time,
    pub(crate) grace: Span,
    pub(crate) limits: seller::Limits,
}

impl Default for Shop {
    fn default() -> Self {
        Self {
            price: 3,
            deposit: 3 * 600,
            unit: Unit::Reading,
            exposure: Exposure::OneChunk,
            spend_max: None,
            readings_max: None,
            expiry: Time::from_millis(1_000_000) + Span::from_secs(24 * 3_600),
            grace: Span::from_secs(3_600),
            limits: seller::Limits::default(),
        }
    }
}

impl Shop {
    pub(crate) fn listing(&self) -> Listing {
        Listing {
            id: BodyId([0x0f; 32]),
            seller: seller_address(),
            bond: Amount(10_000),
            offer: Offer {
                stream: StreamName::parse("yard/temperature").unwrap(),
                source: seller_address(),
                title: Title::parse("Temperature of a yard").unwrap(),
                unit: self.unit,
                price: Amount(self.price),
                sample: Sample { readings: 4, delay_s: 60 },
                endpoint: NodeId([1; 32]),
                addresses: vec!["127.0.0.1:7000".parse().unwrap()],
                terms: [0; 32],
                expiry: self.expiry,
            },
        }
    }

    pub(crate) fn channel(&self) -> Channel {
        let chain = pay_chain();
        Channel {
            id: channel_id(),
            payer: Address::of(buyer_key().public_key().id()),
            terms: ChannelOpen {
                offer: self.listing().id,
                payee: seller_address(),
                salt: *chain.salt(),
                deposit: Amount(self.deposit),
                price: Amount(self.price),
                length: LENGTH,
                root: chain.root(),
                expiry: self.expiry,
                grace: self.grace,
            },
            claimed: 0,
        }
    }

    pub(crate) fn selling(&self, secret: &StreamSecret) -> seller::Settings {
        seller::Settings {
            network: NETWORK,
            listing: self.listing(),
            secret: secret.clone(),
            limits: self.limits,
        }
    }

    pub(crate) fn buying(&self, channel: Channel) -> buyer::Settings {
        buyer::Settings {
            network: NETWORK,
            channel,
            wanted: Wanted {
                level: SealLevel::Batch,
                exposure: self.exposure,
                spend_max: self.spend_max.map(Amount),
                readings_max: self.readings_max,
                ..Wanted::new(self.listing())
            },
        }
    }

    /// What the buyer risks at most, in ticks, where a chunk has at most so many.
    pub(crate) fn risk(&self, chunk: u32) -> u32 {
        match self.exposure {
            Exposure::OneChunk => chunk,
            Exposure::AtMost(Amount(cap)) => u32::try_from(cap / self.price).unwrap(),
        }
    }
}

fn seller_address() -> Address {
    Address::of(KeyId([0x5e; 32]))
}

pub(crate) fn channel_id() -> BodyId {
    BodyId([0xc4; 32])
}

pub(crate) fn buyer_key() -> DeviceKey {
    DeviceKey::from_seed(Scheme::MlDsa44, &[9; 32]).unwrap()
}

pub(crate) fn pay_chain() -> PayChain {
    PayChain::new(Salt([2; 28]), [3; 32], LENGTH).unwrap()
}
