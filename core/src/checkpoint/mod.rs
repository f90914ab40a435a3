//! Checkpoints: what a validator signs once a round. A vertex of its own kind in the Tangle.
//!
//! Its references name checkpoints of earlier rounds, its tips name transactions; consensus reads
//! the references alone, the order of transactions follows from both. Its votes say which commits
//! its author executed.
//!
//! The signature covers the core, which has a fixed size and the digests of all lists; so a
//! certificate needs a core, one list and a signature of each signer. Invariant: the lists of a
//! decoded checkpoint are those that its core names, ascending and within their limits.
//!
//! Left out on purpose: everything that depends on other objects (`machine/consensus`).

mod verified;

use alloc::vec::Vec;

use crate::{
    codec::{Decode, DecodeError, Encode, Reader, encode_list},
    committee::{Author, Committee, VALIDATORS_MAX},
    digest::{CheckpointId, CommitId, DIGEST_BYTES, Domain, TxId, digest},
    keys::{KeyError, Sign, Signature},
    params::{CHECKPOINT_BYTES_MAX, TIPS_MAX, VOTES_MAX},
    time::Time,
    tx::NetworkId,
    units::{CommitIndex, Round},
};

pub use self::verified::{CheckpointCandidate, CheckpointRefusal, VerifiedCheckpoint};

const TAG: [u8; 4] = *b"wcp1";

/// Times of checkpoints lie below this, in milliseconds: the year 10889.
const TIME_LIMIT_MS: u64 = 1 << 48;

/// Names a checkpoint with its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CheckpointRef {
    /// Its round.
    pub round: Round,
    /// Its author.
    pub author: Author,
    /// Its id.
    pub id: CheckpointId,
}

impl Encode for CheckpointRef {
    fn encode(&self, out: &mut Vec<u8>) {
        self.round.encode(out);
        self.author.encode(out);
        self.id.encode(out);
    }
}

impl Decode for CheckpointRef {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            round: Round::decode(reader)?,
            author: Author::decode(reader)?,
            id: CheckpointId::decode(reader)?,
        })
    }
}

/// "I executed this commit, and it is on my disk."
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Vote {
    /// Its index.
    pub index: CommitIndex,
    /// Its id.
    pub id: CommitId,
}

impl Encode for Vote {
    fn encode(&self, out: &mut Vec<u8>) {
        self.index.encode(out);
        self.id.encode(out);
    }
}

impl Decode for Vote {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { index: CommitIndex::decode(reader)?, id: CommitId::decode(reader)? })
    }
}

/// What the signature of a checkpoint covers. 160 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointCore {
    /// The network.
    pub network: NetworkId,
    /// The round; above zero.
    pub round: Round,
    /// Who.
    pub author: Author,
    /// The author's clock, above that of its checkpoint before. Below 2^48 ms.
    pub time: Time,
    /// The digest of the references.
    pub refs: [u8; DIGEST_BYTES],
    /// The digest of the tips.
    pub tips: [u8; DIGEST_BYTES],
    /// The digest of the votes.
    pub votes: [u8; DIGEST_BYTES],
}

impl CheckpointCore {
    /// Length on the wire, in bytes.
    pub const BYTES: usize = 160;

    /// The id of its checkpoint: over the core alone, so that a second signature makes no second
    /// checkpoint.
    pub fn id(&self) -> CheckpointId {
        CheckpointId(digest(Domain::Checkpoint, &self.to_bytes()))
    }
}

/// Epoch 0 and no flags: version 1 has one committee and no extensions.
const EPOCH_AND_FLAGS: [u8; 6] = [0; 6];
/// The digest of extensions, of which there are none.
const NO_EXTENSIONS: [u8; DIGEST_BYTES] = [0; DIGEST_BYTES];

impl Encode for CheckpointCore {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&TAG);
        out.extend_from_slice(&self.network.0);
        out.extend_from_slice(&EPOCH_AND_FLAGS);
        self.round.encode(out);
        self.author.encode(out);
        out.extend_from_slice(&self.time.as_millis().to_le_bytes());
        out.extend_from_slice(&self.refs);
        out.extend_from_slice(&self.tips);
        out.extend_from_slice(&self.votes);
        out.extend_from_slice(&NO_EXTENSIONS);
    }
}

impl Decode for CheckpointCore {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let broken = |rule| DecodeError::NotCanonical { field: "checkpoint", rule };
        if reader.array()? != TAG {
            return Err(broken("starts with its tag"));
        }
        let network = NetworkId(reader.array()?);
        if reader.array()? != EPOCH_AND_FLAGS {
            return Err(broken("epoch and flags are zero in version 1"));
        }
        let core = Self {
            network,
            round: Round::decode(reader)?,
            author: Author::decode(reader)?,
            time: Time::from_millis(reader.u64()?),
            refs: reader.array()?,
            tips: reader.array()?,
            votes: reader.array()?,
        };
        if reader.array()? != NO_EXTENSIONS {
            return Err(broken("no extensions in version 1"));
        }
        if core.round == Round::ZERO || core.time.as_millis() >= TIME_LIMIT_MS {
            return Err(broken("a round above zero, a time below 2^48 ms"));
        }
        Ok(core)
    }
}

