//! What a committed leader brings, in order: first checkpoints, then the transactions they cite
//! (Mysticeti, arXiv 2310.14821, section 3.3; docs/PROTOCOL.md section 10).
//!
//! Invariant: every checkpoint and every transaction comes once, the past before what builds on it,
//! and all nodes find the same order: it depends on the leader and on what came before it, never on
//! what else a node has seen.
//!
//! Left out on purpose: what transactions do (the ledger), where they are kept (the caller).

use alloc::{collections::BTreeSet, sync::Arc, vec::Vec};

use super::super::tangle::Orderable;
use super::dag::{Dag, first_of, last_of};
use crate::{
    checkpoint::{CheckpointRef, VerifiedCheckpoint},
    committee::{Author, Committee},
    digest::TxId,
    params::ORDER_LAG,
    time::Time,
    units::Round,
};

/// What a leader brings.
#[derive(Debug)]
pub(super) struct Brought {
    /// In order.
    pub(super) checkpoints: Vec<Arc<VerifiedCheckpoint>>,
    /// Slots of which no version was brought before.
    pub(super) slots: Vec<(Round, Author)>,
}

/// The checkpoints above the gc round that committed leaders brought.
#[derive(Debug, Default)]
pub(super) struct Sequence(BTreeSet<CheckpointRef>);

impl Sequence {
    pub(super) fn contains(&self, reference: &CheckpointRef) -> bool {
        self.0.contains(reference)
    }

    /// The checkpoints that `leader` brings: those in its past, above `floor`, that no leader
    /// before it brought. In order: by round, then by author from the leader's place on, so that
    /// no place is always first.
    pub(super) fn bring(&mut self, dag: &Dag, leader: &CheckpointRef, floor: Round) -> Brought {
        let (mut brought, mut slots) = (Vec::new(), Vec::new());
        let mut open = Vec::from([*leader]);
        while let Some(reference) = open.pop() {
            if reference.round <= floor || self.contains(&reference) {
                continue;
            }
            let CheckpointRef { round, author, .. } = reference;
            let versions = first_of(round, author)..=last_of(round, author);
            if self.0.range(versions).next().is_none() {
                slots.push((round, author));
            }
            self.0.insert(reference);
            let checkpoint = &dag.present(&reference).checkpoint;
            open.extend(&checkpoint.checkpoint().refs);
            brought.push(checkpoint.clone());
        }
        let from = leader.author;
        brought.sort_unstable_by_key(|checkpoint| {
            let CheckpointRef { round, author, id } = checkpoint.reference();
            (round, places_from(from, author, dag.committee()), id)
        });
        Brought { checkpoints: brought, slots }
    }

    /// Forgets what is at or below `gc_round`.
    pub(super) fn forget(&mut self, gc_round: Round) {
        self.0 = self.0.split_off(&first_of(Round(gc_round.0 + 1), Author(0)));
    }
}

fn places_from(from: Author, author: Author, committee: &Committee) -> usize {
    (author.index() + committee.len()).saturating_sub(from.index()) % committee.len()
}

/// The transactions that `brought` cites, with their past, parents first: all that no leader before
/// brought and that are not stale. `past` answers `None` for what is not known: only stale parents
/// may be missing, by the rule of acceptance.
pub(super) fn transactions(
    brought: &[Arc<VerifiedCheckpoint>],
    leader_round: Round,
    past: &dyn Fn(&TxId) -> Option<Orderable>,
) -> Vec<TxId> {
    let mut seen = BTreeSet::new();
    let mut order = Vec::new();
    // Twice on the stack: first to open its parents, then to take its place behind them.
    let mut stack: Vec<(TxId, bool)> = Vec::new();
    for tip in brought.iter().flat_map(|checkpoint| &checkpoint.checkpoint().tips) {
        stack.push((*tip, false));
        while let Some((id, has_parents)) = stack.pop() {
            if has_parents {
                order.push(id);
                continue;
            }
            let Some(vertex) = past(&id).filter(|vertex| !vertex.ordered) else { continue };
            let is_stale = vertex.anchor_round.0.saturating_add(ORDER_LAG) < leader_round.0;
            if is_stale || !seen.insert(id) {
                continue;
            }
            stack.push((id, true));
            let parents = vertex.parents.iter().rev().filter(|parent| !parent.is_zero());
            stack.extend(parents.map(|parent| (*parent, false)));
        }
    }
    order
}

/// The time that the references of `leader` to the round before agree on: the lower median by
/// weight. At most f of a quorum lie, so it lies between honest clocks; the leader's own does not
/// count. `None` in round 1, which references nothing.
pub(super) fn median_time(dag: &Dag, leader: &VerifiedCheckpoint) -> Option<Time> {
    let before = |to: &&CheckpointRef| to.round.0 + 1 == leader.round().0;
    let mut times: Vec<(Time, u64)> = Vec::new();
    for to in leader.checkpoint().refs.iter().filter(before) {
        let time = dag.present(to).checkpoint.checkpoint().core.time;
        times.push((time, dag.committee().weight(to.author)));
    }
    times.sort_unstable();
    let total: u64 = times.iter().map(|(_, weight)| weight).sum();
    let mut below = 0;
    let median = times.iter().find(|(_, weight)| {
        below += weight;
        below * 2 >= total
    });
    median.map(|(time, _)| *time)
}
