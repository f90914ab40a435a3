//! What a run measured: a histogram per stage, errors by kind.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// Where a latency ends. All begin when the body was *meant* to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The node answered that it is on disk.
    Accepted,
    /// The watched node told of it.
    Attached,
    /// The watched node told of its place in the order.
    Committed,
    /// The watched node told that a quorum vouches for that.
    Certified,
}

impl Stage {
    const ALL: [Self; 4] = [Self::Accepted, Self::Attached, Self::Committed, Self::Certified];

    const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Attached => "attached",
            Self::Committed => "committed",
            Self::Certified => "certified",
        }
    }
}

/// Longest latency that is told apart, in microseconds.
const LONGEST_US: u64 = 600_000_000;

pub(super) struct Report {
    stages: [Histogram<u64>; 4],
    errors: BTreeMap<String, u64>,
    outcomes: BTreeMap<String, u64>,
}

impl Report {
    /// # Panics
    /// Never: the bounds of the histograms are constants that fit.
    pub(super) fn new() -> Self {
        let empty = || {
            Histogram::new_with_bounds(1, LONGEST_US, 3).expect("1 us to 10 min at three digits")
        };
        Self {
            stages: [(); 4].map(|()| empty()),
            errors: BTreeMap::new(),
            outcomes: BTreeMap::new(),
        }
    }

    pub(super) fn reached(&mut self, stage: Stage, micros: u64) {
        if let Some(histogram) = self.stages.get_mut(stage as usize) {
            histogram.saturating_record(micros);
        }
    }

    pub(super) fn failed(&mut self, kind: String) {
        *self.errors.entry(kind).or_default() += 1;
    }

    pub(super) fn outcome(&mut self, code: &str) {
        *self.outcomes.entry(code.to_owned()).or_default() += 1;
    }

    /// How many came that far.
    pub(super) fn count(&self, stage: Stage) -> u64 {
        self.stages.get(stage as usize).map_or(0, Histogram::len)
    }

    /// `offered` bodies in `seconds`, of which the last was committed after `until_seconds`.
    pub(super) fn value(&self, offered: usize, seconds: f64, until_seconds: f64) -> Value {
        let stage = |stage: Stage| {
            let histogram = self.stages.get(stage as usize)?;
            let at = |quantile: f64| micros(histogram.value_at_quantile(quantile));
            let measured = json!({ "count": histogram.len(), "p50_ms": at(0.5), "p90_ms": at(0.9),
                "p99_ms": at(0.99), "max_ms": micros(histogram.max()) });
            Some((stage.name().to_owned(), measured))
        };
        let stages: serde_json::Map<_, _> = Stage::ALL.into_iter().filter_map(stage).collect();
        let rate = |count: u64, seconds: f64| tenths(count as f64 / seconds.max(0.001));
        json!({
            "event": "load", "offered": offered, "seconds": tenths(seconds),
            "accepted_per_second": rate(self.count(Stage::Accepted), seconds),
            "committed_per_second": rate(self.count(Stage::Committed), until_seconds),
            "stages": stages, "errors": self.errors, "outcomes": self.outcomes,
        })
    }

    pub(super) fn text(value: &Value) -> String {
        let number = |value: &Value| value.as_f64().unwrap_or(0.0);
        let mut text = format!(
            "offered {} in {} s: {} accepted per second, {} committed per second\n\n\
             stage          count      p50 ms      p90 ms      p99 ms      max ms\n",
            value["offered"],
            value["seconds"],
            value["accepted_per_second"],
            value["committed_per_second"],
        );
        for stage in Stage::ALL.map(Stage::name) {
            let Some(of) = value.pointer(&format!("/stages/{stage}")) else { continue };
            text.push_str(&format!(
                "{stage:<10} {:>9} {:>11.1} {:>11.1} {:>11.1} {:>11.1}\n",
                of["count"].to_string(),
                number(&of["p50_ms"]),
                number(&of["p90_ms"]),
                number(&of["p99_ms"]),
                number(&of["max_ms"]),
            ));
        }
        text.push_str(&format!("\noutcomes {}\nerrors   {}\n", value["outcomes"], value["errors"]));
        text
    }
}

fn micros(micros: u64) -> f64 {
    tenths(micros as f64 / 1_000.0)
}

pub(super) fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

pub(super) fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_what_was_recorded() {
        let mut report = Report::new();
        (1..=100).for_each(|ms| report.reached(Stage::Committed, ms * 1_000));
        report.failed("busy".to_owned());
        let value = report.value(101, 10.0, 10.0);
        let committed = &value["stages"]["committed"];
        assert_eq!((&committed["count"], &value["errors"]["busy"]), (&100.into(), &1.into()));
        assert!((49.9..50.2).contains(&committed["p50_ms"].as_f64().unwrap()), "{value}");
        assert!(Report::text(&value).contains("committed        100 "));
    }
}
