//! What is solid waits here for its turn, when more comes than is taken: the way from verified to
//! attached is as wide as the `window`, and as [`Limits::take_bytes_per_s`].
//!
//! ```text
//! solid --nothing waits, and there is room----------------------> attached
//!       --else--> the line of its issuer --in turns, by weight--> attached
//!                 the longest line for its weight loses its end when too much waits
//! ```
//!
//! Invariant: what waits is no parent, no tip and not relayed. It has its past attached, or waiting
//! here: whoever is at its turn takes first what it stands on, so nobody goes before a parent. The
//! owner pays for that if it is funded and owes nothing, else who takes it along: nobody brings
//! others along for nothing. Bounded in count and bytes; a peer that brings too much is held before
//! that.
//!
//! What is handed over here stands behind what peers relay of the same issuer, and costs a fourth
//! more: so what one node took the next ones have room for, whoever posts to all of them takes no
//! more than who posts to one, and lines stand where load comes in, not at each hop.
//!
//! Left out on purpose: shares and turns (`turns`), what a balance weighs (the caller), and what a
//! checkpoint cites: that is taken at once, with its past, and paid afterwards
//! ([`Scheduler::past`]).

mod bucket;
#[cfg(test)]
mod tests;
mod window;

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    vec::Vec,
};
use core::mem;

use self::{
    bucket::Bucket,
    window::{Room, Window},
};
use super::{
    Limits, Source,
    turns::{Lane, Turns},
};
use crate::{
    admit::Verified,
    digest::{NodeId, TxId},
    time::{Span, Time},
    units::Position,
};

/// How far down the past of what is at its turn is looked for what can be taken. Further down,
/// others take their turns first.
const DEPTH_MAX: usize = 64;

/// The part of all that may wait here beyond which a peer has to wait with more of what has no
/// share; it may go on when half of that is left. Much less than all, so that what would find no
/// room is not even checked; more than a node attaches between two commits, so that a peer that
/// relays what it attached seldom has to wait.
const HELD_PART: u64 = 8;

/// Transactions remembered that found no room.
const TURNED_AWAY_MAX: usize = 4_096;

/// A transaction whose past is here, or waits here too.
#[derive(Clone, Debug)]
pub(super) struct Solid {
    pub(super) tx: Arc<Verified>,
    pub(super) source: Source,
    /// When it came.
    pub(super) since: Time,
    /// Whether others may build on it: not on what is beyond its issuer's share, since elsewhere
    /// that may still wait, and with it whatever stands on it.
    pub(super) is_offered: bool,
    /// Whether it, or what it stands on, stood in line: what was so when it came may be so no more.
    pub(super) waited: bool,
    /// As in [`Input::Admitted`](super::Input::Admitted).
    pub(super) absent_below: Position,
}

impl Solid {
    /// Something that has not waited here.
    pub(super) const fn new(tx: Arc<Verified>, source: Source, since: Time) -> Self {
        let absent_below = Position::ZERO;
        Self { tx, source, since, is_offered: true, waited: false, absent_below }
    }

    fn cost(&self) -> u64 {
        let bytes = self.tx.bytes().len() as u64;
        match self.source {
            Source::Local => bytes + bytes / 4,
            Source::Gossip(_) | Source::Answer(_) => bytes,
        }
    }
}

/// What found no room.
#[derive(Debug)]
pub(super) struct TurnedAway {
    pub(super) id: TxId,
    pub(super) source: Source,
    /// How long what waits before it takes.
    pub(super) retry_after: Span,
}

#[derive(Debug)]
struct Waiting {
    solid: Solid,
    lane: Lane,
    place: Place,
}

/// A place in a line: those that peers took first, then as they came.
type Place = (bool, u64);

/// Solid transactions that wait for their turn.
#[derive(Debug)]
pub(super) struct Scheduler {
    waiting: BTreeMap<TxId, Waiting>,
    lines: BTreeMap<Lane, BTreeMap<Place, TxId>>,
    turns: Turns,
    bucket: Bucket,
    window: Window,
    number: u64,
    bytes: u64,
    count_max: usize,
    bytes_max: u64,
    bytes_per_s: u64,
    /// Peers that have to wait.
    held: BTreeSet<NodeId>,
    /// The last ones that found no room, oldest first.
    turned_away: VecDeque<TxId>,
    lately: BTreeSet<TxId>,
    turned_away_count: u64,
}

