//! When this validator makes its next checkpoint: the pacemaker as Starfish (ePrint 2025/567,
//! section 4) repaired it. The rule of the first papers has runs without end and without a commit.
//!
//! ADVANCE from round r: (A1) a quorum of r is accepted, and (A2) the own one of r exists. Never
//! because somebody else is ahead.
//! CREATE in round r, once, when a quorum of r-1 is accepted and
//! - (C3) a quorum of r is accepted too; or
//! - (C1) the pause is over and (L1) the leader of r-1 is accepted and (L2) a quorum of r-1 votes
//!   for one proposal of r-2, or that slot can be skipped; or
//! - (C2) the pause and the patience with leaders are over.
//!
//! A validator that lags by [`JUMP_MIN`] rounds jumps instead of filling them (ours,
//! docs/PROTOCOL.md section 10).
//!
//! Invariant: the round never falls, and for one round there is one request to create.
//!
//! Left out on purpose: making the checkpoint (the caller: it has the key), what it references
//! (`select`).

use alloc::collections::BTreeSet;

use super::super::limits::PaceLimits;
use super::{
    dag::{Dag, Node},
    decide::is_skippable,
    schedule::Schedule,
    select,
};
use crate::{
    committee::Author,
    params::JUMP_MIN,
    time::{Span, Time},
    units::Round,
};

/// Patience doubles at most so often.
const DOUBLINGS_MAX: u64 = 5;

/// The longest patience.
const PATIENCE_MAX: Span = Span::from_secs(8);

/// Why a checkpoint is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// C1: all that it should build on is here.
    Ready,
    /// C2: patience with a leader is over.
    Timeout,
    /// C3: the others are through with this round.
    Behind,
}

/// A checkpoint is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Create {
    /// For this round.
    pub(crate) round: Round,
    /// Why now.
    pub(crate) reason: Reason,
}

/// What the pacemaker looks at.
pub(super) struct Sight<'a> {
    pub(super) dag: &'a Dag,
    pub(super) schedule: &'a Schedule,
    pub(super) convicted: &'a BTreeSet<Author>,
    /// Slots up to this round are decided.
    pub(super) decided: Round,
    pub(super) last_leader: Round,
    /// Whether there is something to order.
    pub(super) awake: bool,
}

/// The round of this validator.
#[derive(Debug)]
pub(super) struct Pace {
    limits: PaceLimits,
    round: Round,
    /// When the round was entered; `None` until somebody tells the time.
    entered: Option<Time>,
    /// Since when there was neither progress nor a nudge.
    quiet_since: Option<Time>,
    /// The last round for which a checkpoint was asked.
    asked: Round,
}

impl Pace {
    pub(super) fn new(limits: PaceLimits, own_last: Option<Round>) -> Self {
        let round = own_last.unwrap_or(Round(1));
        Self { limits, round, entered: None, quiet_since: None, asked: Round::ZERO }
    }

    pub(super) const fn round(&self) -> Round {
        self.round
    }

    /// Moves on, and says whether a checkpoint is due. To be asked after every acceptance, own ones
    /// included, and when [`Self::next_deadline`] has come.
    pub(super) fn poll(&mut self, now: Time, sight: &Sight<'_>) -> Option<Create> {
        sight.dag.own()?;
        self.advance(now, sight.dag);
        let (due, reason) = self.due(sight)?;
        if now < due {
            return None;
        }
        self.asked = self.round;
        Some(Create { round: self.round, reason })
    }

    fn advance(&mut self, now: Time, dag: &Dag) {
        let before = self.round;
        let own_last = dag.own_last().map_or(Round::ZERO, |(last, _)| last.round);
        while own_last >= self.round && dag.has_quorum(self.round) {
            self.round = Round(self.round.0 + 1);
        }
        // What was asked for comes first: it will be the own last one.
        if self.asked <= own_last && dag.quorum_round().0 >= own_last.0 + JUMP_MIN {
            self.round = self.round.max(Round(dag.quorum_round().0 + 1));
        }
        if self.entered.is_none() || self.round > before {
            (self.entered, self.quiet_since) = (Some(now), Some(now));
        }
    }

