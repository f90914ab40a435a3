//! Rows A1 to A8 and A11: how many tips there are.

use super::{
    bench::{Bench, head},
    row::{Row, Target},
    theory,
};
use crate::tangle::{
    Model,
    local::{self, Network},
    model::{Arrivals, Delay, Law},
};

const POPOV: &str = "Popov, The Tangle v1.3+: L0 = kλh/(k-1)";
const SEEN: &str = "an independent simulation; no formula is known";
const DELAY_LAW: &str = "derived: x = ∫exp(-(k/x)∫F), theory.rs";

/// A1, A4: the constant delay, and how much the count swings.
pub(super) fn constant_delay(bench: &Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    for (rate, transactions, seeds) in
        [(1e3, 400_000, bench.either(8, 32)), (1e4, 2_000_000, bench.either(3, 12))]
    {
        let heads = vec![
            (
                head("A1", format!("tips / λh, k=2, λ={rate}"), POPOV),
                Target::about(theory::tips_constant(2.0), 0.01),
            ),
            (
                head("A4", format!("std of tips / sqrt(λh), k=2, λ={rate}"), SEEN),
                Target::about(1.0, 0.2),
            ),
        ];
        rows.extend(bench.rows(seeds, heads, |seed| {
            let model = Model { transactions, rate, ..Model::default() };
            let tips = bench.tangle(model, seed)?.tips;
            Some(vec![tips.mean / rate, tips.std / rate.sqrt()])
        }));
    }
    rows
}

/// A2: more parents.
pub(super) fn more_parents(bench: &Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    for parents in [3, 4, 8] {
        let reference = theory::tips_constant(f64::from(parents));
        let head = head("A2", format!("tips / λh, k={parents}, λ=1000"), POPOV);
        let heads = vec![(head, Target::about(reference, 0.015))];
        rows.extend(bench.rows(bench.either(3, 12), heads, |seed| {
            let model = Model { parents, ..Model::default() };
            Some(vec![bench.tangle(model, seed)?.tips.mean / 1e3])
        }));
    }
    rows
}

/// A3: at small rates there are a few more.
pub(super) fn small_rates(bench: &Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    for (rate, reference, tolerance) in [(10.0, 2.06, 0.03), (100.0, 2.01, 0.02)] {
        let head = head("A3", format!("tips / λh, k=2, λ={rate}"), SEEN);
        let heads = vec![(head, Target::Near { reference, tolerance })];
        rows.extend(bench.rows(bench.either(6, 24), heads, |seed| {
            let model = Model { transactions: 200_000, rate, ..Model::default() };
            Some(vec![bench.tangle(model, seed)?.tips.mean / rate])
        }));
    }
    rows
}

/// A5: rounds.
pub(super) fn rounds(bench: &Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    for parents in [2, 3, 4] {
        let reference = theory::tips_rounds(f64::from(parents));
        let head = head(
            "A5",
            format!("tips / N, k={parents}, rounds of N=10000"),
            "derived: L = N/y, y = 1-exp(-ky)",
        );
        let heads = vec![(head, Target::about(reference, 0.003))];
        rows.extend(bench.rows(bench.either(3, 12), heads, |seed| {
            let (rate, arrivals) = (1e4, Arrivals::Rounds);
            let mut model =
                Model { parents, rate, arrivals, transactions: 600_000, ..Model::default() };
            model.record.cool_down = 10.0;
            Some(vec![bench.tangle(model, seed)?.tips.mean / rate])
        }));
    }
    rows
}

/// A6: delays of any law.
pub(super) fn any_delay(bench: &Bench) -> Vec<Row> {
    let exponential: fn(f64) -> f64 = |u| u - 1.0 + libm::exp(-u);
    let uniform: fn(f64) -> f64 = |u| if u < 2.0 { u * u / 4.0 } else { u - 1.0 };
    // Half of all wait 1/2 h, half are even between that and 5/2 h.
    let empirical: fn(f64) -> f64 = |u| {
        let late = (u - 0.5).clamp(0.0, 2.0);
        late / 2.0 + late * late / 8.0 + (u - 2.5).max(0.0)
    };
    let points = vec![[0.5, 0.5], [2.5, 1.0]];
    let mut rows = Vec::new();
    for (law, name, points, integral) in [
        (Law::Exponential, "exponential", Vec::new(), exponential),
        (Law::Uniform, "uniform", Vec::new(), uniform),
        (Law::Empirical, "empirical", points, empirical),
    ] {
        let reference = theory::tips_any_delay(2.0, integral);
        let head = head("A6", format!("tips / λ, k=2, λ=1000, {name} delay"), DELAY_LAW);
        let heads = vec![(head, Target::about(reference, 0.005))];
        rows.extend(bench.rows(bench.either(6, 24), heads, |seed| {
            let delay = Delay { law, mean: 1.0, points: points.clone() };
            let model = Model { delay, ..Model::default() };
            Some(vec![bench.tangle(model, seed)?.tips.mean / 1e3])
        }));
    }
    rows
}

/// A8: a view for each node. The graph differs by seed, and so does the reference: the row is
/// about their ratio.
pub(super) fn local_views(bench: &Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    for nodes in [50, 100] {
        let head = head(
            "A8",
            format!("tips seen / reference, k=2, {nodes} nodes of degree 8"),
            "A6 with F = the delays between pairs; local pools: Müller et al. 2023",
        );
        let heads = vec![(head, Target::about(1.0, 0.08))];
        rows.extend(bench.rows(bench.either(2, 8), heads, |seed| {
            let mut network =
                Network { nodes, degree: 8, rate: 200.0, parents: 2, transactions: 24_000 };
            if let Some(tamper) = bench.tamper {
                let mut model = Model::default();
                tamper(&mut model);
                network.parents = model.parents as usize;
            }
            let views = local::run(&network, seed)?;
            let reference = theory::tips_any_delay(2.0, |u| waited(&views.delays, u));
            Some(vec![views.tips / network.rate / reference])
        }));
    }
    rows
}

/// The mean of u - d over the sorted delays d up to u: the integral of their distribution.
fn waited(delays: &[f64], u: f64) -> f64 {
    let sum: f64 = delays.iter().take_while(|delay| **delay < u).map(|delay| u - delay).sum();
    sum / delays.len() as f64
}

/// A11: next to no load.
pub(super) fn low_load(bench: &Bench) -> Vec<Row> {
    let heads = vec![
        (head("A11", "tips, k=2, λh=0.01", "Popov: a chain, L -> 1"), Target::Between(1.0, 1.05)),
        (
            head("A11", "mean first approval · λ, λh=0.01", "derived: 1/λ + h for a chain"),
            Target::about(1.01, 0.05),
        ),
    ];
    bench.rows(bench.either(3, 12), heads, |seed| {
        let rate = 0.01;
        let model = Model { transactions: 20_000, rate, ..Model::default() };
        let outcome = bench.tangle(model, seed)?;
        Some(vec![outcome.tips.mean, outcome.first_approval.mean() * rate])
    })
}
