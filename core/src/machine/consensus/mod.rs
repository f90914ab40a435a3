//! Consensus: which checkpoints count, which leaders are committed, and the one order that follows.
//!
//! ```text
//! add -> pending -> dag -> decide -> order -> the ledger
//!                      \-> pace -> select -> the own next checkpoint
//! ```
//!
//! The commit rule is that of Mysticeti (arXiv 2310.14821), the pacemaker that of Starfish (ePrint
//! 2025/567); what is ours stands in docs/PROTOCOL.md section 10.
//!
//! Invariant: nodes that see different parts of the same checkpoints, in any order, decide and
//! order alike, with up to f faults.
//!
//! Left out on purpose: keys, disks and transactions. The caller signs, stores what is accepted
//! before it speaks of it, and answers what it knows of a transaction.

mod accept;
mod dag;
mod decide;
mod order;
mod pace;
mod pending;
mod schedule;
mod select;
mod standing;
#[cfg(test)]
mod tests;

use alloc::{collections::BTreeSet, sync::Arc, vec::Vec};

use self::{
    dag::{Dag, first_of},
    decide::{Decider, Decision},
    order::{Brought, Sequence},
    pace::{Pace, Sight},
    pending::Pending,
    schedule::Schedule,
};
use super::{limits::PaceLimits, tangle::Orderable};
use crate::{
    checkpoint::{CheckpointRef, VerifiedCheckpoint},
    committee::{Author, Committee},
    digest::TxId,
    params::{KEEP_ROUNDS, SCHEDULE_LEADERS},
    time::{Span, Time},
    tx::NetworkId,
    units::Round,
};

#[cfg(test)]
pub(crate) use self::{accept::Added, pace::Reason};
pub(crate) use self::{accept::Fate, decide::Alarm, pace::Create, standing::Standing};

/// Rounds above the last quorum in which checkpoints are taken that nobody waits for.
const AHEAD_MAX: u64 = 8;

/// What a committed leader brought, in order.
#[derive(Debug)]
pub(super) struct Ordered {
    /// The time of the commit: above that of the one before.
    pub(super) time: Time,
    /// Checkpoints.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests compare their order"))]
    pub(super) checkpoints: Vec<Arc<VerifiedCheckpoint>>,
    /// Transactions.
    pub(super) transactions: Vec<TxId>,
    /// What is accepted now because what it waited for counts for nothing any more.
    pub(super) accepted: Vec<Arc<VerifiedCheckpoint>>,
}

/// The rules of consensus with all that they remember.
#[derive(Debug)]
pub(super) struct Consensus {
    dag: Dag,
    pending: Pending,
    schedule: Schedule,
    decider: Decider,
    sequence: Sequence,
    pace: Pace,
    /// But for what the parts keep themselves: see [`Self::standing`].
    standing: Standing,
    /// Accepted, with tips, not sequenced: the reason to hurry.
    unsequenced: BTreeSet<CheckpointRef>,
}

impl Consensus {
    /// Takes up where `standing` was made. `checkpoints` are all that were accepted above its gc
    /// round, in any order. `own` is the place of this node, if it is a validator that may sign.
    pub(super) fn restore(
        committee: Arc<Committee>,
        own: Option<Author>,
        network: NetworkId,
        pace: PaceLimits,
        standing: Standing,
        mut checkpoints: Vec<Arc<VerifiedCheckpoint>>,
    ) -> Self {
        let gc_round = standing.gc_round();
        let schedule = Schedule::new(network, committee.clone(), standing.turns.clone());
        let mut dag = Dag::new(committee, own, standing.own_last, gc_round);
        checkpoints.sort_unstable_by_key(|checkpoint| checkpoint.reference());
        for checkpoint in checkpoints.into_iter().filter(|one| one.round() > gc_round) {
            dag.accept(checkpoint, &schedule);
        }
        let mut sequence = Sequence::default();
        for leader in &standing.leaders {
            sequence.bring(&dag, leader, gc_round);
        }
        let has_tips = |one: &&Arc<VerifiedCheckpoint>| !one.checkpoint().tips.is_empty();
        let with_tips = dag.iter().filter(has_tips).map(|one| one.reference());
        let unsequenced = with_tips.filter(|one| !sequence.contains(one)).collect();
        let decider = Decider::new(standing.decided);
        let pace = Pace::new(pace, dag.own_last().map(|(last, _)| last.round));
        let pending = Pending::default();
        Self { dag, pending, schedule, decider, sequence, pace, standing, unsequenced }
    }

