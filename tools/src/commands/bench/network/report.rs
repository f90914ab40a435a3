//! What a run of `weft bench network` comes to: figures per final transaction and node.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::{
    bound::{STAGES, Split},
    cluster::Reading,
    drive::{Pace, Ran},
    report::{by_name, hundredths, split, tenths},
    usage::{GROUPS, cores},
};

/// Seconds that the machine's thread spends on handling, and on writing.
const HANDLING: &str = "weft_group_handling_seconds_sum";
const WRITING: [&str; 2] = ["weft_commit_buffered_seconds_sum", "weft_commit_durable_seconds_sum"];

/// One rate.
pub(super) struct Step {
    /// Which part of the knee it is, in percent.
    pub(super) part: Option<u32>,
    pub(super) pace: Pace,
    pub(super) ran: Ran,
    pub(super) before: Vec<Reading>,
    pub(super) after: Vec<Reading>,
    /// CPU time of the generator.
    pub(super) generator: Duration,
}

impl Step {
    pub(super) fn per_second(&self) -> f64 {
        self.ran.per_second()
    }

    /// `total` of all nodes, for each final transaction and node.
    fn each(&self, total: f64) -> f64 {
        total / (self.ran.finals().max(1) * self.after.len().max(1)) as f64
    }

    /// What all nodes together came to have more of.
    fn grown(&self, of: impl Fn(&Reading) -> f64) -> f64 {
        let grown = |(before, after)| of(after) - of(before);
        self.before.iter().zip(&self.after).map(grown).sum()
    }

    /// Microseconds for each final transaction and node, of what `seconds` tells.
    fn us(&self, seconds: impl Fn(&Reading) -> f64) -> f64 {
        self.each(self.grown(seconds) * 1e6)
    }

    fn cpu_us(&self) -> f64 {
        self.us(|reading| reading.usage.cpu.as_secs_f64())
    }

    /// Bytes sent for each final transaction and node, over its length.
    fn wire_ratio(&self) -> f64 {
        let sent = self.each(self.grown(|reading| reading.wire_bytes as f64));
        sent / (self.ran.bytes as f64 / self.ran.sent.max(1) as f64)
    }

    fn value(&self, bound: &Split) -> Value {
        let offered = match self.pace {
            Pace::Window(_) => None,
            Pace::PerSecond(rate) => Some(rate.round()),
        };
        // What its threads used is read after what the process did.
        let group = |at: usize| {
            let of_group = |reading: &Reading| reading.usage.by_group.get(at).copied();
            self.us(|reading| of_group(reading).unwrap_or_default().as_secs_f64()).max(0.0)
        };
        let metric = |name: &'static str| self.us(move |reading| reading.metrics.sum(name));
        let writing: f64 = WRITING.into_iter().map(metric).sum();
        let memory = self.after.iter().map(|reading| reading.usage.memory_bytes >> 20);
        let generator = self.generator.as_secs_f64() * 1e6 / self.ran.sent.max(1) as f64;
        let took = &self.ran.latencies;
        // In a full window everything waits for room: no latency of the network.
        let ms = |quantile: f64| offered.is_some().then(|| took.ms(quantile));
        json!({
            "knee_percent": self.part, "offered_per_second": offered,
            "sent": self.ran.sent, "final": self.ran.finals(), "refused": self.ran.refused,
            "final_per_second": self.per_second().round(),
            "p50_ms": ms(0.5), "p99_ms": ms(0.99),
            "cpu_us": tenths(self.cpu_us()), "cpu_split_us": by_name(&GROUPS, group),
            "machine_wall_us": { "handling": tenths(metric(HANDLING)), "writing": tenths(writing) },
            "ratio": hundredths(self.cpu_us() / bound.sum()),
            "wire_ratio": hundredths(self.wire_ratio()),
            "generator_us": tenths(generator),
            "memory_mib": memory.collect::<Vec<_>>(),
        })
    }
}

/// The whole run.
pub(super) struct Summary {
    pub(super) nodes: u16,
    pub(super) bytes: usize,
    pub(super) bound: Split,
    /// The knee first.
    pub(super) steps: Vec<Step>,
}

impl Summary {
    pub(super) fn value(&self) -> Value {
        let stage = |at: usize| self.bound.0.get(at).copied().unwrap_or_default();
        json!({
            "event": "network", "nodes": self.nodes, "bytes": self.bytes,
            "cores": cores(),
            "bound_us": tenths(self.bound.sum()), "bound_split_us": by_name(&STAGES, stage),
            "knee_per_second": self.steps.first().map(|knee| knee.per_second().round()),
            "steps": self.steps.iter().map(|step| step.value(&self.bound)).collect::<Vec<_>>(),
        })
    }
}

/// The same for people.
pub(in super::super) fn text(value: &Value) -> String {
    let mut text = format!(
        "{} nodes on {} cores, readings of {} bytes; knee at {} final a second\n\
         bound {} us of CPU each: {}\n\n\
         {:<12}{:>9}{:>9}{:>9}{:>9}{:>8}{:>8}{:>11}  CPU split, us\n",
        value["nodes"],
        value["cores"],
        value["bytes"],
        value["knee_per_second"],
        value["bound_us"],
        split(&value["bound_split_us"], &STAGES),
        "rate",
        "final/s",
        "p50 ms",
        "p99 ms",
        "CPU us",
        "ratio",
        "wire",
        "generator",
    );
    for step in value["steps"].as_array().into_iter().flatten() {
        let rate = match (&step["knee_percent"], &step["offered_per_second"]) {
            (Value::Null, Value::Null) => "all it takes".to_owned(),
            (Value::Null, rate) => rate.to_string(),
            (part, _) => format!("{part} %"),
        };
        let shown = |name: &str| match &step[name] {
            Value::Null => "-".to_owned(),
            figure => figure.to_string(),
        };
        text.push_str(&format!(
            "{rate:<12}{:>9}{:>9}{:>9}{:>9}{:>8}{:>8}{:>11}  {}\n",
            shown("final_per_second"),
            shown("p50_ms"),
            shown("p99_ms"),
            shown("cpu_us"),
            shown("ratio"),
            shown("wire_ratio"),
            shown("generator_us"),
            split(&step["cpu_split_us"], &GROUPS),
        ));
    }
    text.push_str(
        "\nCPU: per final transaction and node; ratio: over the bound; wire: over its length\n",
    );
    text
}
