//! What a run of `weft bench overload` comes to.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::{
    super::{
        cluster::Reading,
        drive::Ran,
        report::{hundredths, tenths},
        usage::cores,
    },
    attacks::Forged,
    flood::Replayed,
};

/// Counters of what nodes did not take.
const TURNED_AWAY: &str = "weft_turned_away_transactions_total";
const REFUSALS: &str = "weft_refusals_total";

/// Counts what a node has ordered.
const ORDERED: &str = "weft_attach_to_commit_seconds_count";

/// A load and what the nodes counted and used while it was on its way.
pub(super) struct Loaded {
    pub(super) ran: Ran,
    pub(super) before: Vec<Reading>,
    pub(super) after: Vec<Reading>,
    /// The most that each node had resident, in bytes.
    pub(super) memory: Vec<u64>,
}

impl Loaded {
    fn p99_ms(&self) -> f64 {
        self.ran.latencies.ms(0.99)
    }

    fn grown(&self, of: impl Fn(&Reading) -> f64) -> f64 {
        self.before.iter().zip(&self.after).map(|(before, after)| of(after) - of(before)).sum()
    }

    /// Refusals of all nodes, by their labels.
    fn refusals(&self) -> BTreeMap<String, f64> {
        let mut refusals = BTreeMap::<String, f64>::new();
        for (readings, sign) in [(&self.before, -1.0), (&self.after, 1.0)] {
            let values = readings.iter().flat_map(|reading| reading.metrics.values(REFUSALS));
            for (labels, value) in values {
                *refusals.entry(labels.to_owned()).or_default() += sign * value;
            }
        }
        refusals.retain(|_, count| *count > 0.0);
        refusals
    }

    /// What the node that ordered least of them has ordered, whoever posted it.
    fn finals_in_all(&self) -> f64 {
        let of = |reading: &Reading| reading.metrics.sum(ORDERED);
        let grown =
            self.before.iter().zip(&self.after).map(|(before, after)| of(after) - of(before));
        grown.fold(f64::INFINITY, f64::min)
    }

    fn value(&self) -> Value {
        let cpu = self.grown(|reading| reading.usage.cpu.as_secs_f64()) * 1e6;
        let each = (self.ran.finals().max(1) * self.after.len().max(1)) as f64;
        json!({
            "sent": self.ran.sent, "final": self.ran.finals(), "refused": self.ran.refused,
            "final_per_second": tenths(self.ran.per_second()),
            "p50_ms": self.ran.latencies.ms(0.5), "p99_ms": self.p99_ms(),
            "final_in_all": self.finals_in_all(),
            "cpu_us": tenths(cpu / each),
            "turned_away": self.grown(|reading| reading.metrics.sum(TURNED_AWAY)),
            "refusals": self.refusals(),
            "memory_peak_mib": self.memory.iter().map(|bytes| bytes >> 20).collect::<Vec<_>>(),
        })
    }
}

/// The whole run.
pub(super) struct Summary {
    pub(super) nodes: u16,
    pub(super) bytes: usize,
    pub(super) set: Vec<String>,
    pub(super) seconds: u32,
    /// A second.
    pub(super) knee: f64,
    /// Half the knee, alone and beside those who misbehave.
    pub(super) quiet: Loaded,
    pub(super) forged_at: Loaded,
    pub(super) forged: Forged,
    pub(super) reattached: Loaded,
    pub(super) attachments: u64,
    /// The honest load, alone and beside a flood.
    pub(super) before: Loaded,
    pub(super) during: Loaded,
    pub(super) replayed: Replayed,
    /// How long after the flood all that came was ordered, if it was.
    pub(super) settled: Option<Duration>,
}

impl Summary {
    /// The part of the throughput that was lost against when all was quiet, in percent.
    fn lost(&self, loaded: &Loaded) -> f64 {
        hundredths((1.0 - loaded.ran.per_second() / self.quiet.ran.per_second()) * 100.0)
    }

    pub(super) fn value(&self) -> Value {
        let closed_after = self.forged.closed_after.map(|after| tenths(after.as_secs_f64() * 1e3));
        let settled_after = self.settled.map(|after| tenths(after.as_secs_f64()));
        json!({
            "event": "overload", "nodes": self.nodes, "bytes": self.bytes, "set": self.set,
            "cores": cores(),
            "knee_per_second": self.knee.round(),
            "flood": {
                "seconds": self.seconds,
                "sent": self.replayed.sent, "left_out": self.replayed.left_out,
                "honest_alone": self.before.value(), "honest": self.during.value(),
                "p99_ratio": hundredths(self.during.p99_ms() / self.before.p99_ms().max(0.001)),
                "settled_after_s": settled_after,
            },
            "quiet": self.quiet.value(),
            "reattached": {
                "attachments": self.attachments, "load": self.reattached.value(),
                "lost_percent": self.lost(&self.reattached),
            },
            "forged": {
                "sent": self.forged.sent, "closed_after_ms": closed_after,
                "load": self.forged_at.value(), "lost_percent": self.lost(&self.forged_at),
            },
        })
    }
}

/// The same for people.
pub(in super::super) fn text(value: &Value) -> String {
    let mut text = format!(
        "{} nodes on {} cores, readings of {} bytes; knee at {} final a second\n\
         settings other than the defaults: {}\n\n\
         {:<20}{:>9}{:>9}{:>10}{:>10}{:>9}{:>13}  peak MiB\n",
        value["nodes"],
        value["cores"],
        value["bytes"],
        value["knee_per_second"],
        value["set"],
        "load",
        "sent",
        "final",
        "p50 ms",
        "p99 ms",
        "final/s",
        "turned away",
    );
    for (name, at) in [
        ("half the knee", "/quiet"),
        ("beside forging", "/forged/load"),
        ("beside reattaching", "/reattached/load"),
        ("honest, alone", "/flood/honest_alone"),
        ("honest, in a flood", "/flood/honest"),
    ] {
        let Some(load) = value.pointer(at) else { continue };
        text.push_str(&format!(
            "{name:<20}{:>9}{:>9}{:>10}{:>10}{:>9}{:>13}  {}\n",
            load["sent"].to_string(),
            load["final"].to_string(),
            load["p50_ms"].to_string(),
            load["p99_ms"].to_string(),
            load["final_per_second"].to_string(),
            load["turned_away"].to_string(),
            load["memory_peak_mib"],
        ));
    }
    let (flood, reattached, forged) = (&value["flood"], &value["reattached"], &value["forged"]);
    text.push_str(&format!(
        "\nforging      closed after {} ms and {} sent; {} % of the throughput lost\n\
         reattaching  {} attachments; {} % of the throughput lost\n\
         flood        {} sent in {} s, {} left out; honest p99 is {} times what it is alone; \
         all ordered after {} s\n",
        forged["closed_after_ms"],
        forged["sent"],
        forged["lost_percent"],
        reattached["attachments"],
        reattached["lost_percent"],
        flood["sent"],
        flood["seconds"],
        flood["left_out"],
        flood["p99_ratio"],
        flood["settled_after_s"],
    ));
    text
}
