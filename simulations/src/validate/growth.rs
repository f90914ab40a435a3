//! Rows B1 to B4: how cumulative weights grow.

use super::{
    bench::{Bench, head},
    row::{Row, Target},
    statistics::mean,
    theory,
};
use crate::tangle::{Model, Weights, slope};

/// The horizon of the curves, in h.
const HORIZON: f64 = 42.0;

/// Time beside the curves: warm-up and what arrivals may be late, in h.
const MARGIN: f64 = 30.0;

/// A run that follows `batches` batches of 64 transactions.
fn weights(bench: &Bench, parents: u32, rate: f64, batches: u32, seed: u64) -> Option<Weights> {
    let hours = f64::from(batches) * (HORIZON + 2.0) + MARGIN + 6.0 / rate.sqrt() * 20.0;
    let mut model = Model { parents, rate, ..Model::default() };
    model.transactions = crate::tangle::bin(hours * rate, 1.0) as u64;
    model.record.warm_up = 20.0 / hours;
    (model.record.sampled, model.record.horizon) = (64 * batches, HORIZON);
    bench.tangle(model, seed)?.weights
}

/// The mean weight so many h after the issue.
fn weight_at(weights: &Weights, h: f64) -> f64 {
    let place = crate::tangle::bin(h, weights.step);
    weights.mean.get(place).copied().unwrap_or(f64::NAN)
}

/// B1: once all new transactions approve, the weight grows by their rate.
pub(super) fn late(bench: &Bench) -> Vec<Row> {
    let head = head("B1", "late dH/dt / λ, k=2, λ=1000", "Popov: λ");
    let heads = vec![(head, Target::about(1.0, 0.01))];
    bench.rows(bench.either(3, 8), heads, |seed| {
        let weights = weights(bench, 2, 1e3, 3, seed)?;
        Some(vec![(weight_at(&weights, 42.0) - weight_at(&weights, 37.0)) / 5e3])
    })
}

/// B2: before, it grows exponentially. The whitepaper has 0.352 = W(1/2); the exact mean field is
/// the smaller root of `theory::growth`, and finite rates lie above it.
pub(super) fn early(bench: &Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    for (rate, batches) in [(1e2, 24), (1e3, 8), (1e4, 3)] {
        let quantity = format!("growth of ln H per h, k=2, λ={rate} (0.3305 derived, 0.352 Popov)");
        let head = head("B2", quantity, "derived: theory.rs, growth; Popov: W(1/2)");
        let heads = vec![(head, Target::Between(0.31, 0.36))];
        rows.extend(bench.rows(bench.either(2, 6), heads, |seed| {
            Some(vec![early_growth(&weights(bench, 2, rate, batches, seed)?, rate)])
        }));
    }
    for (parents, batches) in [(3, 2), (4, 2)] {
        let reference = theory::growth(f64::from(parents));
        let quantity = format!("growth of ln H per h, k={parents}, λ=10000");
        let head = head("B2", quantity, "derived: theory.rs, growth");
        let heads = vec![(head, Target::about(reference, 0.05))];
        rows.extend(bench.rows(bench.either(2, 6), heads, |seed| {
            let weights = weights(bench, parents, 1e4, batches, seed)?;
            Some(vec![early_growth(&weights, 5e3)])
        }));
    }
    rows
}

/// The slope of ln H over time from H = 10 to a tenth of the tips.
fn early_growth(weights: &Weights, rate: f64) -> f64 {
    let points = weights.mean.iter().enumerate();
    let points: Vec<[f64; 2]> = points
        .filter(|(_, weight)| (10.0..=0.2 * rate).contains(*weight))
        .map(|(place, weight)| [place as f64 * weights.step, libm::log(*weight)])
        .collect();
    slope(points.iter())
}

/// B3: how the time until 95 % of new transactions approve grows with the rate.
pub(super) fn adaptation(bench: &Bench) -> Vec<Row> {
    let head = head(
        "B3",
        "adaptation time, h per ln λ, k=2, λ=1e2..1e4",
        "Popov: 2.84 h ln L0; from B2: 1/0.3305 = 3.03",
    );
    let heads = vec![(head, Target::Between(2.7, 3.5))];
    bench.rows(bench.either(2, 6), heads, |seed| {
        let mut points = Vec::new();
        for (rate, batches) in [(1e2, 12), (1e3, 4), (1e4, 2)] {
            let weights = weights(bench, 2, rate, batches, seed)?;
            let adapted: Vec<f64> = weights.adapted.iter().copied().flatten().collect();
            points.push([libm::log(rate), mean(&adapted)]);
        }
        Some(vec![slope(points.iter())])
    })
}

/// B4: the mean curve. While the weight is small against the tips, it is that of the equation;
/// later ones were seen in an independent simulation.
pub(super) fn mean_curve(bench: &Bench) -> Vec<Row> {
    const DERIVED: &str = "derived: theory.rs, weight; an independent simulation saw the same";
    const SEEN: &str = "an independent simulation; the equation holds for small H alone";
    let derived = [5.0, 10.0, 15.0];
    let references = theory::weight(2.0, &derived);
    let early = derived.into_iter().zip(references).map(|(h, weight)| (h, weight, DERIVED));
    let points: Vec<_> = early.chain([(20.0, 983.0, SEEN), (30.0, 7_667.0, SEEN)]).collect();
    let heads = points.iter().map(|(h, weight, source)| {
        let quantity = format!("mean H at {h} h, k=2, λ=1000");
        (head("B4", quantity, source), Target::about(*weight, 0.1))
    });
    bench.rows(bench.either(3, 8), heads.collect(), |seed| {
        let weights = weights(bench, 2, 1e3, 6, seed)?;
        Some(points.iter().map(|(h, ..)| weight_at(&weights, *h)).collect())
    })
}