/// A signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// What is signed.
    pub core: CheckpointCore,
    /// Earlier checkpoints, at most one of each author, ascending by author. Empty in round 1,
    /// where the genesis stands for all.
    pub refs: Vec<CheckpointRef>,
    /// Transactions it cites, ascending.
    pub tips: Vec<TxId>,
    /// Commits it executed, ascending by index.
    pub votes: Vec<Vote>,
    /// Over the core.
    pub signature: Signature,
}

/// What a checkpoint says, before it is signed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// See [`Checkpoint::refs`]; put in order when it is signed.
    pub refs: Vec<CheckpointRef>,
    /// See [`Checkpoint::tips`]; put in order when it is signed.
    pub tips: Vec<TxId>,
    /// See [`Checkpoint::votes`]; put in order when it is signed.
    pub votes: Vec<Vote>,
}

impl Checkpoint {
    /// Signs `content` for a slot.
    pub fn sign(
        network: NetworkId,
        (round, author): (Round, Author),
        time: Time,
        mut content: Content,
        key: &dyn Sign,
    ) -> Result<Self, KeyError> {
        content.refs.sort_unstable_by_key(|reference| reference.author);
        content.tips.sort_unstable();
        content.votes.sort_unstable();
        let Content { refs, tips, votes } = content;
        let core = CheckpointCore {
            network,
            round,
            author,
            time,
            refs: list_digest(&refs),
            tips: list_digest(&tips),
            votes: list_digest(&votes),
        };
        let signature = key.sign(&core.to_bytes())?;
        Ok(Self { core, refs, tips, votes, signature })
    }

    /// Its id.
    pub fn id(&self) -> CheckpointId {
        self.core.id()
    }

    /// Its name with its slot.
    pub fn reference(&self) -> CheckpointRef {
        CheckpointRef { round: self.core.round, author: self.core.author, id: self.id() }
    }

    /// What it references of its own author, if anything.
    pub fn self_reference(&self) -> Option<CheckpointRef> {
        self.refs.iter().find(|reference| reference.author == self.core.author).copied()
    }
}

/// The digest of a list, as a core names it.
pub fn list_digest<T: Encode>(list: &[T]) -> [u8; DIGEST_BYTES] {
    let mut bytes = Vec::new();
    encode_list(list, &mut bytes);
    digest(Domain::Checkpoint, &bytes)
}

impl Encode for Checkpoint {
    fn encode(&self, out: &mut Vec<u8>) {
        self.core.encode(out);
        encode_list(&self.refs, out);
        encode_list(&self.tips, out);
        encode_list(&self.votes, out);
        out.push(self.signature.scheme().tag());
        out.extend_from_slice(self.signature.as_bytes());
    }
}

impl Decode for Checkpoint {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let core = CheckpointCore::decode(reader)?;
        let refs: Vec<CheckpointRef> = reader.list("references", VALIDATORS_MAX)?;
        let tips: Vec<TxId> = reader.list("tips", TIPS_MAX)?;
        let votes: Vec<Vote> = reader.list("votes", VOTES_MAX)?;
        let scheme = crate::keys::Scheme::decode(reader)?;
        let bytes = reader.bytes("signature", scheme.signature_bytes())?;
        let wrong =
            |_| DecodeError::NotCanonical { field: "signature", rule: "sizes of its scheme" };
        let signature = Signature::new(scheme, bytes).map_err(wrong)?;
        let checkpoint = Self { core, refs, tips, votes, signature };
        checkpoint.check_shape()?;
        Ok(checkpoint)
    }
}

impl Checkpoint {
    fn check_shape(&self) -> Result<(), DecodeError> {
        let Self { core, refs, tips, votes, .. } = self;
        let broken = |rule| Err(DecodeError::NotCanonical { field: "checkpoint", rule });
        if !refs.is_sorted_by(|a, b| a.author < b.author) {
            return broken("references ascend by author");
        }
        if !tips.is_sorted_by(|a, b| a < b) || !votes.is_sorted_by(|a, b| a.index < b.index) {
            return broken("tips and votes ascend");
        }
        if list_digest(refs) != core.refs
            || list_digest(tips) != core.tips
            || list_digest(votes) != core.votes
        {
            return broken("its lists are those its core names");
        }
        Ok(())
    }
}

// At its longest it fits its limit.
const _: () = assert!(
    CheckpointCore::BYTES + VALIDATORS_MAX * 42 + TIPS_MAX * 32 + VOTES_MAX * 40 + 3_309 + 64
        <= CHECKPOINT_BYTES_MAX
);

/// The weight of those that `refs` name.
pub fn weight_of(refs: &[CheckpointRef], committee: &Committee) -> u64 {
    committee.weigh(refs.iter().map(|reference| reference.author))
}