impl Scheduler {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            waiting: BTreeMap::new(),
            lines: BTreeMap::new(),
            turns: Turns::new(),
            bucket: Bucket::new(
                limits.take_bytes_per_s,
                limits.take_bytes_burst,
                limits.take_bytes_burst,
            ),
            window: Window::default(),
            number: 0,
            bytes: 0,
            count_max: limits.line_count_max,
            bytes_max: limits.line_bytes_max,
            bytes_per_s: limits.take_bytes_per_s,
            held: BTreeSet::new(),
            turned_away: VecDeque::new(),
            lately: BTreeSet::new(),
            turned_away_count: 0,
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether something waits for the rate that was set, and not for a commit.
    pub(super) fn waits_for_rate(&self) -> bool {
        !self.waiting.is_empty() && self.bucket.is_empty()
    }

    pub(super) fn count(&self) -> usize {
        self.waiting.len()
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many found no room so far.
    pub(super) const fn turned_away(&self) -> u64 {
        self.turned_away_count
    }

    pub(super) fn contains(&self, id: &TxId) -> bool {
        self.waiting.contains_key(id)
    }

    /// Whether it found no room not long ago: whoever has it need not bring it again at once.
    pub(super) fn has_turned_away(&self, id: &TxId) -> bool {
        self.lately.contains(id)
    }

    /// Somebody hands over what waits already, and is to be told what becomes of it.
    pub(super) fn submitted(&mut self, id: &TxId) {
        if let Some(waiting) = self.waiting.get_mut(id) {
            waiting.solid.source = Source::Local;
        }
    }

    /// A transaction was attached that can be ordered.
    pub(super) fn attached(&mut self, now: Time, id: TxId) {
        self.window.attached(now, id);
    }

    /// A commit ordered `ids`.
    pub(super) fn ordered(&mut self, now: Time, ids: impl ExactSizeIterator<Item = TxId>) {
        self.window.ordered(now, ids);
    }

    /// Whether it is taken at once: nothing waits and there is room, while `in_flight` are attached
    /// and wait for their place in the order. Then it counts.
    pub(super) fn passes(&mut self, now: Time, in_flight: usize, solid: &Solid) -> bool {
        let has_room = self.window.room(now, in_flight) == Room::All && self.bucket.gives(now);
        let passes = self.waiting.is_empty() && has_room;
        if passes {
            self.bucket.spend(solid.cost());
            self.window.takes();
        }
        passes
    }

    /// It is taken at once, whoever waits; it counts all the same, and its issuer pays.
    pub(super) fn exempt(&mut self, solid: &Solid) {
        let cost = solid.cost();
        self.bucket.spend(cost);
        self.window.takes();
        // Without a balance: the lane is that in which something of the issuer waits, if any does.
        let issuer = solid.tx.transaction().body.issuer;
        let funded = Lane::of(issuer, 1, None);
        if self.turns.is_idle(&funded) {
            self.turns.charge(&Lane::of(issuer, 0, solid.source.peer()), cost);
        } else {
            self.turns.charge(&funded, cost);
        }
    }

    /// Has it wait, with the weight of its issuer; 0 for an issuer that has none. Returns what had
    /// to leave for it, which may be itself.
    pub(super) fn put(&mut self, solid: Solid, weight: u64) -> Vec<TurnedAway> {
        let (id, bytes) = (solid.tx.id(), solid.tx.bytes().len() as u64);
        let lane = Lane::of(solid.tx.transaction().body.issuer, weight, solid.source.peer());
        let is_offered = lane.is_funded() && self.turns.is_idle(&lane);
        let solid = Solid { is_offered, waited: true, ..solid };
        self.number += 1;
        self.turns.put(&lane, weight, bytes);
        self.bytes += bytes;
        let place = (solid.source == Source::Local, self.number);
        self.lines.entry(lane).or_default().insert(place, id);
        let before = self.waiting.insert(id, Waiting { solid, lane, place });
        assert!(before.is_none(), "a transaction waits once");
        let mut left = Vec::new();
        while (self.bytes > self.bytes_max || self.waiting.len() > self.count_max)
            && let Some(one) = self.turn_away()
        {
            left.push(one);
        }
        left
    }

    /// Of the longest line for its weight the last one leaves.
    fn turn_away(&mut self) -> Option<TurnedAway> {
        let lane = self.turns.longest()?;
        let retry_after = self.turns.time_of(&lane, self.bytes_per_s);
        let id = *self.lines.get(&lane)?.last_key_value()?.1;
        let Solid { tx, source, .. } = self.remove(&id)?;
        self.turned_away_count += 1;
        if self.turned_away.len() == TURNED_AWAY_MAX
            && let Some(oldest) = self.turned_away.pop_front()
        {
            self.lately.remove(&oldest);
        }
        if self.lately.insert(tx.id()) {
            self.turned_away.push_back(tx.id());
        }
        Some(TurnedAway { id: tx.id(), source, retry_after })
    }

    /// Of the peers that `may_wait`, who has to from now on, and who no longer.
    pub(super) fn changes_of_held(
        &mut self,
        may_wait: impl Fn(&NodeId) -> bool,
    ) -> Vec<(NodeId, bool)> {
        let most = self.bytes_max / HELD_PART;
        if self.held.is_empty() && self.bytes <= most {
            return Vec::new();
        }
        let is_held = |(peer, bytes): &(NodeId, u64)| {
            may_wait(peer) && *bytes > if self.held.contains(peer) { most / 2 } else { most }
        };
        let held = self.turns.unfunded().filter(is_held).map(|(peer, _)| peer).collect();
        let before = mem::replace(&mut self.held, held);
        let more = self.held.difference(&before).map(|peer| (*peer, true));
        let fewer = before.difference(&self.held).map(|peer| (*peer, false));
        more.chain(fewer).collect()
    }

    fn remove(&mut self, id: &TxId) -> Option<Solid> {
        let Waiting { solid, lane, place } = self.waiting.remove(id)?;
        let bytes = solid.tx.bytes().len() as u64;
        self.bytes -= bytes;
        self.turns.remove(&lane, bytes);
        if let Some(line) = self.lines.get_mut(&lane) {
            line.remove(&place);
            if line.is_empty() {
                self.lines.remove(&lane);
            }
        }
        Some(solid)
    }

    /// The next one to be taken at `now`, if there is room.
    pub(super) fn next(&mut self, now: Time, in_flight: usize) -> Option<Solid> {
        let room = self.window.room(now, in_flight);
        if self.waiting.is_empty() || room == Room::None || !self.bucket.gives(now) {
            return None;
        }
        let Self { waiting, lines, turns, bucket, window, .. } = self;
        let first = |lane: &Lane| {
            let (_, head) = lines.get(lane)?.first_key_value()?;
            lowest(waiting, *head, DEPTH_MAX)
        };
        let has_room = |lane: &Lane| room == Room::All || lane.is_funded();
        let at_turn = turns.next(|lane| has_room(lane) && first(lane).is_some());
        let id = match at_turn {
            Some(lane) => first(&lane)?,
            None if room == Room::Funded => return None,
            // All stand on more than is looked through: then the least of them, out of turn.
            None => lowest(waiting, *waiting.first_key_value()?.0, usize::MAX)?,
        };
        let Waiting { solid, lane: owner, .. } = waiting.get(&id)?;
        let cost = solid.cost();
        let pays_itself = owner.is_funded() && turns.is_even(owner);
        let payer = at_turn.filter(|_| !pays_itself).unwrap_or(*owner);
        turns.charge(&payer, cost);
        bucket.spend(cost);
        window.takes();
        if owner.is_funded() {
            window.has_funded(now);
        }
        self.remove(&id)
    }

    /// When to look for the next one again, if no commit comes before; `None` if nothing waits.
    pub(super) fn due(&mut self, now: Time, in_flight: usize) -> Option<Time> {
        let due = self.bucket.due().max(self.window.due(now, in_flight));
        (!self.waiting.is_empty()).then_some(due)
    }

    /// What waits of `ids` and their pasts, parents first: it is taken at once, and each pays for
    /// itself.
    pub(super) fn past(&mut self, ids: impl IntoIterator<Item = TxId>) -> Vec<Solid> {
        let mut ahead: Vec<(TxId, bool)> = ids.into_iter().map(|id| (id, false)).collect();
        let mut past = Vec::new();
        while let Some((id, below_is_done)) = ahead.pop() {
            let Some(waiting) = self.waiting.get(&id) else { continue };
            if below_is_done {
                let (lane, cost) = (waiting.lane, waiting.solid.cost());
                self.bucket.spend(cost);
                self.window.takes();
                self.turns.charge(&lane, cost);
                past.extend(self.remove(&id));
            } else {
                ahead.push((id, true));
                let parents = waiting.solid.tx.transaction().attachment.transactions();
                ahead.extend(parents.map(|parent| (parent, false)));
            }
        }
        past
    }
}

/// What stands on nothing that waits, on the way down from `id`; `None` if that is too far.
fn lowest(waiting: &BTreeMap<TxId, Waiting>, id: TxId, depth_max: usize) -> Option<TxId> {
    let mut at = id;
    for _ in 0..depth_max {
        let mut parents = waiting.get(&at)?.solid.tx.transaction().attachment.transactions();
        match parents.find(|parent| waiting.contains_key(parent)) {
            Some(parent) => at = parent,
            None => return Some(at),
        }
    }
    None
}
