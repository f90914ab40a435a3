//! Who has which checkpoints, so that validators get what they lack and nobody gets much twice.
//!
//! An own checkpoint goes to every validator directly. Those of others go on to peers that are no
//! validators along the broadcast tree, and to validators only if their own checkpoints do not show
//! that they have them: a validator that hears of another through this node alone.
//!
//! Invariant: remembered is only what lies above the gc round.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use crate::{
    checkpoint::{Checkpoint, CheckpointRef},
    committee::Author,
    units::Round,
};

/// What validators are known to have.
#[derive(Debug, Default)]
pub(super) struct Spread(BTreeMap<Author, BTreeSet<CheckpointRef>>);

impl Spread {
    /// A checkpoint was accepted: its author has it and all it references.
    pub(super) fn shown(&mut self, reference: CheckpointRef, checkpoint: &Checkpoint) {
        let known = self.0.entry(reference.author).or_default();
        known.insert(reference);
        known.extend(&checkpoint.refs);
    }

    /// A validator's node was sent a checkpoint, or sent it.
    pub(super) fn has(&mut self, author: Author, reference: CheckpointRef) {
        self.0.entry(author).or_default().insert(reference);
    }

    /// Those of `recent` that a validator is not known to have; they count as sent from now on.
    pub(super) fn lacks(&mut self, author: Author, recent: &[CheckpointRef]) -> Vec<CheckpointRef> {
        let known = self.0.entry(author).or_default();
        let of_others = recent.iter().filter(|reference| reference.author != author);
        of_others.copied().filter(|reference| known.insert(*reference)).collect()
    }

    /// Forgets what lies at or below `gc_round`.
    pub(super) fn forget(&mut self, gc_round: Round) {
        for known in self.0.values_mut() {
            known.retain(|reference| reference.round > gc_round);
        }
    }
}
