//! An open request: to whom, for what, and what it brought so far.

use alloc::vec::Vec;

use super::Want;
use crate::{digest::NodeId, time::Time, units::Position};

/// Answers in a row that may bring nothing new: plain order starts a little early.
pub(super) const BARREN_MAX: u32 = 64;

/// Transactions of one past beyond which it is a long one, and no news.
const BULK: u64 = 64;

/// An open request.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) to: NodeId,
    pub(super) wants: Vec<Want>,
    /// Where a cone goes on.
    pub(super) from: Position,
    /// Whether the peer itself had said that it has what is asked for.
    pub(super) claimed: bool,
    /// What this answer brought so far, and what those before it to the same question did.
    pub(super) brought: u64,
    brought_before: u64,
    /// Answers to the same question that brought nothing, in a row.
    barren: u32,
    /// When it was opened or last brought something.
    pub(super) moved: Time,
}

impl Asked {
    pub(super) const fn new(to: NodeId, wants: Vec<Want>, claimed: bool, now: Time) -> Self {
        let from = Position::ZERO;
        Self { to, wants, from, claimed, brought: 0, brought_before: 0, barren: 0, moved: now }
    }

    pub(super) fn is_cone(&self) -> bool {
        self.wants.first().is_some_and(Want::is_past)
    }

    pub(super) fn is_key(&self) -> bool {
        matches!(self.wants.first(), Some(Want::Key(_)))
    }

    pub(super) const fn brought_in_all(&self) -> u64 {
        self.brought_before + self.brought
    }

    /// Whether it is the answer to somebody who was far behind.
    pub(super) const fn is_bulk(&self) -> bool {
        self.brought_in_all() > BULK
    }

    /// Answers in a row, with this one, that brought nothing.
    pub(super) const fn barren(&self) -> u32 {
        if self.brought > 0 { 0 } else { self.barren + 1 }
    }

    /// The request that goes on at `from` with what is left.
    pub(super) const fn after(&self, from: Position, wants: Vec<Want>, now: Time) -> Self {
        let (brought_before, barren) = (self.brought_in_all(), self.barren());
        let Self { to, claimed, .. } = *self;
        Self { to, wants, from, claimed, brought: 0, brought_before, barren, moved: now }
    }
}
