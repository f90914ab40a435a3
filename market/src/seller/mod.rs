//! The seller of one stream, to many buyers: a pure state machine.
//!
//! ```text
//!  Up, Hello -> look the channel up -> greet -> Welcome
//!  Published -> serve: within the window, the deposit and the channel's time -> Chunk
//!  Tick      -> pay: verify, add to the counter -> write -> Synced -> Key
//!  time, news of channels -> claims
//! ```
//!
//! One door in ([`Input`]), one door out ([`Out`]). Invariants: a key is said after the payment for
//! it is on disk; a chunk is sent while what it costs is covered by a deposit that can still be
//! claimed; of one channel at most one connection is served; the highest payment of each channel is
//! never forgotten before the ledger has it or has settled.
//!
//! Left out on purpose: ciphertexts (the driver adds them, one for all buyers), and waiting for
//! anything.

mod account;
mod claims;
mod greet;
mod input;
mod kept;
mod listed;
mod log;
mod out;
mod pay;
mod serve;
mod session;
mod settings;
mod timers;

use std::{collections::BTreeMap, sync::Arc};

use weft_core::{
    digest::BodyId,
    keys::Verify,
    time::{Span, Time},
    units::Amount,
};

use self::{
    account::Account,
    listed::Catalogue,
    log::Log,
    session::{Session, Stage},
    timers::{Timer, Timers},
};
use crate::frame::{Code, Refusal, ToBuyer, ToSeller};

pub use self::{
    input::{Connection, Input, Listed, Ticket},
    kept::{Counter, Opened},
    out::{Ask, Close, Out, Send, Write, Writes},
    settings::{Limits, Settings},
};

/// The seller of one stream.
pub struct Seller {
    settings: Settings,
    verify: Arc<dyn Verify>,
    catalogue: Catalogue,
    sessions: BTreeMap<Connection, Session>,
    accounts: BTreeMap<BodyId, Account>,
    log: Log,
    timers: Timers,
    /// Time of the newest commit, and when this side learnt of it.
    commit: Option<(Time, Time)>,
    is_stopping: bool,
    now: Time,
}

/// What a channel has brought, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revenue {
    /// The channel.
    pub channel: BodyId,
    /// Ticks paid.
    pub paid: u32,
    /// What they are worth; `None` until the channel was looked up.
    pub worth: Option<Amount>,
    /// What was claimed of it.
    pub claimed: Option<Amount>,
    /// Whether its buyer is connected.
    pub is_connected: bool,
}

impl Seller {
    /// A seller as it was left: with the channels that `kept` names, and the chunks for sale. What
    /// was opened without a counter has paid nothing.
    pub fn new(
        settings: Settings,
        verify: Arc<dyn Verify>,
        opened: Vec<Opened>,
        counters: Vec<Counter>,
        chunks: Vec<Listed>,
    ) -> Self {
        let mut accounts: BTreeMap<_, _> = opened
            .into_iter()
            .map(|opened| (opened.channel, Account::new(opened.channel, opened.leaves)))
            .collect();
        for counter in counters {
            if let Some(account) = accounts.get_mut(&counter.channel) {
                account.resume(counter);
            }
        }
        let mut timers = Timers::default();
        for channel in accounts.keys() {
            timers.set(Timer::Account(*channel), Time::ZERO);
        }
        let mut catalogue = Catalogue::new(settings.limits.listed);
        chunks.into_iter().for_each(|listed| catalogue.add(listed));
        Self {
            settings,
            verify,
            catalogue,
            sessions: BTreeMap::new(),
            accounts,
            log: Log::default(),
            timers,
            commit: None,
            is_stopping: false,
            now: Time::ZERO,
        }
    }

