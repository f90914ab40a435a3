//! A seller, a buyer, a wire, two disks and a small ledger, one step at a time.
//!
//! Nothing happens by itself: every frame, every sync, every answer of the ledger is a step that
//! the test takes, or does not.

mod parties;
mod wire;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use weft_core::{
    codec::Encode as _,
    digest::{BodyId, KeyId},
    keys::Sign as _,
    market::{
        batch::{Chunk, Reading, SealLevel, SealedBatch},
        objects::Channel,
    },
    time::{Span, Time},
    tx::{ChannelClaim, ContentType},
};
use weft_market::{
    buyer::{self, Buyer, Event},
    frame::{Key, Sample, SealedChunk, ToBuyer},
    ledger::Found,
    seal::{StreamSecret, seal, ticks},
    seller::{self, Ask, Connection, Listed, Seller, Send},
};

use crate::judge::Judge;

pub(crate) use self::{
    parties::{NETWORK, Shop, buyer_key, channel_id, pay_chain},
    wire::{NOTHING, Packet, Way, Wire},
};

/// Ticks of every channel here.
pub(crate) const LENGTH: u32 = 600;

/// A chunk as the seller keeps it.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) listed: Listed,
    pub(crate) batch: SealedBatch,
    pub(crate) ciphertext: Bytes,
    pub(crate) chunk: Chunk,
}

/// A seller and a buyer of it.
pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) shop: Shop,
    pub(crate) secret: StreamSecret,
    pub(crate) chunks: BTreeMap<u64, Stored>,
    pub(crate) seller: Option<Seller>,
    pub(crate) buyer: Option<Buyer>,
    /// What is on the seller's disk.
    pub(crate) opened: BTreeMap<BodyId, seller::Opened>,
    pub(crate) counters: BTreeMap<BodyId, seller::Counter>,
    /// What is on its way there.
    pub(crate) seller_writes: VecDeque<seller::Writes>,
    /// The same of the buyer.
    pub(crate) kept: buyer::Counter,
    pub(crate) buyer_writes: VecDeque<(buyer::Ticket, buyer::Counter)>,
    pub(crate) wire: Wire,
    /// The ledger: one channel, and whether commits are made.
    pub(crate) channel: Option<Channel>,
    pub(crate) is_stalled: bool,
    pub(crate) asks: VecDeque<Ask>,
    pub(crate) looks: VecDeque<BodyId>,
    pub(crate) events: Vec<Event>,
    pub(crate) judge: Judge,
}

impl World {
    pub(crate) fn new(shop: Shop) -> Self {
        let mut world = Self {
            now: Time::from_millis(1_000_000),
            channel: Some(shop.channel()),
            judge: Judge::new(&shop),
            shop,
            secret: StreamSecret::new([7; 32]),
            chunks: BTreeMap::new(),
            seller: None,
            buyer: None,
            opened: BTreeMap::new(),
            counters: BTreeMap::new(),
            seller_writes: VecDeque::new(),
            kept: buyer::Counter::starting_at(0),
            buyer_writes: VecDeque::new(),
            wire: Wire::default(),
            is_stalled: false,
            asks: VecDeque::new(),
            looks: VecDeque::new(),
            events: Vec::new(),
        };
        world.start_seller();
        world.start_buyer();
        world
    }

    /// A seller comes back with what is on its disk.
    pub(crate) fn start_seller(&mut self) {
        let (opened, counters) = (self.opened.values(), self.counters.values());
        self.seller = Some(Seller::new(
            self.shop.selling(&self.secret),
            Arc::new(weft_core::keys::DeviceVerifier),
            opened.cloned().collect(),
            counters.cloned().collect(),
            self.chunks.values().map(|stored| stored.listed).collect(),
        ));
        if !self.is_stalled {
            self.tell_seller(seller::Input::Committed { time: self.now });
        }
    }

    /// A buyer comes back with what is on its disk.
    pub(crate) fn start_buyer(&mut self) {
        let Some(channel) = self.channel.clone() else { return };
        let settings = self.shop.buying(channel);
        let key = Arc::new(buyer_key());
        self.buyer = Some(Buyer::new(settings, pay_chain(), key, self.kept.clone()));
    }

    /// A connection, if both are there and have none.
    pub(crate) fn connect(&mut self) {
        if self.wire.is_up() || self.seller.is_none() || self.buyer.is_none() {
            return;
        }
        let (connection, exporter) = self.wire.connect();
        self.tell_seller(seller::Input::Up { connection, exporter });
        self.tell_buyer(buyer::Input::Up { exporter });
    }

