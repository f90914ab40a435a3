//! Which transactions a validator should cite next.
//!
//! In: what is attached, what accepted checkpoints cite, what is ordered. Out: tips for the next
//! checkpoint. A citation covers all the past of a tip; who cites only the ends of what is not
//! covered says the most in the fewest bytes, and validators that share the ends among themselves
//! say nothing twice.
//!
//! ```text
//! waiting (its anchor is above our round) -> open -> covered -> ordered, and gone
//!                                             ^         |
//!                                             +---------+ not ordered after RECOVER_ROUNDS
//! ```
//!
//! An end is open and has no open child. Each is the share of one validator, by its id; what a
//! share does not cover within [`SHARE_ROUNDS`] is everyone's, and so is whose cover expired: a
//! checkpoint that never counts must not bury what it cites. The leader of a round takes all, since
//! what it cites is ordered first.
//!
//! Invariant: it holds the attached transactions that are neither ordered nor dropped, each once;
//! each passes an arrow of the picture at logarithmic cost. A child that is not open (because its
//! anchor is invented, say) never keeps its parents from being cited.
//!
//! Where more ends wait than a checkpoint has room for, issuers take turns by weight (`turns`), and
//! each pays for what is covered of its own, whoever's end it hangs below: so nobody is covered for
//! nothing by hanging below others, and nobody pays for what hangs below them.
//!
//! Left out on purpose: what a balance weighs, and how much is attached at all (`scheduler`).

mod ends;

use alloc::{collections::BTreeSet, vec::Vec};

use self::ends::Ends;
use super::{
    LogEntry,
    ids::{IdMap, Places},
};
use crate::{
    address::Address,
    committee::Author,
    digest::TxId,
    params::{ORDER_LAG, RECOVER_ROUNDS, TIPS_MAX},
    units::Round,
};

/// How many rounds an end is left to the validator whose share it is.
const SHARE_ROUNDS: u64 = 2;

/// How many rounds an anchor may lie behind the round of a checkpoint that cites it: fewer than
/// [`ORDER_LAG`], so that a leader can still order it.
const CITE_LAG: u64 = ORDER_LAG - 100;

/// Rounds after which an end that nobody cited is one that others lack: a committee that has it
/// needs a few.
const OVERDUE_ROUNDS: u64 = 16;

/// What cover must know of an attached transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Citable {
    pub(super) id: TxId,
    pub(super) parents: [TxId; 2],
    pub(super) anchor: Round,
    pub(super) issuer: Address,
    pub(super) bytes: u32,
}

impl Citable {
    pub(super) const fn of(entry: &LogEntry, issuer: Address) -> Self {
        let (parents, anchor) = (entry.attachment.parents, entry.attachment.anchor.round);
        Self { id: entry.id, parents, anchor, issuer, bytes: entry.bytes }
    }
}

#[derive(Debug)]
struct Entry {
    issuer: Address,
    bytes: u32,
    parents: [TxId; 2],
    anchor: Round,
    /// Since when it needs a cover; after a cover that expired, the round of that cover.
    since: Round,
    /// The checkpoint that cited it, if that was not long ago.
    covered: Option<Round>,
    open: bool,
    open_children: u32,
}

impl Entry {
    /// Whether a checkpoint of `round` may cite it.
    const fn is_citable(&self, round: Round) -> bool {
        self.anchor.0 <= round.0 && round.0 - self.anchor.0 <= CITE_LAG
    }
}

/// An end's place among others: by age, then by how many places its share is from ours, so that
/// validators who take what others left do not all begin with the same.
type Place = (Round, u16, TxId);

/// Attached, unordered transactions and who covers them.
#[derive(Debug)]
pub(super) struct Cover {
    own: Author,
    validators: u16,
    /// Beyond so many, those anchored ahead of us are dropped. Those anchored at or below our round
    /// become stale instead; while rounds stand still, they are what was acknowledged.
    held_max: usize,
    round: Round,
    entries: IdMap<TxId, Entry>,
    /// How many are open.
    open: usize,
    by_anchor: BTreeSet<(Round, TxId)>,
    by_cover: BTreeSet<(Round, TxId)>,
    /// Ends of our share.
    mine: Ends,
    /// Ends of all other shares.
    others: Ends,
}

impl Cover {
    /// Nothing attached yet, for one of `validators`.
    pub(super) const fn new(own: Author, validators: u16, held_max: usize, places: Places) -> Self {
        assert!(own.0 < validators, "a validator has a place among validators");
        Self {
            own,
            validators,
            held_max,
            round: Round::ZERO,
            entries: IdMap::new(places),
            open: 0,
            by_anchor: BTreeSet::new(),
            by_cover: BTreeSet::new(),
            mine: Ends::new(),
            others: Ends::new(),
        }
    }

