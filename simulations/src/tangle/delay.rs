//! How long a transaction is hidden, and what is hidden now.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use super::model::{Delay, Law};
use crate::substrate::chance::Chance;

/// Draws delays by a law.
#[derive(Clone, Debug)]
pub(crate) struct Delays {
    law: Delay,
    chance: Chance,
}

impl Delays {
    pub(crate) const fn new(law: Delay, chance: Chance) -> Self {
        Self { law, chance }
    }

    /// The next delay, in h.
    #[inline]
    pub(crate) fn draw(&mut self) -> f64 {
        match self.law.law {
            Law::Constant => self.law.mean,
            Law::Exponential => self.chance.exponential(self.law.mean),
            Law::Uniform => 2.0 * self.law.mean * self.chance.unit(),
            Law::Empirical => inverse(&self.law.points, self.chance.unit()),
        }
    }
}

/// The delay that a share of `p` does not exceed, linear between the points.
fn inverse(points: &[[f64; 2]], p: f64) -> f64 {
    let (mut from, mut share) = (None, 0.0);
    for [to, up_to] in points.iter().copied() {
        if p < up_to {
            let start = from.unwrap_or(to);
            return start + (to - start) * (p - share) / (up_to - share);
        }
        (from, share) = (Some(to), up_to);
    }
    from.unwrap_or_default()
}

/// What is hidden, by the time at which it becomes visible, then by id.
#[derive(Debug)]
pub(super) enum Hidden {
    /// All delays are the same: first in, first out.
    InOrder(VecDeque<(f64, u32)>),
    /// Any delays. Times are kept as bits, which are in the order of what they stand for as none
    /// is negative.
    Any(BinaryHeap<Reverse<(u64, u32)>>),
}

impl Hidden {
    pub(super) fn new(law: Law) -> Self {
        match law {
            Law::Constant => Self::InOrder(VecDeque::new()),
            Law::Exponential | Law::Uniform | Law::Empirical => Self::Any(BinaryHeap::new()),
        }
    }

    #[inline]
    pub(super) fn push(&mut self, until: f64, id: u32) {
        match self {
            Self::InOrder(queue) => queue.push_back((until, id)),
            Self::Any(heap) => heap.push(Reverse((until.to_bits(), id))),
        }
    }

    /// When the next one becomes visible.
    #[inline]
    pub(super) fn due(&self) -> f64 {
        match self {
            Self::InOrder(queue) => queue.front().map_or(f64::INFINITY, |(until, _)| *until),
            Self::Any(heap) => {
                heap.peek().map_or(f64::INFINITY, |Reverse((until, _))| f64::from_bits(*until))
            }
        }
    }

    /// Takes the next one.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<u32> {
        match self {
            Self::InOrder(queue) => queue.pop_front().map(|(_, id)| id),
            Self::Any(heap) => heap.pop().map(|Reverse((_, id))| id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::random::Seed;

    fn mean(law: Delay) -> f64 {
        let mut delays = Delays::new(law, Chance::new(Seed::new(1), "test", 0));
        (0..20_000).map(|_| delays.draw()).sum::<f64>() / 20_000.0
    }

    #[test]
    fn every_law_has_its_mean() {
        for law in [Law::Constant, Law::Exponential, Law::Uniform] {
            let mean = mean(Delay { law, mean: 2.0, points: Vec::new() });
            assert!((mean - 2.0).abs() < 0.05, "{law:?}: {mean}");
        }
        let points = vec![[1.0, 0.5], [3.0, 1.0]];
        let mean = mean(Delay { law: Law::Empirical, mean: 9.0, points });
        assert!((mean - 1.5).abs() < 0.05, "{mean}");
    }

    #[test]
    fn the_inverse_hits_the_points() {
        let points = [[0.5, 0.0], [1.0, 0.5], [2.0, 1.0]];
        assert_eq!([0.0, 0.25, 0.5, 0.75].map(|p| inverse(&points, p)), [0.5, 0.75, 1.0, 1.5]);
    }

    #[test]
    fn the_soonest_is_visible_first() {
        let mut hidden = Hidden::new(Law::Uniform);
        for (until, id) in [(2.0, 1), (0.5, 2), (0.5, 3)] {
            hidden.push(until, id);
        }
        assert_eq!(hidden.due(), 0.5);
        let order: Vec<u32> = std::iter::from_fn(|| hidden.pop()).collect();
        assert_eq!(order, [2, 3, 1]);
        assert_eq!(hidden.due(), f64::INFINITY);
    }
}
