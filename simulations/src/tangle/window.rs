//! The part of the DAG that is still of interest, a column per property.
//!
//! Ids are counted up from genesis, 0. The window holds the ids from `oldest` up to `next`; each
//! transaction leaves it in order of ids, at the latest at the end of the run, and is then
//! counted. The window slides while its oldest is decided (visible and no tip) and grows when it
//! is not, so nothing is lost whatever the rates.
//!
//! Invariant: of an id outside the window every property is what an undecided stranger's would
//! be: nothing is asked of one but its id.

use std::collections::BTreeMap;

use super::ring::Ring;

/// What a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The first one, that approves nothing.
    Genesis,
    /// One that approves tips.
    Honest,
    /// One that approves a fixed old pair.
    Lazy,
    /// One that approves genesis alone.
    Spam,
    /// A validator's block.
    Block,
    /// An attacker's.
    Private,
}

/// Properties that only some runs ask for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    /// Which followed transactions one approves.
    pub(super) marks: bool,
    /// Which validators cover one.
    pub(super) cover: bool,
    /// Which sides of a double spend one approves.
    pub(super) sides: bool,
}

/// Never, as a time.
pub(super) const NEVER: f64 = f64::INFINITY;

/// The columns.
#[derive(Clone, Debug)]
pub(super) struct Window {
    oldest: u32,
    next: u32,
    capacity: usize,
    stride: usize,
    parents: Vec<u32>,
    /// Parents of those that have more of them than the stride has room for, or fewer.
    others: BTreeMap<u32, Box<[u32]>>,
    pub(super) issued: Ring<f64>,
    /// When it was first approved.
    pub(super) approved: Ring<f64>,
    pub(super) approvers: Ring<u32>,
    pub(super) kinds: Ring<Kind>,
    pub(super) visible: Ring<bool>,
    pub(super) marks: Ring<u64>,
    pub(super) cover: Ring<u64>,
    /// When enough validators covered it.
    pub(super) covered: Ring<f64>,
    pub(super) sides: Ring<u8>,
}

impl Window {
    /// Room for about `ids` of `parents` parents each.
    pub(super) fn new(ids: u64, parents: u32, wanted: Wanted) -> Self {
        let capacity = usize::try_from(ids.max(1_024)).unwrap_or(1_024).next_power_of_two();
        let stride = parents as usize;
        Self {
            oldest: 0,
            next: 0,
            capacity,
            stride,
            parents: vec![0; capacity * stride],
            others: BTreeMap::new(),
            issued: Ring::new(capacity, 0.0),
            approved: Ring::new(capacity, NEVER),
            approvers: Ring::new(capacity, 0),
            kinds: Ring::new(capacity, Kind::Genesis),
            visible: Ring::new(capacity, false),
            marks: Ring::only_if(wanted.marks, capacity, 0),
            cover: Ring::only_if(wanted.cover, capacity, 0),
            covered: Ring::only_if(wanted.cover, capacity, NEVER),
            sides: Ring::only_if(wanted.sides, capacity, 0),
        }
    }

    pub(super) const fn ids(&self) -> std::ops::Range<u32> {
        self.oldest..self.next
    }

    pub(super) const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Whether the next one needs room that another has.
    #[inline]
    pub(super) const fn is_full(&self) -> bool {
        (self.next - self.oldest) as usize >= self.capacity
    }

    #[inline]
    pub(super) const fn holds(&self, id: u32) -> bool {
        id >= self.oldest && id < self.next
    }

    /// Whether all of `ids` are visible now, or were when they left.
    pub(super) fn has_been_visible(&self, mut ids: std::ops::Range<u32>) -> bool {
        ids.all(|id| id < self.oldest || (self.holds(id) && self.visible.of(id)))
    }

