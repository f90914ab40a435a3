//! Runs engines over seeds and makes rows of what they show.

use rayon::prelude::*;

use super::{
    row::{Row, Target},
    statistics::{mean, standard_error},
};
use crate::tangle::{self, Model, Outcome};

/// Runs one simulation, or a few that belong together, for one row or more.
pub type Check = fn(&Bench) -> Vec<Row>;

/// How much is run.
#[derive(Clone, Copy, Debug)]
pub struct Bench {
    /// Fewer seeds and shorter runs.
    pub quick: bool,
    /// Runs and their lengths are divided by this: for tests.
    pub divisor: u32,
    /// Changes every abstract Tangle before it runs.
    pub tamper: Option<fn(&mut Model)>,
}

/// What a row says beside its numbers.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) id: &'static str,
    pub(super) quantity: String,
    pub(super) source: &'static str,
}

/// Head of a row.
pub(super) fn head(id: &'static str, quantity: impl Into<String>, source: &'static str) -> Head {
    Head { id, quantity: quantity.into(), source }
}

impl Bench {
    /// The bench of the table.
    pub const fn new(quick: bool) -> Self {
        Self { quick, divisor: 1, tamper: None }
    }

    /// One on which every abstract Tangle is changed before it runs.
    pub const fn tampered(quick: bool, tamper: fn(&mut Model)) -> Self {
        Self { tamper: Some(tamper), ..Self::new(quick) }
    }

    /// As little as can be, for tests.
    #[cfg(test)]
    pub(super) const fn brief() -> Self {
        Self { quick: true, divisor: 3, tamper: None }
    }

    /// The first of two numbers when quick, else the second; never less than 2.
    pub(super) fn either(&self, quick: u32, full: u32) -> u32 {
        (if self.quick { quick } else { full } / self.divisor).max(2)
    }

    /// Runs an abstract Tangle. `None` if the model cannot be run.
    pub(super) fn tangle(&self, mut model: Model, seed: u64) -> Option<Outcome> {
        if let Some(tamper) = self.tamper {
            tamper(&mut model);
        }
        tangle::run(&model, seed).ok()
    }

    /// A row for each head, of what `values` gives for each of so many seeds: one value per head,
    /// or nothing of a seed that cannot be run, which fails the rows.
    pub(super) fn rows(
        &self,
        seeds: u32,
        rows: Vec<(Head, Target)>,
        values: impl Fn(u64) -> Option<Vec<f64>> + Sync,
    ) -> Vec<Row> {
        let runs: Vec<Option<Vec<f64>>> =
            (0..u64::from(seeds)).into_par_iter().map(&values).collect();
        let of = |place: usize| -> Vec<f64> {
            let value = |run: &Option<Vec<f64>>| run.as_ref()?.get(place).copied();
            runs.iter().map(|run| value(run).unwrap_or(f64::NAN)).collect()
        };
        let row = |(place, (head, target)): (usize, (Head, Target))| {
            let values = of(place);
            Row {
                id: head.id,
                quantity: head.quantity,
                source: head.source,
                target,
                simulated: mean(&values),
                error: standard_error(&values),
                seeds,
            }
        };
        rows.into_iter().enumerate().map(row).collect()
    }
}
