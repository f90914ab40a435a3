//! From bytes to [`VerifiedCheckpoint`]: the list of checks, cheapest first.
//!
//! ```text
//! length -> decode -> network -> author and scheme -> references      ::parse
//!        -> (slot or id seen before: the caller's filter) -> signature ::verify
//! ```
//!
//! The rules on references are docs/PROTOCOL.md section 10; that of one quorum per round is from
//! Mysticeti (arXiv 2310.14821), those on the own reference and on lag are ours.
//!
//! Invariant: a [`VerifiedCheckpoint`] passed all of them, or this node made it; it keeps its id
//! and bytes, so that nobody hashes or encodes again.
//!
//! Left out on purpose: what depends on the objects that it names (`machine/consensus`). The
//! verdict is the same on every node, forever.

use alloc::vec::Vec;

use bytes::Bytes;

use super::{Checkpoint, CheckpointRef, weight_of};
use crate::{
    codec::{Decode as _, DecodeError, Encode as _},
    committee::{Author, Committee},
    digest::CheckpointId,
    keys::{PublicKey, Scheme, SignatureError, Verify},
    params::{CHECKPOINT_BYTES_MAX, JUMP_MIN, REF_LAG},
    tx::NetworkId,
    units::Round,
};

/// Why bytes are no checkpoint here. Always the fault of whoever sent them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointRefusal {
    /// Longer than any checkpoint.
    #[error("too long: at most {CHECKPOINT_BYTES_MAX} bytes, actual {actual}")]
    TooLong {
        /// Length found, in bytes.
        actual: usize,
    },
    /// Not the canonical bytes of a checkpoint.
    #[error("malformed checkpoint: {0}")]
    Malformed(#[from] DecodeError),
    /// Meant for another network.
    #[error("of another network: expected {expected}, actual {actual}")]
    Network {
        /// This network.
        expected: NetworkId,
        /// The one in the core.
        actual: NetworkId,
    },
    /// Its author is not in the committee.
    #[error("validator {} does not exist", .actual.0)]
    Stranger {
        /// The author found.
        actual: Author,
    },
    /// Its signature is not of the scheme of its author's key.
    #[error("signature of scheme {actual}, the author's key is of scheme {expected}")]
    Scheme {
        /// The scheme of the author's key.
        expected: Scheme,
        /// The scheme of the signature.
        actual: Scheme,
    },
    /// It references what it must not, or too little.
    #[error("its references break a rule: {rule}")]
    References {
        /// The rule.
        rule: &'static str,
    },
    /// The signature is not one of the author's key over the core.
    #[error("bad signature: {0}")]
    Signature(#[from] SignatureError),
}

/// A checkpoint that passed every check but the signature.
#[derive(Clone, Debug)]
pub struct CheckpointCandidate {
    checkpoint: Checkpoint,
    id: CheckpointId,
    bytes: Bytes,
    key: PublicKey,
}

impl CheckpointCandidate {
    /// All checks that need no signature.
    pub fn parse(
        bytes: Bytes,
        network: NetworkId,
        committee: &Committee,
    ) -> Result<Self, CheckpointRefusal> {
        if bytes.len() > CHECKPOINT_BYTES_MAX {
            return Err(CheckpointRefusal::TooLong { actual: bytes.len() });
        }
        let checkpoint = Checkpoint::from_shared(&bytes)?;
        let (expected, actual) = (network, checkpoint.core.network);
        if expected != actual {
            return Err(CheckpointRefusal::Network { expected, actual });
        }
        let key = author_key(&checkpoint, committee)?;
        check_references(&checkpoint, committee)?;
        let id = checkpoint.id();
        Ok(Self { checkpoint, id, bytes, key })
    }

    /// Its name with its slot.
    pub const fn reference(&self) -> CheckpointRef {
        let core = &self.checkpoint.core;
        CheckpointRef { round: core.round, author: core.author, id: self.id }
    }

    /// The last check.
    pub fn verify(self, verify: &dyn Verify) -> Result<VerifiedCheckpoint, CheckpointRefusal> {
        let Self { checkpoint, id, bytes, key } = self;
        verify.verify(&key, &checkpoint.core.to_bytes(), &checkpoint.signature)?;
        Ok(VerifiedCheckpoint { checkpoint, id, bytes })
    }
}

fn author_key(
    checkpoint: &Checkpoint,
    committee: &Committee,
) -> Result<PublicKey, CheckpointRefusal> {
    let author = checkpoint.core.author;
    let validator =
        committee.validator(author).ok_or(CheckpointRefusal::Stranger { actual: author })?;
    let (expected, actual) = (validator.key.scheme(), checkpoint.signature.scheme());
    if expected != actual {
        return Err(CheckpointRefusal::Scheme { expected, actual });
    }
    Ok(validator.key.clone())
}

/// docs/PROTOCOL.md section 10, rules on references. A checkpoint without a reference to its own
/// author is the author's first: a validator may start at any round. One that had made others
/// before lies, which counts among the f faults as any other lie.
fn check_references(
    checkpoint: &Checkpoint,
    committee: &Committee,
) -> Result<(), CheckpointRefusal> {
    let broken = |rule| Err(CheckpointRefusal::References { rule });
    let (round, author) = (checkpoint.core.round, checkpoint.core.author);
    if round == Round(1) {
        return match checkpoint.refs.as_slice() {
            [] => Ok(()),
            _ => broken("there is nothing before round 1"),
        };
    }
    for reference in &checkpoint.refs {
        if committee.validator(reference.author).is_none() {
            return broken("they name validators");
        }
        if reference.round == Round::ZERO || reference.round >= round {
            return broken("they name earlier rounds, from 1 on");
        }
        let lag = round.0 - reference.round.0;
        if reference.author == author && lag != 1 && lag < JUMP_MIN {
            return broken("that to its author lies one round back, or a whole jump");
        }
        if reference.author != author && lag > REF_LAG {
            return broken("those to others do not reach back too far");
        }
    }
    let before = |reference: &&CheckpointRef| reference.round.0 + 1 == round.0;
    let before: Vec<CheckpointRef> = checkpoint.refs.iter().filter(before).copied().collect();
    if weight_of(&before, committee) < committee.quorum() {
        return broken("a quorum of the round before");
    }
    Ok(())
}

/// A checkpoint that passed every check on its own bytes. [`CheckpointCandidate::verify`] and
/// [`VerifiedCheckpoint::own`] are the only ways to get one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCheckpoint {
    checkpoint: Checkpoint,
    id: CheckpointId,
    bytes: Bytes,
}

