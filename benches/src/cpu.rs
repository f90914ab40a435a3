//! CPU time of the thread that asks: what others do on the machine meanwhile does not count.
//!
//! Left out on purpose: waiting, for a disk or for a lock. Who asks about that takes wall time.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How much CPU time a thread had used.
#[derive(Clone, Copy, Debug)]
pub struct ThreadTime(Duration);

impl ThreadTime {
    /// Of this thread, until now.
    pub fn now() -> Self {
        let used = clock_gettime(ClockId::ThreadCPUTime);
        let whole = Duration::from_secs(u64::try_from(used.tv_sec).unwrap_or(0));
        Self(whole + Duration::from_nanos(u64::try_from(used.tv_nsec).unwrap_or(0)))
    }

    /// What this thread, the same one, used since.
    pub fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}
