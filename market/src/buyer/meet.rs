//! Connections: how they begin, and what is made of their end.

use super::{Buyer, Code, End, Event, Link, Out, Refusal, ToSeller};
use crate::{
    frame::{Again, Hello, Welcome},
    hello::{Exporter, hello_digest},
};

impl Buyer {
    /// A connection stands: the hello goes out.
    pub(super) fn up(&mut self, exporter: &Exporter, out: &mut Out) {
        let id = self.settings.channel.id;
        let digest = hello_digest(self.settings.network, &id, exporter);
        self.held.clear();
        self.link = Link::Greeting { due: self.now + self.settings.wanted.limits.welcome_within };
        let signature = match self.sign.sign(&digest) {
            Ok(signature) => signature,
            Err(error) => return self.end(End::Unsigned(error), Code::Stopping, 0, out),
        };
        out.frames.push(ToSeller::Hello(Hello {
            channel: id,
            next: self.counter.lacking(),
            paid: self.counter.paid,
            keyed: self.counter.keyed(),
            leaves: self.chain.leaves(),
            signature,
        }));
    }

    /// The connection is gone: what came on it and was not opened comes again on the next.
    pub(super) fn down(&mut self, out: &mut Out) {
        let link = core::mem::replace(&mut self.link, Link::Down);
        self.held.clear();
        self.window.flaw();
        if self.has_ended {
            return;
        }
        let is_owed = !self.counter.unkeyed.is_empty();
        if is_owed && matches!(link, Link::Open { is_good: false, .. }) {
            self.silences += 1;
            if self.silences >= self.settings.wanted.limits.silences {
                return self.end(End::Silent { lost: self.exposed() }, Code::Silent, 0, out);
            }
        }
        // What came may be written late, but not never.
        self.keeper.must_write();
        out.redial = Some(self.backoff());
        self.failures = self.failures.saturating_add(1);
        self.refused = None;
    }

    /// The seller has taken the hello, and says where it stands.
    pub(super) fn welcomed(&mut self, welcome: Welcome, out: &mut Out) {
        if !matches!(self.link, Link::Greeting { .. }) {
            return;
        }
        if welcome.paid > self.counter.paid {
            if self.chain.word(welcome.paid) != Some(welcome.word) {
                let end = End::Broken("it says that it was paid what it was not");
                return self.end(end, Code::BadTick, self.counter.paid.into(), out);
            }
            // Only this buyer can have said the word: its counter is older than what it did.
            self.counter.paid = welcome.paid;
            self.counter.next = self.counter.next.max(welcome.next);
            self.keeper.must_write();
        }
        let is_owed = !self.counter.unkeyed.is_empty();
        self.link = Link::Open {
            said: welcome.paid,
            key_due: is_owed.then(|| self.now + self.settings.wanted.limits.key_within),
            has_asked: false,
            is_good: false,
        };
        let paid = self.counter.paid;
        out.events.push(Event::Began { paid, next: welcome.next });
    }

    /// The seller refuses something.
    pub(super) fn refused(&mut self, refusal: Refusal, out: &mut Out) {
        self.window.flaw();
        match refusal.code {
            // Frames that crossed, or came in another order: the counters settle it.
            Code::OutOfOrder | Code::BadTick => {}
            Code::DepositUsed | Code::ChainUsed => {
                self.refused = Some(refusal);
                self.end_if_used_up(out);
            }
            Code::Silent | Code::Stopping => self.wait(refusal, out),
            _ if refusal.retry_after.as_millis() > 0 => self.wait(refusal, out),
            code => self.end(End::Refused(refusal), code, refusal.expected, out),
        }
    }

    fn wait(&mut self, refusal: Refusal, out: &mut Out) {
        self.refused = Some(refusal);
        out.events.push(Event::Waiting(refusal));
    }

    /// The seller has nothing more to sell for what is left in the channel: it is over once all
    /// that came before it said so is paid and opened.
    pub(super) fn end_if_used_up(&mut self, out: &mut Out) {
        let is_done = self.counter.unkeyed.is_empty() && self.held.is_empty();
        let Some(refusal) = self.refused.filter(|_| is_done) else { return };
        let end = match refusal.code {
            Code::DepositUsed => End::DepositUsed,
            Code::ChainUsed => End::ChainUsed,
            _ => return,
        };
        self.end(end, refusal.code, refusal.expected, out);
    }

    /// A key has not come in time: it is asked for once more, then the connection is given up.
    pub(super) fn key_overdue(&mut self, has_asked: bool, out: &mut Out) {
        self.window.flaw();
        if has_asked {
            if let Link::Open { key_due, .. } = &mut self.link {
                *key_due = None;
            }
            return self.close(Refusal::new(Code::Silent, 0), out);
        }
        let first = self.counter.keyed();
        if let Link::Open { said, key_due, has_asked, .. } = &mut self.link {
            *said = first;
            *has_asked = true;
            *key_due = Some(self.now + self.settings.wanted.limits.key_within);
        }
        out.frames.push(ToSeller::Again(Again { keyed: first }));
        self.say_ticks(out);
    }
}
