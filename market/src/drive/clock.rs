//! The machines' `now`: this machine's clock, in the ledger's unit.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use weft_core::time::Time;

/// Now, in ms since the Unix epoch; 0 on a machine whose clock is before it.
pub(crate) fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// When it is `time`, for a timer. A clock that is set meanwhile makes it late or early; whoever
/// waits looks again.
pub(crate) fn until(time: Time) -> Instant {
    Instant::now() + Duration::from_millis(time.since(now()).as_millis())
}
