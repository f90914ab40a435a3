//! How fast is taken: so many bytes per second, and so many at once after a pause.
//!
//! Invariant: what is saved up, and what is owed, is at most a burst.

use crate::time::{Span, Time};

/// A token bucket. It gives while anything is in it, and may owe: so the length of what comes next
/// need not be known.
#[derive(Debug)]
pub(super) struct Bucket {
    bytes_per_s: u64,
    /// In thousandths of a byte: what a millisecond brings is whole then.
    burst: i64,
    credit: i64,
    at: Time,
}

impl Bucket {
    pub(super) fn new(bytes_per_s: u64, burst: u64) -> Self {
        let burst = thousandths(burst).max(1);
        Self { bytes_per_s: bytes_per_s.max(1), burst, credit: burst, at: Time::ZERO }
    }

    /// Whether something may be taken at `now`.
    pub(super) fn gives(&mut self, now: Time) -> bool {
        let brought = now.since(self.at).as_millis().saturating_mul(self.bytes_per_s);
        let brought = i64::try_from(brought).unwrap_or(i64::MAX);
        self.credit = self.credit.saturating_add(brought).min(self.burst);
        self.at = now;
        self.credit > 0
    }

    /// Whether it gave all it had, when it was asked last.
    pub(super) const fn is_empty(&self) -> bool {
        self.credit <= 0
    }

    pub(super) fn spend(&mut self, bytes: u64) {
        self.credit = self.credit.saturating_sub(thousandths(bytes)).max(-self.burst);
    }

    /// When it gives again.
    pub(super) fn due(&self) -> Time {
        let owed = u64::try_from(self.credit.saturating_neg().saturating_add(1)).unwrap_or(0);
        self.at + Span::from_millis(owed.div_ceil(self.bytes_per_s))
    }
}

fn thousandths(bytes: u64) -> i64 {
    i64::try_from(bytes.saturating_mul(1_000)).unwrap_or(i64::MAX)
}
