//! How far the committee says that it is: the newest round of each validator since the start.
//!
//! Invariant: what is told of it at least one honest validator has reached. The f that may be
//! faulty cannot make a node believe that it is behind.

use alloc::{vec, vec::Vec};

use crate::{
    checkpoint::CheckpointRef,
    committee::{Author, Committee},
    units::Round,
};

/// The newest round of each author of which a checkpoint came; zero for none.
#[derive(Debug)]
pub(super) struct Heard {
    newest: Vec<Round>,
}

impl Heard {
    pub(super) fn new(validators: usize) -> Self {
        Self { newest: vec![Round::ZERO; validators] }
    }

    /// A verified checkpoint came.
    pub(super) fn checkpoint(&mut self, reference: CheckpointRef) {
        if let Some(newest) = self.newest.get_mut(reference.author.index()) {
            *newest = reference.round.max(*newest);
        }
    }

    /// The highest round that more than f have reached; none if so many were not heard.
    pub(super) fn round(&self, committee: &Committee) -> Option<Round> {
        let mut voices: Vec<(Round, Author)> =
            self.newest.iter().copied().zip(committee.authors()).collect();
        voices.sort_unstable_by(|a, b| b.cmp(a));
        let mut weight = 0;
        let reached = voices.into_iter().find(|(_, author)| {
            weight += committee.weight(*author);
            weight > committee.faulty()
        });
        reached.map(|(round, _)| round).filter(|round| *round > Round::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        digest::CheckpointId,
        keys::{PublicKey, Scheme},
    };

    #[test]
    fn one_faulty_validator_of_four_moves_nothing() {
        let key = |byte| PublicKey::new(Scheme::MlDsa44, vec![byte; 1_312].into()).unwrap();
        let committee = Committee::of((0..4).map(key)).unwrap();
        let mut heard = Heard::new(committee.len());
        let mut say = |author, round| {
            let id = CheckpointId([0; 32]);
            heard.checkpoint(CheckpointRef { round: Round(round), author: Author(author), id });
            heard.round(&committee)
        };
        assert_eq!(say(3, 1_000_000), None);
        assert_eq!(say(0, 7), Some(Round(7)));
        assert_eq!(say(0, 5), Some(Round(7)), "what is older changes nothing");
        assert_eq!(say(1, 9), Some(Round(9)));
        assert_eq!(say(9, 9), Some(Round(9)), "nobody has that place");
    }
}
