//! What a seller waits for, in one table.

use std::collections::{BTreeMap, BTreeSet};

use weft_core::{digest::BodyId, time::Time};

use super::Connection;

/// A reason to wake up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A connection has been silent for too long: no hello, or no payment.
    Session(Connection),
    /// A channel wants to be looked up, or claimed.
    Account(BodyId),
}

/// When each is due: one time for each reason.
#[derive(Debug, Default)]
pub(super) struct Timers {
    by_time: BTreeSet<(Time, Timer)>,
    by_reason: BTreeMap<Timer, Time>,
}

impl Timers {
    /// Sets `timer`, and forgets when it was due before.
    pub(super) fn set(&mut self, timer: Timer, at: Time) {
        self.clear(timer);
        self.by_reason.insert(timer, at);
        self.by_time.insert((at, timer));
    }

    pub(super) fn clear(&mut self, timer: Timer) {
        if let Some(at) = self.by_reason.remove(&timer) {
            self.by_time.remove(&(at, timer));
        }
    }

    /// When `timer` is due.
    pub(super) fn due(&self, timer: Timer) -> Option<Time> {
        self.by_reason.get(&timer).copied()
    }

    /// When the first is due.
    pub(super) fn next(&self) -> Option<Time> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes the first that is due.
    pub(super) fn take_due(&mut self, now: Time) -> Option<Timer> {
        let (at, timer) = *self.by_time.first()?;
        (at <= now).then(|| {
            self.clear(timer);
            timer
        })
    }
}
