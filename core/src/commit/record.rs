//! The record of a commit: what all nodes must agree on to the byte.
//!
//! ```text
//! version 1 | network 4 | index 8 | previous 32 | leader 42 | time 8 | last 1 | leaves 4
//! | order root 32 | history root 32 | state root 1 or 33 | window root 1 or 33         166 to 230
//! ```
//!
//! Its id is a digest over all of it; validators vote for the id. Invariant: an index above zero
//! (the genesis is commit 0, and its id stands for that of a record), at most [`LEAVES_MAX`]
//! leaves, and roots of state and window at a leader's last record only.
//!
//! Left out on purpose: whether it follows from what was ordered. Whoever executes knows.

use alloc::vec::Vec;

use super::{
    merkle::{self, Path},
    mountain,
};
use crate::{
    checkpoint::{CheckpointRef, Vote},
    codec::{Decode, DecodeError, Encode, Reader},
    digest::{BodyId, CommitId, DIGEST_BYTES, Domain, TxId, digest},
    outcome::Outcome,
    params::LEAVES_MAX,
    time::Time,
    tx::{CommitRef, NetworkId},
    units::{CommitIndex, Round},
};

const VERSION: u8 = 1;

/// One transaction as a commit ordered it, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The transaction.
    pub tx: TxId,
    /// Its body.
    pub body: BodyId,
    /// What became of the body.
    pub outcome: Outcome,
}

impl Leaf {
    /// Length on the wire, in bytes.
    pub const BYTES: usize = 65;
}

impl Encode for Leaf {
    fn encode(&self, out: &mut Vec<u8>) {
        self.tx.encode(out);
        self.body.encode(out);
        self.outcome.encode(out);
    }
}

impl Decode for Leaf {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (tx, body) = (TxId::decode(reader)?, BodyId::decode(reader)?);
        Ok(Self { tx, body, outcome: Outcome::decode(reader)? })
    }
}

/// What one commit says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitRecord {
    /// The network.
    pub network: NetworkId,
    /// Its place; the first is 1.
    pub index: CommitIndex,
    /// The commit before it; of the first, the bytes of the genesis id.
    pub previous: CommitId,
    /// The checkpoint that led to it.
    pub leader: CheckpointRef,
    /// The committee's time, above that of the commit before.
    pub time: Time,
    /// Whether its leader has no further records.
    pub last: bool,
    /// How many transactions it ordered.
    pub leaves: u32,
    /// The root of the tree over its leaves, in order.
    pub order_root: [u8; DIGEST_BYTES],
    /// The root of the mountain range over all commits before it, the genesis first.
    pub history_root: [u8; DIGEST_BYTES],
    /// The root of the trie over all ledger objects, from time to time.
    pub state_root: Option<[u8; DIGEST_BYTES]>,
    /// The digest of what a joiner needs beside the ledger, where a snapshot lies.
    pub window_root: Option<[u8; DIGEST_BYTES]>,
}

impl CommitRecord {
    /// Its id.
    pub fn id(&self) -> CommitId {
        CommitId(digest(Domain::Commit, &self.to_bytes()))
    }

    /// Its short name, as anchors and beacons say it.
    pub fn reference(&self) -> CommitRef {
        let mut tag = [0; 16];
        for (byte, id) in tag.iter_mut().zip(self.id().0) {
            *byte = id;
        }
        CommitRef { index: self.index, round: self.leader.round, tag }
    }

    /// What a validator that executed it votes for.
    pub fn vote(&self) -> Vote {
        Vote { index: self.index, id: self.id() }
    }

    /// Whether `path` shows that it ordered `leaf` at place `number`.
    pub fn ordered(&self, leaf: &Leaf, number: u32, path: &Path) -> bool {
        let start = merkle::leaf(&leaf.to_bytes());
        path.root(start, number.into(), self.leaves.into()) == Some(self.order_root)
    }

    /// Whether `path` shows that `earlier` comes before it in its chain.
    pub fn follows(&self, earlier: Vote, path: &Path) -> bool {
        let shown = mountain::root(path, (earlier.index, &earlier.id), self.index);
        shown == Some(self.history_root)
    }
}

