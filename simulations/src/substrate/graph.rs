//! Random graphs of one degree, with delays, and shortest paths on them.
//!
//! Invariant: connected, and no two nodes are linked twice.

use super::chance::Chance;

/// An undirected graph: for each node its neighbours, with the delay to each.
#[derive(Clone, Debug)]
pub struct Graph {
    neighbours: Vec<Vec<(usize, u64)>>,
}

/// How often a cycle is drawn until it shares no link with the others.
const DRAWS_MAX: u32 = 10_000;

impl Graph {
    /// The union of `degree` / 2 random cycles through all `nodes`, each delay drawn by `delay`.
    /// `None` if there are not that many cycles without a common link.
    pub fn regular(
        nodes: usize,
        degree: usize,
        chance: &mut Chance,
        mut delay: impl FnMut(&mut Chance) -> u64,
    ) -> Option<Self> {
        let mut graph = Self { neighbours: vec![Vec::new(); nodes] };
        for _ in 0..degree / 2 {
            let cycle = (0..DRAWS_MAX)
                .map(|_| random_order(nodes, chance))
                .find(|cycle| links(cycle).all(|(a, b)| a != b && !graph.has(a, b)))?;
            for (a, b) in links(&cycle) {
                let delay = delay(chance);
                for (from, to) in [(a, b), (b, a)] {
                    if let Some(list) = graph.neighbours.get_mut(from) {
                        list.push((to, delay));
                    }
                }
            }
        }
        Some(graph)
    }

    /// How many nodes there are.
    pub const fn nodes(&self) -> usize {
        self.neighbours.len()
    }

    /// The neighbours of `node`, with the delay to each.
    pub fn neighbours(&self, node: usize) -> &[(usize, u64)] {
        self.neighbours.get(node).map_or(&[], |list| list)
    }

    fn has(&self, a: usize, b: usize) -> bool {
        self.neighbours(a).iter().any(|(to, _)| *to == b)
    }

    /// The delay from `source` to each node by the shortest path: Dijkstra's algorithm, with a
    /// plain search for the nearest instead of a queue, so that it shares no code with what it is
    /// held against.
    pub fn distances(&self, source: usize) -> Vec<u64> {
        let mut distances = vec![u64::MAX; self.nodes()];
        let mut is_open = vec![true; self.nodes()];
        if let Some(own) = distances.get_mut(source) {
            *own = 0;
        }
        loop {
            let open = distances.iter().copied().enumerate().zip(&is_open);
            let nearest = open.filter(|(_, is_open)| **is_open).map(|(node, _)| node);
            let Some((node, distance)) = nearest.min_by_key(|(_, distance)| *distance) else {
                return distances;
            };
            if let Some(is_open) = is_open.get_mut(node) {
                *is_open = false;
            }
            for (to, delay) in self.neighbours(node) {
                if let Some(known) = distances.get_mut(*to) {
                    *known = (*known).min(distance.saturating_add(*delay));
                }
            }
        }
    }
}

fn random_order(count: usize, chance: &mut Chance) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, chance.index(last + 1));
    }
    order
}

/// The links of a cycle.
fn links(cycle: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    let next = cycle.iter().cycle().skip(1);
    cycle.iter().copied().zip(next.copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::random::Seed;

    #[test]
    fn every_node_has_the_degree() {
        let mut chance = Chance::new(Seed::new(1), "test", 0);
        let graph = Graph::regular(20, 4, &mut chance, |_| 3).unwrap();
        for node in 0..20 {
            let mut others: Vec<_> = graph.neighbours(node).iter().map(|(to, _)| to).collect();
            others.sort_unstable();
            others.dedup();
            assert_eq!(others.len(), 4);
        }
        let distances = graph.distances(0);
        assert_eq!(distances[0], 0);
        assert!(distances.iter().all(|distance| *distance < 20 && distance % 3 == 0));
    }

    #[test]
    fn too_few_nodes_are_no_graph() {
        let mut chance = Chance::new(Seed::new(1), "test", 0);
        assert!(Graph::regular(4, 4, &mut chance, |_| 1).is_none());
    }
}