    /// What [`Self::restore`] needs besides the accepted checkpoints above the gc round.
    pub(super) fn standing(&self) -> Standing {
        Standing {
            decided: self.decider.decided(),
            turns: self.schedule.turns(),
            own_last: self.dag.own_last(),
            ..self.standing.clone()
        }
    }

    /// Checkpoints at or below this round count for nothing any more.
    pub(super) const fn gc_round(&self) -> Round {
        self.dag.gc_round()
    }

    /// The round of the last committed leader.
    pub(super) fn last_leader_round(&self) -> Round {
        self.standing.last_leader_round()
    }

    /// What is anchored below this round cannot matter to what will be ordered.
    pub(super) fn oldest_of_use(&self) -> Round {
        Round(self.last_leader_round().0.saturating_sub(KEEP_ROUNDS))
    }

    /// Slots up to this round are decided and dealt with.
    #[cfg(test)]
    pub(super) const fn decided(&self) -> Round {
        self.decider.decided()
    }

    /// The round in which this validator is.
    pub(super) const fn round(&self) -> Round {
        self.pace.round()
    }

    /// The highest round of which a quorum was accepted.
    pub(super) const fn quorum_round(&self) -> Round {
        self.dag.quorum_round()
    }

    /// Whether this validator leads `round`.
    pub(super) fn leads(&self, round: Round) -> bool {
        self.dag.own().is_some_and(|own| self.schedule.leader(round) == Some(own))
    }

    /// Whether a checkpoint of `round` may be taken unasked, before its signature is checked.
    pub(super) const fn is_near(&self, round: Round) -> bool {
        round.0 > self.gc_round().0 && round.0 <= self.quorum_round().0.saturating_add(AHEAD_MAX)
    }

    /// A checkpoint that is accepted or waits.
    pub(super) fn checkpoint(&self, of: &CheckpointRef) -> Option<&Arc<VerifiedCheckpoint>> {
        self.dag.node(of).map(|node| &node.checkpoint).or_else(|| self.pending.get(of))
    }

    /// Whether a checkpoint is accepted.
    #[cfg(test)]
    pub(super) fn is_accepted(&self, reference: &CheckpointRef) -> bool {
        self.dag.contains(reference)
    }

    /// All accepted checkpoints above the gc round, lower rounds first.
    pub(super) fn accepted(&self) -> impl Iterator<Item = &Arc<VerifiedCheckpoint>> {
        self.dag.iter()
    }

    /// The own last checkpoint, with the time it carries: the next must carry a later one.
    pub(super) const fn own_last(&self) -> Option<(CheckpointRef, Time)> {
        self.dag.own_last()
    }

    /// Whether some checkpoint waits for a transaction.
    pub(super) fn awaits(&self, tip: &TxId) -> bool {
        self.pending.awaits(tip)
    }

    /// Checkpoints that others wait for.
    pub(super) fn missing(&self) -> Vec<CheckpointRef> {
        self.pending.missing()
    }

    /// Transactions that checkpoints wait for.
    pub(super) fn awaited_tips(&self) -> impl Iterator<Item = &TxId> {
        self.pending.tips()
    }

