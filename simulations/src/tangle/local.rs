//! The abstract Tangle with a view for each node: a transaction reaches each when the shortest
//! path from its issuer allows.
//!
//! Shows how far a single DAG with hidden transactions ([`super::run`]) stands for a network.
//!
//! Invariant: a node sees parents before their approvers, as no path is shorter than the shortest.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::tips::Tips;
use crate::{
    kernel::random::Seed,
    substrate::{chance::Chance, graph::Graph},
};

/// What can be set. Time in h; here h is the mean delay between two nodes, a node and itself
/// among them.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Nodes, which issue at the same rate each. At least `degree` + 1.
    pub nodes: usize,
    /// Links of each node, an even number.
    pub degree: usize,
    /// Transactions per h, of all nodes together.
    pub rate: f64,
    /// Tips that a transaction approves, drawn with replacement. At least 1.
    pub parents: usize,
    /// Transactions in all; the first fifth is not counted.
    pub transactions: u32,
}

/// What a run showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Views {
    /// Tips that an issuer sees, on average.
    pub tips: f64,
    /// Delays from each node to each, itself included, in h, sorted.
    pub delays: Vec<f64>,
}

/// Runs the network. Delays of links are uniform between one half and one and a half of their
/// mean. `None` if there is no graph of that degree.
pub fn run(network: &Network, seed: u64) -> Option<Views> {
    let seed = Seed::new(seed);
    let mut chance = Chance::new(seed, "local.graph", 0);
    let delay = |chance: &mut Chance| 500_000 + u64::from(chance.below(1_000_000));
    let graph = Graph::regular(network.nodes, network.degree, &mut chance, delay)?;
    let distances: Vec<Vec<u64>> = (0..network.nodes).map(|node| graph.distances(node)).collect();
    let total: u64 = distances.iter().flatten().sum();
    let unit = total as f64 / (network.nodes * network.nodes) as f64;
    let in_h = |delay: &u64| *delay as f64 / unit;
    let mut delays: Vec<f64> = distances.iter().flatten().map(in_h).collect();
    delays.sort_by(f64::total_cmp);
    let routes = distances.iter().map(|list| {
        let mut route: Vec<(f64, usize)> = list.iter().map(in_h).zip(0..).collect();
        route.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        route
    });
    let capacity = (network.transactions as usize + 1).next_power_of_two();
    let mut run = Run {
        network,
        routes: routes.collect(),
        views: vec![Tips::new(capacity); network.nodes],
        txs: Vec::new(),
        under_way: BinaryHeap::new(),
    };
    Some(Views { tips: run.run(seed), delays })
}

struct Run<'a> {
    network: &'a Network,
    /// From each node: the delay to each, sorted.
    routes: Vec<Vec<(f64, usize)>>,
    views: Vec<Tips>,
    txs: Vec<Tx>,
    /// When each transaction reaches its next node: the time as bits, its id, the place of the
    /// node in the route.
    under_way: BinaryHeap<Reverse<(u64, u32, usize)>>,
}

struct Tx {
    source: usize,
    issued: f64,
    parents: Vec<u32>,
}

impl Run<'_> {
    /// The mean number of tips that issuers see.
    fn run(&mut self, seed: Seed) -> f64 {
        let mut arrivals = Chance::new(seed, "local.arrivals", 0);
        let mut choice = Chance::new(seed, "local.choice", 0);
        self.txs.push(Tx { source: 0, issued: 0.0, parents: Vec::new() });
        for view in &mut self.views {
            view.insert(0);
        }
        let warm_up = self.network.transactions / 5;
        let (mut now, mut sum) = (0.0, 0_u64);
        for number in 1..=self.network.transactions {
            now += arrivals.exponential(1.0 / self.network.rate);
            self.deliver(now);
            let source = choice.index(self.network.nodes);
            let Some(view) = self.views.get(source) else {
                continue;
            };
            let count = view.count();
            let parents = (0..self.network.parents).map(|_| view.at(choice.below(count)));
            self.txs.push(Tx { source, issued: now, parents: parents.collect() });
            self.under_way.push(Reverse((now.to_bits(), number, 0)));
            if number > warm_up {
                sum += u64::from(count);
            }
        }
        sum as f64 / f64::from(self.network.transactions - warm_up)
    }

    /// Delivers all that arrives by `now`.
    fn deliver(&mut self, now: f64) {
        while let Some(Reverse((at, id, place))) = self.under_way.peek().copied() {
            if f64::from_bits(at) > now {
                return;
            }
            self.under_way.pop();
            let Some(tx) = self.txs.get(id as usize) else {
                continue;
            };
            let Some(route) = self.routes.get(tx.source) else {
                continue;
            };
            if let Some((delay, _)) = route.get(place + 1) {
                let next = tx.issued + delay;
                self.under_way.push(Reverse((next.to_bits(), id, place + 1)));
            }
            let Some(view) = route.get(place).and_then(|(_, node)| self.views.get_mut(*node))
            else {
                continue;
            };
            for parent in &tx.parents {
                view.remove(*parent);
            }
            view.insert(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_hold_about_twice_what_is_under_way() {
        let network =
            Network { nodes: 20, degree: 4, rate: 100.0, parents: 2, transactions: 4_000 };
        let views = run(&network, 1).unwrap();
        assert!((150.0..210.0).contains(&views.tips), "{}", views.tips);
        assert_eq!(views.delays.len(), 400);
        let mean = views.delays.iter().sum::<f64>() / 400.0;
        assert!((mean - 1.0).abs() < 1e-9);
        assert_eq!(run(&network, 1), Some(views));
    }
}
