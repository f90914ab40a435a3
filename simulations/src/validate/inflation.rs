//! Rows C1 to C3: transactions that remove no tips, and tips that are left behind.

use super::{
    bench::{Bench, head},
    row::{Row, Target},
    theory,
};
use crate::tangle::{Model, slope};

const EFFECTIVE: &str = "derived: L = k'λh/(k'-1), k' = k(1-q); threshold: arXiv 2305.01207";

const OVER_TIME: &str = "derived: diverges, 1-k(1-q) per h and what is chosen twice; theory.rs";

/// The share of a run that rows about growth leave out.
const WARM_UP: f64 = 0.2;

/// C1: a share that approves genesis, or one old pair, alone.
pub(super) fn spam(bench: &Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    for (kind, share, tolerance) in
        [("spam", 0.1, 0.02), ("spam", 0.2, 0.02), ("spam", 0.4, 0.02), ("lazy", 0.2, 0.02)]
    {
        let reference = theory::tips_constant(2.0 * (1.0 - share));
        let head = head("C1", format!("tips / λh, k=2, λ=1000, {kind} {share}"), EFFECTIVE);
        let heads = vec![(head, Target::about(reference, tolerance))];
        rows.extend(bench.rows(bench.either(3, 12), heads, |seed| {
            let mut model = Model::default();
            if kind == "lazy" {
                model.lazy = share;
            } else {
                model.spam = share;
            }
            Some(vec![bench.tangle(model, seed)?.tips.mean / 1e3])
        }));
    }
    rows
}

/// C2: beyond 1 - 1/k the tips grow without end, below they do not.
pub(super) fn threshold(bench: &Bench) -> Vec<Row> {
    let hours = 200.0;
    let points = theory::tips_over_time(2.0 * (1.0 - 0.55), hours);
    let growth = slope(points.iter().filter(|[at, _]| *at >= WARM_UP * hours));
    let grows = head("C2", "growth of tips / λ, k=2, λ=1000, spam 0.55", OVER_TIME);
    let grows = vec![(grows, Target::about(growth, 0.05))];
    let mut rows = bench.rows(bench.either(3, 12), grows, |seed| {
        let mut model = Model { spam: 0.55, transactions: 200_000, ..Model::default() };
        model.record.warm_up = WARM_UP;
        Some(vec![bench.tangle(model, seed)?.tips.growth / 1e3])
    });
    let reference = theory::tips_constant(8.0 * (1.0 - 0.86));
    let stays = head("C2", "tips / λh, k=8, λ=1000, spam 0.86", EFFECTIVE);
    let stays = vec![(stays, Target::about(reference, 0.05))];
    rows.extend(bench.rows(bench.either(3, 12), stays, |seed| {
        let model = Model { spam: 0.86, parents: 8, transactions: 600_000, ..Model::default() };
        Some(vec![bench.tangle(model, seed)?.tips.mean / 1e3])
    }));
    rows
}

/// C3: how many are never approved when old tips are left behind.
pub(super) fn orphans(bench: &Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    for (age, transactions) in [(4.0, 400_000), (5.0, 400_000), (6.0, 800_000), (8.0, 2_000_000)] {
        let reference = theory::orphan_share(2.0, age);
        let head = head(
            "C3",
            format!("orphans / all, k=2, λ=1000, tips up to {age} h"),
            "derived: exp(-(k/x)(D-1)), theory.rs; exponential in -kD: IOTA research",
        );
        let heads = vec![(head, Target::about(reference, 0.05))];
        rows.extend(bench.rows(bench.either(3, 12), heads, |seed| {
            let mut model = Model { transactions, ..Model::default() };
            model.selection.tip_age_max = age;
            let outcome = bench.tangle(model, seed)?;
            Some(vec![outcome.orphans as f64 / outcome.measured as f64])
        }));
    }
    rows
}
