//! Which leaders are committed: the rule of Mysticeti (arXiv 2310.14821, section 3.2) with waves of
//! three rounds, one leader a round.
//!
//! ```text
//! round r: proposal of the leader    r+1: votes    r+2: certificates    r+3..: anchors
//! ```
//!
//! A slot is decided directly, by a quorum of certificates or of missing votes, or by the first
//! slot from r+3 on that is not skipped. From r+2 on would fork: the certificate that this anchor
//! itself is may be unknown to others (docs/PROTOCOL.md section 10).
//!
//! Invariant: with at most f faults all nodes decide every slot alike, whatever they have seen;
//! what is decided stays so, unless the schedule changes below it.
//!
//! Left out on purpose: what a committed leader brings (`order`).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};

use super::{
    dag::{Dag, Node},
    schedule::Schedule,
};
use crate::{
    checkpoint::{CheckpointRef, VerifiedCheckpoint},
    committee::Author,
    digest::CheckpointId,
    units::Round,
};

/// Most undecided slots that are looked at in one go, the highest first: what a later slot settles
/// needs no look of its own, and what is left is looked at next time.
const BACKLOG: usize = 512;

/// How far above a slot its anchor lies at least.
const ANCHOR: u64 = 3;

/// What became of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Commit(Arc<VerifiedCheckpoint>),
    Skip,
}

/// More than f faults: two proposals of one slot have certificates. Nothing is decided any more and
/// nothing must be signed; all data is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "two proposals of validator {} in round {round} are certified: more than a third are faulty",
    .leader.0
)]
pub(crate) struct Alarm {
    /// The round of the slot.
    pub(crate) round: Round,
    /// Its leader.
    pub(crate) leader: Author,
    /// Two proposals with certificates.
    pub(crate) certified: [CheckpointId; 2],
}

/// Decided slots, in order, one at a time.
#[derive(Debug)]
pub(super) struct Decider {
    decided: Round,
    /// Decisions above `decided`. Final, so long as the schedule stays.
    known: BTreeMap<Round, Decision>,
    has_news: bool,
    alarm: Option<Alarm>,
    anchor: u64,
}

impl Decider {
    pub(super) const fn new(decided: Round) -> Self {
        let known = BTreeMap::new();
        Self { decided, known, has_news: true, alarm: None, anchor: ANCHOR }
    }

    #[cfg(test)]
    pub(super) const fn set_anchor(&mut self, anchor: u64) {
        self.anchor = anchor;
    }

    /// Slots up to this round were taken.
    pub(super) const fn decided(&self) -> Round {
        self.decided
    }

    pub(super) const fn alarm(&self) -> Option<Alarm> {
        self.alarm
    }

    /// Something was accepted.
    pub(super) const fn touch(&mut self) {
        self.has_news = true;
    }

    /// The schedule changed: decisions above are no longer about the right leaders.
    pub(super) fn restart(&mut self) {
        self.known.clear();
        self.has_news = true;
    }

    /// The decision on the slot above [`Self::decided`], the same until it is taken.
    pub(super) fn next(
        &mut self,
        dag: &Dag,
        schedule: &Schedule,
    ) -> Result<Option<(Round, Decision)>, Alarm> {
        if let Some(alarm) = self.alarm {
            return Err(alarm);
        }
        let next = Round(self.decided.0 + 1);
        if !self.known.contains_key(&next) && self.has_news {
            self.has_news = false;
            self.try_decide(dag, schedule).inspect_err(|alarm| self.alarm = Some(*alarm))?;
        }
        Ok(self.known.get(&next).map(|decision| (next, decision.clone())))
    }

    /// The slot above [`Self::decided`] is dealt with.
    pub(super) fn take(&mut self) {
        self.decided = Round(self.decided.0 + 1);
        self.known.remove(&self.decided);
    }

    fn try_decide(&mut self, dag: &Dag, schedule: &Schedule) -> Result<(), Alarm> {
        let rounds = (self.decided.0 + 1..dag.highest().0).rev().map(Round);
        let open = |round: &Round| !self.known.contains_key(round);
        let open: Vec<Round> = rounds.filter(open).take(BACKLOG).collect();
        for round in open {
            let Some(leader) = schedule.leader(round) else { continue };
            let decision = match direct(dag, round, leader)? {
                Some(decision) => Some(decision),
                None => self.indirect(dag, round, leader),
            };
            if let Some(decision) = decision {
                self.known.insert(round, decision);
            }
        }
        Ok(())
    }

    fn indirect(&self, dag: &Dag, round: Round, leader: Author) -> Option<Decision> {
        let mut above = self.known.range(Round(round.0 + self.anchor)..);
        let mut expected = round.0 + self.anchor;
        let anchor = loop {
            let (found, decision) = above.next()?;
            if found.0 != expected {
                // Undecided: nothing above it can serve.
                return None;
            }
            match decision {
                Decision::Skip => expected += 1,
                Decision::Commit(anchor) => break anchor,
            }
        };
        let certified = certified_in_past(dag, anchor.reference(), Round(round.0 + 2));
        Some(certified.map_or(Decision::Skip, |id| commit(dag, round, leader, id)))
    }
}

fn direct(dag: &Dag, round: Round, leader: Author) -> Result<Option<Decision>, Alarm> {
    let above = Round(round.0 + 2);
    let certified: BTreeSet<CheckpointId> = dag.round(above).filter_map(|node| node.cert).collect();
    let mut certified = certified.into_iter();
    let (first, second) = (certified.next(), certified.next());
    if let (Some(first), Some(second)) = (first, second) {
        return Err(Alarm { round, leader, certified: [first, second] });
    }
    if is_skippable(dag, round, leader, |_| true) {
        return Ok(Some(Decision::Skip));
    }
    let quorum = dag.committee().quorum();
    let has_quorum =
        |id: &CheckpointId| dag.weight_where(above, |node| node.cert == Some(*id)) >= quorum;
    Ok(first.filter(has_quorum).map(|id| commit(dag, round, leader, id)))
}

fn commit(dag: &Dag, round: Round, author: Author, id: CheckpointId) -> Decision {
    let proposal = dag.present(&CheckpointRef { round, author, id });
    Decision::Commit(proposal.checkpoint.clone())
}

/// Whether no proposal of the slot can ever have a quorum of votes: for each of them a quorum of
/// those that count did not vote for it. With no proposal seen, a quorum that voted for none is
/// enough: it would have brought along what it voted for.
pub(super) fn is_skippable(
    dag: &Dag,
    round: Round,
    leader: Author,
    counts: impl Fn(&Node) -> bool,
) -> bool {
    let (above, quorum) = (Round(round.0 + 1), dag.committee().quorum());
    let against = |id: CheckpointId| {
        dag.weight_where(above, |node| counts(node) && node.vote != Some(id)) >= quorum
    };
    dag.weight_where(above, &counts) >= quorum
        && dag.slot(round, leader).all(|proposal| against(proposal.checkpoint.id()))
}

/// What some checkpoint of `round` in the past of `from` certifies.
fn certified_in_past(dag: &Dag, from: CheckpointRef, round: Round) -> Option<CheckpointId> {
    let mut seen = BTreeSet::from([from]);
    // The highest first, so that each is taken once all that reference it were.
    while let Some(reference) = seen.pop_last() {
        let node = dag.present(&reference);
        if reference.round > round {
            let refs = node.checkpoint.checkpoint().refs.iter();
            seen.extend(refs.filter(|to| to.round >= round));
        } else if node.cert.is_some() {
            return node.cert;
        }
    }
    None
}