impl VerifiedCheckpoint {
    /// A checkpoint that this node just signed, or reads back from its own store. Nothing is
    /// checked again.
    pub fn own(checkpoint: Checkpoint) -> Self {
        let (id, bytes) = (checkpoint.id(), checkpoint.to_bytes().into());
        Self { checkpoint, id, bytes }
    }

    /// The checkpoint.
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Its id.
    pub const fn id(&self) -> CheckpointId {
        self.id
    }

    /// All its bytes.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Its round.
    pub const fn round(&self) -> Round {
        self.checkpoint.core.round
    }

    /// Its author.
    pub const fn author(&self) -> Author {
        self.checkpoint.core.author
    }

    /// Its name with its slot.
    pub const fn reference(&self) -> CheckpointRef {
        CheckpointRef { round: self.round(), author: self.author(), id: self.id }
    }
}

#[cfg(test)]
mod tests {
    use alloc::{vec, vec::Vec};

    use super::*;
    use crate::{
        checkpoint::Content,
        keys::{DeviceKey, DeviceVerifier, Sign as _},
        time::Time,
    };

    const NETWORK: NetworkId = NetworkId([1; 4]);

    fn keys() -> Vec<DeviceKey> {
        let key = |seed| DeviceKey::from_seed(Scheme::MlDsa44, &[seed; 32]).unwrap();
        (0..4).map(key).collect()
    }

