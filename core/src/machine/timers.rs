//! Every reason for a machine to wake up, in one enum and one table.
//!
//! Invariant: a timer fires at most once per setting, and never before its time.

use crate::time::Time;

/// A reason to wake up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// Some tip leaves.
    Tips,
    /// Some transaction has waited too long for its parents.
    Waiting,
    /// Some missing thing is to be asked for.
    Ask,
    /// Gathered announcements leave.
    Announce,
    /// Some announced transaction did not come by itself.
    Graft,
    /// The frontier is shown to a peer.
    Frontier,
    /// Neighbours are told of addresses, and the address book is written.
    Addresses,
    /// There are too few connections.
    Dial,
    /// A round may end.
    Pace,
    /// Some missing checkpoint is to be asked for.
    Catchup,
    /// More is to be fetched of what this node missed.
    Sync,
    /// Somebody's turn comes.
    Turn,
}

impl Timer {
    const ALL: [Self; 12] = [
        Self::Tips,
        Self::Waiting,
        Self::Ask,
        Self::Announce,
        Self::Graft,
        Self::Frontier,
        Self::Addresses,
        Self::Dial,
        Self::Pace,
        Self::Catchup,
        Self::Sync,
        Self::Turn,
    ];
}

/// When each timer fires next.
#[derive(Debug, Default)]
pub(super) struct Timers([Option<Time>; Timer::ALL.len()]);

impl Timers {
    /// Sets `timer` to fire at `at`, unless it fires earlier anyway.
    pub(super) fn set(&mut self, timer: Timer, at: Time) {
        if let Some(slot) = self.0.get_mut(timer as usize) {
            *slot = Some(slot.map_or(at, |earlier| earlier.min(at)));
        }
    }

    /// The earliest time any timer fires.
    pub(super) fn next(&self) -> Option<Time> {
        self.0.iter().flatten().min().copied()
    }

    /// A timer whose time has come, unset by this call.
    pub(super) fn take_due(&mut self, now: Time) -> Option<Timer> {
        let (slot, timer) =
            self.0.iter_mut().zip(Timer::ALL).find(|(slot, _)| slot.is_some_and(|at| at <= now))?;
        *slot = None;
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_setting_wins_and_fires_once() {
        let at = Time::from_millis;
        let mut timers = Timers::default();
        timers.set(Timer::Ask, at(20));
        timers.set(Timer::Ask, at(10));
        timers.set(Timer::Ask, at(30));
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.take_due(at(9)), None);
        assert_eq!(timers.take_due(at(10)), Some(Timer::Ask));
        assert_eq!(timers.take_due(at(100)), None);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn each_timer_has_its_own_slot() {
        for (slot, timer) in Timer::ALL.into_iter().enumerate() {
            assert_eq!(timer as usize, slot);
        }
    }
}
