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
    buyer::{self, Buyer, Event, Wanted},
    frame::{ToBuyer, ToSeller},
    seal::{StreamSecret, seal, ticks},
    seller::{self, Ask, Connection, Listed, Seller},
};

use super::{Exchange, home::Home};
use crate::judges::{Broken, losses::Stakes};

/// A chunk as the seller keeps it.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) ciphertext: Bytes,
    pub(super) listed: Listed,
    pub(super) is_published: bool,
}

/// What is under way one way, each with when it arrives; `None`: whoever sent it closes.
pub(super) type Wire<Frame> = VecDeque<(Time, Option<Frame>)>;

/// A seller and a buyer of one stream.
pub struct Trade {
    /// The ledger. Account 0 sells, account 1 buys.
    pub exchange: Exchange,
    /// What is claimed when, and how long before the end.
    pub limits: seller::Limits,
    pub(super) listing: Listing,
    pub(super) secret: StreamSecret,
    pub(super) chunks: BTreeMap<u64, Stored>,
    pub(super) seller_home: Home,
    pub(super) seller: Option<Seller>,
    pub(super) opened: BTreeMap<BodyId, seller::Opened>,
    pub(super) counters: BTreeMap<BodyId, seller::Counter>,
    pub(super) seller_writes: VecDeque<(Time, seller::Writes)>,
    pub(super) asks: VecDeque<Ask>,
    pub(super) buyer_home: Home,
    pub(super) buyer: Option<Buyer>,
    pub(super) channel: BodyId,
    pub(super) chain: PayChain,
    pub(super) kept: buyer::Counter,
    pub(super) buyer_writes: VecDeque<(Time, (buyer::Ticket, buyer::Counter))>,
    pub(super) looks: VecDeque<(Time, BodyId)>,
    pub(super) redial: Option<Time>,
    pub(super) connections: u64,
    pub(super) up: Option<Connection>,
    pub(super) to_buyer: Wire<ToBuyer>,
    pub(super) to_seller: Wire<ToSeller>,
    /// Whether the seller's node told it that the channel is no more.
    pub(super) is_settled: bool,
    /// How often a blocked way ended the connection.
    pub(super) ways_cut: u64,
    /// Since when the way between the two is blocked.
    pub(super) blocked: Option<Time>,
    /// The highest index that ever left the buyer.
    pub(super) said: u32,
    /// Ticks of the chunks whose readings the user has.
    pub(super) opened_ticks: BTreeMap<u64, u32>,
    /// What the buyer was told.
    pub events: Vec<Event>,
}

/// Whose account sells.
pub(super) const SELLER: usize = 0;

/// Whose account buys.
pub(super) const BUYER: usize = 1;

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
        let offer = exchange.post(SELLER, offer(&exchange));
        assert_eq!(exchange.wait_for(&offer)?, Outcome::Applied, "the offer");
        let listing = exchange.listing(&offer).expect("it was listed just now");
        let chain = PayChain::new(Salt([7; 28]), [8; 32], LENGTH).expect("a length of a chain");
        let expiry = exchange.time() + lasting;
        let channel = exchange.post(BUYER, open(&listing, &chain, deposit, expiry));
        assert_eq!(exchange.wait_for(&channel)?, Outcome::Applied, "the channel");
        let [seller_home, buyer_home] =
            [0, 1].map(|account| Home::new(exchange.home(account), &exchange.world));
        Ok(Self {
            seller_home,
            buyer_home,
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
            to_buyer: VecDeque::new(),
            to_seller: VecDeque::new(),
            is_settled: false,
            ways_cut: 0,
            blocked: None,
            said: 0,
            opened_ticks: BTreeMap::new(),
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

    /// The seller starts, with what is on its disk; and again whenever its node does.
    pub fn start_seller(&mut self) {
        self.seller_home.is_wanted = true;
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

    /// The buyer starts, with what is on its disk; and again whenever its node does. Not if its
    /// node knows of no such channel that is open.
    pub fn start_buyer(&mut self) {
        self.buyer_home.is_wanted = true;
        let Some(channel) = self.exchange.view(BUYER).channel(&self.channel) else { return };
        let settings = buyer::Settings {
            network: self.exchange.world.genesis().network(),
            channel,
            wanted: Wanted::new(self.listing.clone()),
        };
        let key = Arc::new(self.exchange.key(BUYER).clone());
        self.buyer = Some(Buyer::new(settings, self.chain.clone(), key, self.kept.clone()));
        self.redial = Some(self.exchange.world.now());
    }

    /// The seller is gone, and what it had not synced, until somebody starts it.
    pub fn crash_seller(&mut self) {
        self.seller_home.is_wanted = false;
        self.lose_seller();
    }

    /// The buyer is gone, and what it had not synced, until somebody starts it.
    pub fn crash_buyer(&mut self) {
        self.buyer_home.is_wanted = false;
        self.lose_buyer();
    }

    pub(super) fn lose_seller(&mut self) {
        self.seller = None;
        self.seller_writes.clear();
        self.asks.clear();
        self.cut();
    }

    pub(super) fn lose_buyer(&mut self) {
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
        let batch = self.exchange.post(SELLER, Payload::Data(data));
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
        self.exchange.say(SELLER, Payload::ChannelClose(close))
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
        self.opened_ticks.keys().copied().collect()
    }

    /// Ticks that all chunks cost.
    pub fn price(&self) -> u32 {
        self.chunks.values().map(|stored| stored.listed.ticks).sum()
    }

    /// Whether the user has the readings of all chunks.
    pub fn has_everything(&self) -> bool {
        self.opened_ticks.len() == self.chunks.len()
    }

    /// Chunks whose batch is not final yet.
    pub fn unpublished(&self) -> usize {
        self.chunks.values().filter(|stored| !stored.is_published).count()
    }

    /// How often the node of seller and buyer took them along, and how often the way was cut
    /// between the two.
    pub const fn mishaps(&self) -> [u64; 3] {
        [self.seller_home.deaths, self.buyer_home.deaths, self.ways_cut]
    }

    /// The highest index that is on the seller's disk.
    pub fn written(&self) -> u32 {
        self.counters.get(&self.channel).map_or(0, |counter| counter.index)
    }

    /// The highest index that is on the buyer's disk.
    pub const fn paid(&self) -> u32 {
        self.kept.paid
    }

    /// What either side has at stake now, in ticks.
    pub fn stakes(&self) -> Stakes {
        let prices = self.chunks.values().map(|stored| stored.listed.ticks);
        Stakes {
            said: self.said,
            paid: self.paid(),
            written: self.written(),
            opened: self.opened_ticks.values().sum(),
            risk: prices.max().unwrap_or_default(),
        }
    }

    /// The buyer's account, as the ledger knows its key.
    pub(super) fn payer_key(&self) -> weft_core::keys::PublicKey {
        self.exchange.key(BUYER).public_key().clone()
    }
}

fn offer(exchange: &Exchange) -> Payload {
    Payload::Offer(Offer {
        stream: StreamName::parse("yard/temperature").expect("a short name"),
        source: exchange.address(SELLER),
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
