//! How a message reaches everybody: pushed once to a few at random, or flooded along links.

use super::{chance::Chance, graph::Graph};
use crate::kernel::wheel::Wheel;

/// The share of `nodes` reached when each, the first time that it hears a message, pushes it to
/// `fan_out` others at random.
pub fn push_once(nodes: usize, fan_out: usize, chance: &mut Chance) -> f64 {
    let mut has_heard = vec![false; nodes];
    let mut heard = 1_usize;
    let mut pushing = vec![0];
    if let Some(first) = has_heard.first_mut() {
        *first = true;
    }
    while let Some(node) = pushing.pop() {
        for _ in 0..fan_out {
            // One of the others: the places after the node's own move up by one.
            let other = chance.index(nodes.saturating_sub(1));
            let other = other + usize::from(other >= node);
            if let Some(is_known @ false) = has_heard.get_mut(other) {
                *is_known = true;
                heard += 1;
                pushing.push(other);
            }
        }
    }
    heard as f64 / nodes as f64
}

/// When each node hears a message first that `source` floods at time 0; `None`: never. A node
/// forwards to all its neighbours, once. The queue is the one of the world.
pub fn flood(graph: &Graph, source: usize) -> Vec<Option<u64>> {
    let mut heard = vec![None; graph.nodes()];
    let mut under_way = Wheel::new(0);
    under_way.put(0, source);
    while let Some((now, node)) = under_way.next(u64::MAX) {
        let Some(first @ None) = heard.get_mut(node) else {
            continue;
        };
        *first = Some(now);
        for (to, delay) in graph.neighbours(node) {
            under_way.put(now + delay, *to);
        }
    }
    heard
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::random::Seed;

    #[test]
    fn a_push_to_nobody_reaches_the_source_alone() {
        let mut chance = Chance::new(Seed::new(1), "test", 0);
        assert_eq!(push_once(10, 0, &mut chance), 0.1);
        assert_eq!(push_once(10, 100, &mut chance), 1.0);
    }

    #[test]
    fn a_flood_takes_the_shortest_paths() {
        let mut chance = Chance::new(Seed::new(1), "test", 1);
        let graph = Graph::regular(30, 4, &mut chance, |chance| chance.draw() % 100).unwrap();
        let expected: Vec<_> = graph.distances(7).into_iter().map(Some).collect();
        assert_eq!(flood(&graph, 7), expected);
    }
}
