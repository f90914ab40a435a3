//! Who validates: the keys whose checkpoints make transactions final.
//!
//! Version 1 has one committee, that of the genesis. Invariant: 1 to [`VALIDATORS_MAX`] validators,
//! each with a weight above zero and a key of its own, in an order that all nodes share.
//!
//! Thresholds as usual for up to a third of faults (Bracha 1987; CONSENSUS notation): of a total
//! weight W, f = floor((W - 1) / 3) may be faulty, and Q = W - f is a quorum: any two quorums have
//! an honest validator in common.

use alloc::vec::Vec;

use crate::{
    codec::{Decode, DecodeError, Encode, Reader, encode_list},
    digest::NodeId,
    keys::PublicKey,
};

/// Most validators.
pub const VALIDATORS_MAX: usize = 100;

/// A validator's place in the committee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Author(pub u16);

impl Author {
    /// The place as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl Encode for Author {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_le_bytes());
    }
}

impl Decode for Author {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.u16().map(Self)
    }
}

/// One validator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validator {
    /// What it signs checkpoints with; also the key of its node.
    pub key: PublicKey,
    /// Its share in every decision. Above zero.
    pub weight: u32,
}

impl Encode for Validator {
    fn encode(&self, out: &mut Vec<u8>) {
        self.key.encode(out);
        out.extend_from_slice(&self.weight.to_le_bytes());
    }
}

impl Decode for Validator {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { key: PublicKey::decode(reader)?, weight: reader.u32()? })
    }
}

/// All validators, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committee {
    validators: Vec<Validator>,
    nodes: Vec<NodeId>,
    total: u64,
}

impl Committee {
    /// Refuses committees that no network can run with.
    pub fn new(validators: Vec<Validator>) -> Result<Self, DecodeError> {
        let broken = |rule| Err(DecodeError::NotCanonical { field: "committee", rule });
        if validators.is_empty() {
            return broken("at least one validator");
        }
        if validators.len() > VALIDATORS_MAX {
            let (limit, actual) = (VALIDATORS_MAX, validators.len());
            return Err(DecodeError::TooLong { field: "committee", limit, actual });
        }
        if validators.iter().any(|validator| validator.weight == 0) {
            return broken("weights above zero");
        }
        let nodes: Vec<NodeId> = validators.iter().map(|one| NodeId::from(one.key.id())).collect();
        let mut distinct = nodes.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() < nodes.len() {
            return broken("no key twice");
        }
        let total = validators.iter().map(|validator| u64::from(validator.weight)).sum();
        Ok(Self { validators, nodes, total })
    }

    /// A committee of equals.
    pub fn of(keys: impl IntoIterator<Item = PublicKey>) -> Result<Self, DecodeError> {
        Self::new(keys.into_iter().map(|key| Validator { key, weight: 1 }).collect())
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.validators.len()
    }

    /// Never.
    pub const fn is_empty(&self) -> bool {
        self.validators.is_empty()
    }

    /// All of them, in order.
    pub fn validators(&self) -> &[Validator] {
        &self.validators
    }

    /// All places, in order.
    pub fn authors(&self) -> impl Iterator<Item = Author> + use<> {
        (0..=u16::MAX).take(self.validators.len()).map(Author)
    }

    /// The validator at a place.
    pub fn validator(&self, author: Author) -> Option<&Validator> {
        self.validators.get(author.index())
    }

    /// The weight of the validator at a place; zero where there is none.
    pub fn weight(&self, author: Author) -> u64 {
        self.validator(author).map_or(0, |validator| validator.weight.into())
    }

    /// The node of the validator at a place.
    pub fn node(&self, author: Author) -> Option<NodeId> {
        self.nodes.get(author.index()).copied()
    }

    /// The place of a node's validator.
    pub fn author_of(&self, node: &NodeId) -> Option<Author> {
        self.authors().zip(&self.nodes).find(|(_, other)| *other == node).map(|(author, _)| author)
    }

    /// W: the weight of all.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// f: the most weight that may be faulty.
    pub const fn faulty(&self) -> u64 {
        (self.total - 1) / 3
    }

    /// Q: the weight that decides.
    pub const fn quorum(&self) -> u64 {
        self.total - self.faulty()
    }

    /// The weight of distinct authors. Whoever passes one twice counts it twice.
    pub fn weigh(&self, authors: impl IntoIterator<Item = Author>) -> u64 {
        authors.into_iter().map(|author| self.weight(author)).sum()
    }
}

impl Encode for Committee {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(&self.validators, out);
    }
}

impl Decode for Committee {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::new(reader.list("committee", VALIDATORS_MAX)?)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use bytes::Bytes;

    use super::*;
    use crate::keys::Scheme;

    fn key(byte: u8) -> PublicKey {
        PublicKey::new(Scheme::MlDsa44, Bytes::from(vec![byte; 1_312])).unwrap()
    }

    #[test]
    fn quorums_of_equals() {
        for (count, faulty, quorum) in [(1, 0, 1), (2, 0, 2), (3, 0, 3), (4, 1, 3), (10, 3, 7)] {
            let committee = Committee::of((0..count).map(key)).unwrap();
            assert_eq!((committee.faulty(), committee.quorum()), (faulty, quorum), "{count}");
        }
    }

    #[test]
    fn refuses_what_no_network_can_run_with() {
        assert!(Committee::of([]).is_err());
        assert!(Committee::of([key(1), key(1)]).is_err());
        assert!(Committee::new(vec![Validator { key: key(1), weight: 0 }]).is_err());
        assert!(Committee::of((0..101).map(key)).is_err());
    }
}
