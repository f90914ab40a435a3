//! The live DAG: the newest transactions, each with its parents and children.
//!
//! In: transactions whose past is complete, parents first. Out: the frontier, and the past of some
//! transactions without the past of others.
//!
//! Invariant: positions are without a gap, and a parent's position is below its child's. So a walk
//! from high positions to low ones meets every child before its parents.
//!
//! Bounded in bytes and count: the oldest leave once they are in the store, so beyond the bounds is
//! at most what one group of inputs attached. What is ordered stays live
//! until then: others still hang below it, and answers to peers are walks over it.

mod shown;

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    vec::Vec,
};

use super::{
    Limits, LogEntry, Reads,
    ids::{IdMap, Places},
};
use crate::{
    admit::Verified,
    digest::{BodyId, TxId},
    params::IDS_MAX,
    units::{Position, Round},
};

#[derive(Debug)]
struct Vertex {
    position: Position,
    parents: [TxId; 2],
    body: BodyId,
    bytes: u32,
    anchor: Round,
    order: Order,
}

/// What ordering must know of a transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Orderable {
    /// Its parents; zero for none.
    pub(super) parents: [TxId; 2],
    /// The leader round of its anchor.
    pub(super) anchor_round: Round,
    /// Whether an earlier leader brought it.
    pub(super) ordered: bool,
}

/// Whether a transaction still waits for its place in the total order.
#[derive(Clone, Debug)]
pub(super) enum Order {
    /// It does; what it says is at hand, unless it was read from the store.
    Open(Option<Arc<Verified>>),
    /// It has one, or can never have one.
    Closed,
}

/// The live DAG.
#[derive(Debug)]
pub(super) struct Tangle {
    vertices: IdMap<TxId, Vertex>,
    /// Ids by position; the first is at `next - len`.
    order: VecDeque<TxId>,
    next: Position,
    bodies: IdMap<BodyId, Vec<TxId>>,
    /// Without a child, live or not: only these show that somebody lacks them.
    childless: BTreeMap<Position, TxId>,
    /// Those of them that are not live.
    orphans: BTreeMap<TxId, Position>,
    /// Attachments that were not taken because their body has enough, oldest first.
    surplus: VecDeque<TxId>,
    /// Neither ordered nor stale, live or not.
    unordered: BTreeSet<Position>,
    /// Where the next position was when an attachment came to nothing last: `bodies` says of no
    /// attachment below that whether its body is here.
    spent_below: Position,
    bytes: u64,
    bytes_max: u64,
    count_max: usize,
    /// What is at hand of what live transactions say, oldest first, with its length in bytes.
    at_hand: VecDeque<(TxId, u64)>,
    at_hand_bytes: u64,
    at_hand_max: u64,
}

/// Transactions without a child remembered beyond the live DAG. The oldest is forgotten.
const ORPHANS_MAX: usize = 4 * IDS_MAX;

/// Attachments remembered as not taken. A frontier names them again.
const SURPLUS_MAX: usize = 512;

/// A transaction on a walk into the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) position: Position,
    pub(super) id: TxId,
    pub(super) bytes: u32,
    parents: [TxId; 2],
}

/// What a transaction that is only in the store costs of a walk.
const STORED_COST: u64 = 16;