    /// The connection breaks; what is under way is lost.
    pub(crate) fn cut(&mut self) {
        if let Some(connection) = self.wire.cut() {
            self.tell_seller(seller::Input::Down { connection });
            self.tell_buyer(buyer::Input::Down);
        }
    }

    pub(crate) fn crash_seller(&mut self, is_written: bool) {
        if is_written {
            while self.sync_seller_disk().is_some() {}
        }
        self.seller = None;
        self.seller_writes.clear();
        self.asks.clear();
        self.cut();
    }

    pub(crate) fn crash_buyer(&mut self, is_written: bool) {
        if is_written {
            while let Some((_, counter)) = self.buyer_writes.pop_front() {
                self.kept = counter;
            }
        }
        self.buyer = None;
        self.buyer_writes.clear();
        self.looks.clear();
        self.cut();
    }

    /// A chunk of so many readings is sealed, put on the ledger, and for sale.
    pub(crate) fn publish(&mut self, readings: u16) {
        let sequence = self.chunks.len() as u64;
        let reading = |at: u16| Reading {
            time: Time::from_millis(self.now.as_millis() + u64::from(at)),
            content_type: ContentType::RAW,
            bytes: format!("{sequence}.{at}").into_bytes(),
        };
        let chunk = Chunk::new((0..readings).map(reading).collect()).unwrap();
        let sealed = seal(&self.secret, sequence, SealLevel::Batch, &chunk);
        let listed = Listed {
            sequence,
            batch: batch_id(sequence),
            ticks: ticks(self.shop.listing().offer.unit, &sealed.batch, sealed.ciphertext.len()),
            readings,
            last: sealed.batch.last,
        };
        let weft_market::seal::Sealed { batch, ciphertext } = sealed;
        self.chunks.insert(sequence, Stored { listed, batch, ciphertext, chunk });
        self.tell_seller(seller::Input::Published(listed));
    }

    /// Time passes; commits are made, unless the ledger stalls.
    pub(crate) fn wait(&mut self, span: Span) {
        self.now = self.now + span;
        if !self.is_stalled {
            self.tell_seller(seller::Input::Committed { time: self.now });
        }
        self.tell_seller(seller::Input::Tick);
        self.tell_buyer(buyer::Input::Tick);
    }

    /// One batch of the seller's reaches the disk, and it learns so.
    pub(crate) fn sync_seller(&mut self) -> bool {
        let Some(ticket) = self.sync_seller_disk() else { return false };
        self.tell_seller(seller::Input::Synced { ticket });
        true
    }

    fn sync_seller_disk(&mut self) -> Option<seller::Ticket> {
        let writes = self.seller_writes.pop_front()?;
        for item in writes.items {
            match item {
                seller::Write::Opened(opened) => {
                    self.opened.insert(opened.channel, opened);
                }
                seller::Write::Counter(counter) => {
                    assert!(self.opened.contains_key(&counter.channel), "a counter without leaves");
                    self.counters.insert(counter.channel, counter);
                }
                seller::Write::Forget(channel) => {
                    self.opened.remove(&channel);
                    self.counters.remove(&channel);
                }
            }
        }
        Some(writes.ticket)
    }

    pub(crate) fn sync_buyer(&mut self) -> bool {
        let Some((ticket, counter)) = self.buyer_writes.pop_front() else { return false };
        self.kept = counter;
        self.tell_buyer(buyer::Input::Synced { ticket });
        true
    }

    /// The buyer's node answers one question.
    pub(crate) fn look(&mut self) -> bool {
        let Some(body) = self.looks.pop_front() else { return false };
        let stored = self.chunks.values().find(|stored| stored.listed.batch == body);
        let found = stored.map(|stored| Box::new(stored.batch.clone()));
        self.tell_buyer(buyer::Input::Batch { body, found });
        true
    }

    /// The seller's node answers one question, or posts one claim.
    pub(crate) fn ledger(&mut self) -> bool {
        match self.asks.pop_front() {
            None => return false,
            Some(Ask::Claim(claim)) => self.claim(&claim),
            Some(Ask::Channel(id)) => {
                let found = self.found(id);
                self.tell_seller(seller::Input::Channel { id, found });
            }
        }
        true
    }

