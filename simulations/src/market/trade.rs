//! One seller and one buyer on an exchange, with a wire between them and a disk for each.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use weft_core::{
    codec::Encode as _,
    digest::BodyId,
    keys::Sign as _,
    market::{
        batch::{Chunk, Reading, SealLevel},
        chain::{PayChain, Salt},
        objects::Listing,
        terms::{Sample, Unit},
    },
    outcome::Outcome,
    time::{Span, Time},
    tx::{ChannelClose, ChannelOpen, ContentType, Data, Offer, Payload, StreamName, Title},
    units::Amount,
};
use weft_market::{
    buyer::{self, Buyer, Event, Exposure},
    frame::{ToBuyer, ToSeller},
    seal::{StreamSecret, seal, ticks},
    seller::{self, Ask, Connection, Listed, Seller},
};

use super::Exchange;
use crate::judges::Broken;

/// A chunk as the seller keeps it.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) ciphertext: Bytes,
    pub(super) listed: Listed,
    pub(super) is_published: bool,
}

/// Something under way between the two.
#[derive(Debug)]
pub(super) enum Packet {
    ToBuyer(ToBuyer),
    ToSeller(ToSeller),
    /// One side closes.
    End,
}

/// A seller and a buyer of one stream.
pub struct Trade {
    /// The ledger. Account 0 sells, account 1 buys.
    pub exchange: Exchange,
    /// What is claimed when, and how long before the end.
    pub limits: seller::Limits,
    pub(super) listing: Listing,
    pub(super) secret: StreamSecret,
    pub(super) chunks: BTreeMap<u64, Stored>,
    pub(super) seller: Option<Seller>,
    pub(super) opened: BTreeMap<BodyId, seller::Opened>,
    pub(super) counters: BTreeMap<BodyId, seller::Counter>,
    pub(super) seller_writes: VecDeque<(Time, seller::Writes)>,
    pub(super) asks: VecDeque<Ask>,
    pub(super) buyer: Option<Buyer>,
    pub(super) channel: BodyId,
    pub(super) chain: PayChain,
    pub(super) kept: buyer::Counter,
    pub(super) buyer_writes: VecDeque<(Time, (buyer::Ticket, buyer::Counter))>,
    pub(super) looks: VecDeque<(Time, BodyId)>,
    pub(super) redial: Option<Time>,
    pub(super) connections: u64,
    pub(super) up: Option<Connection>,
    pub(super) wire: VecDeque<(Time, Packet)>,
    /// What the buyer was told.
    pub events: Vec<Event>,
}

/// Ticks of the chain.
const LENGTH: u32 = 2_000;

/// Base units for each tick.
const PRICE: Amount = Amount(10);

impl Trade {
    /// An offer that is listed, and a channel that is open, until `lasting` from now and with a
    /// minute of grace; neither seller nor buyer runs yet.
    pub fn new(
        mut exchange: Exchange,
        limits: seller::Limits,
        deposit: Amount,
        lasting: Span,
    ) -> Result<Self, Broken> {
        let offer = exchange.post(0, offer(&exchange));
        assert_eq!(exchange.wait_for(&offer)?, Outcome::Applied, "the offer");
        let listing = exchange.listing(&offer).expect("it was listed just now");
        let chain = PayChain::new(Salt([7; 28]), [8; 32], LENGTH).expect("a length of a chain");
        let expiry = exchange.time() + lasting;
        let channel = exchange.post(1, open(&listing, &chain, deposit, expiry));
        assert_eq!(exchange.wait_for(&channel)?, Outcome::Applied, "the channel");
        Ok(Self {
            exchange,
            limits,
            listing,
            secret: StreamSecret::new([9; 32]),
            chunks: BTreeMap::new(),
            seller: None,
            opened: BTreeMap::new(),
            counters: BTreeMap::new(),
            seller_writes: VecDeque::new(),
            asks: VecDeque::new(),
            buyer: None,
            channel,
            chain,
            kept: buyer::Counter::starting_at(0),
            buyer_writes: VecDeque::new(),
            looks: VecDeque::new(),
            redial: None,
            connections: 0,
            up: None,
            wire: VecDeque::new(),
            events: Vec::new(),
        })
    }

    /// The channel.
    pub const fn channel(&self) -> BodyId {
        self.channel
    }

    /// The offer.
    pub const fn listing(&self) -> &Listing {
        &self.listing
    }

    /// The buyer's chain: what a cheat could show.
    pub const fn chain(&mut self) -> &mut PayChain {
        &mut self.chain
    }

    /// What opens another channel like this one.
    pub fn another(&self, deposit: Amount) -> Payload {
        let chain = PayChain::new(Salt([17; 28]), [18; 32], LENGTH).expect("a length of a chain");
        let expiry = self.exchange.time() + Span::from_secs(3_600);
        open(&self.listing, &chain, deposit, expiry)
    }

    /// The seller starts, with what is on its disk.
    pub fn start_seller(&mut self) {
        let settings = seller::Settings {
            network: self.exchange.world.genesis().network(),
            listing: self.listing.clone(),
            secret: self.secret.clone(),
            limits: self.limits,
        };
        let verify = Arc::new(self.exchange.world.settings().scheme.verifier());
        let (opened, counters) = (self.opened.values(), self.counters.values());
        let published = self.chunks.values().filter(|stored| stored.is_published);
        let listed = published.map(|stored| stored.listed).collect();
        let (opened, counters) = (opened.cloned().collect(), counters.cloned().collect());
        self.seller = Some(Seller::new(settings, verify, opened, counters, listed));
    }