impl Tangle {
    pub(super) fn new(limits: &Limits, places: Places, next: Position) -> Self {
        Self {
            vertices: IdMap::new(places),
            order: VecDeque::new(),
            next,
            bodies: IdMap::new(places),
            childless: BTreeMap::new(),
            orphans: BTreeMap::new(),
            surplus: VecDeque::new(),
            unordered: BTreeSet::new(),
            spent_below: Position::ZERO,
            bytes: 0,
            bytes_max: limits.live_bytes_max,
            count_max: limits.live_count_max,
            at_hand: VecDeque::new(),
            at_hand_bytes: 0,
            at_hand_max: limits.at_hand_bytes_max,
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

    /// The round of an attached transaction's anchor, live or not.
    pub(super) fn anchor_of(&self, id: &TxId, reads: &dyn Reads) -> Option<Round> {
        let stored = || reads.entry(id).map(|entry| entry.attachment.anchor.round);
        self.vertices.get(id).map(|vertex| vertex.anchor).or_else(stored)
    }

    /// What ordering must know of a live transaction.
    pub(super) fn vertex(&self, id: &TxId) -> Option<Orderable> {
        let Vertex { parents, anchor, order, .. } = self.vertices.get(id)?;
        let ordered = matches!(order, Order::Closed);
        Some(Orderable { parents: *parents, anchor_round: *anchor, ordered })
    }

    /// A live transaction that is not ordered, if what it says is at hand.
    pub(super) fn transaction(&self, id: &TxId) -> Option<&Arc<Verified>> {
        match &self.vertices.get(id)?.order {
            Order::Open(tx) => tx.as_ref(),
            Order::Closed => None,
        }
    }

    /// A transaction was ordered, or never can be.
    pub(super) fn ordered(&mut self, id: &TxId, reads: &dyn Reads) {
        let position = if let Some(vertex) = self.vertices.get_mut(id) {
            vertex.order = Order::Closed;
            vertex.position
        } else {
            let Some(entry) = reads.entry(id) else { return };
            entry.position
        };
        self.unordered.remove(&position);
    }

    /// An attachment came to nothing: its body may be attached once more in its place.
    pub(super) fn spent(&mut self, id: &TxId) {
        if let Some(body) = self.vertices.get(id).map(|vertex| vertex.body) {
            self.leave_body(&body, id);
            self.spent_below = self.next;
        }
    }

    /// Whether this knows of all that was attached at and above `position`, and of its bodies.
    pub(super) fn holds_all_from(&self, position: Position) -> bool {
        position >= self.spent_below && position.0 + self.order.len() as u64 >= self.next.0
    }

    /// A transaction whose anchor lies far ahead is waited for no more. Should a leader order it
    /// after all, it is here or in the store.
    pub(super) fn let_go(&mut self, id: &TxId, reads: &dyn Reads) {
        let stored = || reads.entry(id).map(|entry| entry.position);
        if let Some(position) = self.position(id).or_else(stored) {
            self.unordered.remove(&position);
        }
    }

    /// Everything below this position is ordered, never can be, or is anchored far ahead.
    pub(super) fn unordered_from(&self) -> Position {
        self.unordered.first().copied().unwrap_or(self.next)
    }

    /// A transaction that is not live any more still waits for its place in the order.
    pub(super) fn remember_unordered(&mut self, position: Position) {
        self.unordered.insert(position);
    }

    /// The live attachments of a body, oldest first, but for those that came to nothing.
    pub(super) fn attachments(&self, body: &BodyId) -> &[TxId] {
        self.bodies.get(body).map_or(&[], Vec::as_slice)
    }

    /// Remembers that an attachment was not taken, so that nobody asks for it who does not need it.
    pub(super) fn pass_over(&mut self, id: TxId) {
        if self.surplus.len() == SURPLUS_MAX {
            self.surplus.pop_front();
        }
        self.surplus.push_back(id);
    }

    /// Whether an attachment was not taken, not long ago.
    pub(super) fn is_surplus(&self, id: &TxId) -> bool {
        self.surplus.contains(id)
    }

    /// Takes the transaction at the next position.
    pub(super) fn attach(&mut self, entry: &LogEntry, order: Order) {
        assert_eq!(entry.position, self.next, "positions are without a gap");
        for parent in entry.attachment.transactions() {
            if let Some(vertex) = self.vertices.get(&parent) {
                assert!(vertex.position < entry.position, "parents come first");
                self.childless.remove(&vertex.position);
            } else if let Some(position) = self.orphans.remove(&parent) {
                self.childless.remove(&position);
            }
        }
        if matches!(order, Order::Open(_)) {
            self.unordered.insert(entry.position);
        }
        if matches!(order, Order::Open(Some(_))) {
            self.at_hand.push_back((entry.id, entry.bytes.into()));
            self.at_hand_bytes += u64::from(entry.bytes);
        }
        let vertex = Vertex {
            position: entry.position,
            parents: entry.attachment.parents,
            body: entry.body,
            bytes: entry.bytes,
            anchor: entry.attachment.anchor.round,
            order,
        };
        let before = self.vertices.insert(entry.id, vertex);
        assert!(before.is_none(), "a transaction is attached once");
        self.order.push_back(entry.id);
        self.bodies.or_default(entry.body).push(entry.id);
        self.childless.insert(entry.position, entry.id);
        self.bytes += u64::from(entry.bytes);
        self.next = Position(self.next.0 + 1);
    }

    /// Lets the oldest leave until bounds hold. Only when all that was attached is in the store:
    /// until then it is nowhere else.
    pub(super) fn keep_bounds(&mut self) {
        while self.bytes > self.bytes_max || self.order.len() > self.count_max {
            self.drop_oldest();
        }
        while self.at_hand_bytes > self.at_hand_max
            && let Some((id, bytes)) = self.at_hand.pop_front()
        {
            self.at_hand_bytes -= bytes;
            if let Some(Vertex { order: order @ Order::Open(_), .. }) = self.vertices.get_mut(&id) {
                *order = Order::Open(None);
            }
        }
    }

    /// What lies below `position` leaves the store, and with it this.
    pub(super) fn drop_below(&mut self, position: Position) {
        while self.next.0 - (self.order.len() as u64) < position.0 && !self.order.is_empty() {
            self.drop_oldest();
        }
        self.childless = self.childless.split_off(&position);
        self.orphans.retain(|_, at| *at >= position);
        self.unordered = self.unordered.split_off(&position);
    }

    /// What is anchored below `oldest`, nobody takes any more: it is not shown, from the oldest up.
    /// Whoever archives has much of that.
    pub(super) fn show_from(&mut self, oldest: Round, reads: &dyn Reads) {
        while let Some((position, id)) = self.childless.first_key_value().map(|(p, id)| (*p, *id))
            && self.anchor_of(&id, reads).is_none_or(|anchor| anchor < oldest)
        {
            self.childless.remove(&position);
            self.orphans.remove(&id);
        }
    }

    fn drop_oldest(&mut self) {
        let Some(id) = self.order.pop_front() else {
            return;
        };
        let vertex = self.vertices.remove(&id).expect("order and vertices hold the same ids");
        self.bytes -= u64::from(vertex.bytes);
        if self.childless.contains_key(&vertex.position) {
            self.orphans.insert(id, vertex.position);
        }
        if self.orphans.len() > ORPHANS_MAX
            && let Some((_, oldest)) = self.childless.pop_first()
        {
            self.orphans.remove(&oldest);
        }
        self.leave_body(&vertex.body, &id);
    }

    fn leave_body(&mut self, body: &BodyId, id: &TxId) {
        if let Some(attachments) = self.bodies.get_mut(body) {
            attachments.retain(|attachment| attachment != id);
            if attachments.is_empty() {
                self.bodies.remove(body);
            }
        }
    }

    /// The past of `want`, itself included, without the past of `have`, parents first. `stored`
    /// finds what is not live any more. Ids that are not found are passed over. Also returns what
    /// the walk cost: it grows with how far back the two pasts part, and beyond `walk_max` the past
    /// is `None`.
    ///
    /// The walk takes the highest position first, so all children of a vertex come before it, and
    /// its colour is settled when it is taken: wanted, or had by the asker.
    pub(super) fn cone(
        &self,
        want: &[TxId],
        have: &[TxId],
        walk_max: u64,
        stored: &dyn Fn(&TxId) -> Option<LogEntry>,
    ) -> (Option<Vec<Step>>, u64) {
        let mut ahead: BTreeMap<Position, (Step, bool)> = BTreeMap::new();
        for (ids, had) in [(want, false), (have, true)] {
            for (step, _) in ids.iter().filter_map(|id| self.step(id, stored)) {
                ahead.insert(step.position, (step, had));
            }
        }
        let mut wanted = ahead.values().filter(|(_, had)| !had).count();
        let (mut cone, mut cost) = (Vec::new(), 0);
        while wanted > 0 {
            let Some((_, (step, had))) = ahead.pop_last() else { break };
            if !had {
                wanted -= 1;
                cone.push(step);
            }
            for parent in step.parents.iter().filter(|parent| !parent.is_zero()) {
                let Some((parent, its_cost)) = self.step(parent, stored) else { continue };
                cost += its_cost;
                if let Some((_, parent_had)) = ahead.get_mut(&parent.position) {
                    if had && !*parent_had {
                        *parent_had = true;
                        wanted -= 1;
                    }
                } else {
                    ahead.insert(parent.position, (parent, had));
                    wanted += usize::from(!had);
                }
            }
            if cost > walk_max {
                return (None, cost);
            }
        }
        cone.reverse();
        (Some(cone), cost)
    }

    fn step(&self, id: &TxId, stored: &dyn Fn(&TxId) -> Option<LogEntry>) -> Option<(Step, u64)> {
        if let Some(Vertex { position, parents, bytes, .. }) = self.vertices.get(id) {
            let step = Step { position: *position, id: *id, bytes: *bytes, parents: *parents };
            return Some((step, 1));
        }
        let LogEntry { position, id, attachment, bytes, .. } = stored(id)?;
        Some((Step { position, id, bytes, parents: attachment.parents }, STORED_COST))
    }
}
