//! The bytes of what the chain keeps in tables.

use alloc::vec::Vec;

use super::Head;
use crate::{
    codec::{Decode, DecodeError, Encode, Reader, encode_list},
    commit::{Leaf, Mountain},
    digest::{CommitId, DIGEST_BYTES},
    outcome::Outcome,
    params::LEAVES_MAX,
    time::Time,
    tx::CommitRef,
    units::CommitIndex,
};

/// Where a transaction was ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The commit.
    pub index: CommitIndex,
    /// The leaf in it.
    pub number: u32,
}

impl Place {
    /// The place as keys have it, in the order of the ledger.
    pub(in crate::machine) fn key(self) -> Vec<u8> {
        [self.index.0.to_be_bytes().as_slice(), &self.number.to_be_bytes()].concat()
    }

    /// What [`Self::key`] made.
    pub(in crate::machine) fn of_key(key: &[u8]) -> Option<Self> {
        let (index, number) = key.split_first_chunk()?;
        let number = u32::from_be_bytes(number.try_into().ok()?);
        Some(Self { index: CommitIndex(u64::from_be_bytes(*index)), number })
    }
}

impl Encode for Place {
    fn encode(&self, out: &mut Vec<u8>) {
        self.index.encode(out);
        out.extend_from_slice(&self.number.to_le_bytes());
    }
}

impl Decode for Place {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { index: CommitIndex::decode(reader)?, number: reader.u32()? })
    }
}

/// Where a transaction was ordered, and what became of it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Where.
    pub place: Place,
    /// What.
    pub outcome: Outcome,
}

impl Encode for Verdict {
    fn encode(&self, out: &mut Vec<u8>) {
        self.place.encode(out);
        self.outcome.encode(out);
    }
}

impl Decode for Verdict {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { place: Place::decode(reader)?, outcome: Outcome::decode(reader)? })
    }
}

/// All leaves of a commit, as a record.
pub(in crate::machine) struct Leaves(pub(in crate::machine) Vec<Leaf>);

impl Encode for Leaves {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(&self.0, out);
    }
}

impl Decode for Leaves {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.list("leaves", LEAVES_MAX).map(Self)
    }
}

/// A node of the mountain range, as a record.
pub(in crate::machine) struct Node(pub(in crate::machine) [u8; DIGEST_BYTES]);

impl Node {
    pub(in crate::machine) fn key(height: u8, number: u64) -> Vec<u8> {
        [[height].as_slice(), &number.to_be_bytes()].concat()
    }
}

impl Encode for Node {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

impl Decode for Node {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.array().map(Self)
    }
}

impl Encode for Head {
    fn encode(&self, out: &mut Vec<u8>) {
        self.last.encode(out);
        self.id.encode(out);
        out.extend_from_slice(&self.time.as_millis().to_le_bytes());
        self.mountain.encode(out);
        self.state_root_from.encode(out);
        self.window_root_from.encode(out);
    }
}

impl Decode for Head {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            last: CommitRef::decode(reader)?,
            id: CommitId::decode(reader)?,
            time: Time::from_millis(reader.u64()?),
            mountain: Mountain::decode(reader)?,
            state_root_from: CommitIndex::decode(reader)?,
            window_root_from: CommitIndex::decode(reader)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_frozen() {
        let bytes = [7, 6, 5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 5];
        let verdict = Verdict::from_bytes(&bytes).unwrap();
        let place = Place { index: CommitIndex(0x0001_0203_0405_0607), number: 0x0809_0a0b };
        assert_eq!(verdict, Verdict { place, outcome: Outcome::SeqUsed });
        assert_eq!(verdict.to_bytes(), bytes);
        assert!(
            Verdict::from_bytes(&bytes[..12]).is_err(),
            "a place alone, as formats before 4 had"
        );
    }
}