    /// The buyer starts, with what is on its disk.
    ///
    /// # Panics
    /// If its channel is settled.
    pub fn start_buyer(&mut self) {
        let channel = self.exchange.channel(&self.channel).expect("the channel is open");
        let settings = buyer::Settings {
            network: self.exchange.world.genesis().network(),
            listing: self.listing.clone(),
            channel,
            level: SealLevel::Gateway,
            exposure: Exposure::OneChunk,
            spend_max: None,
            readings_max: None,
            limits: buyer::Limits::default(),
        };
        let key = Arc::new(self.exchange.key(1).clone());
        self.buyer = Some(Buyer::new(settings, self.chain.clone(), key, self.kept.clone()));
        self.redial = Some(self.exchange.world.now());
    }

    /// The seller is gone, and what it had not synced.
    pub fn crash_seller(&mut self) {
        self.seller = None;
        self.seller_writes.clear();
        self.asks.clear();
        self.cut();
    }

    /// The buyer is gone, and what it had not synced.
    pub fn crash_buyer(&mut self) {
        self.buyer = None;
        self.buyer_writes.clear();
        self.looks.clear();
        self.redial = None;
        self.cut();
    }

    /// The next chunk of so many readings: its batch is posted, and it is for sale once that is
    /// final.
    ///
    /// # Panics
    /// If no chunk can have so many readings.
    pub fn publish(&mut self, readings: u16) {
        let (sequence, time) = (self.chunks.len() as u64, self.exchange.world.now());
        let reading = |at| Reading {
            time,
            content_type: ContentType::TEXT,
            bytes: format!("{sequence}.{at}").into_bytes(),
        };
        let chunk = Chunk::new((0..readings).map(reading).collect()).expect("a length of a chunk");
        let sealed = seal(&self.secret, sequence, SealLevel::Gateway, &chunk);
        let bytes = sealed.batch.to_bytes().into();
        let stream = self.listing.offer.stream.clone();
        let data = Data { stream, content_type: ContentType::SEALED_BATCH, bytes };
        let batch = self.exchange.post(0, Payload::Data(data));
        let ticks = ticks(self.listing.offer.unit, &sealed.batch, sealed.ciphertext.len());
        let listed = Listed { sequence, batch, ticks, readings, last: sealed.batch.last };
        let ciphertext = sealed.ciphertext;
        self.chunks.insert(sequence, Stored { ciphertext, listed, is_published: false });
    }

    /// Claims all that was paid.
    pub fn claim_now(&mut self) {
        self.tell_seller(seller::Input::Claim { channel: None });
    }

    /// The seller closes the channel, with a last claim if `index` is above 0.
    ///
    /// # Panics
    /// If the chain has no such index.
    pub fn close(&mut self, index: u32) -> Result<Outcome, Broken> {
        let claim = (index > 0).then(|| self.claim(index));
        let close = ChannelClose { channel: self.channel, claim };
        self.exchange.say(0, Payload::ChannelClose(close))
    }

    /// The claim of so many ticks, as the buyer's own chain has it.
    ///
    /// # Panics
    /// If the chain has no such index.
    pub fn claim(&mut self, index: u32) -> weft_core::tx::Claim {
        let word = self.chain.word(index).expect("within the chain");
        let path = self.chain.path(index).expect("within the chain");
        weft_core::tx::Claim { index, word, path }
    }

    /// The chunks whose readings the user has, each once.
    pub fn delivered(&self) -> Vec<u64> {
        let sequences = self.events.iter().filter_map(|event| match event {
            Event::Readings { sequence, .. } => Some(*sequence),
            _ => None,
        });
        let mut sequences: Vec<u64> = sequences.collect();
        sequences.sort_unstable();
        sequences.dedup();
        sequences
    }

    /// Ticks that all chunks cost.
    pub fn price(&self) -> u32 {
        self.chunks.values().map(|stored| stored.listed.ticks).sum()
    }

    /// The highest index that is on the seller's disk.
    pub fn written(&self) -> u32 {
        self.counters.get(&self.channel).map_or(0, |counter| counter.index)
    }

    /// The highest index that is on the buyer's disk.
    pub const fn paid(&self) -> u32 {
        self.kept.paid
    }

    /// The buyer's account, as the ledger knows its key.
    pub(super) fn payer_key(&self) -> weft_core::keys::PublicKey {
        self.exchange.key(1).public_key().clone()
    }
}

fn offer(exchange: &Exchange) -> Payload {
    Payload::Offer(Offer {
        stream: StreamName::parse("yard/temperature").expect("a short name"),
        source: exchange.address(0),
        title: Title::parse("Temperature of a yard").expect("a short title"),
        unit: Unit::Reading,
        price: PRICE,
        sample: Sample::default(),
        endpoint: weft_core::digest::NodeId([1; 32]),
        addresses: vec![([192, 0, 2, 1], 4_810).into()],
        terms: [0; 32],
        expiry: exchange.time() + Span::from_secs(24 * 3_600),
    })
}

fn open(listing: &Listing, chain: &PayChain, deposit: Amount, expiry: Time) -> Payload {
    Payload::ChannelOpen(ChannelOpen {
        offer: listing.id,
        payee: listing.seller,
        salt: *chain.salt(),
        deposit,
        price: listing.offer.price,
        length: chain.length(),
        root: chain.root(),
        expiry,
        grace: weft_core::market::terms::GRACE_MIN,
    })
}
