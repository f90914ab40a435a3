//! Rows D1 to D4: gossip, floods, queues.

use super::{
    bench::{Bench, head},
    row::{Row, Target},
    theory,
};
use crate::{
    kernel::random::Seed,
    substrate::{
        chance::Chance,
        gossip::{self, push_once},
        graph::Graph,
        station::{self, Service},
    },
};

/// D1: pushed once to a few at random.
pub(super) fn gossip(bench: &Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    for fan_out in [2_u32, 3, 4, 5, 6] {
        let reference = theory::reached(f64::from(fan_out));
        let head = head(
            "D1",
            format!("share reached by push, fan-out {fan_out}, 20000 nodes"),
            "derived: r = 1-exp(-fr)",
        );
        let heads = vec![(head, Target::Near { reference, tolerance: 0.005 })];
        rows.extend(bench.rows(bench.either(8, 32), heads, |seed| {
            let mut chance = Chance::new(Seed::new(seed), "validate.push", u64::from(fan_out));
            Some(vec![push_once(20_000, fan_out as usize, &mut chance)])
        }));
    }
    rows
}

/// D2: a flood reaches everybody, by the shortest paths.
pub(super) fn flood(bench: &Bench) -> Vec<Row> {
    const EXACT: Target = Target::Near { reference: 0.0, tolerance: 0.0 };
    let heads = vec![
        (head("D2", "nodes not reached by a flood, of 300", "exact"), EXACT),
        (head("D2", "nodes reached at another time than by Dijkstra", "exact"), EXACT),
    ];
    bench.rows(bench.either(4, 16), heads, |seed| {
        let mut chance = Chance::new(Seed::new(seed), "validate.flood", 0);
        let delay = |chance: &mut Chance| 1 + u64::from(chance.below(100_000));
        let graph = Graph::regular(300, 6, &mut chance, delay)?;
        let source = chance.index(300);
        let heard = gossip::flood(&graph, source);
        let missed = heard.iter().filter(|heard| heard.is_none()).count();
        let expected = graph.distances(source).into_iter().map(Some);
        let wrong = heard.iter().zip(expected).filter(|(heard, expected)| *heard != expected);
        Some(vec![missed as f64, wrong.count() as f64])
    })
}

/// D3, D4: stations with one server.
pub(super) fn stations(bench: &Bench) -> Vec<Row> {
    const LITTLE: &str = "Little: L = λW";
    let mut rows = Vec::new();
    for (service, name, load) in [
        (Service::Exponential, "M/M/1", 0.5_f64),
        (Service::Exponential, "M/M/1", 0.8),
        (Service::Constant, "M/D/1", 0.5),
        (Service::Constant, "M/D/1", 0.8),
    ] {
        let (what, reference, source) = match service {
            Service::Exponential => ("sojourn", 1.0 / (1.0 - load), "1/(μ-λ)"),
            Service::Constant => {
                ("wait", load / (2.0 * (1.0 - load)), "Pollaczek, Khinchine: ρ/(2μ(1-ρ))")
            }
        };
        let heads = vec![
            (
                head("D3", format!("{name} {what}, load {load}"), source),
                Target::about(reference, 0.02),
            ),
            (head("D4", format!("{name} L / (λW), load {load}"), LITTLE), Target::about(1.0, 0.01)),
        ];
        rows.extend(bench.rows(bench.either(4, 12), heads, |seed| {
            let mut chance = Chance::new(Seed::new(seed), "validate.station", 0);
            let customers = if bench.quick { 1_000_000 } else { 4_000_000 };
            let shown = station::run(service, load, 1.0, customers, &mut chance);
            let measured = if service == Service::Exponential { shown.sojourn } else { shown.wait };
            Some(vec![measured, shown.inside / (shown.rate * shown.sojourn)])
        }));
    }
    rows
}
