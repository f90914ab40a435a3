//! The machine's clock: milliseconds since the Unix epoch that never go back.
//!
//! Read from the system's clock once, then counted by its monotonic one: a step of the system's
//! clock neither stops timers nor fires them all at once. It takes effect at the next start.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use weft_core::time::{Span, Time};

/// A clock that never goes back.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    at: Time,
}

impl Clock {
    /// Starts at the system's time. A system before 1970 starts at the epoch.
    pub fn start() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::start_at(Time::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Starts at `at` whatever the system says: for whoever does not want to wait for days.
    pub fn start_at(at: Time) -> Self {
        Self { started: Instant::now(), at }
    }

    /// Now.
    pub fn now(&self) -> Time {
        let past = self.started.elapsed().as_millis();
        self.at + Span::from_millis(u64::try_from(past).unwrap_or(u64::MAX))
    }
}
