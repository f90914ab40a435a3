//! How fast a simulation is: events a second, and how much of that is the machine's own work.
//!
//! The only place where the clock of the host is looked at. Invariant: what it shows never
//! influences a run, nor anything that is written of one beside these figures.

use std::{fmt, time::Duration};

/// Wall time so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meter {
    /// Inside of machines.
    pub(crate) inside: Duration,
    /// In all.
    pub(crate) wall: Duration,
    /// Things that happened.
    pub(crate) events: u64,
}

/// How fast a world was. Differs from run to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Things that happened in the world.
    pub events: u64,
    /// Wall time that took, in microseconds.
    pub wall_us: u64,
    /// Of that, inside of machines.
    pub machine_us: u64,
    /// Virtual time that passed, in milliseconds.
    pub virtual_ms: u64,
}

impl Figures {
    pub(crate) fn new(meter: &Meter, inside: Duration, virtual_ms: u64) -> Self {
        let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let (wall_us, machine_us) = (us(meter.wall), us(inside));
        Self { events: meter.events, wall_us, machine_us, virtual_ms }
    }

    /// Things that happened in a second of wall time.
    pub const fn events_per_s(&self) -> u64 {
        self.events.saturating_mul(1_000_000) / if self.wall_us == 0 { 1 } else { self.wall_us }
    }

    /// The share of wall time inside of machines, in percent.
    pub const fn machine_percent(&self) -> u64 {
        self.machine_us.saturating_mul(100) / if self.wall_us == 0 { 1 } else { self.wall_us }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} events in {} ms, {} a second, {} % of it in the machine; {} virtual ms",
            self.events,
            self.wall_us / 1_000,
            self.events_per_s(),
            self.machine_percent(),
            self.virtual_ms,
        )
    }
}
