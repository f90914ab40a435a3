//! What a new checkpoint references (docs/PROTOCOL.md section 10).
//!
//! The own last one; the first accepted version of every author of the round before; of the others
//! the newest that the own past lacks, so that late ones ride along. Convicted authors are left
//! out: that is safe for whoever does it alone, and the quorum stays one of all.
//!
//! Invariant: what is selected passes the rules of `CheckpointCandidate`, and no two own
//! checkpoints reference different versions of one slot: one in the own past is never named again.
//!
//! Left out on purpose: witnesses of the pacemaker's rule L2. They are of the round before, of
//! which everything is referenced; the rule counts nobody else.

use alloc::{collections::BTreeSet, vec::Vec};

use super::dag::{Dag, Node};
use crate::{checkpoint::CheckpointRef, committee::Author, params::REF_LAG, units::Round};

/// Whether a checkpoint may be referenced.
pub(super) fn is_referable(node: &Node, convicted: &BTreeSet<Author>) -> bool {
    node.is_first() && !convicted.contains(&node.checkpoint.author())
}

/// Whether there is enough to reference for a checkpoint of `round`.
pub(super) fn has_quorum(dag: &Dag, round: Round, convicted: &BTreeSet<Author>) -> bool {
    let before = Round(round.0.saturating_sub(1));
    let weight = dag.weight_where(before, |node| is_referable(node, convicted));
    before == Round::ZERO || weight >= dag.committee().quorum()
}

/// The references of an own checkpoint of `round`.
pub(super) fn references(
    dag: &Dag,
    round: Round,
    convicted: &BTreeSet<Author>,
) -> Vec<CheckpointRef> {
    let own_last = dag.own_last().map(|(last, _)| last).filter(|last| last.round < round);
    if round <= Round(1) {
        return Vec::new();
    }
    let others = dag
        .committee()
        .authors()
        .filter(|author| Some(*author) != dag.own() && !convicted.contains(author));
    own_last.into_iter().chain(others.filter_map(|author| newest(dag, round, author))).collect()
}

/// The newest below `round` that the own past lacks.
fn newest(dag: &Dag, round: Round, author: Author) -> Option<CheckpointRef> {
    let lowest = round.0.saturating_sub(REF_LAG).max(dag.covered(author).0 + 1);
    let rounds = lowest.max(dag.gc_round().0 + 1)..round.0;
    rounds.rev().find_map(|round| dag.first(Round(round), author))
}