    /// How many transactions are attached and neither ordered nor dropped.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many wait for their place in the order and can get one: what is anchored ahead of us, or
    /// too far behind, does not count, since that costs nothing to invent.
    pub(super) fn in_flight(&self) -> usize {
        self.open + self.by_cover.len()
    }

    /// Whether there are none.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.entries.len() == 0
    }

    /// Whether there is something to cite now.
    pub(super) fn is_awake(&self) -> bool {
        !self.mine.is_empty() || self.others.has_before(self.left_below(SHARE_ROUNDS))
    }

    /// At most `max` transactions, and [`TIPS_MAX`], for our checkpoint of `round`. Half of the
    /// room is for what others left, or a silent validator's share would wait while all are busy.
    /// None for a round that others are beyond: its anchors may be, too.
    ///
    /// Whoever `leads` the round takes all shares: what only others of this round cite is ordered
    /// by the leader of the next one, a round later.
    ///
    /// `weigh` is asked for the weight of issuers only if there is not room for all.
    pub(super) fn candidates(
        &self,
        round: Round,
        leads: bool,
        max: usize,
        weigh: &dyn Fn(&Address) -> u64,
    ) -> Vec<TxId> {
        if round < self.round {
            return Vec::new();
        }
        let max = max.min(TIPS_MAX);
        let left_below = self.left_below(if leads { 0 } else { SHARE_ROUNDS });
        let left_max = (max / 2).max(max.saturating_sub(self.mine.len()));
        let mut taken = self.choose(&self.others, left_below, left_max, weigh);
        let mine = self.choose(&self.mine, Round(u64::MAX), max - taken.len(), weigh);
        taken.extend(mine);
        taken
    }

    /// Ends of other shares since before this round are those that nobody covered for so many
    /// rounds.
    const fn left_below(&self, rounds: u64) -> Round {
        match rounds {
            // Without a wait those of this very round are left, too.
            0 => Round(self.round.0.saturating_add(1)),
            _ => Round(self.round.0.saturating_sub(rounds)),
        }
    }

    /// Ends that the committee would have cited long ago, had it heard of them; at most `max`, the
    /// oldest.
    pub(super) fn overdue(&self, max: usize) -> Vec<TxId> {
        let below = self.left_below(OVERDUE_ROUNDS);
        self.mine.before(below).chain(self.others.before(below)).take(max).collect()
    }

    /// A transaction was attached, after its parents.
    pub(super) fn attached(&mut self, citable: Citable) {
        let Citable { id, parents, anchor, issuer, bytes } = citable;
        let since = self.round.max(anchor);
        let entry = Entry {
            issuer,
            bytes,
            parents,
            anchor,
            since,
            covered: None,
            open: false,
            open_children: 0,
        };
        let before = self.entries.insert(id, entry);
        assert!(before.is_none(), "a transaction is attached once");
        self.by_anchor.insert((anchor, id));
        self.settle(&id);
    }

    /// Drops what is anchored furthest ahead of us as long as too much is held, and returns it: an
    /// anchor costs nothing to invent. Whoever knows that round will cite it.
    pub(super) fn drop_far(&mut self) -> Vec<TxId> {
        let mut far = Vec::new();
        while self.entries.len() > self.held_max
            && let Some((_, id)) = self.by_anchor.last().filter(|(anchor, _)| *anchor > self.round)
        {
            let id = *id;
            self.ordered(&id);
            far.push(id);
        }
        far
    }

    /// We are in `round` now. Opens whose anchor we reached and whose cover expired; closes what
    /// is too old for us to cite.
    pub(super) fn enter(&mut self, round: Round) {
        if round <= self.round {
            return;
        }
        let before = core::mem::replace(&mut self.round, round);
        while let Some((cited, id)) = self.by_cover.first().copied()
            && is_expired(cited, round)
        {
            self.by_cover.pop_first();
            let entry = self.entries.get_mut(&id).expect("what is covered is held");
            entry.covered = None;
            entry.since = cited;
            self.settle(&id);
        }
        let oldest = |round: Round| Round(round.0.saturating_sub(CITE_LAG));
        for (from, to) in
            [(Round(before.0 + 1), Round(round.0 + 1)), (oldest(before), oldest(round))]
        {
            let passed = self.by_anchor.range((from, TxId::ZERO)..(to, TxId::ZERO));
            let passed: Vec<TxId> = passed.map(|(_, id)| *id).collect();
            passed.iter().for_each(|id| self.settle(id));
        }
    }

    /// An accepted checkpoint of `round` cites `tips`: covers them and their past, as far as it is
    /// not covered yet.
    pub(super) fn cited(&mut self, round: Round, tips: &[TxId]) {
        // One that comes too late to be heeded is not worth the walk.
        if is_expired(round, self.round) {
            return;
        }
        let mut stack = tips.to_vec();
        while let Some(id) = stack.pop() {
            let Some(entry) = self.entries.get_mut(&id).filter(|entry| entry.covered.is_none())
            else {
                continue;
            };
            entry.covered = Some(round);
            stack.extend(entry.parents);
            self.by_cover.insert((round, id));
            self.settle(&id);
        }
    }

    /// A commit ordered it.
    pub(super) fn ordered(&mut self, id: &TxId) {
        self.close(id);
        if let Some(entry) = self.entries.remove(id) {
            self.by_anchor.remove(&(entry.anchor, *id));
            if let Some(round) = entry.covered {
                self.by_cover.remove(&(round, *id));
            }
        }
    }

    /// Drops what no leader after the one of `round` can order, and returns it: its owners must
    /// attach it anew.
    pub(super) fn drop_stale(&mut self, round: Round) -> Vec<TxId> {
        let oldest = Round(round.0.saturating_sub(ORDER_LAG));
        let stale = self.by_anchor.range(..(oldest, TxId::ZERO));
        let stale: Vec<TxId> = stale.map(|(_, id)| *id).collect();
        stale.iter().for_each(|id| self.ordered(id));
        stale
    }

    /// Opens or closes `id`, whichever it should be.
    fn settle(&mut self, id: &TxId) {
        let Some(entry) = self.entries.get(id) else {
            return;
        };
        let open = entry.covered.is_none() && entry.is_citable(self.round);
        match (entry.open, open) {
            (false, true) => self.open(id),
            (true, false) => self.close(id),
            _ => {}
        }
    }

    fn open(&mut self, id: &TxId) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        entry.open = true;
        self.open += 1;
        let (since, parents, is_end) = (entry.since, entry.parents, entry.open_children == 0);
        if is_end {
            self.add_end(since, *id);
        }
        for parent in parents {
            let Some(entry) = self.entries.get_mut(&parent) else {
                continue;
            };
            entry.open_children += 1;
            let was_end = entry.open && entry.open_children == 1;
            let since = entry.since;
            if was_end {
                self.remove_end(since, parent);
            }
        }
    }

    fn close(&mut self, id: &TxId) {
        let Some(entry) = self.entries.get_mut(id).filter(|entry| entry.open) else {
            return;
        };
        entry.open = false;
        self.open -= 1;
        let (since, parents, was_end) = (entry.since, entry.parents, entry.open_children == 0);
        if was_end {
            self.remove_end(since, *id);
        }
        for parent in parents {
            let Some(entry) = self.entries.get_mut(&parent) else {
                continue;
            };
            entry.open_children -= 1;
            let is_end = entry.open && entry.open_children == 0;
            let since = entry.since;
            if is_end {
                self.add_end(since, parent);
            }
        }
    }

    fn add_end(&mut self, since: Round, id: TxId) {
        let distance = self.distance(&id);
        if let Some(issuer) = self.entries.get(&id).map(|entry| entry.issuer) {
            self.ends(distance).insert((since, distance, id), issuer);
        }
    }

    fn remove_end(&mut self, since: Round, id: TxId) {
        let distance = self.distance(&id);
        if let Some(issuer) = self.entries.get(&id).map(|entry| entry.issuer) {
            self.ends(distance).remove(&(since, distance, id), &issuer);
        }
    }

    const fn ends(&mut self, distance: u16) -> &mut Ends {
        if distance == 0 { &mut self.mine } else { &mut self.others }
    }

    /// How many places after ours the validator is whose share `id` is. Ids are digests, so their
    /// first bytes divide them evenly.
    fn distance(&self, id: &TxId) -> u16 {
        let [a, b, c, d, ..] = *id.as_bytes();
        let share = u32::from_le_bytes([a, b, c, d]) % u32::from(self.validators);
        let behind = share + u32::from(self.validators) - u32::from(self.own.0);
        u16::try_from(behind % u32::from(self.validators)).expect("below a 16-bit number")
    }
}

/// Whether a cover by a checkpoint of `cited` counts no more in `round`.
const fn is_expired(cited: Round, round: Round) -> bool {
    round.0.saturating_sub(cited.0) >= RECOVER_ROUNDS
}

#[cfg(test)]
mod tests;
