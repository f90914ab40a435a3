//! Sells a stream of readings.

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt as _};
use tokio::task::{JoinHandle, spawn_blocking};
use weft_core::{
    digest::BodyId,
    keys::HostVerifier,
    market::{
        batch::{Reading, SealLevel},
        objects::Listing,
        terms::{Sample, Unit},
    },
    time::Span,
    tx::{Offer, OfferEnd, Payload, SealedBody, StreamName, Title},
    units::Amount,
};
use weft_market::{
    drive::{Ledger, Shop, ShopEvent, ShopSettings},
    seal::Cut,
    seller::Revenue,
    shelf::{FjallShelf, SellerBook},
};
use weft_net::Guests;

use super::{Counter, HttpLedger, MarketError};

/// How a stream is offered.
#[derive(Clone, Debug)]
pub struct Sale {
    /// The stream: 1 to 64 bytes of UTF-8 without control characters.
    pub stream: String,
    /// What people see: 1 to 128 bytes. Default: the stream.
    pub title: String,
    /// What a tick pays for. Default: one reading.
    pub unit: Unit,
    /// What a tick costs, in base units; above 0.
    pub price: u64,
    /// What is given away before. Default: up to 10 readings that are a minute old.
    pub sample: Sample,
    /// When a chunk is full. Default: with one reading.
    pub cut: Cut,
    /// Who vouches for the readings. Default: the gateway, which is whoever sells.
    pub level: SealLevel,
    /// How long the offer stays listed. Default 30 days.
    pub lasts: Duration,
    /// Sealed chunks kept, in bytes. Default 1 GiB.
    pub retention_bytes: u64,
}

impl Sale {
    /// One tick of `price` base units for each reading of `stream`.
    pub fn per_reading(stream: &str, price: u64) -> Self {
        Self {
            stream: stream.to_owned(),
            title: stream.to_owned(),
            unit: Unit::Reading,
            price,
            sample: Sample { readings: 10, delay_s: 60 },
            cut: Cut::default(),
            level: SealLevel::Gateway,
            lasts: Duration::from_secs(30 * 24 * 60 * 60),
            retention_bytes: 1 << 30,
        }
    }

    fn offer(&self, ledger: &HttpLedger, counter: &Counter) -> Result<Offer, MarketError> {
        let wrong = |what| move |error: weft_core::codec::DecodeError| MarketError::Terms {
            what,
            rule: error.to_string(),
        };
        Ok(Offer {
            stream: StreamName::parse(&self.stream).map_err(wrong("stream"))?,
            source: ledger.account(),
            title: Title::parse(&self.title).map_err(wrong("title"))?,
            unit: self.unit,
            price: Amount(self.price),
            sample: self.sample,
            endpoint: counter.endpoint,
            addresses: counter.addresses.clone(),
            terms: [0; 32],
            expiry: super::now() + Span::from_millis(millis(self.lasts)),
        })
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What an offer must have kept to be the same offer.
fn is_same(old: &Offer, new: &Offer) -> bool {
    let expiry = old.expiry;
    *old == Offer { expiry, ..new.clone() }
}

/// A stream that is being sold.
pub struct Selling {
    shop: Shop,
    ledger: Arc<HttpLedger>,
    listing: Listing,
    door: Option<weft_net::Door>,
    usher: JoinHandle<Shop0>,
}
