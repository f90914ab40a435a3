//! Tips by a weighted walk, for teaching: the past is kept whole and every weight is exact where a
//! walk can come.
//!
//! A walk starts at a transaction that became visible between one and two depths ago and goes
//! from approver to approver, each with a chance that grows as exp(alpha · its weight), until one
//! has no visible approver.
//!
//! Invariant: the weight of whatever became visible less than two depths ago is exact.

use super::{model::Selection, tips::Tips, window::Window};
use crate::substrate::chance::Chance;

/// Walks that may end at a tip that was left behind, before any tip is taken instead.
const WALKS_MAX: u32 = 16;

/// The visible past.
#[derive(Debug)]
pub(super) struct Walk {
    alpha: f64,
    depth: f64,
    chance: Chance,
    /// In the order in which they became visible, and when.
    order: Vec<u32>,
    times: Vec<f64>,
    /// By id.
    nodes: Vec<Node>,
    /// Searches of the past so far.
    searches: u32,
    stack: Vec<u32>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    visible: f64,
    weight: u32,
    /// The last search that came here.
    search: u32,
    parents: Vec<u32>,
    approvers: Vec<u32>,
}

impl Walk {
    pub(super) const fn new(selection: &Selection, chance: Chance) -> Self {
        Self {
            alpha: selection.alpha,
            depth: selection.depth,
            chance,
            order: Vec::new(),
            times: Vec::new(),
            nodes: Vec::new(),
            searches: 0,
            stack: Vec::new(),
        }
    }

    /// `id` becomes visible.
    pub(super) fn show(&mut self, window: &Window, id: u32, now: f64) {
        let mut parents = window.parents(id).to_vec();
        parents.sort_unstable();
        parents.dedup();
        if self.nodes.len() <= id as usize {
            self.nodes.resize(id as usize + 1, Node::default());
        }
        for parent in &parents {
            if let Some(node) = self.nodes.get_mut(*parent as usize) {
                node.approvers.push(id);
            }
        }
        self.order.push(id);
        self.times.push(now);
        self.searches += 1;
        self.stack.extend(&parents);
        if let Some(node) = self.nodes.get_mut(id as usize) {
            (node.visible, node.weight, node.search) = (now, 1, self.searches);
            node.parents = parents;
        }
        self.add_weight(now - 2.0 * self.depth);
    }

    /// One more for all on the stack and their past, as far as it became visible after `since`.
    fn add_weight(&mut self, since: f64) {
        while let Some(id) = self.stack.pop() {
            let Some(node) = self.nodes.get_mut(id as usize) else {
                continue;
            };
            if node.search == self.searches || node.visible < since {
                continue;
            }
            node.search = self.searches;
            node.weight += 1;
            self.stack.extend(&node.parents);
        }
    }

    /// A tip.
    pub(super) fn tip(&mut self, window: &Window, tips: &Tips, now: f64) -> u32 {
        for _ in 0..WALKS_MAX {
            let end = self.walk(now);
            if window.holds(end) && tips.is_tip(end) {
                return end;
            }
        }
        tips.at(self.chance.below(tips.count()))
    }

    fn walk(&mut self, now: f64) -> u32 {
        let first = self.times.partition_point(|time| *time < now - 2.0 * self.depth);
        let last = self.times.partition_point(|time| *time < now - self.depth);
        let start = first + self.chance.index(last - first);
        let mut at = self.order.get(start).copied().unwrap_or_default();
        while let Some(next) = self.step(at) {
            at = next;
        }
        at
    }

    /// The next one from `at`; `None` at the end of a walk.
    fn step(&mut self, at: u32) -> Option<u32> {
        let approvers = &self.nodes.get(at as usize)?.approvers;
        let weight = |id: &u32| self.nodes.get(*id as usize).map_or(0, |node| node.weight);
        // Relative to the heaviest, so that no power is too large.
        let heaviest = approvers.iter().map(weight).max()?;
        let pull = |id: &u32| libm::exp(self.alpha * (f64::from(weight(id)) - f64::from(heaviest)));
        let total: f64 = approvers.iter().map(pull).sum();
        let mut left = self.chance.unit() * total;
        for id in approvers {
            left -= pull(id);
            if left < 0.0 {
                return Some(*id);
            }
        }
        approvers.last().copied()
    }
}
