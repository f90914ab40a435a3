//! How much may be attached and not ordered yet: what the network orders in a few tenths of a
//! second.
//!
//! What is attached beyond that becomes final no sooner, since every node must have it first; it
//! only fills the way of the checkpoints and of what they cite, until rounds stand still. By
//! Little's law the length of that way is its pace times the time it takes, so the window follows
//! the pace, as congestion control does.
//!
//! Invariant: the pace cannot lift itself: what is not ordered does not count for it. Where nothing
//! is ordered at all because a quorum is missing, the window widens slowly, so that what is posted
//! is taken and kept until the quorum is back.

use crate::time::{Span, Time};

/// The window of a network that has no pace yet.
const LEAST: u64 = 512;

/// The time that what is in the window should take, in milliseconds: several commits.
const WAY_MS: u64 = 400;

/// How long the pace is measured.
const MEASURED: Span = Span::from_millis(500);

/// After so long without a commit the window widens, by one each millisecond.
const STANDSTILL: Span = Span::from_millis(2_000);

/// The window of one node.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Transactions ordered per second, lately.
    per_s: u64,
    /// Those since `since`.
    count: u64,
    since: Time,
    /// The last commit since the start: before, nothing is known.
    last: Option<Time>,
}

impl Window {
    /// A commit ordered `count`.
    pub(super) fn ordered(&mut self, now: Time, count: u64) {
        let measured = now.since(self.since);
        if measured >= MEASURED {
            self.per_s = self.count.saturating_mul(1_000) / measured.as_millis();
            (self.count, self.since) = (0, now);
        }
        self.count += count;
        self.last = Some(now);
    }

    /// Whether no more should be attached while `in_flight` are and wait for their place in the
    /// order.
    pub(super) fn is_full(&self, now: Time, in_flight: usize) -> bool {
        let Some(last) = self.last else { return false };
        let still = now.since(last).as_millis().saturating_sub(STANDSTILL.as_millis());
        let room = LEAST.max(self.per_s.saturating_mul(WAY_MS) / 1_000).saturating_add(still);
        in_flight as u64 >= room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::from_millis(1_000_000);

    fn at(ms: u64) -> Time {
        START + Span::from_millis(ms)
    }

    #[test]
    fn it_follows_the_pace_and_not_what_waits() {
        let mut window = Window::default();
        (0..=20).for_each(|step| window.ordered(at(step * 100), 1_000));
        // 10,000 a second: 4,000 in 400 ms.
        assert!(!window.is_full(at(2_000), 3_900) && window.is_full(at(2_000), 4_100));
        (21..=60).for_each(|step| window.ordered(at(step * 100), 1));
        assert!(!window.is_full(at(6_000), 511) && window.is_full(at(6_000), 512));
    }

    #[test]
    fn it_widens_slowly_where_nothing_is_ordered() {
        let mut window = Window::default();
        assert!(!window.is_full(START, 100_000), "before the first commit nothing is known");
        window.ordered(START, 0);
        assert!(window.is_full(at(2_000), 512) && !window.is_full(at(2_001), 512));
        assert!(window.is_full(at(60_000), 60_000) && !window.is_full(at(60_000), 50_000));
    }
}
