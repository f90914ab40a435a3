//! From a scenario to runs: every combination of a sweep, with every seed.
//!
//! Invariant: the list of runs depends on the scenario alone, so shards of it, made anywhere, put
//! together give the whole.

use std::fmt;

use toml::Value;

use crate::scenario::{config::Scenario, overrides, read::BadScenario};

/// One combination of a sweep.
#[derive(Clone, Debug)]
pub struct Place {
    /// The parameters that differ, with their values.
    pub set: Vec<(String, Value)>,
    /// The scenario with them.
    pub scenario: Scenario,
}

impl Place {
    /// As `load.tps=50 nodes.validators=4`; empty without a sweep.
    pub fn name(&self) -> String {
        let parts: Vec<String> =
            self.set.iter().map(|(path, value)| format!("{path}={}", plain(value))).collect();
        parts.join(" ")
    }
}

/// A value without quotes.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// One run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// The place in the sweep.
    pub point: usize,
    /// The seed.
    pub seed: u64,
}

/// Everything that a scenario asks for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The scenario.
    pub scenario: Scenario,
    /// Combinations of its sweep, in order.
    pub points: Vec<Place>,
    /// Runs, point by point.
    pub jobs: Vec<Job>,
    /// Whether the first run keeps a journal of what happened.
    pub journal: bool,
}

/// Most runs of one plan.
const JOBS_MAX: u64 = 1_000_000;

impl Plan {
    /// All runs of `scenario`.
    ///
    /// # Errors
    /// If a combination cannot be run, or there are too many.
    pub fn new(scenario: Scenario) -> Result<Self, BadScenario> {
        let counts = scenario.sweep.values().map(|values| values.len() as u64);
        let runs = counts.fold(scenario.run.seeds, u64::saturating_mul);
        if runs == 0 || runs > JOBS_MAX {
            let what = format!("{runs} runs: from 1 to {JOBS_MAX}");
            return Err(BadScenario::new("sweep", what));
        }
        let mut points = vec![Place { set: Vec::new(), scenario: scenario.clone() }];
        for (path, values) in &scenario.sweep {
            let mut next = Vec::new();
            for place in &points {
                for value in values {
                    let scenario = overrides::set(&place.scenario, path, value)?;
                    let mut set = place.set.clone();
                    set.push((path.clone(), value.clone()));
                    next.push(Place { set, scenario });
                }
            }
            points = next;
        }
        let first = scenario.run.first_seed;
        let seeds = first..first.saturating_add(scenario.run.seeds);
        let jobs = (0..points.len())
            .flat_map(|point| seeds.clone().map(move |seed| Job { point, seed }))
            .collect();
        Ok(Self { scenario, points, jobs, journal: false })
    }

    /// The runs of one shard.
    pub fn shard(&self, shard: Shard) -> Vec<Job> {
        let every = self.jobs.iter().copied().skip(shard.index).step_by(shard.of);
        every.collect()
    }
}

/// One of several parts of a plan: each run whose place modulo `of` is `index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    of: usize,
}

impl Shard {
    /// All there is.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Whether it is all there is.
    pub fn is_whole(self) -> bool {
        self == Self::WHOLE
    }

    /// Whether a run of seeds from 0 on falls to it, by its place.
    pub const fn takes(self, place: usize) -> bool {
        place % self.of == self.index
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match numbers {
            Some((index, of)) if index < of => Ok(Self { index, of }),
            _ => Err(format!("`{text}` is no shard: write 0/4 for the first of four")),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_one_of_several() {
        let shard: Shard = "1/4".parse().unwrap();
        assert_eq!(
            (shard.to_string(), shard.takes(5), shard.takes(6)),
            ("1/4".into(), true, false)
        );
        for wrong in ["4/4", "1", "a/b", "0/0", "-1/2"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
