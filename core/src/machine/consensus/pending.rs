//! Checkpoints that are not accepted yet: what they reference or cite is not here, or their slot
//! has an accepted version and nobody needs another.
//!
//! Invariant: nothing in here counts for anything. Bounded per author and in bytes; what lies
//! highest leaves first, since what is low comes sooner and is waited for. At or below the gc round
//! nothing is held and nothing is waited for: so whoever waits for what never comes, or for what
//! nobody may accept, is free then (docs/PROTOCOL.md section 10).
//!
//! Left out on purpose: asking for what is missing (the caller), the rules of acceptance (`mod`).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};

use super::dag::first_of;
use crate::{
    checkpoint::{CheckpointRef, VerifiedCheckpoint},
    committee::Author,
    digest::TxId,
    params::GC_DEPTH,
    units::Round,
};

/// Most checkpoints that wait, per author: an honest one has one in each round that counts, and
/// may be as far ahead again.
const PER_AUTHOR: u64 = 2 * GC_DEPTH;

/// Most bytes that wait.
const BYTES_MAX: usize = 64 << 20;

/// What a checkpoint lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lack {
    pub(super) refs: BTreeSet<CheckpointRef>,
    pub(super) tips: BTreeSet<TxId>,
    /// It breaks a rule of acceptance, which ends to count when this round is forgotten.
    pub(super) barred_until: Option<Round>,
    /// Its slot has an accepted version and nobody needs another.
    pub(super) is_spare: bool,
}

impl Lack {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Debug)]
struct Held {
    checkpoint: Arc<VerifiedCheckpoint>,
    lack: Lack,
}

/// Checkpoints that wait.
#[derive(Debug, Default)]
pub(super) struct Pending {
    held: BTreeMap<CheckpointRef, Held>,
    by_author: BTreeMap<Author, BTreeSet<CheckpointRef>>,
    by_ref: BTreeMap<CheckpointRef, BTreeSet<CheckpointRef>>,
    by_tip: BTreeMap<TxId, BTreeSet<CheckpointRef>>,
    bytes: usize,
}

impl Pending {
    pub(super) fn get(&self, reference: &CheckpointRef) -> Option<&Arc<VerifiedCheckpoint>> {
        self.held.get(reference).map(|held| &held.checkpoint)
    }

    /// Some version of a slot.
    pub(super) fn slot(&self, round: Round, author: Author) -> Option<CheckpointRef> {
        let of_author = self.by_author.get(&author)?.range(first_of(round, author)..);
        of_author.copied().next().filter(|reference| reference.round == round)
    }

    /// Whether somebody who is needed waits for `reference`.
    pub(super) fn needs(&self, reference: &CheckpointRef) -> bool {
        let is_needed = |waiter| self.held.get(waiter).is_some_and(|held| !held.lack.is_spare);
        self.by_ref.get(reference).is_some_and(|waiters| waiters.iter().any(is_needed))
    }

    /// Whether somebody waits for a transaction.
    pub(super) fn awaits(&self, tip: &TxId) -> bool {
        self.by_tip.contains_key(tip)
    }

    /// Checkpoints that are waited for and not here.
    pub(super) fn missing(&self) -> Vec<CheckpointRef> {
        let refs = self.by_ref.keys().filter(|to| !self.held.contains_key(to) && self.needs(to));
        refs.copied().collect()
    }

    /// Transactions that are waited for.
    pub(super) fn tips(&self) -> impl Iterator<Item = &TxId> {
        self.by_tip.keys()
    }

    /// Holds a checkpoint. Returns those that are complete, since this one needs them.
    pub(super) fn hold(
        &mut self,
        checkpoint: Arc<VerifiedCheckpoint>,
        lack: Lack,
    ) -> Vec<Arc<VerifiedCheckpoint>> {
        assert!(!lack.is_empty(), "a checkpoint that lacks nothing does not wait");
        let reference = checkpoint.reference();
        for to in &lack.refs {
            self.by_ref.entry(*to).or_default().insert(reference);
        }
        for tip in &lack.tips {
            self.by_tip.entry(*tip).or_default().insert(reference);
        }
        self.bytes += checkpoint.bytes().len();
        self.by_author.entry(reference.author).or_default().insert(reference);
        let is_spare = lack.is_spare;
        self.held.insert(reference, Held { checkpoint, lack });
        let complete = if is_spare { Vec::new() } else { self.need_past(reference) };
        self.keep_bounds(reference.author);
        complete
    }

