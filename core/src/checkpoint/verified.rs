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
        let checkpoint = Checkpoint::from_bytes(&bytes)?;
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
