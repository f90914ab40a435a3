//! One property of each transaction that is still of interest, by its id.
//!
//! A ring: the slot of an id is its lowest bits, so a run of any length needs the memory of what
//! is of interest at one time. Who owns the rings says which ids are (`window`).

/// A property by id.
#[derive(Clone, Debug)]
pub(crate) struct Ring<T> {
    slots: Vec<T>,
    mask: usize,
    empty: T,
}

impl<T: Copy> Ring<T> {
    /// Room for `capacity` ids in a row, a power of two, each with the value `empty`.
    pub(crate) fn new(capacity: usize, empty: T) -> Self {
        Self { slots: vec![empty; capacity], mask: capacity.saturating_sub(1), empty }
    }

    /// A property that nobody asks for in this run: takes no memory, and is always `empty`.
    pub(crate) const fn off(empty: T) -> Self {
        Self { slots: Vec::new(), mask: 0, empty }
    }

    /// A ring, if it `is_on`.
    pub(crate) fn only_if(is_on: bool, capacity: usize, empty: T) -> Self {
        if is_on { Self::new(capacity, empty) } else { Self::off(empty) }
    }

    #[inline]
    pub(crate) fn of(&self, id: u32) -> T {
        self.slots.get(id as usize & self.mask).copied().unwrap_or(self.empty)
    }

    #[inline]
    pub(crate) fn set(&mut self, id: u32, value: T) {
        if let Some(slot) = self.slots.get_mut(id as usize & self.mask) {
            *slot = value;
        }
    }

    /// Gives every slot the value `empty`.
    pub(crate) fn clear(&mut self) {
        self.slots.fill(self.empty);
    }

    /// Doubles the room; `ids` keep their values.
    pub(crate) fn double(&mut self, ids: std::ops::Range<u32>) {
        if self.slots.is_empty() {
            return;
        }
        let mut wider = Self::new(self.slots.len() * 2, self.empty);
        for id in ids {
            wider.set(id, self.of(id));
        }
        *self = wider;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubled_ring_keeps_its_values() {
        let mut ring = Ring::new(4, 0);
        for id in 5..9 {
            ring.set(id, id * 10);
        }
        ring.double(5..9);
        ring.set(9, 90);
        assert_eq!((5..10).map(|id| ring.of(id)).collect::<Vec<_>>(), [50, 60, 70, 80, 90]);
    }

    #[test]
    fn a_ring_that_is_off_is_empty() {
        let mut ring = Ring::off(7);
        ring.set(3, 1);
        ring.double(0..4);
        assert_eq!(ring.of(3), 7);
    }
}
