//! How much passes through this node and how soon it is final: over the last minute.
//!
//! The counters of `metrics` only grow, and whoever wants a rate or a percentile needs a program
//! that scrapes them. This is for whoever looks at one node without such a program: `/v1/status`
//! and the explorer. One slot per second, each with its counts and its histogram; an old slot is
//! emptied when its turn comes again.
//!
//! Invariant: fixed memory, about 350 KiB, however much passes.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use serde::Serialize;
use utoipa::ToSchema;

/// How far back it looks for times, in seconds.
const TIMES_SECONDS: usize = 60;
/// How far back it looks for rates, in seconds.
const RATES_SECONDS: u64 = 10;
/// Slots: whole seconds, and the one that is being filled.
const SLOTS: usize = TIMES_SECONDS + 1;
/// Longest time that is told apart, in milliseconds; longer ones count as this.
const TIME_MAX_MS: u64 = 120_000;

/// What passed in the last minute.
#[derive(Debug)]
pub(crate) struct Pace {
    born: Instant,
    slots: Mutex<Vec<Slot>>,
}

/// One second.
#[derive(Debug)]
struct Slot {
    /// Which one, since the node started.
    second: u64,
    attached: u64,
    ordered: u64,
    times: Histogram<u32>,
}

/// How much passes, and how fast.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct PaceShown {
    /// Transactions attached per second, over the last 10 whole seconds.
    attached_per_second: f64,
    /// Transactions ordered by commits per second, over the same.
    ordered_per_second: f64,
    /// From the attaching here to the place in the order: the median of the last minute, in ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    final_p50_ms: Option<u64>,
    /// The same, of the slowest hundredth.
    #[serde(skip_serializing_if = "Option::is_none")]
    final_p99_ms: Option<u64>,
    /// How many were ordered in the last minute of which the time is known.
    final_count: u64,
}

fn times() -> Histogram<u32> {
    Histogram::new_with_bounds(1, TIME_MAX_MS, 2).expect("bounds of which the library approves")
}

impl Pace {
    pub(crate) fn new(now: Instant) -> Self {
        let slot = |_| Slot { second: 0, attached: 0, ordered: 0, times: times() };
        Self { born: now, slots: Mutex::new((0..SLOTS).map(slot).collect()) }
    }

    /// A transaction was attached.
    pub(crate) fn attached(&self, now: Instant) {
        self.with_slot(now, |slot| slot.attached += 1);
    }

    /// A commit ordered `count` transactions; those attached here before, after these times.
    pub(crate) fn ordered(&self, now: Instant, count: u64, took: impl Iterator<Item = Duration>) {
        self.with_slot(now, |slot| {
            slot.ordered += count;
            for took in took {
                slot.times.saturating_record(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            }
        });
    }

    pub(crate) fn shown(&self, now: Instant) -> PaceShown {
        let second = self.second(now);
        let slots = self.lock();
        // The current second is not over: to count it would be to divide by too much.
        let span = second.min(RATES_SECONDS);
        let whole = |slot: &&Slot| slot.second < second && slot.second + span >= second;
        let whole: Vec<&Slot> = slots.iter().filter(whole).collect();
        let rate = |count: u64| {
            if span == 0 { 0.0 } else { (count as f64 / span as f64 * 10.0).round() / 10.0 }
        };
        let mut all = times();
        let recent = slots.iter().filter(|slot| slot.second + TIMES_SECONDS as u64 >= second);
        for slot in recent {
            all.add(&slot.times).expect("both have the same bounds");
        }
        let at = |quantile| (!all.is_empty()).then(|| all.value_at_quantile(quantile));
        PaceShown {
            attached_per_second: rate(whole.iter().map(|slot| slot.attached).sum()),
            ordered_per_second: rate(whole.iter().map(|slot| slot.ordered).sum()),
            final_p50_ms: at(0.5),
            final_p99_ms: at(0.99),
            final_count: all.len(),
        }
    }

    fn with_slot(&self, now: Instant, change: impl FnOnce(&mut Slot)) {
        let second = self.second(now);
        let mut slots = self.lock();
        let at = usize::try_from(second % SLOTS as u64).unwrap_or(0);
        let Some(slot) = slots.get_mut(at) else { return };
        if slot.second != second {
            (slot.second, slot.attached, slot.ordered) = (second, 0, 0);
            slot.times.reset();
        }
        change(slot);
    }

    fn second(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.born).as_secs()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn rates_are_of_whole_seconds_and_times_of_a_minute() {
        let born = Instant::now();
        let pace = Pace::new(born);
        assert_eq!(
            (pace.shown(born).attached_per_second, pace.shown(born).final_p50_ms),
            (0.0, None)
        );
        // 20 a second, of which each takes as many ms as its number.
        for second in 0..30 {
            let now = born + SECOND * second;
            (0..20).for_each(|_| pace.attached(now));
            pace.ordered(now, 20, (1..=20).map(Duration::from_millis));
        }
        let shown = pace.shown(born + SECOND * 30);
        assert_eq!((shown.attached_per_second, shown.ordered_per_second), (20.0, 20.0));
        assert_eq!((shown.final_p50_ms, shown.final_p99_ms), (Some(10), Some(20)));
        assert_eq!(shown.final_count, 600);
        // In the middle of the third second, two are over.
        let early = Pace::new(born);
        (0..3).for_each(|second| early.attached(born + SECOND * second));
        assert_eq!(early.shown(born + SECOND * 5 / 2).attached_per_second, 1.0);
    }

    #[test]
    fn what_is_older_is_forgotten_though_nothing_came_after() {
        let born = Instant::now();
        let pace = Pace::new(born);
        pace.attached(born);
        pace.ordered(born, 1, [Duration::from_secs(9_999)].into_iter());
        let (soon, later) = (pace.shown(born + SECOND), pace.shown(born + SECOND * 11));
        assert_eq!((soon.attached_per_second, later.attached_per_second), (1.0, 0.0));
        assert!(later.final_p50_ms.is_some_and(|ms| ms >= TIME_MAX_MS * 99 / 100));
        assert_eq!(pace.shown(born + SECOND * 61).final_p50_ms, None);
        // The slot comes again.
        pace.attached(born + SECOND * 61);
        assert_eq!(pace.shown(born + SECOND * 62).attached_per_second, 0.1);
    }
}
