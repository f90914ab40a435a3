//! What happens between the two: frames arrive, disks sync, the ledger answers.

use weft_core::{
    codec::Decode as _,
    market::batch::SealedBatch,
    time::Span,
    tx::{ContentType, Payload},
};
use weft_market::{
    buyer::{self, Event},
    frame::{Sample, SealedChunk, ToBuyer, ToSeller},
    ledger::Found,
    seller::{self, Ask, Connection, Send, Write},
};

use super::{
    Trade,
    trade::{BUYER, SELLER, Stored},
};
use crate::judges::{Broken, losses};

/// One way between buyer and seller.
const DELAY: Span = Span::from_millis(20);

/// What a sync takes.
const SYNC: Span = Span::from_millis(10);

/// Time after which a buyer's node says that it does not know a body.
const LOOK: Span = Span::from_millis(500);

impl Trade {
    /// Lets `span` pass.
    pub fn run(&mut self, span: Span) -> Result<(), Broken> {
        let end = self.exchange.world.now() + span;
        while self.exchange.world.now() < end {
            self.exchange.step()?;
            self.pump();
            if !self.is_settled {
                let located = |broken: Broken| self.exchange.world.located(&broken);
                losses::inside_the_table(&self.stakes()).map_err(located)?;
            }
        }
        Ok(())
    }

    /// Whatever is due by now.
    fn pump(&mut self) {
        self.look_at_homes();
        self.look_at_way();
        self.connect();
        if self.seller_home.is_awake {
            let time = self.exchange.view(SELLER).time();
            self.publish_final();
            self.tell_seller(seller::Input::Committed { time });
            self.sync_seller();
            self.ask();
            self.reach_seller();
        }
        if self.buyer_home.is_awake {
            self.tell_buyer(buyer::Input::Tick);
            self.sync_buyer();
            self.look();
            self.reach_buyer();
        }
    }

    /// A way that is blocked for too long ends the connection.
    fn look_at_way(&mut self) {
        let (now, idle) = (self.exchange.world.now(), self.exchange.world.settings().idle);
        self.blocked = (!self.is_way_clear()).then(|| self.blocked.unwrap_or(now));
        if self.up.is_some() && self.blocked.is_some_and(|since| since + idle <= now) {
            self.ways_cut += 1;
            self.cut();
        }
    }

    /// Chunks whose batch is final are for sale.
    fn publish_final(&mut self) {
        let view = self.exchange.view(SELLER);
        let is_final = |stored: &Stored| view.said(&stored.listed.batch).is_some();
        let mut listed = Vec::new();
        for stored in self.chunks.values_mut().skip_while(|stored| stored.is_published) {
            // In order: a later one waits for those before it.
            if !is_final(stored) {
                break;
            }
            stored.is_published = true;
            listed.push(stored.listed);
        }
        for listed in listed {
            self.tell_seller(seller::Input::Published(listed));
        }
    }

    fn connect(&mut self) {
        let now = self.exchange.world.now();
        let is_due = self.redial.is_some_and(|at| at <= now) && self.up.is_none();
        let is_there = self.seller.is_some() && self.seller_home.is_awake;
        let is_here = self.buyer.is_some() && self.buyer_home.is_awake;
        if !is_due || !is_there || !is_here || self.blocked.is_some() {
            return;
        }
        self.redial = None;
        self.connections += 1;
        let connection = Connection(self.connections);
        self.up = Some(connection);
        let mut exporter = [5; 32];
        exporter[..8].copy_from_slice(&self.connections.to_le_bytes());
        self.tell_seller(seller::Input::Up { connection, exporter });
        self.tell_buyer(buyer::Input::Up { exporter });
    }

    /// The connection breaks.
    pub fn cut(&mut self) {
        self.to_buyer.clear();
        self.to_seller.clear();
        if let Some(connection) = self.up.take() {
            self.tell_seller(seller::Input::Down { connection });
            self.tell_buyer(buyer::Input::Down);
        }
    }

    fn sync_seller(&mut self) {
        let now = self.exchange.world.now();
        while let Some((_, writes)) = self.seller_writes.pop_front_if(|(at, _)| *at <= now) {
            for item in writes.items {
                match item {
                    Write::Opened(opened) => drop(self.opened.insert(opened.channel, opened)),
                    Write::Counter(one) => drop(self.counters.insert(one.channel, one)),
                    Write::Forget(channel) => {
                        self.is_settled = true;
                        self.opened.remove(&channel);
                        self.counters.remove(&channel);
                    }
                }
            }
            self.tell_seller(seller::Input::Synced { ticket: writes.ticket });
        }
    }

    fn sync_buyer(&mut self) {
        let now = self.exchange.world.now();
        while let Some((_, (ticket, kept))) = self.buyer_writes.pop_front_if(|(at, _)| *at <= now) {
            self.kept = kept;
            self.tell_buyer(buyer::Input::Synced { ticket });
        }
    }

