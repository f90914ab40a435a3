//! Groups what must be written, so that one sync serves many payments.
//!
//! Invariant: at most one batch is under way. While its driver has not taken it, it grows; after
//! that, what comes is in the next.

use std::collections::{BTreeMap, BTreeSet};

use weft_core::digest::BodyId;

use super::{Account, Opened, Out, Ticket, Write, Writes};

/// What must be written.
#[derive(Debug, Default)]
pub(super) struct Log {
    last: u64,
    flying: Option<Flying>,
    opened: Vec<Opened>,
    /// Channels whose counter has changed.
    changed: BTreeSet<BodyId>,
    forgotten: Vec<BodyId>,
}

/// A batch under way.
#[derive(Debug)]
struct Flying {
    ticket: Ticket,
    /// How far it brings which counter.
    reaches: BTreeMap<BodyId, u32>,
}

impl Log {
    pub(super) fn opened(&mut self, opened: Opened) {
        self.opened.push(opened);
    }

    pub(super) fn changed(&mut self, channel: BodyId) {
        self.changed.insert(channel);
    }

    pub(super) fn forget(&mut self, channel: BodyId) {
        self.changed.remove(&channel);
        self.opened.retain(|opened| opened.channel != channel);
        self.forgotten.push(channel);
    }

    /// Hands over what has gathered, if nothing is under way.
    pub(super) fn flush(&mut self, accounts: &BTreeMap<BodyId, Account>, out: &mut Out) {
        if self.opened.is_empty() && self.changed.is_empty() && self.forgotten.is_empty() {
            return;
        }
        let waiting = out.writes.as_ref().map(|writes| writes.ticket);
        if self.flying.as_ref().is_some_and(|flying| Some(flying.ticket) != waiting) {
            return;
        }
        let flying = self.flying.get_or_insert_with(|| {
            self.last += 1;
            Flying { ticket: Ticket(self.last), reaches: BTreeMap::new() }
        });
        let fresh = Writes { ticket: flying.ticket, items: Vec::new() };
        let items = &mut out.writes.get_or_insert(fresh).items;
        items.extend(self.opened.drain(..).map(Write::Opened));
        for channel in core::mem::take(&mut self.changed) {
            if let Some(account) = accounts.get(&channel) {
                flying.reaches.insert(channel, account.counter.index);
                items.push(Write::Counter(account.counter.clone()));
            }
        }
        items.extend(self.forgotten.drain(..).map(Write::Forget));
    }

    /// The batch `ticket` is on disk: which counters are there, and how far.
    pub(super) fn synced(&mut self, ticket: Ticket) -> BTreeMap<BodyId, u32> {
        let is_ours = self.flying.as_ref().is_some_and(|flying| flying.ticket <= ticket);
        let flying = is_ours.then(|| self.flying.take()).flatten();
        flying.map(|flying| flying.reaches).unwrap_or_default()
    }
}
