//! What a run measured: a histogram per stage, errors by kind.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};

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

/// How long things took.
pub(super) struct Latencies(Histogram<u64>);

impl Default for Latencies {
    /// # Panics
    /// Never: the bounds are constants that fit.
    fn default() -> Self {
        let empty = Histogram::new_with_bounds(1, LONGEST_US, 3);
        Self(empty.expect("1 us to 10 min at three digits"))
    }
}

impl Latencies {
    pub(super) fn record(&mut self, took: Duration) {
        self.0.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// How many were recorded.
    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    /// What this part of them stays below, in microseconds.
    pub(super) fn us(&self, quantile: f64) -> u64 {
        self.0.value_at_quantile(quantile)
    }

    /// The same in milliseconds.
    pub(super) fn ms(&self, quantile: f64) -> f64 {
        millis(self.us(quantile))
    }

    /// The longest, in milliseconds.
    pub(super) fn max_ms(&self) -> f64 {
        millis(self.0.max())
    }
}

#[derive(Default)]
pub(super) struct Report {
    stages: [Latencies; 4],
    errors: BTreeMap<String, u64>,
    outcomes: BTreeMap<String, u64>,
}

impl Report {
    pub(super) fn reached(&mut self, stage: Stage, took: Duration) {
        if let Some(latencies) = self.stages.get_mut(stage as usize) {
            latencies.record(took);
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
        self.stages.get(stage as usize).map_or(0, Latencies::count)
    }

    /// `offered` bodies in `seconds`, of which the last was committed after `until_seconds`.
    pub(super) fn value(&self, offered: usize, seconds: f64, until_seconds: f64) -> Value {
        let stage = |stage: Stage| {
            let took = self.stages.get(stage as usize)?;
            let measured = json!({ "count": took.count(), "p50_ms": took.ms(0.5),
                "p90_ms": took.ms(0.9), "p99_ms": took.ms(0.99), "max_ms": took.max_ms() });
            Some((stage.name().to_owned(), measured))
        };
        let stages: Map<_, _> = Stage::ALL.into_iter().filter_map(stage).collect();
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

fn millis(micros: u64) -> f64 {
    tenths(micros as f64 / 1_000.0)
}

/// The figure of each of `names` by its place, in tenths.
pub(super) fn by_name(names: &[&str], figure: impl Fn(usize) -> f64) -> Map<String, Value> {
    let named = names.iter().enumerate();
    named.map(|(at, name)| ((*name).to_owned(), tenths(figure(at)).into())).collect()
}

/// Such figures as text, in the order of `names`.
pub(super) fn split(value: &Value, names: &[&str]) -> String {
    names.iter().map(|name| format!("{name} {}", value[*name])).collect::<Vec<_>>().join(", ")
}

/// The middle one of `figures`, the upper of two; 0 of none.
pub(super) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
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
        let mut report = Report::default();
        let ms = Duration::from_millis;
        (1..=100).for_each(|took| report.reached(Stage::Committed, ms(took)));
        report.failed("busy".to_owned());
        let value = report.value(101, 10.0, 10.0);
        let committed = &value["stages"]["committed"];
        assert_eq!((&committed["count"], &value["errors"]["busy"]), (&100.into(), &1.into()));
        assert!((49.9..50.2).contains(&committed["p50_ms"].as_f64().unwrap()), "{value}");
        assert!(Report::text(&value).contains("committed        100 "));
    }
}
