//! Evidence against a validator: two of its words that exclude each other.
//!
//! Either two checkpoints of one round, or votes for two commits of one index. No honest validator
//! signs such a pair, whatever crashes, so whoever knows its key can be shown that it broke the
//! rules, years later and offline.
//!
//! Invariant of evidence that [`Evidence::verify`] passes: both signatures are of the validator at
//! [`Evidence::author`].
//!
//! Left out on purpose: what follows from it. A convicted validator is referenced no more; nothing
//! halts and nothing is locked (docs/PROTOCOL.md section 10).

use alloc::vec::Vec;

use super::{CertificateError, Signer};
use crate::{
    codec::{Decode, DecodeError, Encode, Reader},
    committee::{Author, Committee},
    keys::Verify,
    tx::NetworkId,
    units::{CommitIndex, Round},
};

/// Two words of one validator that exclude each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    first: Signer,
    second: Signer,
    of: Offence,
}

/// What a validator did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence {
    /// It signed two checkpoints of this round.
    TwoCheckpoints(Round),
    /// It voted for two commits of this index.
    TwoVotes(CommitIndex),
}

impl Evidence {
    /// Of two words, if they exclude each other.
    pub fn new(first: Signer, second: Signer) -> Option<Self> {
        if first.core.author != second.core.author {
            return None;
        }
        let is_twice = first.core.round == second.core.round && first.core != second.core;
        let of = if is_twice {
            Offence::TwoCheckpoints(first.core.round)
        } else {
            let other = |index| second.votes.iter().find(move |vote| vote.index == index);
            let excluded = first
                .votes
                .iter()
                .find(|vote| other(vote.index).is_some_and(|other| other.id != vote.id));
            Offence::TwoVotes(excluded?.index)
        };
        Some(Self { first, second, of })
    }

    /// Who did it.
    pub const fn author(&self) -> Author {
        self.first.core.author
    }

    /// What it did.
    pub const fn offence(&self) -> Offence {
        self.of
    }

    /// Whether the validator of `committee` signed both.
    pub fn verify(
        &self,
        committee: &Committee,
        network: NetworkId,
        verify: &dyn Verify,
    ) -> Result<(), CertificateError> {
        let both = [&self.first, &self.second];
        both.into_iter().try_for_each(|signer| signer.verify(committee, network, verify))
    }
}

impl Encode for Evidence {
    fn encode(&self, out: &mut Vec<u8>) {
        self.first.encode(out);
        self.second.encode(out);
    }
}

impl Decode for Evidence {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (first, second) = (Signer::decode(reader)?, Signer::decode(reader)?);
        let rule = "two words of one validator that exclude each other";
        Self::new(first, second).ok_or(DecodeError::NotCanonical { field: "evidence", rule })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        commit::certificate_tests::{NETWORK, committee, key, signer, vote},
        keys::DeviceVerifier,
    };

    fn at(round: u64, votes: &[crate::checkpoint::Vote]) -> Signer {
        let mut signer = signer(1, &key(1), votes);
        signer.core.round = Round(round);
        signer
    }

    #[test]
    fn only_what_excludes_each_other_is_evidence() {
        let (one, other) = (signer(1, &key(1), &[vote(1, 1)]), signer(1, &key(1), &[vote(2, 2)]));
        let twice = Evidence::new(one.clone(), other.clone()).unwrap();
        assert_eq!(
            (twice.author(), twice.offence()),
            (Author(1), Offence::TwoCheckpoints(Round(9)))
        );
        assert_eq!(Evidence::new(one.clone(), one.clone()), None, "one word twice");
        assert_eq!(Evidence::new(one.clone(), at(8, &[vote(1, 1), vote(2, 2)])), None);
        assert_eq!(Evidence::new(one.clone(), signer(2, &key(2), &[vote(1, 7)])), None);
        let votes = Evidence::new(one, at(8, &[vote(0, 1), vote(1, 7)])).unwrap();
        assert_eq!(votes.offence(), Offence::TwoVotes(CommitIndex(1)));
    }

    #[test]
    fn no_byte_of_evidence_can_be_another() {
        let (committee, keys) = committee(4);
        let word = |id| signer(1, &keys[1], &[vote(1, id)]);
        let good = Evidence::new(word(1), word(2)).unwrap();
        let holds =
            |evidence: &Evidence| evidence.verify(&committee, NETWORK, &DeviceVerifier).is_ok();
        assert!(holds(&good));
        let bytes = good.to_bytes();
        assert_eq!(Evidence::from_bytes(&bytes).as_ref(), Ok(&good));
        for at in 0..bytes.len() {
            let mut bent = bytes.clone();
            bent[at] ^= 1;
            assert!(!Evidence::from_bytes(&bent).is_ok_and(|bent| holds(&bent)), "byte {at}");
        }
    }
}
