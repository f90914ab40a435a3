//! The clock of each node: skewed, drifting, stepped, frozen; and timers that go off late or early.
//!
//! The world has one time. A machine is given that of its node, which `weft-node` makes so: the
//! system's clock is read once, at the start, and from then on a monotonic one counts. So a step of
//! the system's clock is felt at the next start, and within one life time never goes back.
//!
//! Invariant: `Clock::when` names the first instant of the world at which `Clock::at` says that a
//! deadline has come.
//!
//! Left out on purpose: clocks that agree by a protocol of their own. Nothing may rest on that.

use weft_core::time::{Span, Time};

use crate::kernel::random::Dice;

/// How far off the clocks of a world are, and its timers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// Each node's clock is off by up to this at the start, ahead or behind.
    pub skew: Span,
    /// It runs fast or slow by up to so many parts of a million.
    pub drift_ppm: u64,
    /// Timers go off late, by up to this.
    pub late: Span,
    /// A tenth of them goes off early, by up to this.
    pub early: Span,
}

/// The clock of one node.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// Milliseconds by which the system's clock is ahead of the world.
    ahead_ms: i64,
    /// Parts of a million by which it runs fast.
    ppm: i64,
    /// When this life began, or the clock last thawed: by the world, and by the node.
    since: (Time, Time),
    frozen: bool,
}

/// A million and nothing.
const WHOLE: i64 = 1_000_000;

impl Clock {
    /// A clock as far off as `clocks` allow.
    pub(crate) fn new(clocks: &Clocks, dice: &mut Dice) -> Self {
        let mut off = |most: u64| {
            let most = i64::try_from(most).unwrap_or(i64::MAX / 2).min(i64::MAX / 2);
            let drawn = dice.below(2 * most.unsigned_abs() + 1);
            i64::try_from(drawn).unwrap_or(0) - most
        };
        let (ahead_ms, ppm) = (off(clocks.skew.as_millis()), off(clocks.drift_ppm));
        let ppm = ppm.clamp(-WHOLE / 2, WHOLE);
        Self { ahead_ms, ppm, since: (Time::ZERO, Time::ZERO), frozen: false }
    }

    /// A life begins: the system's clock is read.
    pub(crate) fn start(&mut self, now: Time) {
        self.since = (now, moved(now, self.ahead_ms));
    }

    /// What the machine is told the time is.
    pub(crate) fn at(&self, now: Time) -> Time {
        let (world, node) = self.since;
        if self.frozen {
            return node;
        }
        let past = u128::from(now.since(world).as_millis()) * self.pace() / WHOLE as u128;
        node + Span::from_millis(u64::try_from(past).unwrap_or(u64::MAX))
    }

    /// When the world's time is such that the machine's is `deadline`; never, if it stands still.
    pub(crate) fn when(&self, deadline: Time) -> Option<Time> {
        let (world, node) = self.since;
        if self.frozen {
            return None;
        }
        let past = u128::from(deadline.since(node).as_millis()) * WHOLE as u128;
        let past = past.div_ceil(self.pace());
        Some(world + Span::from_millis(u64::try_from(past).unwrap_or(u64::MAX)))
    }

    /// The system's clock is set forward, or back: felt at the next start.
    pub(crate) fn step(&mut self, by_ms: i64) {
        self.ahead_ms = self.ahead_ms.saturating_add(by_ms);
    }

    /// It stands still from now on, or goes on from where it stood.
    pub(crate) fn freeze(&mut self, now: Time, frozen: bool) {
        self.since = (now, self.at(now));
        self.frozen = frozen;
    }

    fn pace(&self) -> u128 {
        u128::from((WHOLE + self.ppm).unsigned_abs())
    }
}

/// `time`, but never before the first millisecond: zero means "no clock" in places.
fn moved(time: Time, by_ms: i64) -> Time {
    Time::from_millis(time.as_millis().saturating_add_signed(by_ms).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    fn clock(ahead_ms: i64, ppm: i64) -> Clock {
        let mut clock = Clock { ahead_ms, ppm, since: (ms(0), ms(0)), frozen: false };
        clock.start(ms(1_000_000));
        clock
    }

    #[test]
    fn says_when_a_deadline_has_come_and_not_before() {
        for ppm in [-400_000, -77, 0, 13, 500, 300_000] {
            let clock = clock(-3_000, ppm);
            assert_eq!(clock.at(ms(1_000_000)), ms(997_000));
            for deadline in (997_001..998_000).chain([5_000_000]).map(ms) {
                let when = clock.when(deadline).unwrap();
                assert!(clock.at(when) >= deadline, "{ppm}: {when:?}");
                let before = clock.at(when.before(Span::from_millis(1)));
                assert!(before < deadline, "{ppm}: {before:?}");
            }
        }
    }

    #[test]
    fn a_step_is_felt_at_the_next_start() {
        let mut clock = clock(0, 0);
        clock.step(-20_000);
        assert_eq!(clock.at(ms(1_000_100)), ms(1_000_100));
        clock.start(ms(1_000_200));
        assert_eq!(clock.at(ms(1_000_300)), ms(980_300));
    }

    #[test]
    fn a_frozen_clock_goes_on_from_where_it_stood() {
        let mut clock = clock(0, 0);
        clock.freeze(ms(1_000_100), true);
        assert_eq!(clock.at(ms(1_005_000)), ms(1_000_100));
        assert_eq!(clock.when(ms(1_000_101)), None);
        clock.freeze(ms(1_005_000), false);
        assert_eq!(clock.at(ms(1_005_001)), ms(1_000_101));
        assert_eq!(clock.when(ms(1_000_200)), Some(ms(1_005_100)));
    }
}