    /// Takes one input. What it leads to is added to `out`; several inputs may share one.
    pub fn handle(&mut self, now: Time, input: Input, out: &mut Out) {
        self.now = self.now.max(now);
        match input {
            Input::Up { connection, exporter } => self.up(connection, exporter, out),
            Input::Down { connection } => self.down(connection),
            Input::Frame { connection, frame } => self.said(connection, frame, out),
            Input::Malformed { connection } => {
                self.close(connection, Refusal::new(Code::Malformed, 0), out);
            }
            Input::Published(listed) => {
                self.catalogue.add(listed);
                self.serve_all(out);
            }
            Input::Dropped { below } => self.catalogue.drop_below(below),
            Input::Channel { id, found } => self.channel(id, found, out),
            Input::Committed { time } => {
                let newest = self.commit.map_or(time, |(newest, _)| newest.max(time));
                if self.commit.is_none_or(|(last, _)| newest > last) {
                    self.commit = Some((newest, self.now));
                    self.serve_all(out);
                }
            }
            Input::Synced { ticket } => self.synced(ticket, out),
            Input::Claim { channel } => self.claim_now(channel, out),
            Input::Stop => self.stop(out),
            Input::Tick => {}
        }
        while let Some(timer) = self.timers.take_due(self.now) {
            match timer {
                Timer::Session(connection) => {
                    self.close(connection, Refusal::new(Code::Silent, 0), out);
                }
                Timer::Account(channel) => self.look_after(channel, out),
            }
        }
        self.log.flush(&self.accounts, out);
    }

    /// When [`Input::Tick`] is due.
    pub fn deadline(&self) -> Option<Time> {
        self.timers.next()
    }

    /// What each channel has brought, by its id.
    pub fn revenue(&self) -> impl Iterator<Item = Revenue> + '_ {
        self.accounts.iter().map(|(channel, account)| account.revenue(*channel))
    }

    /// Connections that stand.
    pub fn connections(&self) -> usize {
        self.sessions.len()
    }
}

impl Seller {
    fn up(&mut self, connection: Connection, exporter: [u8; 32], out: &mut Out) {
        let limits = &self.settings.limits;
        self.timers.set(Timer::Session(connection), self.now + limits.greet_within);
        let is_full = self.sessions.len() >= limits.sessions;
        self.sessions.insert(connection, Session::new(exporter));
        if self.is_stopping {
            self.close(connection, Refusal::new(Code::Stopping, 0), out);
        } else if is_full {
            let limit = self.settings.limits.sessions as u64;
            self.close(connection, Refusal::until(Code::Busy, limit, RETRY), out);
        }
    }

    fn down(&mut self, connection: Connection) {
        self.timers.clear(Timer::Session(connection));
        let Some(session) = self.sessions.remove(&connection) else { return };
        if let Stage::Serving(serving) = session.stage
            && let Some(account) = self.accounts.get_mut(&serving.channel)
        {
            account.connection = None;
        }
    }

    fn said(&mut self, from: Connection, frame: ToSeller, out: &mut Out) {
        match frame {
            ToSeller::Ask(ask) => self.asked(from, ask, out),
            ToSeller::Hello(hello) => self.greeted(from, hello, out),
            ToSeller::Tick(tick) => self.paid(from, tick, out),
            ToSeller::Again(again) => self.again(from, again.keyed, out),
            // What a buyer holds against us changes nothing here; it goes, or it says more.
            ToSeller::Error(_) => self.flaw(from, None, out),
        }
    }

    /// Says why, closes, and forgets the connection.
    fn close(&mut self, connection: Connection, refusal: Refusal, out: &mut Out) {
        if self.sessions.contains_key(&connection) {
            self.down(connection);
            out.say(connection, ToBuyer::Error(refusal));
            out.closes.push(Close { connection, refusal });
        }
    }

    /// Something is wrong with what a buyer said: it is told, trusted less, and closed in the end.
    fn flaw(&mut self, connection: Connection, refusal: Option<Refusal>, out: &mut Out) {
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        session.flaws += 1;
        if let Stage::Serving(serving) = &mut session.stage {
            serving.window.flaw();
        }
        let is_over = session.flaws > self.settings.limits.flaws;
        match refusal {
            _ if is_over => {
                let limit = self.settings.limits.flaws.into();
                self.close(connection, Refusal::until(Code::Busy, limit, RETRY), out);
            }
            Some(refusal) => out.say(connection, ToBuyer::Error(refusal)),
            None => {}
        }
    }

    fn stop(&mut self, out: &mut Out) {
        self.is_stopping = true;
        let all: Vec<Connection> = self.sessions.keys().copied().collect();
        for connection in all {
            self.close(connection, Refusal::new(Code::Stopping, 0), out);
        }
        self.claim_now(None, out);
    }
}

/// When whoever meets a limit may try again.
const RETRY: Span = Span::from_secs(5);