impl Encode for CommitRecord {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        out.extend_from_slice(&self.network.0);
        self.index.encode(out);
        self.previous.encode(out);
        self.leader.encode(out);
        out.extend_from_slice(&self.time.as_millis().to_le_bytes());
        out.push(self.last.into());
        out.extend_from_slice(&self.leaves.to_le_bytes());
        out.extend_from_slice(&self.order_root);
        out.extend_from_slice(&self.history_root);
        for root in [&self.state_root, &self.window_root] {
            out.push(root.is_some().into());
            out.extend(root.iter().flatten());
        }
    }
}

impl Decode for CommitRecord {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let actual = reader.u8()?;
        if actual != VERSION {
            return Err(DecodeError::UnknownTag { field: "record version", actual: actual.into() });
        }
        let record = Self {
            network: NetworkId(reader.array()?),
            index: CommitIndex::decode(reader)?,
            previous: CommitId::decode(reader)?,
            leader: CheckpointRef::decode(reader)?,
            time: Time::from_millis(reader.u64()?),
            last: flag(reader)?,
            leaves: reader.u32()?,
            order_root: reader.array()?,
            history_root: reader.array()?,
            state_root: optional(reader)?,
            window_root: optional(reader)?,
        };
        record.check_shape()?;
        Ok(record)
    }
}

impl CommitRecord {
    fn check_shape(&self) -> Result<(), DecodeError> {
        let broken = |rule| Err(DecodeError::NotCanonical { field: "record", rule });
        if self.index == CommitIndex::ZERO || self.leader.round == Round::ZERO {
            return broken("index and round above zero");
        }
        if self.leaves as usize > LEAVES_MAX {
            return broken("at most 4,096 leaves");
        }
        if !self.last && (self.state_root.is_some() || self.window_root.is_some()) {
            return broken("roots of state and window at a leader's last record only");
        }
        Ok(())
    }
}

fn flag(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        actual => Err(DecodeError::UnknownTag { field: "flag", actual: actual.into() }),
    }
}

fn optional(reader: &mut Reader<'_>) -> Result<Option<[u8; DIGEST_BYTES]>, DecodeError> {
    flag(reader)?.then(|| reader.array()).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{committee::Author, digest::CheckpointId};

    fn record() -> CommitRecord {
        CommitRecord {
            network: NetworkId([1, 2, 3, 4]),
            index: CommitIndex(5),
            previous: CommitId([6; 32]),
            leader: CheckpointRef { round: Round(7), author: Author(8), id: CheckpointId([9; 32]) },
            time: Time::from_millis(10),
            last: true,
            leaves: 11,
            order_root: [12; 32],
            history_root: [13; 32],
            state_root: None,
            window_root: Some([14; 32]),
        }
    }

    #[test]
    fn every_byte_of_a_record_is_in_its_id() {
        let bytes = record().to_bytes();
        assert_eq!(bytes.len(), 166 + 32);
        assert_eq!(CommitRecord::from_bytes(&bytes), Ok(record()));
        for at in 0..bytes.len() {
            let mut bent = bytes.clone();
            bent[at] ^= 1;
            if let Ok(other) = CommitRecord::from_bytes(&bent) {
                assert_ne!(other.id(), record().id(), "byte {at}");
            }
        }
        let reference = record().reference();
        assert_eq!((reference.index, reference.round), (CommitIndex(5), Round(7)));
        assert_eq!(reference.tag[..], record().id().0[..16]);
    }

    #[test]
    fn refuses_what_no_commit_says() {
        for bend in [
            |record: &mut CommitRecord| record.index = CommitIndex::ZERO,
            |record: &mut CommitRecord| record.leader.round = Round::ZERO,
            |record: &mut CommitRecord| record.leaves = 4_097,
            |record: &mut CommitRecord| record.last = false,
        ] {
            let mut bent = record();
            bend(&mut bent);
            assert!(CommitRecord::from_bytes(&bent.to_bytes()).is_err(), "{bent:?}");
        }
    }
}
