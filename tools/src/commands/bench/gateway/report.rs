//! What a run came to.

use std::{
    sync::{Arc, MutexGuard, atomic::Ordering},
    time::Duration,
};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::{fleet::Told, ledger::Counted, process::Files};
use crate::{failure::Failure, time::ms};

pub(super) struct Report<'a> {
    pub(super) devices: Arc<Told>,
    pub(super) ledger: MutexGuard<'a, Counted>,
    /// How long the doors were closed, of each kill.
    pub(super) killed: Vec<Duration>,
    /// From the last acknowledgement to the last message on the ledger.
    pub(super) drained: Duration,
    /// Whether the ledger had everything in time.
    pub(super) complete: bool,
}

impl Report<'_> {
    fn acknowledged(&self) -> impl Iterator<Item = u32> {
        self.devices.acknowledged.iter().map(|count| count.load(Ordering::Relaxed))
    }

    fn lost(&self) -> usize {
        let devices = self.acknowledged().enumerate();
        devices.map(|(device, count)| self.ledger.lost(device, count)).sum()
    }

    pub(super) fn value(&self) -> Value {
        let acknowledged: u64 = self.acknowledged().map(u64::from).sum();
        let closed: Vec<_> = self.killed.iter().map(|closed| ms(*closed)).collect();
        json!({
            "event": "gateway", "devices": self.devices.acknowledged.len(),
            "acknowledged": acknowledged, "lost": self.lost(), "doubled": self.ledger.doubled(),
            "out_of_order": {
                "acknowledgements": self.devices.disordered.load(Ordering::Relaxed),
                "readings": self.ledger.disordered,
            },
            "kills": closed.len(), "doors_closed_ms": closed,
            "connections_broken": self.devices.broken.load(Ordering::Relaxed),
            "bodies": self.ledger.bodies, "bodies_without_effect": self.ledger.without_effect,
            "accepted": latency(&self.devices.latencies()),
            "final": latency(&self.ledger.latencies),
            "complete": self.complete, "drained_ms": ms(self.drained),
        })
    }

    pub(super) fn text(value: &Value) -> String {
        let line = |name: &str| {
            let of = &value[name];
            format!(
                "{name:<10} {:>9} {:>11} {:>11} {:>11} {:>11}\n",
                of["count"].to_string(),
                of["p50_ms"].to_string(),
                of["p90_ms"].to_string(),
                of["p99_ms"].to_string(),
                of["max_ms"].to_string(),
            )
        };
        format!(
            "{} devices, {} messages acknowledged, {} kills; {} bodies on the ledger\n\
             lost {}, doubled {}, out of order {}, without effect {}\n\n\
             stage          count      p50 ms      p90 ms      p99 ms      max ms\n{}{}\n\
             doors closed   {} ms\nall final      {} ms after the last acknowledgement\n",
            value["devices"],
            value["acknowledged"],
            value["kills"],
            value["bodies"],
            value["lost"],
            value["doubled"],
            value["out_of_order"],
            value["bodies_without_effect"],
            line("accepted"),
            line("final"),
            value["doors_closed_ms"],
            value["drained_ms"],
        )
    }

    /// Fails where the gateway did not keep its word.
    pub(super) fn verdict(&self, files: &Files) -> Result<(), Failure> {
        let (lost, doubled) = (self.lost(), self.ledger.doubled());
        let acks = self.devices.disordered.load(Ordering::Relaxed);
        let cause = if lost + doubled > 0 {
            format!("{lost} acknowledged messages were lost, {doubled} came twice")
        } else if acks > 0 {
            format!("{acks} acknowledgements came out of order")
        } else if !self.complete {
            "not everything was sent and final in time".to_owned()
        } else {
            return Ok(());
        };
        let next = format!("see {} and the queue beside it", files.log().display());
        Err(Failure::failed(cause).next(next))
    }
}

fn latency(of: &Histogram<u64>) -> Value {
    let at = |quantile: f64| micros(of.value_at_quantile(quantile));
    json!({ "count": of.len(), "p50_ms": at(0.5), "p90_ms": at(0.9), "p99_ms": at(0.99),
        "max_ms": micros(of.max()) })
}

fn micros(micros: u64) -> f64 {
    (micros as f64 / 100.0).round() / 10.0
}
