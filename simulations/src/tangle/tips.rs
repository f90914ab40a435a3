//! The tips: a list to draw from, and where in the list each stands, so that one leaves in a step.
//!
//! Invariant: `places.of(id)` is the index of `id` in the list for exactly the ids in the list.
//! The order of the list means nothing.

use super::ring::Ring;

/// No place in the list.
const NOWHERE: u32 = u32::MAX;

/// The tips.
#[derive(Clone, Debug)]
pub(crate) struct Tips {
    list: Vec<u32>,
    places: Ring<u32>,
}

impl Tips {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { list: Vec::new(), places: Ring::new(capacity, NOWHERE) }
    }

    #[inline]
    pub(crate) fn count(&self) -> u32 {
        // As many as there are ids at most, and these have 32 bits.
        u32::try_from(self.list.len()).unwrap_or(u32::MAX)
    }

    #[inline]
    pub(crate) fn is_tip(&self, id: u32) -> bool {
        self.places.of(id) != NOWHERE
    }

    pub(crate) fn all(&self) -> &[u32] {
        &self.list
    }

    /// The tip at `place`, which is below the count; 0, genesis, of an empty list.
    #[inline]
    pub(crate) fn at(&self, place: u32) -> u32 {
        self.list.get(place as usize).copied().unwrap_or_default()
    }

    /// Adds `id`, which is no tip yet.
    #[inline]
    pub(crate) fn insert(&mut self, id: u32) {
        self.places.set(id, self.count());
        self.list.push(id);
    }

    /// Takes `id` out, if it is a tip.
    #[inline]
    pub(crate) fn remove(&mut self, id: u32) {
        let place = self.places.of(id);
        if place == NOWHERE {
            return;
        }
        self.places.set(id, NOWHERE);
        let last = self.list.pop().unwrap_or_default();
        if let Some(slot) = self.list.get_mut(place as usize) {
            *slot = last;
            self.places.set(last, place);
        }
    }

    /// Lets the tips at two places change them.
    pub(crate) fn swap(&mut self, a: u32, b: u32) {
        let (x, y) = (self.at(a), self.at(b));
        self.list.swap(a as usize, b as usize);
        self.places.set(x, b);
        self.places.set(y, a);
    }

    pub(crate) fn double(&mut self, ids: std::ops::Range<u32>) {
        self.places.double(ids);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tip_leaves_and_the_others_stay() {
        let mut tips = Tips::new(8);
        for id in 10..15 {
            tips.insert(id);
        }
        tips.remove(11);
        tips.remove(14);
        tips.remove(14);
        tips.swap(0, 2);
        let mut left = tips.all().to_vec();
        left.sort_unstable();
        assert_eq!(left, [10, 12, 13]);
        assert!(tips.is_tip(13) && !tips.is_tip(11));
        for id in left {
            tips.remove(id);
        }
        assert_eq!(tips.count(), 0);
        assert_eq!(tips.at(0), 0);
    }
}