    /// The seller's node answers, and posts claims.
    fn ask(&mut self) {
        for ask in core::mem::take(&mut self.asks) {
            match ask {
                Ask::Claim(claim) => {
                    self.exchange.post(SELLER, Payload::ChannelClaim(claim));
                }
                Ask::Channel(id) => {
                    let payer_key = self.payer_key();
                    let channel = self.exchange.view(SELLER).channel(&id);
                    let found = channel.map(|channel| Box::new(Found { channel, payer_key }));
                    self.tell_seller(seller::Input::Channel { id, found });
                }
            }
        }
    }

    /// The buyer's node answers: what is final, and of the offer's stream and source.
    fn look(&mut self) {
        let now = self.exchange.world.now();
        for (asked, body) in core::mem::take(&mut self.looks) {
            let found = self.exchange.view(BUYER).said(&body).and_then(|(by, payload)| {
                let data = payload.reading()?;
                let offer = &self.listing.offer;
                let is_its = by == offer.source && data.stream == offer.stream;
                let is_batch = data.content_type == ContentType::SEALED_BATCH;
                let batch = (is_its && is_batch).then(|| SealedBatch::from_bytes(&data.bytes));
                batch?.ok().map(Box::new)
            });
            match found {
                None if asked + LOOK > now => self.looks.push_back((asked, body)),
                found => self.tell_buyer(buyer::Input::Batch { body, found }),
            }
        }
    }

    fn reach_seller(&mut self) {
        let now = self.exchange.world.now();
        while self.blocked.is_none()
            && let Some((_, frame)) = self.to_seller.pop_front_if(|(at, _)| *at <= now)
        {
            match (self.up, frame) {
                (Some(connection), Some(frame)) => {
                    self.tell_seller(seller::Input::Frame { connection, frame });
                }
                _ => self.cut(),
            }
        }
    }

    fn reach_buyer(&mut self) {
        let now = self.exchange.world.now();
        while self.blocked.is_none()
            && let Some((_, frame)) = self.to_buyer.pop_front_if(|(at, _)| *at <= now)
        {
            match frame {
                Some(frame) => self.tell_buyer(buyer::Input::Frame(frame)),
                None => self.cut(),
            }
        }
    }

    pub(super) fn tell_seller(&mut self, input: seller::Input) {
        let Some(seller) = &mut self.seller else { return };
        let (now, mut out) = (self.exchange.world.now(), seller::Out::default());
        seller.handle(self.exchange.view(SELLER).clock(), input, &mut out);
        self.seller_writes.extend(out.writes.map(|writes| (now + SYNC, writes)));
        self.asks.extend(out.asks);
        for send in out.frames {
            if let Some((to, frame)) = self.whole(send)
                && self.up == Some(to)
            {
                self.to_buyer.push_back((now + DELAY, Some(frame)));
            }
        }
        if out.closes.iter().any(|close| self.up == Some(close.connection)) {
            self.to_buyer.push_back((now + DELAY, None));
        }
    }

    /// What a driver sends: the frame with its ciphertext.
    fn whole(&self, send: Send) -> Option<(Connection, ToBuyer)> {
        let ciphertext = |sequence| Some(self.chunks.get(&sequence)?.ciphertext.clone());
        Some(match send {
            Send::Frame { to, frame } => (to, frame),
            Send::Chunk { to, sequence, ticks, end, batch } => {
                let ciphertext = ciphertext(sequence)?;
                (to, ToBuyer::Chunk(SealedChunk { sequence, ticks, end, batch, ciphertext }))
            }
            Send::Sample { to, sequence, batch, key } => {
                let ciphertext = ciphertext(sequence)?;
                (to, ToBuyer::Sample(Sample { sequence, batch, key, ciphertext }))
            }
        })
    }

    pub(super) fn tell_buyer(&mut self, input: buyer::Input) {
        let Some(buyer) = &mut self.buyer else { return };
        let (now, mut out) = (self.exchange.world.now(), buyer::Out::default());
        buyer.handle(self.exchange.view(BUYER).clock(), input, &mut out);
        self.buyer_writes.extend(out.write.map(|write| (now + SYNC, write)));
        self.looks.extend(out.looks.into_iter().map(|body| (now, body)));
        for event in out.events {
            if let Event::Readings { sequence, .. } = &event
                && let Some(stored) = self.chunks.get(sequence)
            {
                self.opened_ticks.insert(*sequence, stored.listed.ticks);
            }
            self.events.push(event);
        }
        if let Some(after) = out.redial {
            self.redial = Some(now + after);
        }
        for frame in out.frames {
            if let ToSeller::Tick(tick) = &frame {
                self.said = self.said.max(tick.index);
            }
            self.to_seller.push_back((now + DELAY, Some(frame)));
        }
        if out.close.is_some() {
            self.to_seller.push_back((now + DELAY, None));
        }
    }
}