    fn committee() -> Committee {
        Committee::of(keys().iter().map(|key| key.public_key().clone())).unwrap()
    }

    /// A checkpoint of validator 0 with references `(author, round)`.
    fn signed(round: u64, refs: &[(u16, u64)]) -> Checkpoint {
        let reference = |(author, round): &(u16, u64)| CheckpointRef {
            round: Round(*round),
            author: Author(*author),
            id: CheckpointId([9; 32]),
        };
        let refs = refs.iter().map(reference).collect();
        let content = Content { refs, ..Content::default() };
        let slot = (Round(round), Author(0));
        Checkpoint::sign(NETWORK, slot, Time::from_millis(5), content, &keys()[0]).unwrap()
    }

    fn verdict(round: u64, refs: &[(u16, u64)]) -> Result<(), &'static str> {
        let bytes = signed(round, refs).to_bytes().into();
        match CheckpointCandidate::parse(bytes, NETWORK, &committee()) {
            Ok(_) => Ok(()),
            Err(CheckpointRefusal::References { rule }) => Err(rule),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn references_that_are_allowed() {
        assert_eq!(verdict(1, &[]), Ok(()));
        assert_eq!(verdict(2, &[(0, 1), (1, 1), (2, 1)]), Ok(()));
        assert_eq!(verdict(100, &[(0, 99), (1, 99), (2, 99), (3, 40)]), Ok(()), "a late one");
        assert_eq!(verdict(100, &[(0, 36), (1, 99), (2, 99), (3, 99)]), Ok(()), "a jump");
        assert_eq!(verdict(100, &[(1, 99), (2, 99), (3, 99)]), Ok(()), "its first ever");
    }

    #[test]
    fn references_that_are_not() {
        for (round, refs) in [
            (1, vec![(1, 1)]),
            (2, vec![]),
            (2, vec![(0, 1), (1, 1)]),
            (3, vec![(0, 2), (1, 2), (2, 1)]),
            (3, vec![(0, 1), (1, 2), (2, 2), (3, 2)]),
            (100, vec![(0, 37), (1, 99), (2, 99), (3, 99)]),
            (100, vec![(0, 36), (1, 99), (2, 99)]),
            (100, vec![(0, 99), (1, 99), (2, 99), (3, 39)]),
            (2, vec![(0, 1), (1, 1), (2, 1), (3, 2)]),
            (2, vec![(0, 1), (1, 1), (2, 1), (3, 0)]),
            (2, vec![(0, 1), (1, 1), (2, 1), (4, 1)]),
        ] {
            assert!(verdict(round, &refs).is_err(), "{round} {refs:?}");
        }
    }

    #[test]
    fn only_what_its_author_signed_is_verified() {
        let checkpoint = signed(1, &[]);
        let parse = |checkpoint: &Checkpoint, network| {
            CheckpointCandidate::parse(checkpoint.to_bytes().into(), network, &committee())
        };
        let verified = parse(&checkpoint, NETWORK).unwrap().verify(&DeviceVerifier).unwrap();
        assert_eq!(verified, VerifiedCheckpoint::own(checkpoint.clone()));
        assert_eq!(verified.reference(), checkpoint.reference());
        let other = parse(&checkpoint, NetworkId([2; 4]));
        assert!(matches!(other, Err(CheckpointRefusal::Network { .. })));
        let mut stolen = checkpoint.clone();
        stolen.core.author = Author(1);
        let verdict = parse(&stolen, NETWORK).unwrap().verify(&DeviceVerifier);
        assert!(matches!(verdict, Err(CheckpointRefusal::Signature(_))));
        stolen.core.author = Author(4);
        let stranger = parse(&stolen, NETWORK).unwrap_err();
        assert_eq!(stranger, CheckpointRefusal::Stranger { actual: Author(4) });
        let long = CheckpointCandidate::parse(vec![0; 33_000].into(), NETWORK, &committee());
        assert!(matches!(long, Err(CheckpointRefusal::TooLong { actual: 33_000 })));
    }
}
