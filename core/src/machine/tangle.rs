//! The live DAG: the newest transactions, each with its parents and children.
//!
//! In: transactions whose past is complete, parents first. Out: the frontier, and the past of some
//! transactions without the past of others.
//!
//! Invariant: positions are without a gap, and a parent's position is below its child's. So a walk
//! from high positions to low ones meets every child before its parents.
//!
//! Bounded in bytes and count: the oldest leave, and are then only in the store. Left out until
//! there are commits: what leaves because it was ordered.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};

use super::{Limits, LogEntry};
use crate::{
    digest::{BodyId, TxId},
    params::IDS_MAX,
    units::Position,
};

#[derive(Debug)]
struct Vertex {
    position: Position,
    parents: [TxId; 2],
    body: BodyId,
    bytes: u32,
}

/// The live DAG.
#[derive(Debug)]
pub(super) struct Tangle {
    vertices: BTreeMap<TxId, Vertex>,
    /// Ids by position; the first is at `next - len`.
    order: VecDeque<TxId>,
    next: Position,
    bodies: BTreeMap<BodyId, Vec<TxId>>,
    childless: BTreeSet<Position>,
    bytes: u64,
    bytes_max: u64,
    count_max: usize,
}

/// The past of some transactions, as far as it is live.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cone {
    /// All of it: positions, ascending.
    Live(Vec<Position>),
    /// It reaches below the live DAG.
    Deeper,
}

impl Tangle {
    pub(super) fn new(limits: &Limits, next: Position) -> Self {
        Self {
            vertices: BTreeMap::new(),
            order: VecDeque::new(),
            next,
            bodies: BTreeMap::new(),
            childless: BTreeSet::new(),
            bytes: 0,
            bytes_max: limits.live_bytes_max,
            count_max: limits.live_count_max,
        }
    }

    /// The position of the next transaction.
    pub(super) const fn next(&self) -> Position {
        self.next
    }

    pub(super) fn count(&self) -> usize {
        self.order.len()
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn position(&self, id: &TxId) -> Option<Position> {
        self.vertices.get(id).map(|vertex| vertex.position)
    }

    /// The live attachments of a body, oldest first.
    pub(super) fn attachments(&self, body: &BodyId) -> &[TxId] {
        self.bodies.get(body).map_or(&[], Vec::as_slice)
    }

    /// Takes the transaction at the next position; the oldest leave until bounds hold again.
    pub(super) fn attach(&mut self, entry: &LogEntry) {
        assert_eq!(entry.position, self.next, "positions are without a gap");
        for parent in entry.attachment.transactions() {
            if let Some(vertex) = self.vertices.get(&parent) {
                assert!(vertex.position < entry.position, "parents come first");
                self.childless.remove(&vertex.position);
            }
        }
        let vertex = Vertex {
            position: entry.position,
            parents: entry.attachment.parents,
            body: entry.body,
            bytes: entry.bytes,
        };
        let before = self.vertices.insert(entry.id, vertex);
        assert!(before.is_none(), "a transaction is attached once");
        self.order.push_back(entry.id);
        self.bodies.entry(entry.body).or_default().push(entry.id);
        self.childless.insert(entry.position);
        self.bytes += u64::from(entry.bytes);
        self.next = Position(self.next.0 + 1);
        while self.bytes > self.bytes_max || self.order.len() > self.count_max {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some(id) = self.order.pop_front() else {
            return;
        };
        let vertex = self.vertices.remove(&id).expect("order and vertices hold the same ids");
        self.bytes -= u64::from(vertex.bytes);
        self.childless.remove(&vertex.position);
        if let Some(attachments) = self.bodies.get_mut(&vertex.body) {
            attachments.retain(|attachment| *attachment != id);
            if attachments.is_empty() {
                self.bodies.remove(&vertex.body);
            }
        }
    }

    /// The position of the oldest live transaction.
    fn floor(&self) -> Position {
        Position(self.next.0 - self.order.len() as u64)
    }

    pub(super) fn id_at(&self, position: Position) -> Option<TxId> {
        let index = usize::try_from(position.0.checked_sub(self.floor().0)?).ok()?;
        self.order.get(index).copied()
    }

    /// Length on the wire, in bytes, of a live transaction.
    pub(super) fn bytes_at(&self, position: Position) -> Option<u32> {
        self.vertices.get(&self.id_at(position)?).map(|vertex| vertex.bytes)
    }

    /// Live transactions without a child: the newest, and of the older ones another part at each
    /// `turn`. At most [`IDS_MAX`].
    pub(super) fn frontier(&self, turn: u64) -> Vec<TxId> {
        let newest = self.childless.iter().rev().take(IDS_MAX / 2);
        let older = self.childless.len().saturating_sub(IDS_MAX / 2);
        let parts = older.div_ceil(IDS_MAX / 2).max(1) as u64;
        let skip = usize::try_from(turn % parts).unwrap_or(0) * (IDS_MAX / 2);
        let part = self.childless.iter().take(older).skip(skip).take(IDS_MAX / 2);
        newest.chain(part).filter_map(|position| self.id_at(*position)).collect()
    }

    /// The past of `want`, itself included, without the past of `have`. Ids that are not live are
    /// passed over. Cost grows with how far back the two pasts part.
    ///
    /// The walk takes the highest position first, so all children of a vertex come before it, and
    /// its colour is settled when it is taken: wanted, or had by the asker.
    pub(super) fn cone(&self, want: &[TxId], have: &[TxId]) -> Cone {
        let mut had: BTreeMap<Position, bool> = BTreeMap::new();
        let live = |ids: &[TxId]| ids.iter().filter_map(|id| self.position(id)).collect::<Vec<_>>();
        had.extend(live(want).into_iter().map(|position| (position, false)));
        had.extend(live(have).into_iter().map(|position| (position, true)));
        let mut wanted = had.values().filter(|had| !**had).count();
        let mut cone = Vec::new();
        while wanted > 0 {
            let Some((position, had_here)) = had.pop_last() else {
                break;
            };
            if !had_here {
                wanted -= 1;
                cone.push(position);
            }
            let Some(vertex) = self.id_at(position).and_then(|id| self.vertices.get(&id)) else {
                continue;
            };
            for parent in vertex.parents.iter().filter(|parent| !parent.is_zero()) {
                match (self.position(parent), had_here) {
                    (None, true) => {}
                    (None, false) => return Cone::Deeper,
                    (Some(parent), true) => {
                        if had.insert(parent, true) == Some(false) {
                            wanted -= 1;
                        }
                    }
                    (Some(parent), false) => {
                        had.entry(parent).or_insert_with(|| {
                            wanted += 1;
                            false
                        });
                    }
                }
            }
        }
        cone.reverse();
        Cone::Live(cone)
    }
}