    /// The next committed leader, the same until [`Self::sequence`] took it; skipped slots before
    /// it are passed. An alarm is final: stop signing, keep all data, call for people.
    pub(super) fn next_leader(&mut self) -> Result<Option<Arc<VerifiedCheckpoint>>, Alarm> {
        while let Some((round, decision)) = self.decider.next(&self.dag, &self.schedule)? {
            match decision {
                Decision::Commit(leader) => return Ok(Some(leader)),
                Decision::Skip => {
                    self.decider.take();
                    if let Some(leader) = self.schedule.leader(round) {
                        self.schedule.decided(leader, true);
                    }
                }
            }
        }
        Ok(None)
    }

    /// Orders what a leader brings. `leader` is what [`Self::next_leader`] returned last; `past`
    /// answers what is known of a transaction.
    pub(super) fn sequence(
        &mut self,
        leader: &VerifiedCheckpoint,
        past: &dyn Fn(&TxId) -> Option<Orderable>,
    ) -> Ordered {
        let reference = leader.reference();
        let round = reference.round;
        assert_eq!(round.0, self.decider.decided().0 + 1, "leaders are taken in order");
        let Brought { checkpoints, slots } =
            self.sequence.bring(&self.dag, &reference, self.gc_round());
        let transactions = order::transactions(&checkpoints, round, past);
        let later = self.standing.time + Span::from_millis(1);
        let time = order::median_time(&self.dag, leader).map_or(later, |time| time.max(later));
        for (round, author) in slots {
            self.schedule.sequenced(round, author);
        }
        for checkpoint in &checkpoints {
            self.unsequenced.remove(&checkpoint.reference());
        }
        self.schedule.decided(reference.author, false);
        self.decider.take();
        self.standing.time = time;
        self.standing.count += 1;
        self.standing.leaders.push(reference);
        if self.standing.count.is_multiple_of(SCHEDULE_LEADERS) {
            self.schedule.change(round);
            self.dag.recount(round, &self.schedule);
            self.decider.restart();
        }
        let accepted = self.forget();
        Ordered { time, checkpoints, transactions, accepted }
    }

    fn forget(&mut self) -> Vec<Arc<VerifiedCheckpoint>> {
        let gc_round = self.standing.gc_round();
        let kept = first_of(Round(gc_round.0 + 1), Author(0));
        self.standing.leaders.retain(|leader| *leader >= kept);
        self.unsequenced = self.unsequenced.split_off(&kept);
        self.sequence.forget(gc_round);
        self.dag.forget(gc_round);
        let complete = self.pending.forget(gc_round);
        self.settle(complete)
    }

    /// Whether an own checkpoint is due, at most once for a round. `awake`: the caller has
    /// transactions to cite, or a vote to cast on a commit that ordered something.
    pub(super) fn create_due(&mut self, now: Time, awake: bool) -> Option<Create> {
        if self.decider.alarm().is_some() {
            return None;
        }
        let (pace, sight) = self.sight(awake);
        pace.poll(now, &sight)
    }

    /// Whether the own last checkpoint is to be sent again, since nothing moves. Once for every
    /// such time.
    pub(super) fn is_stuck(&mut self, now: Time, awake: bool) -> bool {
        let (pace, sight) = self.sight(awake);
        pace.is_stuck(now, &sight)
    }

    /// When to ask [`Self::create_due`] and [`Self::is_stuck`] again if nothing is accepted before.
    /// May lie in the past.
    pub(super) fn next_deadline(&mut self, awake: bool) -> Option<Time> {
        let (pace, sight) = self.sight(awake);
        pace.next_deadline(&sight)
    }

    fn sight(&mut self, awake: bool) -> (&mut Pace, Sight<'_>) {
        let sight = Sight {
            dag: &self.dag,
            schedule: &self.schedule,
            convicted: &self.standing.convicted,
            decided: self.decider.decided(),
            last_leader: self.standing.last_leader_round(),
            awake: awake || !self.unsequenced.is_empty(),
        };
        (&mut self.pace, sight)
    }

    /// What an own checkpoint of `round` references. To be asked as soon as it is due: later, a
    /// conviction might leave less than a quorum.
    pub(super) fn references(&self, round: Round) -> Vec<CheckpointRef> {
        select::references(&self.dag, round, &self.standing.convicted)
    }
}
