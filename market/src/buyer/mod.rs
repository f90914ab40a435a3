//! The buyer of one stream, through one channel: a pure state machine.
//!
//! ```text
//!  Up -> Hello -> Welcome
//!  Chunk -> look its batch up -> check: seal, price -> pay: budget, exposure -> write
//!        -> Synced -> Tick -> Key -> check: commitment, readings -> Event::Readings
//! ```
//!
//! One door in ([`Input`]), one door out ([`Out`]). Invariants: a payment is said after it is on
//! disk, so no chunk is paid twice; what is paid and not keyed stays within the exposure; nothing
//! is paid that the ledger does not vouch for.
//!
//! Left out on purpose: opening a channel, and asking for terms and samples ([`Enquiry`]).

mod enquiry;
mod held;
mod input;
mod keep;
mod kept;
mod meet;
mod out;
mod pay;
mod settings;

use std::{collections::BTreeMap, sync::Arc};

use weft_core::{
    keys::Sign,
    market::chain::PayChain,
    time::{Span, Time},
    units::Amount,
};

use self::{held::Held, keep::Keeper};
use crate::{
    frame::{Code, Refusal, ToBuyer, ToSeller},
    ledger::worth,
    window::Window,
};

pub use self::{
    enquiry::{Answer, Enquiry},
    input::{Input, Ticket},
    kept::Counter,
    out::{End, Event, Out},
    settings::{Exposure, Limits, Settings, Wanted},
};

/// The buyer of one stream, through one channel.
pub struct Buyer {
    settings: Settings,
    chain: PayChain,
    sign: Arc<dyn Sign>,
    counter: Counter,
    keeper: Keeper,
    link: Link,
    window: Window,
    /// Chunks that came on this connection and are not opened, by sequence; at most
    /// [`HELD_MAX`](held::HELD_MAX).
    held: BTreeMap<u64, Held>,
    /// Connections in a row that brought no key for what was paid.
    silences: u32,
    /// Connections in a row that brought no readings.
    failures: u32,
    /// The seller's last refusal that passes.
    refused: Option<Refusal>,
    /// Readings that came since the start.
    opened: u64,
    is_stopping: bool,
    has_ended: bool,
    now: Time,
}

/// The connection to the seller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// There is none.
    Down,
    /// The hello is out.
    Greeting {
        /// Until when the answer must come.
        due: Time,
    },
    /// Chunks come one way, payments go the other.
    Open {
        /// The highest index that was said on it, or that the seller knew before.
        said: u32,
        /// When the next key must come, if one is owed.
        key_due: Option<Time>,
        /// Whether keys were asked for again since the last one came.
        has_asked: bool,
        /// Whether a key has come.
        is_good: bool,
    },
}

impl Buyer {
    /// A buyer as it was left: with the counter that is on disk, or
    /// [`Counter::starting_at`] for a channel that has paid nothing.
    pub fn new(settings: Settings, chain: PayChain, sign: Arc<dyn Sign>, counter: Counter) -> Self {
        let keeper = Keeper::new(counter.paid);
        Self {
            settings,
            chain,
            sign,
            counter,
            keeper,
            link: Link::Down,
            window: Window::new(),
            held: BTreeMap::new(),
            silences: 0,
            failures: 0,
            refused: None,
            opened: 0,
            is_stopping: false,
            has_ended: false,
            now: Time::ZERO,
        }
    }

    /// Takes one input. What it leads to is added to `out`; several inputs may share one.
    pub fn handle(&mut self, now: Time, input: Input, out: &mut Out) {
        self.now = self.now.max(now);
        match input {
            Input::Synced { ticket } => {
                self.keeper.synced(ticket);
                self.say_ticks(out);
            }
            Input::Down => self.down(out),
            _ if self.has_ended => {}
            Input::Up { exporter } => self.up(&exporter, out),
            Input::Frame(frame) => self.said(frame, out),
            Input::Malformed => {
                self.end(End::Broken("its bytes are no frame"), Code::Malformed, 0, out);
            }
            Input::Batch { body, found } => self.found(body, found.as_deref(), out),
            Input::Channel(Some(channel)) => {
                self.settings.channel = *channel;
                // A top-up may have been what was missing.
                self.refused = None;
                self.pay(out);
            }
            Input::Channel(None) => self.end(End::Settled, Code::Closed, 0, out),
            Input::Stop => {
                self.is_stopping = true;
                self.stop_if_done(out);
            }
            Input::Tick => {}
        }
        self.look_at_time(out);
        self.keeper.flush(&self.counter, out);
    }

    /// When [`Input::Tick`] is due.
    pub fn deadline(&self) -> Option<Time> {
        let link = match &self.link {
            Link::Down => None,
            Link::Greeting { due } => Some(*due),
            Link::Open { key_due, .. } => *key_due,
        };
        let looks = self.held.values().filter_map(Held::look_due);
        link.into_iter().chain(looks).min().filter(|_| !self.has_ended)
    }

    /// What was paid and what came for it, as it will be on disk.
    pub const fn counter(&self) -> &Counter {
        &self.counter
    }

    /// What was paid and not keyed.
    pub fn exposed(&self) -> Amount {
        Amount(self.settings.channel.terms.price.0.saturating_mul(self.counter.exposed()))
    }
}

impl Buyer {
    fn said(&mut self, frame: ToBuyer, out: &mut Out) {
        match frame {
            ToBuyer::Welcome(welcome) => self.welcomed(welcome, out),
            ToBuyer::Chunk(chunk) => self.chunk(chunk, out),
            ToBuyer::Key(key) => self.keyed(key, out),
            ToBuyer::Error(refusal) => self.refused(refusal, out),
            // Answers to a question that this side does not ask.
            ToBuyer::Quote(_) | ToBuyer::Sample(_) => {}
        }
    }

    /// Tells user and seller that it is over.
    fn end(&mut self, end: End, code: Code, expected: u64, out: &mut Out) {
        if core::mem::replace(&mut self.has_ended, true) {
            return;
        }
        out.events.push(Event::Ended(end));
        self.keeper.must_write();
        self.close(Refusal::new(code, expected), out);
    }

    fn close(&mut self, refusal: Refusal, out: &mut Out) {
        if self.link != Link::Down {
            out.frames.push(ToSeller::Error(refusal));
            out.close = Some(refusal);
        }
    }

    fn stop_if_done(&mut self, out: &mut Out) {
        let has_all = self.settings.wanted.readings_max.is_some_and(|most| self.opened >= most);
        if (self.is_stopping || has_all) && self.counter.unkeyed.is_empty() {
            self.end(End::Stopped, Code::Stopping, 0, out);
        }
    }

    fn look_at_time(&mut self, out: &mut Out) {
        if self.has_ended {
            return;
        }
        let now = self.now;
        let due = self.held.values_mut().filter(|held| held.look_due().is_some_and(|at| at <= now));
        out.looks.extend(due.map(Held::look_again));
        match self.link {
            Link::Greeting { due } if due <= now => self.close(Refusal::new(Code::Silent, 0), out),
            Link::Open { key_due: Some(due), has_asked, .. } if due <= now => {
                self.key_overdue(has_asked, out);
            }
            _ => {}
        }
    }

    fn spent(&self) -> Amount {
        worth(&self.settings.channel, self.counter.paid)
    }

    /// How long to wait for the next connection.
    fn backoff(&self) -> Span {
        let patience = self.settings.wanted.limits.patience.as_millis();
        let doubled = patience.saturating_mul(1 << self.failures.min(6));
        let asked = self.refused.map_or(0, |refusal| refusal.retry_after.as_millis());
        Span::from_millis(doubled.max(asked))
    }
}
