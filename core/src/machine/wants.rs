//! What is missing, and whom to ask for it: the past of transactions, single transactions, keys.
//!
//! Each missing thing is remembered with the peers that should have it, asked for after a while,
//! and asked for again, elsewhere, if the answer did not bring it. A missing past is fetched as one
//! self-contained cone, never parent by parent: depth times round trip would be an attack.
//!
//! Invariant: one thing is asked of one peer at a time, and at most one cone is open in all, so a
//! long past is not fetched twice. Bounded in count per peer and in all, and in attempts.

use alloc::{collections::BTreeMap, vec::Vec};

use super::{Limits, Outbox, Ticket};
use crate::{
    digest::{KeyId, NodeId, TxId},
    message::{GetCone, Message},
    params::WANTS_MAX,
    time::{Span, Time},
    units::Position,
};

/// Something missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Want {
    /// A transaction with its whole past.
    Past(TxId),
    /// A transaction whose past is expected to be here.
    Transaction(TxId),
    /// A key.
    Key(KeyId),
}

#[derive(Debug)]
struct Missing {
    /// Peers that should have it; the next to ask is in front.
    sources: Vec<NodeId>,
    due: Time,
    attempts: u32,
    asked: Option<Ticket>,
}

/// An open request.
#[derive(Debug)]
struct Asked {
    to: NodeId,
    wants: Vec<Want>,
    /// Transactions that it brought so far.
    brought: u64,
}

/// All that is missing.
#[derive(Debug)]
pub(super) struct Wants {
    missing: BTreeMap<Want, Missing>,
    open: BTreeMap<Ticket, Asked>,
    next_ticket: u64,
    limits: Limits,
}

/// How a request ended, for whoever judges the peer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// Whether the request was a cone.
    pub(super) cone: bool,
    /// Whether it brought nothing at all although it ended in order.
    pub(super) empty: bool,
}

/// Most peers remembered per missing thing.
const SOURCES_MAX: usize = 4;