    /// Nobody waits for what `reference` waits for in vain: spare versions in its past are not
    /// spare any more.
    fn need_past(&mut self, reference: CheckpointRef) -> Vec<Arc<VerifiedCheckpoint>> {
        let mut complete = Vec::new();
        let mut open = Vec::from([reference]);
        while let Some(reference) = open.pop() {
            let refs = self.held.get(&reference).map(|held| held.lack.refs.clone());
            for to in refs.unwrap_or_default() {
                let Some(held) = self.held.get_mut(&to).filter(|held| held.lack.is_spare) else {
                    continue;
                };
                held.lack.is_spare = false;
                open.push(to);
                complete.extend(self.release(&to));
            }
        }
        complete
    }

    fn keep_bounds(&mut self, author: Author) {
        while let Some(of_author) = self.by_author.get(&author)
            && of_author.len() as u64 > PER_AUTHOR
        {
            let highest = of_author.iter().rev().copied();
            let Some(dropped) = self.least_needed(highest) else { break };
            self.remove(&dropped);
        }
        while self.bytes > BYTES_MAX {
            let Some(dropped) = self.least_needed(self.held.keys().rev().copied()) else { break };
            self.remove(&dropped);
        }
    }

    /// The highest for which nobody waits, or else the highest.
    fn least_needed(
        &self,
        mut highest_first: impl Iterator<Item = CheckpointRef> + Clone,
    ) -> Option<CheckpointRef> {
        let highest = highest_first.clone().next();
        highest_first.find(|reference| !self.needs(reference)).or(highest)
    }

    /// Takes `reference` out if it lacks nothing any more.
    fn release(&mut self, reference: &CheckpointRef) -> Option<Arc<VerifiedCheckpoint>> {
        let is_complete = self.held.get(reference).is_some_and(|held| held.lack.is_empty());
        if is_complete { self.remove(reference) } else { None }
    }

    fn remove(&mut self, reference: &CheckpointRef) -> Option<Arc<VerifiedCheckpoint>> {
        let Held { checkpoint, lack } = self.held.remove(reference)?;
        self.bytes -= checkpoint.bytes().len();
        leave(&mut self.by_author, &reference.author, reference);
        for to in &lack.refs {
            leave(&mut self.by_ref, to, reference);
        }
        for tip in &lack.tips {
            leave(&mut self.by_tip, tip, reference);
        }
        Some(checkpoint)
    }

    /// `reference` was accepted. Returns those that are complete now.
    pub(super) fn accepted(&mut self, reference: &CheckpointRef) -> Vec<Arc<VerifiedCheckpoint>> {
        let mut complete = Vec::new();
        for waiter in self.by_ref.remove(reference).unwrap_or_default() {
            if let Some(held) = self.held.get_mut(&waiter) {
                held.lack.refs.remove(reference);
                complete.extend(self.release(&waiter));
            }
        }
        complete
    }

    /// `tip` was attached; those that it does not `fit` are barred. Returns those that are complete
    /// now.
    pub(super) fn tip_here(
        &mut self,
        tip: &TxId,
        fits: impl Fn(Round) -> bool,
    ) -> Vec<Arc<VerifiedCheckpoint>> {
        let mut complete = Vec::new();
        for waiter in self.by_tip.remove(tip).unwrap_or_default() {
            if let Some(held) = self.held.get_mut(&waiter) {
                held.lack.tips.remove(tip);
                if !fits(waiter.round) {
                    held.lack.barred_until = Some(waiter.round);
                }
                complete.extend(self.release(&waiter));
            }
        }
        complete
    }

    /// Forgets what is at or below `gc_round`. Returns those that are complete now, lower rounds
    /// first.
    pub(super) fn forget(&mut self, gc_round: Round) -> Vec<Arc<VerifiedCheckpoint>> {
        let kept = first_of(Round(gc_round.0 + 1), Author(0));
        let old: Vec<CheckpointRef> = self.held.range(..kept).map(|(key, _)| *key).collect();
        for reference in old {
            self.remove(&reference);
        }
        let kept_refs = self.by_ref.split_off(&kept);
        let old_refs = core::mem::replace(&mut self.by_ref, kept_refs);
        for (to, waiters) in old_refs {
            for waiter in waiters {
                if let Some(held) = self.held.get_mut(&waiter) {
                    held.lack.refs.remove(&to);
                }
            }
        }
        for held in self.held.values_mut() {
            held.lack.barred_until = held.lack.barred_until.filter(|until| *until > gc_round);
        }
        let all: Vec<CheckpointRef> = self.held.keys().copied().collect();
        all.iter().filter_map(|reference| self.release(reference)).collect()
    }
}

fn leave<K: Ord>(
    index: &mut BTreeMap<K, BTreeSet<CheckpointRef>>,
    key: &K,
    member: &CheckpointRef,
) {
    if let Some(members) = index.get_mut(key) {
        members.remove(member);
        if members.is_empty() {
            index.remove(key);
        }
    }
}
