//! An open request: to whom, for what, and what it brought so far.

use alloc::vec::Vec;

use super::Want;
use crate::{
    digest::{NodeId, TxId},
    time::Time,
    units::Position,
};

/// Answers in a row that may bring nothing new: plain order starts a little early.
pub(super) const BARREN_MAX: u32 = 64;

/// Transactions of one past beyond which it is a long one, and no news.
const BULK: u64 = 64;

/// An open request.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) to: NodeId,
    pub(super) wants: Vec<Want>,
    /// What this node had when it asked for a cone. It stays the same until the end, or an answer
    /// in plain order to somebody new would turn into the past of a few, and leave out the rest.
    pub(super) have: Vec<TxId>,
    /// Where a cone goes on.
    pub(super) from: Position,
    /// Whether the peer itself had said that it has what is asked for.
    pub(super) claimed: bool,
    /// Whether it brought anything that is not attached here, this answer or one before it to the
    /// same question.
    pub(super) brought: bool,
    /// What of this answer was new, and of those before it.
    pub(super) fresh: u64,
    fresh_before: u64,
    /// Answers to the same question without anything new, in a row.
    barren: u32,
    /// When it was opened or last brought something new.
    pub(super) moved: Time,
}

impl Asked {
    pub(super) const fn new(to: NodeId, wants: Vec<Want>, claimed: bool, now: Time) -> Self {
        Self {
            to,
            wants,
            have: Vec::new(),
            from: Position::ZERO,
            claimed,
            brought: false,
            fresh: 0,
            fresh_before: 0,
            barren: 0,
            moved: now,
        }
    }

    pub(super) fn is_cone(&self) -> bool {
        self.wants.first().is_some_and(Want::is_past)
    }

    pub(super) fn is_key(&self) -> bool {
        matches!(self.wants.first(), Some(Want::Key(_)))
    }

    /// Whether it is the answer to somebody who was far behind.
    pub(super) const fn is_bulk(&self) -> bool {
        self.fresh_before + self.fresh > BULK
    }

    /// Answers in a row, with this one, without anything new.
    pub(super) const fn barren(&self) -> u32 {
        if self.fresh > 0 { 0 } else { self.barren + 1 }
    }

    /// The request that goes on at `from` with what is left.
    pub(super) fn after(self, from: Position, wants: Vec<Want>, now: Time) -> Self {
        let (fresh_before, barren) = (self.fresh_before + self.fresh, self.barren());
        Self { wants, from, fresh: 0, fresh_before, barren, moved: now, ..self }
    }
}