impl Wants {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            missing: BTreeMap::new(),
            open: BTreeMap::new(),
            next_ticket: 0,
            limits: limits.clone(),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.missing.len()
    }

    /// Whether a past is being fetched right now.
    pub(super) fn fetching_past(&self) -> bool {
        self.open.values().any(Asked::is_cone)
    }

    /// Remembers that `want` is missing and that `source` should have it. Returns when to ask.
    pub(super) fn add(&mut self, now: Time, want: Want, source: NodeId) -> Option<Time> {
        let due = now + self.limits.ask_delay;
        if let Some(missing) = self.missing.get_mut(&want) {
            if !missing.sources.contains(&source) && missing.sources.len() < SOURCES_MAX {
                missing.sources.push(source);
            }
            return Some(missing.due);
        }
        let of_peer =
            self.missing.values().filter(|missing| missing.sources.first() == Some(&source));
        if self.missing.len() >= self.limits.wants_max
            || of_peer.count() >= self.limits.wants_per_peer
        {
            return None;
        }
        let missing = Missing { sources: [source].into(), due, attempts: 0, asked: None };
        self.missing.insert(want, missing);
        Some(due)
    }

    /// `want` is here. Returns whether it was wanted.
    pub(super) fn satisfied(&mut self, want: Want) -> bool {
        let Some(missing) = self.missing.remove(&want) else {
            return false;
        };
        if let Some(asked) = missing.asked.and_then(|ticket| self.open.get_mut(&ticket)) {
            asked.brought += 1;
        }
        true
    }

    /// A transaction came in an answer of `from`.
    pub(super) fn brought(&mut self, from: NodeId) {
        for asked in self.open.values_mut().filter(|asked| asked.to == from) {
            asked.brought += 1;
        }
    }

    /// Asks for all that is due, in as few requests as possible. `have` is called for the frontier
    /// when a cone is asked for. Returns when to come back.
    pub(super) fn ask_due(
        &mut self,
        now: Time,
        connected: &dyn Fn(&NodeId) -> bool,
        anyone: Option<NodeId>,
        have: &dyn Fn() -> Vec<TxId>,
        out: &mut Outbox,
    ) -> Option<Time> {
        self.give_up();
        let due: Vec<Want> = self
            .missing
            .iter()
            .filter(|(_, missing)| missing.asked.is_none() && missing.due <= now)
            .map(|(want, _)| *want)
            .collect();
        let mut by_request: BTreeMap<(NodeId, u8), Vec<Want>> = BTreeMap::new();
        for want in due {
            let Some(missing) = self.missing.get_mut(&want) else {
                continue;
            };
            missing.sources.retain(|source| connected(source));
            if let Some(peer) = missing.sources.first().copied().or(anyone) {
                by_request.entry((peer, want.kind())).or_default().push(want);
            } else {
                // Nobody to ask: wait for a connection.
                missing.due = now + self.limits.ask_again;
            }
        }
        for ((peer, _), wants) in by_request {
            for wants in wants.chunks(WANTS_MAX) {
                self.ask(peer, wants, have, out);
            }
        }
        // What is due and found no room goes out when a request ends.
        let later = |missing: &&Missing| missing.asked.is_none() && missing.due > now;
        self.missing.values().filter(later).map(|missing| missing.due).min()
    }

    fn give_up(&mut self) {
        let attempts_max = self.limits.ask_attempts;
        self.missing
            .retain(|_, missing| missing.asked.is_some() || missing.attempts < attempts_max);
    }

    fn ask(&mut self, to: NodeId, wants: &[Want], have: &dyn Fn() -> Vec<TxId>, out: &mut Outbox) {
        // What finds no room now stays due, and goes out when a request ends.
        let open_there = self.open.values().filter(|asked| asked.to == to).count();
        let past = wants.iter().any(|want| matches!(want, Want::Past(_)));
        if open_there >= self.limits.asks_per_peer || (past && self.fetching_past()) {
            return;
        }
        let transactions =
            |wants: &[Want]| wants.iter().filter_map(Want::transaction).collect::<Vec<TxId>>();
        match wants {
            [] => {}
            // One key per request; the others follow when it ends.
            [want @ Want::Key(key), ..] => {
                self.open(to, core::slice::from_ref(want), Message::GetKey(*key), out);
            }
            [Want::Transaction(_), ..] => {
                self.open(to, wants, Message::GetTransactions(transactions(wants)), out);
            }
            [Want::Past(_), ..] => {
                let cone =
                    GetCone { want: transactions(wants), have: have(), from: Position::ZERO };
                self.open(to, wants, Message::GetCone(cone), out);
            }
        }
    }

    fn open(&mut self, to: NodeId, wants: &[Want], message: Message, out: &mut Outbox) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        for want in wants {
            if let Some(missing) = self.missing.get_mut(want) {
                missing.asked = Some(ticket);
                missing.attempts += 1;
            }
        }
        self.open.insert(ticket, Asked { to, wants: wants.into(), brought: 0 });
        out.ask(to, ticket, message);
    }

    /// A request ended; `next` says where a cone that was cut goes on. Returns how it ended, and
    /// `None` for a ticket that is not open.
    pub(super) fn answered(
        &mut self,
        now: Time,
        ticket: Ticket,
        in_order: bool,
        next: Option<Position>,
        have: &dyn Fn() -> Vec<TxId>,
        out: &mut Outbox,
    ) -> Option<Ended> {
        let asked = self.open.remove(&ticket)?;
        let cone = asked.is_cone();
        let ended = Ended { cone, empty: in_order && asked.brought == 0 && next.is_none() };
        let left: Vec<Want> =
            asked.wants.iter().filter(|want| self.missing.contains_key(want)).copied().collect();
        if let Some(from) = next.filter(|_| cone && !left.is_empty() && asked.brought > 0) {
            let want = left.iter().filter_map(Want::transaction).collect();
            let go_on = GetCone { want, have: have(), from };
            self.open(asked.to, &left, Message::GetCone(go_on), out);
            for want in &left {
                // A long past is one attempt, however many answers it takes.
                if let Some(missing) = self.missing.get_mut(want) {
                    missing.attempts = 1;
                }
            }
            return Some(ended);
        }
        for want in left {
            if let Some(missing) = self.missing.get_mut(&want) {
                missing.asked = None;
                missing.due = now + back_off(self.limits.ask_again, missing.attempts);
                // The next attempt goes to somebody else, if there is anybody.
                let tried = missing.sources.len().min(1);
                missing.sources.rotate_left(tried);
            }
        }
        Some(ended)
    }
}

impl Asked {
    fn is_cone(&self) -> bool {
        self.wants.iter().any(|want| matches!(want, Want::Past(_)))
    }
}

impl Want {
    /// Wants of one kind can go into one request.
    const fn kind(&self) -> u8 {
        match self {
            Self::Past(_) => 0,
            Self::Transaction(_) => 1,
            Self::Key(_) => 2,
        }
    }

    const fn transaction(&self) -> Option<TxId> {
        match self {
            Self::Past(id) | Self::Transaction(id) => Some(*id),
            Self::Key(_) => None,
        }
    }
}

/// Doubles with each attempt, up to 32 times.
pub(super) fn back_off(base: Span, attempts: u32) -> Span {
    Span::from_millis(base.as_millis().saturating_mul(1 << attempts.saturating_sub(1).min(5)))
}
