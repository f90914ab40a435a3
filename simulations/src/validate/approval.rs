//! Rows A9 and A10: when a transaction is approved first, and how often in all.

use super::{
    bench::{Bench, head},
    row::{Row, Target},
};
use crate::tangle::Model;

const WAIT: &str = "Popov: after h, exponential with the mean L0/(kλ) = h/(k-1)";
const APPROVERS: &str = "derived: one, and Poisson(k-1) more while it is hidden";

/// A9, A10.
pub(super) fn first_approval(bench: &Bench) -> Vec<Row> {
    let near = |reference, tolerance| Target::Near { reference, tolerance };
    let count = |approvers: u32, reference| {
        let quantity = format!("share with {approvers} approvers, k=2, λ=10000");
        (head("A10", quantity, APPROVERS), near(reference, 0.004))
    };
    let e = libm::exp(-1.0);
    let heads = vec![
        (head("A9", "mean h to first approval, k=2, λ=10000", WAIT), near(2.0, 0.02)),
        (head("A9", "std of it, k=2, λ=10000", WAIT), near(1.0, 0.02)),
        count(1, e),
        count(2, e),
        count(3, e / 2.0),
        count(4, e / 6.0),
    ];
    bench.rows(bench.either(2, 8), heads, |seed| {
        let model = Model { transactions: 1_000_000, rate: 1e4, ..Model::default() };
        let outcome = bench.tangle(model, seed)?;
        let shares = outcome.approvers.iter().map(|count| *count as f64 / outcome.measured as f64);
        let first = &outcome.first_approval;
        Some([first.mean(), first.std()].into_iter().chain(shares.skip(1).take(4)).collect())
    })
}
