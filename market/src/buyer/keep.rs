//! Groups what must be written, and knows what is on disk.

use super::{Counter, Out, Ticket};

/// What is on disk, and what is on its way there.
#[derive(Debug)]
pub(super) struct Keeper {
    last: u64,
    /// The write under way, and the index that it brings to disk.
    flying: Option<(Ticket, u32)>,
    must_write: bool,
    durable: u32,
}

impl Keeper {
    /// With a counter of this index on disk.
    pub(super) const fn new(durable: u32) -> Self {
        Self { last: 0, flying: None, must_write: false, durable }
    }

    /// The highest index that may be said.
    pub(super) const fn durable(&self) -> u32 {
        self.durable
    }

    /// Something must be on disk before what waits for it goes on. All else is written with it.
    pub(super) const fn must_write(&mut self) {
        self.must_write = true;
    }

    /// Hands the counter over, if nothing else is under way.
    pub(super) fn flush(&mut self, counter: &Counter, out: &mut Out) {
        let waiting = out.write.as_ref().map(|(ticket, _)| *ticket);
        let is_busy = self.flying.is_some_and(|(ticket, _)| Some(ticket) != waiting);
        if !self.must_write || is_busy {
            return;
        }
        self.must_write = false;
        let ticket = self.flying.map_or_else(
            || {
                self.last += 1;
                Ticket(self.last)
            },
            |(ticket, _)| ticket,
        );
        self.flying = Some((ticket, counter.paid));
        out.write = Some((ticket, counter.clone()));
    }

    pub(super) fn synced(&mut self, ticket: Ticket) {
        if let Some((_, index)) = self.flying.take_if(|(flying, _)| *flying <= ticket) {
            self.durable = self.durable.max(index);
        }
    }
}
