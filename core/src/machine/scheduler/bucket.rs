//! How fast is taken: so much per second, bytes or transactions, and so much at once after a pause.
//!
//! Invariant: what is saved up is at most a burst, and what is owed is bounded too.

use crate::time::{Span, Time};

/// A token bucket. It gives while anything is in it, and may owe: so the length of what comes next
/// need not be known.
#[derive(Debug)]
pub(super) struct Bucket {
    per_s: u64,
    /// In thousandths: what a millisecond brings is whole then.
    burst: i64,
    debt_max: i64,
    credit: i64,
    at: Time,
}

impl Bucket {
    /// Full at first.
    pub(super) fn new(per_s: u64, burst: u64, debt_max: u64) -> Self {
        let (burst, debt_max) = (thousandths(burst).max(1), thousandths(debt_max).max(1));
        Self { per_s: per_s.max(1), burst, debt_max, credit: burst, at: Time::ZERO }
    }

    /// Another rate; at once is as much as it brings in `saved`, and `least` in any case.
    pub(super) fn set(&mut self, per_s: u64, saved: Span, least: u64) {
        self.per_s = per_s.max(1);
        let brought = i64::try_from(saved.as_millis().saturating_mul(self.per_s));
        self.burst = brought.unwrap_or(i64::MAX).max(thousandths(least)).max(1);
    }

    /// Whether something may be taken at `now`.
    pub(super) fn gives(&mut self, now: Time) -> bool {
        let brought = now.since(self.at).as_millis().saturating_mul(self.per_s);
        let brought = i64::try_from(brought).unwrap_or(i64::MAX);
        self.credit = self.credit.saturating_add(brought).min(self.burst);
        self.at = now;
        self.credit > 0
    }

    /// Whether it gave all it had, when it was asked last.
    pub(super) const fn is_empty(&self) -> bool {
        self.credit <= 0
    }

    pub(super) fn spend(&mut self, count: u64) {
        self.credit = self.credit.saturating_sub(thousandths(count)).max(-self.debt_max);
    }

    /// When it gives again.
    pub(super) fn due(&self) -> Time {
        let owed = u64::try_from(self.credit.saturating_neg().saturating_add(1)).unwrap_or(0);
        self.at + Span::from_millis(owed.div_ceil(self.per_s))
    }
}

fn thousandths(count: u64) -> i64 {
    i64::try_from(count.saturating_mul(1_000)).unwrap_or(i64::MAX)
}
