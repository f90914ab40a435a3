//! What happens between the two: frames arrive, disks sync, the ledger answers.

use weft_core::{
    codec::Decode as _,
    market::batch::SealedBatch,
    time::Span,
    tx::{ContentType, Payload},
};
use weft_market::{
    buyer,
    frame::{Sample, SealedChunk, ToBuyer},
    ledger::Found,
    seller::{self, Ask, Connection, Send, Write},
};

use super::{
    Trade,
    trade::{Packet, Stored},
};
use crate::judges::Broken;

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
        }
        Ok(())
    }

    /// Whatever is due by now.
    fn pump(&mut self) {
        let time = self.exchange.time();
        self.publish_final();
        self.tell_seller(seller::Input::Committed { time });
        self.tell_buyer(buyer::Input::Tick);
        self.connect();
        self.sync();
        self.ask();
        self.look();
        self.deliver();
    }

    /// Chunks whose batch is final are for sale.
    fn publish_final(&mut self) {
        let exchange = &self.exchange;
        let is_final = |stored: &Stored| exchange.said(&stored.listed.batch).is_some();
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
        let is_due = self.redial.is_some_and(|at| at <= now);
        if !is_due || self.up.is_some() || self.seller.is_none() || self.buyer.is_none() {
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
        self.wire.clear();
        if let Some(connection) = self.up.take() {
            self.tell_seller(seller::Input::Down { connection });
            self.tell_buyer(buyer::Input::Down);
        }
    }

    fn sync(&mut self) {
        let now = self.exchange.world.now();
        while let Some((_, writes)) = self.seller_writes.pop_front_if(|(at, _)| *at <= now) {
            for item in writes.items {
                match item {
                    Write::Opened(opened) => drop(self.opened.insert(opened.channel, opened)),
                    Write::Counter(one) => drop(self.counters.insert(one.channel, one)),
                    Write::Forget(channel) => {
                        self.opened.remove(&channel);
                        self.counters.remove(&channel);
                    }
                }
            }
            self.tell_seller(seller::Input::Synced { ticket: writes.ticket });
        }
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
                    self.exchange.post(0, Payload::ChannelClaim(claim));
                }
                Ask::Channel(id) => {
                    let payer_key = self.payer_key();
                    let channel = self.exchange.channel(&id);
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
            let found = self.exchange.said(&body).and_then(|(by, payload)| {
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

    fn deliver(&mut self) {
        let now = self.exchange.world.now();
        while let Some((_, packet)) = self.wire.pop_front_if(|(at, _)| *at <= now) {
            let Some(connection) = self.up else { return };
            match packet {
                Packet::ToBuyer(frame) => self.tell_buyer(buyer::Input::Frame(frame)),
                Packet::ToSeller(frame) => {
                    self.tell_seller(seller::Input::Frame { connection, frame });
                }
                Packet::End => self.cut(),
            }
        }
    }

    pub(super) fn tell_seller(&mut self, input: seller::Input) {
        let Some(seller) = &mut self.seller else { return };
        let (now, mut out) = (self.exchange.world.now(), seller::Out::default());
        seller.handle(now, input, &mut out);
        self.seller_writes.extend(out.writes.map(|writes| (now + SYNC, writes)));
        self.asks.extend(out.asks);
        for send in out.frames {
            if let Some((to, frame)) = self.whole(send)
                && self.up == Some(to)
            {
                self.wire.push_back((now + DELAY, Packet::ToBuyer(frame)));
            }
        }
        if out.closes.iter().any(|close| self.up == Some(close.connection)) {
            self.wire.push_back((now + DELAY, Packet::End));
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
        buyer.handle(now, input, &mut out);
        self.buyer_writes.extend(out.write.map(|write| (now + SYNC, write)));
        self.looks.extend(out.looks.into_iter().map(|body| (now, body)));
        self.events.append(&mut out.events);
        if let Some(after) = out.redial {
            self.redial = Some(now + after);
        }
        for frame in out.frames {
            self.wire.push_back((now + DELAY, Packet::ToSeller(frame)));
        }
        if out.close.is_some() {
            self.wire.push_back((now + DELAY, Packet::End));
        }
    }
}
