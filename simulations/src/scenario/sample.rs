//! What one run gave, as it is kept in `samples.json`.
//!
//! Invariant: it depends on the scenario and the seed alone, and survives being written and read to
//! the last bit, so that shards that were run apart make the same report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::report::dag::Dag;

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All that must hold did.
    #[default]
    Pass,
    /// Something should have become final, and did not.
    NoProgress,
    /// A rule of safety was broken.
    CheckerFailed,
    /// Somebody stopped it.
    Interrupted,
}

impl Outcome {
    /// All, by the name in a scenario.
    pub(crate) const NAMES: [(&'static str, Self); 4] = [
        ("pass", Self::Pass),
        ("no-progress", Self::NoProgress),
        ("checker-failed", Self::CheckerFailed),
        ("interrupted", Self::Interrupted),
    ];

    /// Its name in a scenario.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, outcome)| *outcome == self).map_or("", |(name, _)| name)
    }
}

/// What one run gave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// The point of the sweep, by its place among all.
    pub point: usize,
    /// The seed.
    pub seed: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// What broke, if something did.
    pub detail: String,
    /// Values by name, see [`metrics`](crate::scenario::metrics).
    pub values: BTreeMap<String, f64>,
    /// Over time: when, and what.
    pub series: BTreeMap<String, Vec<[f64; 2]>>,
    /// Of latencies: the share that took longer, and longer than what.
    pub tails: BTreeMap<String, Vec<[f64; 2]>>,
    /// By name of an issuer or a region.
    pub bars: BTreeMap<String, Vec<(String, f64)>>,
    /// The beginning or the end of its DAG, kept of the first run alone.
    pub dag: Option<Dag>,
    /// What happened, line by line, if somebody asked and it is the first run; kept in a file of
    /// its own.
    #[serde(skip)]
    pub journal: Vec<String>,
    /// Digest over everything that happened.
    pub trace: String,
    /// How many things happened.
    pub events: u64,
}

/// Shares at which a tail is kept.
const SHARES: [f64; 18] = [
    1.0, 0.99, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002,
    0.001,
];

impl Sample {
    /// Keeps a value, unless it is no number.
    pub(crate) fn put(&mut self, name: &str, value: f64) {
        if value.is_finite() {
            self.values.insert(name.to_owned(), value);
        }
    }

    /// Keeps the tail of `latencies`, as far as there are enough of them.
    pub(crate) fn put_tail(&mut self, name: &str, latencies: &mut [f64]) {
        latencies.sort_by(f64::total_cmp);
        let count = latencies.len() as f64;
        let known = SHARES.iter().filter(|share| **share * count >= 1.0);
        let tail = known.filter_map(|share| Some([*share, quantile(latencies, 1.0 - share)?]));
        self.tails.insert(name.to_owned(), tail.collect());
    }
}

/// The value that `share` of `sorted` do not exceed; none of nothing.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
pub(crate) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(place.clamp(1, sorted.len().max(1)) - 1).copied()
}