    /// When a checkpoint for this round is due, as far as can be said now.
    fn due(&self, sight: &Sight<'_>) -> Option<(Time, Reason)> {
        let own_last = sight.dag.own_last().map_or(Round::ZERO, |(last, _)| last.round);
        let is_done = own_last >= self.round || self.asked >= self.round;
        if is_done || !select::has_quorum(sight.dag, self.round, sight.convicted) {
            return None;
        }
        if sight.dag.has_quorum(self.round) {
            return Some((Time::ZERO, Reason::Behind));
        }
        let (entered, pause) = (self.entered?, self.pause(sight));
        if self.has_leader(sight) && self.has_verdict(sight) {
            return Some((entered + pause, Reason::Ready));
        }
        Some((entered + pause.max(self.patience(sight)), Reason::Timeout))
    }

    const fn pause(&self, sight: &Sight<'_>) -> Span {
        if sight.awake { self.limits.min } else { self.limits.idle }
    }

    /// L1. Vacuous for decided slots.
    fn has_leader(&self, sight: &Sight<'_>) -> bool {
        let round = Round(self.round.0.saturating_sub(1));
        let Some(leader) = sight.schedule.leader(round) else { return true };
        round <= sight.decided || sight.dag.slot(round, leader).next().is_some()
    }

    /// L2. Vacuous for decided slots.
    fn has_verdict(&self, sight: &Sight<'_>) -> bool {
        let (round, before) = (self.round.0.saturating_sub(2), self.round.0.saturating_sub(1));
        let (round, before) = (Round(round), Round(before));
        let Some(leader) = sight.schedule.leader(round) else { return true };
        let counts = |node: &Node| select::is_referable(node, sight.convicted);
        let has_votes = |id| {
            let weight = sight.dag.weight_where(before, |n| counts(n) && n.vote == Some(id));
            weight >= sight.dag.committee().quorum()
        };
        round <= sight.decided
            || sight.dag.slot(round, leader).any(|proposal| has_votes(proposal.checkpoint.id()))
            || is_skippable(sight.dag, round, leader, counts)
    }

    /// How long a round waits for a leader: twice as long with every 2n rounds without a commit, so
    /// that nobody must know how fast messages are.
    fn patience(&self, sight: &Sight<'_>) -> Span {
        let validators = sight.dag.committee().len() as u64;
        let without = self.round.0.saturating_sub(sight.last_leader.0);
        let doublings = (without / (2 * validators)).min(DOUBLINGS_MAX);
        let patience = self.limits.leader_timeout.as_millis().saturating_mul(1 << doublings);
        Span::from_millis(patience).min(PATIENCE_MAX)
    }

    /// Whether a round takes so long that something must have been lost: the own last checkpoint is
    /// to be sent again. Once for every such time.
    pub(super) fn is_stuck(&mut self, now: Time, sight: &Sight<'_>) -> bool {
        let is_stuck = self.stuck_at(sight).is_some_and(|at| at <= now);
        if is_stuck {
            self.quiet_since = Some(now);
        }
        is_stuck
    }

    fn stuck_at(&self, sight: &Sight<'_>) -> Option<Time> {
        sight.dag.own()?;
        let round = self.pause(sight).max(self.patience(sight));
        self.quiet_since.map(|since| since + round + round)
    }

    /// When to ask [`Self::poll`] and [`Self::is_stuck`] again, if nothing is accepted before.
    pub(super) fn next_deadline(&self, sight: &Sight<'_>) -> Option<Time> {
        let due = self.due(sight).map(|(due, _)| due);
        due.into_iter().chain(self.stuck_at(sight)).min()
    }
}
