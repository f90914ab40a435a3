//! The machine's clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use weft_core::time::Time;

/// What time a gateway has: that of the machine, or later.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// How far it was moved, in milliseconds. All copies share it.
    ahead_ms: Arc<AtomicU64>,
}

impl Clock {
    /// Now, as this machine has it; 0 before 1970.
    pub(crate) fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        Time::from_millis(ms.saturating_add(self.ahead_ms.load(Ordering::Relaxed)))
    }

    /// Moves it on, for whoever does not want to wait for hours: tests, and simulated outages.
    pub fn advance(&self, ms: u64) {
        self.ahead_ms.fetch_add(ms, Ordering::Relaxed);
    }
}
