//! How a checkpoint comes to count.
//!
//! It is *accepted* once all that it references is accepted or forgotten, all that it cites is
//! attached with a fitting anchor, and its time lies above that of the own one before
//! (docs/PROTOCOL.md section 10).
//!
//! Invariant: a checkpoint is accepted after its past. A slot has one version, and others only
//! where something needed references them.
//!
//! Left out on purpose: rules on its own bytes (`CheckpointCandidate`).

use alloc::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    vec::Vec,
};

use super::{Consensus, pending::Lack};
use crate::{
    checkpoint::{CheckpointRef, VerifiedCheckpoint},
    digest::TxId,
    params::ORDER_LAG,
    units::Round,
};

/// What became of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It counts.
    Accepted,
    /// It waits; these are missing, and not on their way to acceptance either.
    Waiting {
        /// Checkpoints it references.
        refs: Vec<CheckpointRef>,
        /// Transactions it cites.
        tips: Vec<TxId>,
    },
    /// A further version of its slot, which nobody needs.
    Spare,
    /// It was here before.
    Known,
    /// Its round counts for nothing any more.
    Old,
    /// Too much of its author waits, or too much in all.
    Dropped,
}

/// What a checkpoint brought about.
#[derive(Debug)]
pub(crate) struct Added {
    /// What became of it.
    pub(crate) fate: Fate,
    /// What is accepted now, itself included, in order: the past first.
    pub(crate) accepted: Vec<Arc<VerifiedCheckpoint>>,
    /// Two versions of one slot, if that is new: proof that its author breaks the rules.
    pub(crate) evidence: Option<[CheckpointRef; 2]>,
}

impl Consensus {
    /// Takes a checkpoint. `anchor_of` answers the anchor round of a transaction that is attached
    /// or ordered, `None` for any other.
    pub(in crate::machine) fn add(
        &mut self,
        checkpoint: Arc<VerifiedCheckpoint>,
        anchor_of: &dyn Fn(&TxId) -> Option<Round>,
    ) -> Added {
        let reference = checkpoint.reference();
        let done = |fate| Added { fate, accepted: Vec::new(), evidence: None };
        if self.checkpoint(&reference).is_some() {
            return done(Fate::Known);
        }
        if reference.round <= self.gc_round() {
            return done(Fate::Old);
        }
        let evidence = self.convict(reference);
        let mut lack = Lack { refs: self.unaccepted(&checkpoint), ..Lack::default() };
        for tip in &checkpoint.checkpoint().tips {
            match anchor_of(tip) {
                None => drop(lack.tips.insert(*tip)),
                Some(anchor) if is_fitting(anchor, reference.round) => {}
                Some(_) => lack.barred_until = Some(reference.round),
            }
        }
        lack.is_spare = self.is_spare(&reference);
        let accepted = if lack.is_empty() {
            self.settle(Vec::from([checkpoint]))
        } else {
            let needed = self.pending.hold(checkpoint, lack.clone());
            self.settle(needed)
        };
        let fate = self.fate(&reference, lack);
        Added { fate, accepted, evidence }
    }

    fn fate(&self, reference: &CheckpointRef, lack: Lack) -> Fate {
        if self.dag.contains(reference) {
            return Fate::Accepted;
        }
        if self.pending.get(reference).is_none() {
            return Fate::Dropped;
        }
        if lack.is_spare {
            return Fate::Spare;
        }
        let missing = |to: &CheckpointRef| self.checkpoint(to).is_none();
        let refs = lack.refs.into_iter().filter(missing).collect();
        Fate::Waiting { refs, tips: lack.tips.into_iter().collect() }
    }

    /// A transaction was attached, with an anchor of this round. Returns what is accepted now.
    pub(in crate::machine) fn tip_here(
        &mut self,
        tip: &TxId,
        anchor: Round,
    ) -> Vec<Arc<VerifiedCheckpoint>> {
        let complete = self.pending.tip_here(tip, |round| is_fitting(anchor, round));
        self.settle(complete)
    }

    /// Remembers an author of two versions. Evidence only if that is new.
    fn convict(&mut self, reference: CheckpointRef) -> Option<[CheckpointRef; 2]> {
        let CheckpointRef { round, author, .. } = reference;
        let other = self.dag.first(round, author).or_else(|| self.pending.slot(round, author))?;
        self.standing.convicted.insert(author).then_some([other, reference])
    }

    fn unaccepted(&self, checkpoint: &VerifiedCheckpoint) -> BTreeSet<CheckpointRef> {
        let refs = checkpoint.checkpoint().refs.iter();
        let open = |to: &&CheckpointRef| to.round > self.gc_round() && !self.dag.contains(to);
        refs.filter(open).copied().collect()
    }

    /// A slot has one version, and others only where something needed references them: a cheat
    /// could else fill memory with versions.
    fn is_spare(&self, reference: &CheckpointRef) -> bool {
        let is_taken = self.dag.first(reference.round, reference.author).is_some();
        is_taken && !self.pending.needs(reference)
    }

    /// Accepts what lacks nothing, and all that waited for it.
    pub(super) fn settle(
        &mut self,
        complete: Vec<Arc<VerifiedCheckpoint>>,
    ) -> Vec<Arc<VerifiedCheckpoint>> {
        let mut open = VecDeque::from(complete);
        let mut accepted = Vec::new();
        while let Some(checkpoint) = open.pop_front() {
            let reference = checkpoint.reference();
            let barred_until = self.barred_until(&checkpoint);
            let is_spare = self.is_spare(&reference);
            let lack = Lack { barred_until, is_spare, ..Lack::default() };
            if !lack.is_empty() {
                open.extend(self.pending.hold(checkpoint, lack));
                continue;
            }
            if !checkpoint.checkpoint().tips.is_empty() {
                self.unsequenced.insert(reference);
            }
            self.dag.accept(checkpoint.clone(), &self.schedule);
            self.decider.touch();
            accepted.push(checkpoint);
            open.extend(self.pending.accepted(&reference));
        }
        accepted
    }

    /// Time goes on from one own checkpoint to the next (docs/PROTOCOL.md section 10): one that
    /// breaks this is acceptable only once nobody can tell any more.
    fn barred_until(&self, checkpoint: &VerifiedCheckpoint) -> Option<Round> {
        let before = checkpoint.checkpoint().self_reference()?;
        let node = self.dag.node(&before).filter(|_| before.round.0 + 1 == checkpoint.round().0)?;
        let (earlier, time) =
            (node.checkpoint.checkpoint().core.time, checkpoint.checkpoint().core);
        (time.time <= earlier).then_some(before.round)
    }
}

/// Whether a checkpoint of `round` may cite a transaction with an anchor of round `anchor`
/// (docs/PROTOCOL.md section 10).
const fn is_fitting(anchor: Round, round: Round) -> bool {
    anchor.0 <= round.0 && round.0 - anchor.0 <= ORDER_LAG
}
