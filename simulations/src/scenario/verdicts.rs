//! What a scenario expects, held against what its runs gave.
//!
//! Invariant: an expectation that no run says anything about is missed, not forgotten.

use crate::{
    report::figures::Verdict,
    scenario::{
        chart::Found,
        expect::{self, Expected},
    },
};

impl Found<'_> {
    /// What was expected, and whether it held.
    pub(super) fn verdicts(&self) -> Vec<Verdict> {
        let engine = self.plan.scenario.scenario.engine;
        let mut verdicts = Vec::new();
        for (key, text) in &self.plan.scenario.expect {
            match expect::parse(key, text, engine) {
                Ok(Expected::Outcome(expected)) => {
                    let other = self.samples.iter().find(|sample| sample.outcome != expected);
                    let found = other.map_or_else(
                        || format!("{} runs", self.samples.len()),
                        |sample| {
                            let (seed, outcome) = (sample.seed, sample.outcome.name());
                            format!("seed {seed}: {outcome}, {}", sample.detail)
                        },
                    );
                    let holds = other.is_none();
                    verdicts.push(Verdict { text: format!("{key} = {text}"), found, holds });
                }
                Ok(Expected::Value { name, at, bound }) => {
                    self.hold(&mut verdicts, &format!("{name} {text}"), &name, &at, &|value| {
                        bound.holds(value)
                    });
                }
                Err(what) => {
                    verdicts.push(Verdict { text: key.clone(), found: what, holds: false });
                }
            }
        }
        verdicts
    }

    /// Holds a value against a bound wherever it must keep to it.
    fn hold(
        &self,
        verdicts: &mut Vec<Verdict>,
        text: &str,
        name: &str,
        at: &str,
        holds: &dyn Fn(f64) -> bool,
    ) {
        let before = verdicts.len();
        for (point, place) in self.plan.points.iter().enumerate() {
            let place = place.name();
            let is_meant = at.is_empty() || place.split(' ').any(|part| part == at);
            if !is_meant || self.at(point).next().is_none() {
                continue;
            }
            let found = self.mean(point, name).map(|mean| mean.mean);
            let place = if place.is_empty() { place } else { format!(" at {place}") };
            verdicts.push(Verdict {
                text: format!("{text}{place}"),
                found: found.map_or_else(
                    || "no run gave it".into(),
                    |value| format!("found {}", crate::report::scale::shown(value)),
                ),
                holds: found.is_some_and(holds),
            });
        }
        if verdicts.len() == before {
            let found = format!("no point has {at}");
            verdicts.push(Verdict { text: text.to_owned(), found, holds: false });
        }
    }
}