    /// Adds one; there is room for it.
    #[inline]
    pub(super) fn push(&mut self, now: f64, kind: Kind, parents: &[u32]) -> u32 {
        let id = self.next;
        self.next += 1;
        let start = self.start(id);
        match self.parents.get_mut(start..start + self.stride) {
            Some(slots) if slots.len() == parents.len() => slots.copy_from_slice(parents),
            _ => {
                self.others.insert(id, parents.into());
            }
        }
        self.issued.set(id, now);
        self.approved.set(id, NEVER);
        self.approvers.set(id, 0);
        self.kinds.set(id, kind);
        self.visible.set(id, false);
        self.cover.set(id, 0);
        self.covered.set(id, NEVER);
        let (mut marks, mut sides) = (0, 0);
        for parent in parents.iter().filter(|parent| self.oldest <= **parent) {
            marks |= self.marks.of(*parent);
            sides |= self.sides.of(*parent);
        }
        self.marks.set(id, marks);
        self.sides.set(id, sides);
        id
    }

    /// Counts one more approver of `parent`.
    #[inline]
    pub(super) fn approve(&mut self, parent: u32, now: f64) {
        if parent < self.oldest {
            return;
        }
        let approvers = self.approvers.of(parent);
        if approvers == 0 {
            self.approved.set(parent, now);
        }
        self.approvers.set(parent, approvers + 1);
    }

    /// The parents of one in the window.
    #[inline]
    pub(super) fn parents(&self, id: u32) -> &[u32] {
        let start = self.start(id);
        let slots = self.parents.get(start..start + self.stride).unwrap_or_default();
        if self.others.is_empty() { slots } else { self.others.get(&id).map_or(slots, |p| p) }
    }

    /// The one that leaves next is gone.
    #[inline]
    pub(super) fn slide(&mut self) {
        if !self.others.is_empty() {
            self.others.remove(&self.oldest);
        }
        self.oldest += 1;
    }

    /// Doubles the room.
    pub(super) fn double(&mut self) {
        let ids = self.ids();
        let mut parents = vec![0; self.parents.len() * 2];
        let wider = 2 * self.capacity - 1;
        for id in ids.clone() {
            let (from, to) = (self.start(id), (id as usize & wider) * self.stride);
            if let (Some(from), Some(to)) =
                (self.parents.get(from..from + self.stride), parents.get_mut(to..to + self.stride))
            {
                to.copy_from_slice(from);
            }
        }
        self.parents = parents;
        self.capacity *= 2;
        self.issued.double(ids.clone());
        self.approved.double(ids.clone());
        self.approvers.double(ids.clone());
        self.kinds.double(ids.clone());
        self.visible.double(ids.clone());
        self.marks.double(ids.clone());
        self.cover.double(ids.clone());
        self.covered.double(ids.clone());
        self.sides.double(ids);
    }

    #[inline]
    const fn start(&self, id: u32) -> usize {
        (id as usize & (self.capacity - 1)) * self.stride
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_slides_and_grows() {
        let mut window = Window::new(1, 2, Wanted { sides: true, ..Wanted::default() });
        assert_eq!(window.push(0.0, Kind::Genesis, &[]), 0);
        for id in 1..1_024 {
            window.push(f64::from(id), Kind::Honest, &[id - 1, 0]);
        }
        assert!(window.is_full());
        window.slide();
        assert!(!window.is_full());
        window.sides.set(1_023, 2);
        assert_eq!(window.push(9.0, Kind::Block, &[1_023, 7, 0]), 1_024);
        window.double();
        assert_eq!(window.capacity(), 2_048);
        assert_eq!(window.parents(1_024), [1_023, 7, 0]);
        assert_eq!(window.parents(1_023), [1_022, 0]);
        assert_eq!(window.sides.of(1_024), 2);
        assert!(!window.holds(0) && window.holds(1_024) && !window.holds(1_025));
    }

    #[test]
    fn the_first_approval_stays() {
        let mut window = Window::new(1, 1, Wanted::default());
        window.push(0.0, Kind::Genesis, &[]);
        window.approve(0, 2.0);
        window.approve(0, 3.0);
        assert_eq!((window.approved.of(0), window.approvers.of(0)), (2.0, 2));
    }
}
