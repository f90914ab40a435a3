//! The machine's clock.

use std::time::{SystemTime, UNIX_EPOCH};

use weft_core::time::Time;

/// Now, as this machine has it; 0 before 1970.
pub(crate) fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
