//! Questions and hellos: who is served.

use weft_core::{
    digest::BodyId,
    market::chain::{self, leaf_count},
    units::Amount,
};

use super::{
    Account, Ask, Code, Connection, Opened, Out, RETRY, Refusal, Seller, Send, Stage, Timer,
    ToBuyer, session::Serving,
};
use crate::{
    frame::{self, Hello, Quote, Welcome},
    hello::{Exporter, hello_digest},
    ledger::Found,
    window::WINDOW_MAX,
};

impl Seller {
    pub(super) fn asked(&mut self, from: Connection, ask: frame::Ask, out: &mut Out) {
        let Some(session) = self.sessions.get_mut(&from) else { return };
        session.questions += 1;
        let limit = self.settings.limits.questions;
        if session.questions > limit {
            return self.close(from, Refusal::until(Code::Busy, limit.into(), RETRY), out);
        }
        let listing = &self.settings.listing;
        let is_over = self.commit.is_some_and(|(time, _)| listing.is_over(time));
        if ask.offer != listing.id || is_over {
            return self.flaw(from, Some(Refusal::new(Code::NoSuchOffer, 0)), out);
        }
        let quote = Quote {
            offer: listing.id,
            price: listing.offer.price,
            unit: listing.offer.unit,
            first: self.catalogue.first(),
            next: self.catalogue.next(),
            lasting: self.settings.limits.lasting,
            grace: self.settings.limits.grace(),
        };
        if ask.sample && !core::mem::replace(&mut session.is_sampled, true) {
            self.give_samples(from, out);
        }
        out.say(from, ToBuyer::Quote(quote));
    }

    /// The newest chunks that the offer gives away, the oldest of them first.
    fn give_samples(&self, to: Connection, out: &mut Out) {
        let policy = self.settings.listing.offer.sample;
        let delay = weft_core::time::Span::from_secs(policy.delay_s.into());
        let (mut left, mut given) = (policy.readings, Vec::new());
        let is_old = |listed: &&super::Listed| listed.last + delay <= self.now;
        for listed in self.catalogue.newest_first().filter(is_old).take(WINDOW_MAX) {
            let Some(rest) = left.checked_sub(listed.readings) else { break };
            left = rest;
            given.push(*listed);
        }
        out.frames.extend(given.into_iter().rev().map(|listed| Send::Sample {
            to,
            sequence: listed.sequence,
            batch: listed.batch,
            key: self.settings.secret.key(listed.sequence),
        }));
    }

    pub(super) fn greeted(&mut self, from: Connection, hello: Hello, out: &mut Out) {
        let greeting = |session: &&super::Session| matches!(session.stage, Stage::Greeting(_));
        let waiting = self.sessions.values().filter(greeting).count();
        let Some(session) = self.sessions.get_mut(&from) else { return };
        match &session.stage {
            // It came twice.
            Stage::Greeting(before) if before.channel == hello.channel => {}
            Stage::Serving(serving) if serving.channel == hello.channel => {}
            Stage::Greeting(_) | Stage::Serving(_) => {
                self.flaw(from, Some(Refusal::new(Code::OutOfOrder, 0)), out);
            }
            Stage::Fresh if waiting >= self.settings.limits.greeting => {
                let limit = self.settings.limits.greeting as u64;
                self.close(from, Refusal::until(Code::Busy, limit, RETRY), out);
            }
            Stage::Fresh => {
                out.asks.push(Ask::Channel(hello.channel));
                session.stage = Stage::Greeting(Box::new(hello));
            }
        }
    }

    /// The ledger has said what it knows of a channel: those who wait for it are greeted or not.
    pub(super) fn greet(&mut self, id: BodyId, found: Option<&Found>, out: &mut Out) {
        let waits = |stage: &Stage| matches!(stage, Stage::Greeting(hello) if hello.channel == id);
        let waiting: Vec<Connection> = self
            .sessions
            .iter()
            .filter(|(_, session)| waits(&session.stage))
            .map(|(connection, _)| *connection)
            .collect();
        for connection in waiting {
            let Some(session) = self.sessions.get_mut(&connection) else { continue };
            let stage = core::mem::replace(&mut session.stage, Stage::Fresh);
            let (Stage::Greeting(hello), exporter) = (stage, session.exporter) else { continue };
            let judged = found
                .ok_or(Refusal::until(Code::NoSuchChannel, 0, RETRY))
                .and_then(|found| self.judge(&hello, &exporter, found).map(|()| found));
            match judged {
                Ok(found) => self.begin(connection, *hello, found, out),
                Err(refusal) => self.close(connection, refusal, out),
            }
        }
    }

    /// Why a hello is refused; cheapest first.
    fn judge(&self, hello: &Hello, exporter: &Exporter, found: &Found) -> Result<(), Refusal> {
        let terms = &found.channel.terms;
        let (listing, limits) = (&self.settings.listing, &self.settings.limits);
        if terms.offer != listing.id || terms.payee != listing.seller {
            return Err(Refusal::new(Code::OtherTerms, 0));
        }
        let Amount(price) = listing.offer.price;
        if terms.price != Amount(price) {
            return Err(Refusal::new(Code::WrongPrice, price));
        }
        if terms.grace < limits.grace() {
            return Err(Refusal::new(Code::Expiring, limits.grace().as_millis()));
        }
        let least = self.clock() + limits.lasting;
        if terms.expiry < least {
            return Err(Refusal::new(Code::Expiring, least.as_millis()));
        }
        let is_known = self.accounts.contains_key(&hello.channel);
        if !is_known && self.accounts.len() >= limits.channels {
            return Err(Refusal::until(Code::Busy, limits.channels as u64, RETRY));
        }
        let leaves = hello.leaves.len() as u64;
        if leaves != u64::from(leaf_count(terms.length)) || chain::root(&hello.leaves) != terms.root
        {
            return Err(Refusal::new(Code::BadLeaves, leaf_count(terms.length).into()));
        }
        let digest = hello_digest(self.settings.network, &hello.channel, exporter);
        self.verify
            .verify(&found.payer_key, &digest, &hello.signature)
            .map_err(|_| Refusal::new(Code::BadSignature, 0))
    }

    /// A buyer is who it says: from here on it is served.
    fn begin(&mut self, connection: Connection, hello: Hello, found: &Found, out: &mut Out) {
        let id = hello.channel;
        if let Some(other) = self.accounts.get(&id).and_then(|account| account.connection) {
            self.close(other, Refusal::new(Code::Superseded, 0), out);
        }
        let account = self.accounts.entry(id).or_insert_with(|| {
            self.log.opened(Opened { channel: id, leaves: hello.leaves.clone() });
            Account::new(id, hello.leaves)
        });
        account.channel = Some(found.channel.clone());
        account.connection = Some(connection);
        let counter = &account.counter;
        let last = counter.paid.last().filter(|paid| paid.index > hello.keyed);
        let behind = last.map_or(0, |paid| paid.sequence.saturating_add(1));
        let next = hello.next.max(behind);
        let welcome = Welcome { paid: counter.index, word: counter.word, next };
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        session.stage = Stage::Serving(Serving::new(id, next));
        self.timers.clear(Timer::Session(connection));
        self.timers.set(Timer::Account(id), self.now);
        out.say(connection, ToBuyer::Welcome(welcome));
        self.resend(connection, hello.keyed, out);
        self.serve(connection, out);
    }
}
