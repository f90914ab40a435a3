//! What must hold after every step: the table of losses in docs/MARKET.md.

use std::collections::BTreeMap;

use weft_core::digest::BodyId;
use weft_market::{
    buyer::{self, Event},
    frame::{ToBuyer, ToSeller},
    seller,
};

use crate::world::{Shop, Stored, channel_id};

/// Most ticks of a chunk in these tests.
pub(crate) const CHUNK_TICKS: u32 = 5;

/// What was said and told so far, and what follows from it.
pub(crate) struct Judge {
    /// What the buyer risks, in ticks.
    risk: u32,
    /// The highest payment that ever left the buyer.
    said: u32,
    /// Which index paid for which chunk, of all payments that ever left.
    paid_for: BTreeMap<u64, u32>,
    /// Ticks of the chunks whose readings the user has.
    delivered: BTreeMap<u64, u32>,
    /// The highest index whose key ever left the seller.
    acknowledged: u32,
}

impl Judge {
    pub(crate) fn new(shop: &Shop) -> Self {
        Self {
            risk: shop.risk(CHUNK_TICKS),
            said: 0,
            paid_for: BTreeMap::new(),
            delivered: BTreeMap::new(),
            acknowledged: 0,
        }
    }

    /// A payment leaves after it is on disk, and no chunk is paid twice.
    pub(crate) fn buyer_says(&mut self, frame: &ToSeller, kept: &buyer::Counter) {
        let ToSeller::Tick(tick) = frame else { return };
        assert!(tick.index <= kept.paid, "payment {} left before it was on disk", tick.index);
        self.said = self.said.max(tick.index);
        for paid in kept.unkeyed.iter().filter(|paid| paid.index <= tick.index) {
            let index = *self.paid_for.entry(paid.sequence).or_insert(paid.index);
            assert_eq!(index, paid.index, "chunk {} was paid twice", paid.sequence);
        }
    }

    /// A key leaves after its payment is on disk.
    pub(crate) fn seller_says(
        &mut self,
        frame: &ToBuyer,
        counters: &BTreeMap<BodyId, seller::Counter>,
    ) {
        let ToBuyer::Key(key) = frame else { return };
        let written = counters.get(&channel_id()).map_or(0, |counter| counter.index);
        assert!(key.index <= written, "key {} left before its payment was on disk", key.index);
        self.acknowledged = self.acknowledged.max(key.index);
    }

    /// Readings are those that were sealed.
    pub(crate) fn told(&mut self, event: &Event, chunks: &BTreeMap<u64, Stored>) {
        if let Event::Readings { sequence, chunk, batch, .. } = event {
            let stored = &chunks[sequence];
            assert_eq!((chunk, *batch), (&stored.chunk, stored.listed.batch));
            self.delivered.insert(*sequence, stored.listed.ticks);
        }
    }

    /// What either side has at stake.
    pub(crate) fn after_a_step(&self, written: Option<&seller::Counter>, kept: &buyer::Counter) {
        let delivered: u32 = self.delivered.values().sum();
        let lost = self.said.saturating_sub(delivered);
        assert!(lost <= self.risk, "the buyer risks {lost} ticks, at most {}", self.risk);
        let index = written.map_or(0, |counter| counter.index);
        assert!(index >= self.acknowledged, "an acknowledged payment is lost");
        let unwritten = self.said.saturating_sub(index);
        assert!(unwritten <= self.risk, "the seller risks {unwritten} ticks, not {}", self.risk);
        assert!(kept.paid >= self.said, "the buyer forgot a payment");
    }

    pub(crate) fn delivered(&self) -> impl Iterator<Item = u64> + '_ {
        self.delivered.keys().copied()
    }

    pub(crate) const fn said(&self) -> u32 {
        self.said
    }
}