    /// What the ledger has of a channel: here there is one.
    pub(crate) fn found(&self, id: BodyId) -> Option<Box<Found>> {
        let channel = self.channel.clone().filter(|channel| channel.id == id)?;
        Some(Box::new(Found { channel, payer_key: buyer_key().public_key().clone() }))
    }

    /// What the ledger does with a claim: only ever more, and never too late.
    pub(crate) fn claim(&mut self, claim: &ChannelClaim) {
        let (now, is_stalled) = (self.now, self.is_stalled);
        let Some(channel) = self.channel.as_mut().filter(|one| one.id == claim.channel) else {
            return;
        };
        assert!(channel.holds(&claim.claim), "a seller posts no claim that does not hold");
        if !is_stalled && !channel.is_over(now) {
            channel.claimed = channel.claimed.max(claim.claim.index);
        }
    }

    pub(crate) fn tell_seller(&mut self, input: seller::Input) {
        let Some(seller) = &mut self.seller else { return };
        let mut out = seller::Out::default();
        seller.handle(self.now, input, &mut out);
        self.seller_writes.extend(out.writes);
        self.asks.extend(out.asks);
        for send in out.frames {
            let (to, frame) = self.whole(send);
            self.judge.seller_says(&frame, &self.counters);
            self.wire.send_to_buyer(to, Packet::Frame(frame.to_bytes()));
        }
        for close in out.closes {
            self.wire.send_to_buyer(close.connection, Packet::End);
        }
        self.judge_all();
    }

    /// What a driver sends: the frame with its ciphertext.
    fn whole(&self, send: Send) -> (Connection, ToBuyer) {
        let ciphertext = |sequence| self.chunks[&sequence].ciphertext.clone();
        match send {
            Send::Frame { to, frame } => (to, frame),
            Send::Chunk { to, sequence, ticks, end, batch } => {
                let ciphertext = ciphertext(sequence);
                (to, ToBuyer::Chunk(SealedChunk { sequence, ticks, end, batch, ciphertext }))
            }
            Send::Sample { to, sequence, batch, key } => {
                let ciphertext = ciphertext(sequence);
                (to, ToBuyer::Sample(Sample { sequence, batch, key, ciphertext }))
            }
        }
    }

    pub(crate) fn tell_buyer(&mut self, input: buyer::Input) {
        let Some(buyer) = &mut self.buyer else { return };
        let mut out = buyer::Out::default();
        buyer.handle(self.now, input, &mut out);
        self.buyer_writes.extend(out.write);
        self.looks.extend(out.looks);
        for event in out.events {
            self.judge.told(&event, &self.chunks);
            self.events.push(event);
        }
        for frame in out.frames {
            self.judge.buyer_says(&frame, &self.kept);
            self.wire.send_to_seller(Packet::Frame(frame.to_bytes()));
        }
        if out.close.is_some() {
            self.wire.send_to_seller(Packet::End);
        }
        self.judge_all();
    }

    fn judge_all(&mut self) {
        // A channel that is settled may be forgotten.
        if self.channel.is_some() {
            let written = self.counters.get(&channel_id());
            self.judge.after_a_step(written, &self.kept);
        }
    }

    /// Chunks whose readings the user has.
    pub(crate) fn delivered(&self) -> Vec<u64> {
        self.judge.delivered().collect()
    }

    /// The key that is right for a chunk.
    pub(crate) fn key(&self, index: u32, sequence: u64) -> Key {
        Key { index, key: self.secret.key(sequence) }
    }

    /// Everything works, in order, until nothing is left to do; both come back if they were gone.
    pub(crate) fn calm(&mut self) {
        if self.seller.is_none() {
            self.start_seller();
        }
        if self.buyer.is_none() {
            self.start_buyer();
        }
        for _ in 0..200 {
            self.connect();
            while self.deliver_all() | self.settle_once() {}
            self.wait(Span::from_secs(6));
        }
    }

    /// One of everything that waits but frames.
    pub(crate) fn settle_once(&mut self) -> bool {
        self.sync_seller() | self.sync_buyer() | self.look() | self.ledger()
    }

    /// Both sides do what they can, without time passing.
    pub(crate) fn run(&mut self) {
        while self.deliver_all() | self.settle_once() {}
    }
}

/// The body that has the batch of a chunk.
pub(crate) fn batch_id(sequence: u64) -> BodyId {
    let mut id = [0xba; 32];
    id[..8].copy_from_slice(&sequence.to_le_bytes());
    BodyId(id)
}

/// Who is not the buyer.
pub(crate) const STRANGER: KeyId = KeyId([0x55; 32]);
