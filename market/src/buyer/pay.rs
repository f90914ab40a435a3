//! Chunks: held against the ledger, paid, opened.

use weft_core::{digest::BodyId, market::batch::SealedBatch, units::Amount};

use super::{
    Buyer, Code, End, Event, Exposure, Link, Out, ToSeller,
    held::{Batch, HELD_MAX, Held},
};
use crate::{
    frame::{Key, SealedChunk, Tick},
    ledger::{covers, worth},
    paid::Paid,
    seal::{NotAsSealed, OpenError, check_chunk, open},
};

impl Buyer {
    /// A chunk came: what the ledger says of it is looked up.
    pub(super) fn chunk(&mut self, chunk: SealedChunk, out: &mut Out) {
        let SealedChunk { sequence, end, ticks, batch, .. } = chunk;
        let paid = Paid { index: end, sequence, batch, ticks };
        let is_again = self.counter.unkeyed.contains(&paid);
        let is_wanted = is_again || sequence >= self.counter.next;
        let has_room = self.held.len() < HELD_MAX && !self.held.contains_key(&sequence);
        if !matches!(self.link, Link::Open { .. }) || !is_wanted || !has_room {
            return;
        }
        out.looks.push(batch);
        self.held.insert(sequence, Held::new(chunk, self.settings.wanted.limits.looks));
        // It may be paid already, and the payment lost on its way.
        self.say_ticks(out);
    }

    /// The ledger has said what it knows of a batch.
    pub(super) fn found(&mut self, body: BodyId, found: Option<&SealedBatch>, out: &mut Out) {
        let (unit, level) = (self.settings.wanted.listing.offer.unit, self.settings.wanted.level);
        let again_at = self.now + self.settings.wanted.limits.patience;
        let asked = |held: &&mut Held| {
            held.chunk.batch == body && matches!(held.batch, Batch::Asked { .. })
        };
        let mut keyed = Vec::new();
        let mut refused = None;
        for held in self.held.values_mut().filter(asked) {
            let Batch::Asked { left } = held.batch else { continue };
            let checked = match found {
                Some(batch) => check_chunk(batch, &held.chunk, unit, level).map(|()| {
                    held.batch = Batch::Found(Box::new(batch.clone()));
                    keyed.extend(held.key.take().map(|key| Key { index: held.chunk.end, key }));
                }),
                None if left > 0 => {
                    held.batch = Batch::Missing { left, at: again_at };
                    Ok(())
                }
                None => Err(NotAsSealed::NoBatch),
            };
            if let Err(reason) = checked {
                refused.get_or_insert((held.chunk.sequence, reason));
            }
        }
        if let Some((sequence, reason)) = refused {
            let end = End::NotAsSealed { sequence, reason };
            return self.end(end, Code::NotAsSealed, sequence, out);
        }
        for key in keyed {
            self.keyed(key, out);
        }
        self.pay(out);
    }

    /// Pays for what came, as far as budget, exposure and window allow.
    pub(super) fn pay(&mut self, out: &mut Out) {
        while self.pay_next(out) {}
        self.say_ticks(out);
    }

    /// Pays for the next chunk, if it is here and may be paid.
    fn pay_next(&mut self, out: &mut Out) -> bool {
        let is_open = matches!(self.link, Link::Open { .. });
        if self.has_ended || self.is_stopping || !is_open || self.has_paid_enough() {
            return false;
        }
        let paid = self.counter.paid;
        let is_next = |held: &&Held| paid.checked_add(held.chunk.ticks) == Some(held.chunk.end);
        let mut unpaid = self.held.range(self.counter.next..).map(|(_, held)| held);
        let Some(held) = unpaid.find(is_next).filter(|held| held.is_found()) else { return false };
        let SealedChunk { sequence, ticks, end, batch, .. } = held.chunk;
        match self.may_pay(ticks, end) {
            Verdict::Pays => {}
            Verdict::Waits => return false,
            Verdict::Ends(reason, code) => {
                self.end(reason, code, end.into(), out);
                return false;
            }
        }
        if sequence > self.counter.next {
            out.events.push(Event::Gap { from: self.counter.next, to: sequence });
        }
        self.counter.paid = end;
        self.counter.next = sequence.saturating_add(1);
        self.counter.unkeyed.push(Paid { index: end, sequence, batch, ticks });
        self.keeper.must_write();
        out.events.push(Event::Paid { sequence, index: end, spent: self.spent() });
        true
    }

    /// Whether what came, and what was paid and comes yet, has as many readings as are wanted. What
    /// a paid chunk has is known once it is here; until then it may be enough.
    fn has_paid_enough(&self) -> bool {
        let Some(most) = self.settings.wanted.readings_max else { return false };
        let paid = self.counter.unkeyed.iter();
        let coming = paid.map(|paid| self.held.get(&paid.sequence)?.readings());
        coming.sum::<Option<u64>>().is_none_or(|coming| self.opened.saturating_add(coming) >= most)
    }

