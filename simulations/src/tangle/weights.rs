//! Follows the cumulative weight of sampled transactions.
//!
//! Up to 64 at a time, a bit each: a transaction approves whatever its parents approve or are, so
//! one `or` per arrow replaces a search of the past. When all of a batch were followed to the
//! horizon, the bits go to the next.
//!
//! Invariant: a bit in `window.marks` belongs to the batch that is followed now.

use super::{model::Model, outcome::Weights, window::Window};
use crate::{kernel::random::Seed, substrate::chance::Chance};

/// Between two points of a curve, in h.
pub(super) const STEP: f64 = 0.25;

/// Transactions followed at one time.
const BATCH: u32 = 64;

/// A transaction is adapted when this share of the new ones approves it.
const ADAPTED: f64 = 0.95;

/// One that is followed: since when, and for each step how many were issued and how many of those
/// approve it.
#[derive(Clone, Debug)]
struct Curve {
    start: f64,
    steps: Vec<[u32; 2]>,
}

/// Those that are followed.
#[derive(Clone, Debug)]
pub(super) struct Followed {
    steps: usize,
    /// Beginnings planned but not reached, the next one last.
    planned: Vec<f64>,
    /// When the batch began that is followed, and how long batches are.
    batch: [f64; 2],
    /// Of this batch; the place is the bit.
    active: Vec<Curve>,
    done: Vec<Curve>,
}

/// The time that a batch needs beyond its horizon, so that its members do not begin all at once.
pub(super) const SPREAD_MIN: f64 = 1.0;

/// The longest horizon that `model` has the time for; negative: none.
pub(super) fn horizon_max(model: &Model) -> f64 {
    let [from, until] = span(model);
    (until - from) / f64::from(batches(model)) - SPREAD_MIN
}

fn batches(model: &Model) -> u32 {
    model.record.sampled.div_ceil(BATCH).max(1)
}

/// When samples may be followed: to an end that is reached however arrivals fall.
fn span(model: &Model) -> [f64; 2] {
    let hours = model.hours();
    let doubt = 6.0 * (model.transactions as f64).sqrt() / model.honest_rate();
    [model.record.warm_up * hours, hours - doubt]
}

impl Followed {
    /// `model` has the time for its horizon.
    pub(super) fn new(model: &Model, seed: Seed) -> Self {
        let [from, until] = span(model);
        let batches = batches(model);
        let length = (until - from) / f64::from(batches);
        let spread = (length - model.record.horizon).max(0.0);
        let mut chance = Chance::new(seed, "tangle.samples", 0);
        let sampled = model.record.sampled;
        let mut planned: Vec<f64> = (0..sampled)
            .map(|number| {
                let (batch, place) = (number / BATCH, number % BATCH);
                let members = BATCH.min(sampled - batch * BATCH);
                let share = (f64::from(place) + chance.unit()) / f64::from(members);
                from + f64::from(batch) * length + share * spread
            })
            .collect();
        planned.reverse();
        Self {
            steps: super::histogram::bin(model.record.horizon, STEP).max(1),
            planned,
            batch: [from, length],
            active: Vec::new(),
            done: Vec::new(),
        }
    }

    /// `id` was issued: it may count for those followed, and be followed from now on.
    #[inline]
    pub(super) fn see(&mut self, window: &mut Window, id: u32, now: f64) {
        let [begun, length] = self.batch;
        if now >= begun + length {
            self.batch = [begun + length, length];
            self.done.append(&mut self.active);
            window.marks.clear();
        }
        let mut marks = window.marks.of(id);
        for curve in &mut self.active {
            let step = super::histogram::bin(now - curve.start, STEP);
            if let Some([issued, approving]) = curve.steps.get_mut(step) {
                *issued += 1;
                *approving += u32::from(marks & 1 == 1);
            }
            marks >>= 1;
        }
        let is_due = self.planned.last().is_some_and(|at| *at <= now);
        // The first two may be the pair that the lazy approve.
        if is_due && id > 2 && self.active.len() < BATCH as usize {
            self.planned.pop();
            window.marks.set(id, window.marks.of(id) | (1 << self.active.len()));
            self.active.push(Curve { start: now, steps: vec![[0; 2]; self.steps] });
        }
    }

    /// What was followed.
    pub(super) fn finish(mut self) -> Weights {
        self.done.append(&mut self.active);
        let count = self.done.len() as f64;
        let (mut mean, mut share) = (vec![0.0; self.steps + 1], vec![0.0; self.steps]);
        let (mut curves, mut adapted) = (Vec::new(), Vec::new());
        for curve in &self.done {
            let weights = curve.weights();
            for (mean, weight) in mean.iter_mut().zip(&weights) {
                *mean += f64::from(*weight) / count;
            }
            for (share, step) in share.iter_mut().zip(&curve.steps) {
                *share += approving(step) / count;
            }
            let step = curve.steps.iter().position(|step| approving(step) >= ADAPTED);
            adapted.push(step.map(|step| (step as f64 + 1.0) * STEP));
            curves.push(weights);
        }
        Weights { step: STEP, curves, mean, share, adapted }
    }
}

/// The share of those issued in a step that approve; 0 of none.
fn approving([issued, approving]: &[u32; 2]) -> f64 {
    f64::from(*approving) / f64::from((*issued).max(1))
}

impl Curve {
    /// The weight at each step, its own included.
    fn weights(&self) -> Vec<u32> {
        let mut weight = 1;
        let later = self.steps.iter().map(|[_, approving]| {
            weight += approving;
            weight
        });
        std::iter::once(1).chain(later).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_add_up() {
        let curve = Curve { start: 0.0, steps: vec![[10, 0], [10, 3], [10, 10]] };
        assert_eq!(curve.weights(), [1, 1, 4, 14]);
    }
}
