//! What things cost, in modelled time: checks on the cores of a node, steps of its machine, batches
//! on its disk.
//!
//! All zero by default: a check is over when it begins. Whoever reports a figure that rests on
//! costs prints them beside it: what they say is a measurement of somewhere, not of the simulation.
//!
//! Invariant: costs are counted in microseconds and added up as such; only the instant at which
//! something becomes visible is rounded, to the nearest millisecond, which is what time is made of
//! here. So a thousand checks of 120 us take 120 ms of a core, and one takes none.
//!
//! Left out on purpose: caches, clock rates and the kernel. A cost is a number.

use weft_core::time::{Span, Time};

/// What one thing of each kind costs, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Costs {
    /// The check of one signature: of a transaction, or of a checkpoint.
    pub verify_us: u64,
    /// Decoding and hashing a transaction, checkpoint or attachment, seen before or not.
    pub hash_us: u64,
    /// The work that a client makes for one attachment: it is handed over that much later.
    pub work_us: u64,
    /// One input in the machine, whatever it is.
    pub handle_us: u64,
    /// Writing one transaction, within a batch.
    pub store_us: u64,
    /// Cores that check; 0 counts as 1. The machine has a core of its own.
    pub cores: u64,
    /// Whether what is checked at the same time leaves in random order. A node keeps the order; a
    /// machine must not depend on it.
    pub shuffles: bool,
}

/// An instant in microseconds, for sums that must not lose the small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Micros(pub(crate) u64);

impl Micros {
    pub(crate) const fn of(time: Time) -> Self {
        Self(time.as_millis().saturating_mul(1_000))
    }

    pub(crate) const fn plus(self, us: u64) -> Self {
        Self(self.0.saturating_add(us))
    }

    /// The nearest millisecond.
    pub(crate) const fn rounded(self) -> Time {
        Time::from_millis(self.0.saturating_add(500) / 1_000)
    }
}

/// A span in microseconds.
pub(crate) const fn micros(span: Span) -> u64 {
    span.as_millis().saturating_mul(1_000)
}

/// A worker that does one thing after the other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Worker {
    free: Micros,
}

impl Worker {
    /// When something is done that came at `since` and takes `us`, if nothing else comes between.
    pub(crate) fn does(&mut self, since: Time, us: u64) -> Micros {
        self.free = self.free.max(Micros::of(since)).plus(us);
        self.free
    }

    /// When it has done everything.
    pub(crate) const fn free(&self) -> Micros {
        self.free
    }
}

/// How long `cores` take for things that cost so much, each taken by the first that is free.
pub(crate) fn makespan(costs: impl Iterator<Item = u64>, cores: u64) -> u64 {
    let count = usize::try_from(cores.clamp(1, 1_024)).unwrap_or(1);
    let mut busy = vec![0_u64; count];
    for cost in costs.filter(|cost| *cost > 0) {
        if let Some(first) = busy.iter_mut().min() {
            *first = first.saturating_add(cost);
        }
    }
    busy.into_iter().max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_share_the_work() {
        let ten = || std::iter::repeat_n(100, 10);
        assert_eq!(makespan(ten(), 0), 1_000);
        assert_eq!(makespan(ten(), 1), 1_000);
        assert_eq!(makespan(ten(), 4), 300);
        assert_eq!(makespan([500, 100, 100].into_iter(), 2), 500);
        assert_eq!(makespan([0, 0].into_iter(), 2), 0);
    }

    #[test]
    fn what_is_small_adds_up() {
        let mut worker = Worker::default();
        let now = Time::from_millis(5);
        for _ in 0..10 {
            worker.does(now, 120);
        }
        assert_eq!(worker.free(), Micros(6_200));
        assert_eq!(worker.free().rounded(), Time::from_millis(6));
        assert_eq!(worker.does(Time::from_millis(9), 100), Micros(9_100));
    }
}