    /// Whether a chunk of `ticks` that ends at `end` may be paid now; cheapest first.
    fn may_pay(&self, ticks: u32, end: u32) -> Verdict {
        let (channel, unkeyed) = (&self.settings.channel, &self.counter.unkeyed);
        let price = Amount(channel.terms.price.0.saturating_mul(ticks.into()));
        if unkeyed.len() >= self.window.size() {
            return Verdict::Waits;
        }
        match self.settings.wanted.exposure {
            Exposure::OneChunk if !unkeyed.is_empty() => return Verdict::Waits,
            Exposure::OneChunk => {}
            Exposure::AtMost(cap) if price > cap => {
                return Verdict::ends(End::TooDear { ticks, price, cap }, Code::TooDear, unkeyed);
            }
            Exposure::AtMost(cap)
                if self.exposed().checked_add(price.0).is_none_or(|all| all > cap) =>
            {
                return Verdict::Waits;
            }
            Exposure::AtMost(_) => {}
        }
        if end > channel.terms.length {
            return Verdict::ends(End::ChainUsed, Code::ChainUsed, unkeyed);
        }
        if !covers(channel, end) {
            return Verdict::ends(End::DepositUsed, Code::DepositUsed, unkeyed);
        }
        let limit = self.settings.wanted.spend_max.unwrap_or(channel.terms.deposit);
        if worth(channel, end) > limit {
            let end = End::SpendCap { spent: self.spent(), limit };
            return Verdict::ends(end, Code::Stopping, unkeyed);
        }
        Verdict::Pays
    }

    /// Says the highest payment that is on disk and whose chunk has come on this connection: it
    /// stands for all below.
    pub(super) fn say_ticks(&mut self, out: &mut Out) {
        let Link::Open { said, key_due, .. } = &mut self.link else { return };
        if self.has_ended {
            return;
        }
        let durable = self.keeper.durable();
        let is_sayable = |paid: &&Paid| {
            paid.index <= durable && paid.index > *said && self.held.contains_key(&paid.sequence)
        };
        let Some(index) = self.counter.unkeyed.iter().filter(is_sayable).map(|p| p.index).max()
        else {
            return;
        };
        let Some(word) = self.chain.word(index) else { return };
        *said = index;
        key_due.get_or_insert(self.now + self.settings.wanted.limits.key_within);
        out.frames.push(ToSeller::Tick(Tick { index, word }));
    }

    /// A key came: the chunk that was paid with it is opened.
    pub(super) fn keyed(&mut self, key: Key, out: &mut Out) {
        let unkeyed = &self.counter.unkeyed;
        let Some(at) = unkeyed.iter().position(|paid| paid.index == key.index) else { return };
        let Some(paid) = unkeyed.get(at).copied() else { return };
        let Some(held) = self.held.get_mut(&paid.sequence) else { return };
        let Batch::Found(batch) = &held.batch else {
            held.key = Some(key.key);
            return;
        };
        match open(batch, &key.key, &held.chunk.ciphertext) {
            Ok(chunk) => self.opened(at, paid, chunk, out),
            Err(reason) => {
                let (sequence, lost) = (paid.sequence, self.exposed());
                let (code, expected) = match reason {
                    OpenError::WrongKey => (Code::WrongKey, paid.index.into()),
                    OpenError::Garbage(_) => (Code::WrongReadings, sequence),
                };
                self.end(End::Cheated { sequence, reason, lost }, code, expected, out);
            }
        }
    }

    fn opened(
        &mut self,
        at: usize,
        paid: Paid,
        chunk: weft_core::market::batch::Chunk,
        out: &mut Out,
    ) {
        self.counter.unkeyed.remove(at);
        self.held.remove(&paid.sequence);
        self.window.round();
        self.opened = self.opened.saturating_add(chunk.readings().len() as u64);
        (self.silences, self.failures) = (0, 0);
        if let Link::Open { key_due, has_asked, is_good, .. } = &mut self.link {
            let is_owed = !self.counter.unkeyed.is_empty();
            *key_due = is_owed.then(|| self.now + self.settings.wanted.limits.key_within);
            (*has_asked, *is_good) = (false, true);
        }
        let Paid { index, sequence, batch, .. } = paid;
        out.events.push(Event::Readings { sequence, batch, index, chunk });
        self.stop_if_done(out);
        self.end_if_used_up(out);
        self.pay(out);
    }
}

/// What is done about a chunk that could be paid.
enum Verdict {
    /// It is paid.
    Pays,
    /// Not before a key has come.
    Waits,
    /// It never will be.
    Ends(End, Code),
}

impl Verdict {
    /// It is over, once all keys have come.
    fn ends(end: End, code: Code, unkeyed: &[Paid]) -> Self {
        if unkeyed.is_empty() { Self::Ends(end, code) } else { Self::Waits }
    }
}
