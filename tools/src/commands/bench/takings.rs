//! What many buyers have got, and how late.

use std::sync::{Arc, Mutex, PoisonError};

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::time::Instant;
use weft_market::{
    buyer::{End, Event},
    drive::{Stall, Told},
};

use crate::time::now_ms;

/// Longest delay that is told apart, in ms.
const LONGEST_MS: u64 = 600_000;

/// What all buyers have got so far.
#[derive(Clone)]
pub(super) struct Takings {
    buyers: Vec<Buyer>,
    /// From a reading's own time to its arrival, in ms; right where both ends share a clock.
    delays: Histogram<u64>,
    /// When the first reading of all came, and the last.
    span: Option<(Instant, Instant)>,
    /// Connections lost or not made.
    apart: u64,
    /// Batches written, and the syncs that it took.
    pub(super) writes: (u64, u64),
}

/// What one has got.
#[derive(Clone, Debug)]
struct Buyer {
    next: u64,
    readings: u64,
    ticks: u32,
    /// Why it is not complete, whatever it has.
    flaw: Option<String>,
}

impl Takings {
    /// Nothing yet, for so many buyers who begin with chunk `first`.
    ///
    /// # Panics
    /// Never: the bounds of the histogram are constants that fit.
    pub(super) fn new(buyers: usize, first: u64) -> Self {
        let delays = Histogram::new_with_bounds(1, LONGEST_MS, 3);
        let none = Buyer { next: first, readings: 0, ticks: 0, flaw: None };
        Self {
            buyers: vec![none; buyers],
            delays: delays.expect("1 ms to 10 min at three digits"),
            span: None,
            apart: 0,
            writes: (0, 0),
        }
    }

    fn add(&mut self, number: usize, told: Told) {
        let Some(buyer) = self.buyers.get_mut(number) else { return };
        match told {
            Told::Apart { .. } => self.apart += 1,
            Told::Event(Event::Readings { sequence, index, chunk, .. }) => {
                if sequence != buyer.next {
                    buyer.flaw = Some(format!("chunk {sequence} came for {}", buyer.next));
                }
                buyer.next = sequence.saturating_add(1);
                buyer.readings += chunk.readings().len() as u64;
                buyer.ticks = buyer.ticks.max(index);
                let now = now_ms();
                for reading in chunk.readings() {
                    self.delays.saturating_record(now.saturating_sub(reading.time.as_millis()));
                }
                let first = self.span.map_or_else(Instant::now, |(first, _)| first);
                self.span = Some((first, Instant::now()));
            }
            Told::Event(Event::Ended(End::Stopped) | Event::Began { .. } | Event::Paid { .. }) => {}
            Told::Event(Event::Waiting(_)) => {}
            Told::Event(Event::Gap { from, to }) => {
                buyer.flaw = Some(format!("chunks {from} to {to} are missing"));
            }
            Told::Event(Event::Ended(end)) => buyer.flaw = Some(end.to_string()),
        }
    }

    fn complete(&self, wanted: u64) -> usize {
        let is_complete = |buyer: &&Buyer| buyer.flaw.is_none() && buyer.readings >= wanted;
        self.buyers.iter().filter(is_complete).count()
    }

    fn ticks(&self) -> u64 {
        self.buyers.iter().map(|buyer| u64::from(buyer.ticks)).sum()
    }

    fn seconds(&self) -> f64 {
        self.span.map_or(0.0, |(first, last)| last.duration_since(first).as_secs_f64())
    }

    fn ticks_per_second(&self) -> f64 {
        (self.ticks() as f64 / self.seconds().max(0.001)).round()
    }

    /// The delay that so large a part of the readings did not exceed, in ms.
    fn delay(&self, part: f64) -> u64 {
        self.delays.value_at_quantile(part)
    }

    /// Why somebody is not complete, if there is a reason but time.
    fn flaw(&self) -> Option<&str> {
        self.buyers.iter().find_map(|buyer| buyer.flaw.as_deref())
    }

    /// As JSON, for buyers who wanted so many readings each.
    pub(super) fn value(&self, wanted: u64) -> Value {
        let readings: u64 = self.buyers.iter().map(|buyer| buyer.readings).sum();
        json!({
            "buyers": self.buyers.len(), "complete": self.complete(wanted), "flaw": self.flaw(),
            "readings": readings, "ticks": self.ticks(), "seconds": self.seconds(),
            "ticks_per_s": self.ticks_per_second(), "apart": self.apart,
            "delay_p50_ms": self.delay(0.5), "delay_p99_ms": self.delay(0.99),
            "writes": self.writes.0, "syncs": self.writes.1,
        })
    }

    /// For people.
    pub(super) fn text(&self, wanted: u64) -> String {
        let flaw = self.flaw().map_or(String::new(), |flaw| format!("flaw      {flaw}\n"));
        format!(
            "buyers    {} of {} complete\n{flaw}paid      {} ticks in {:.1} s, {:.1} a second\n\
             delay     {} ms for half of the readings, {} ms for 99 of 100\n\
             syncs     {} for {} writes of the buyers\nlost      {} connections\n",
            self.complete(wanted),
            self.buyers.len(),
            self.ticks(),
            self.seconds(),
            self.ticks_per_second(),
            self.delay(0.5),
            self.delay(0.99),
            self.writes.1,
            self.writes.0,
            self.apart,
        )
    }
}

/// Buys as number `number` until it is over.
pub(super) async fn take(number: usize, mut stall: Stall, takings: Arc<Mutex<Takings>>) {
    while let Some(told) = stall.next().await {
        let mut takings = takings.lock().unwrap_or_else(PoisonError::into_inner);
        match told {
            Ok(told) => takings.add(number, told),
            Err(error) => {
                if let Some(buyer) = takings.buyers.get_mut(number) {
                    buyer.flaw = Some(error.to_string());
                }
            }
        }
    }
}
