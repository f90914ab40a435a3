//! The records of a buyer.
//!
//! ```text
//! Purchase   channel 32   secret 32 | the sealed body that opens the channel
//! Progress   channel 32   `buyer::Counter`
//! Spent      offer 32     base units 8, of channels that are settled and forgotten
//! ```
//! Invariant: a channel's secret is on disk before the channel is opened, so a deposit is never
//! locked behind a chain that nobody knows.

use std::sync::Arc;

use bytes::Bytes;
use weft_core::{
    codec::{Decode as _, Encode as _, Reader},
    digest::BodyId,
    market::chain::PayChain,
    tx::{ChannelOpen, Payload, SealedBody},
    units::Amount,
};

use super::{Batch, Shelf, ShelfError, Table};
use crate::buyer::Counter;

/// Purchases read from the shelf at once.
const PAGE: usize = 256;

/// A channel of ours.
#[derive(Clone)]
pub struct Purchase {
    /// The last element of its pay chain: whoever has it can spend the deposit.
    pub secret: [u8; 32],
    /// The body that opens it.
    pub sealed: SealedBody,
}

impl Purchase {
    /// The channel's id.
    pub fn channel(&self) -> BodyId {
        self.sealed.body.id()
    }

    /// What was opened.
    pub const fn terms(&self) -> Option<&ChannelOpen> {
        match &self.sealed.body.payload {
            Payload::ChannelOpen(open) => Some(open),
            _ => None,
        }
    }

    /// Its pay chain; some hashes for each tick to make.
    pub fn chain(&self) -> Option<PayChain> {
        let terms = self.terms()?;
        PayChain::new(terms.salt, self.secret, terms.length)
    }
}

/// What a buyer keeps, by what it means.
#[derive(Clone)]
pub struct BuyerBook {
    shelf: Arc<dyn Shelf>,
}

impl BuyerBook {
    /// Over `shelf`.
    pub fn new(shelf: Arc<dyn Shelf>) -> Self {
        Self { shelf }
    }

    /// The shelf below.
    pub fn shelf(&self) -> &Arc<dyn Shelf> {
        &self.shelf
    }

    /// Writes a channel down, before it is opened. Blocks.
    pub fn put(&self, purchase: &Purchase, counter: &Counter) -> Result<(), ShelfError> {
        let channel = purchase.channel();
        let mut record = purchase.secret.to_vec();
        purchase.sealed.encode(&mut record);
        let mut batch = progress(&channel, counter);
        batch.put(Table::Purchase, channel.as_bytes(), record);
        self.shelf.write(&batch)
    }

    /// All channels, in no order that means anything. Blocks.
    pub fn purchases(&self) -> Result<Vec<Purchase>, ShelfError> {
        let mut purchases = Vec::new();
        let mut from = Vec::new();
        loop {
            let page = self.shelf.list(Table::Purchase, &from, PAGE)?;
            for (key, value) in &page {
                let damaged = ShelfError::Damaged { what: "a channel" };
                purchases.push(purchase(value).ok_or(damaged)?);
                from.clone_from(key);
                from.push(0);
            }
            if page.len() < PAGE {
                return Ok(purchases);
            }
        }
    }

    /// How far a channel has paid and read. Blocks.
    pub fn counter(&self, channel: &BodyId) -> Result<Counter, ShelfError> {
        let damaged = || ShelfError::Damaged { what: "how far a channel has paid" };
        let found = self.shelf.read(Table::Progress, channel.as_bytes())?;
        Counter::from_bytes(&found.ok_or_else(damaged)?).map_err(|_| damaged())
    }

    /// What channels that are settled have spent on an offer. Blocks.
    pub fn spent(&self, offer: &BodyId) -> Result<Amount, ShelfError> {
        let damaged = || ShelfError::Damaged { what: "what was spent" };
        match self.shelf.read(Table::Spent, offer.as_bytes())? {
            None => Ok(Amount::ZERO),
            Some(found) => Amount::from_bytes(&found).map_err(|_| damaged()),
        }
    }

    /// Forgets a channel that is settled, or that never came about, but for what it has spent.
    /// Blocks.
    pub fn forget(&self, purchase: &Purchase) -> Result<(), ShelfError> {
        let channel = purchase.channel();
        let mut batch = Batch::default();
        if let Some(terms) = purchase.terms() {
            let paid = self.counter(&channel)?.paid;
            let Amount(before) = self.spent(&terms.offer)?;
            let spent = terms.price.0.saturating_mul(paid.into());
            let spent = Amount(before.saturating_add(spent));
            batch.put(Table::Spent, terms.offer.as_bytes(), spent.to_bytes());
        }
        batch.remove(Table::Purchase, channel.as_bytes());
        batch.remove(Table::Progress, channel.as_bytes());
        self.shelf.write(&batch)
    }
}

/// How far a channel has come, to be written.
pub(crate) fn progress(channel: &BodyId, counter: &Counter) -> Batch {
    let mut batch = Batch::default();
    batch.put(Table::Progress, channel.as_bytes(), counter.to_bytes());
    batch
}

fn purchase(value: &Bytes) -> Option<Purchase> {
    let mut reader = Reader::new(value);
    let secret = reader.array().ok()?;
    let sealed = SealedBody::from_bytes(reader.rest()).ok()?;
    let purchase = Purchase { secret, sealed };
    purchase.terms().is_some().then_some(purchase)
}
