//! What nodes ask each other, and how an answer ends.

use alloc::vec::Vec;

use crate::{
    codec::{Decode, DecodeError, Encode, Reader, encode_list},
    committee::VALIDATORS_MAX,
    digest::TxId,
    params::{IDS_MAX, WANTS_MAX},
    units::{CommitIndex, Position, Round},
};

/// Asks for the past of `want`, as one self-contained answer: parents before children, without
/// what lies in the past of `have`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetCone {
    /// Whose past is missing.
    pub want: Vec<TxId>,
    /// Transactions whose whole past the asker holds.
    pub have: Vec<TxId>,
    /// Zero, or where the earlier answer to the same question said to go on.
    pub from: Position,
}

impl Encode for GetCone {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(&self.want, out);
        encode_list(&self.have, out);
        self.from.encode(out);
    }
}

impl Decode for GetCone {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            want: reader.list("want", WANTS_MAX)?,
            have: reader.list("have", IDS_MAX)?,
            from: Position::decode(reader)?,
        })
    }
}

/// The end of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Where to go on, if the answer was cut at its size limit. In the answerer's own order.
    pub next: Option<Position>,
}

impl Encode for End {
    fn encode(&self, out: &mut Vec<u8>) {
        match self.next {
            None => out.push(0),
            Some(position) => {
                out.push(1);
                position.encode(out);
            }
        }
    }
}

impl Decode for End {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let next = match reader.u8()? {
            0 => None,
            1 => Some(Position::decode(reader)?),
            tag => {
                return Err(DecodeError::UnknownTag { field: "position", actual: tag.into() });
            }
        };
        Ok(Self { next })
    }
}

/// Asks for checkpoints: of each author those above a round, in ascending order of rounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetCheckpoints {
    /// By author: the asker has all that it needs up to this round.
    pub above: Vec<Round>,
    /// The highest round asked for.
    pub to: Round,
}

impl Encode for GetCheckpoints {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(&self.above, out);
        self.to.encode(out);
    }
}

impl Decode for GetCheckpoints {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { above: reader.list("above", VALIDATORS_MAX)?, to: Round::decode(reader)? })
    }
}

/// Asks for a part of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GetObjects {
    /// The commit of the snapshot.
    pub snapshot: CommitIndex,
    /// The first byte of the keys asked for.
    pub part: u8,
}

impl Encode for GetObjects {
    fn encode(&self, out: &mut Vec<u8>) {
        self.snapshot.encode(out);
        out.push(self.part);
    }
}

impl Decode for GetObjects {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { snapshot: CommitIndex::decode(reader)?, part: reader.u8()? })
    }
}

/// Asks for commits in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GetCommits {
    /// The first.
    pub from: CommitIndex,
    /// The last. The answer may end before.
    pub to: CommitIndex,
    /// The commit that is known to be certified, at or above the last: the answer shows that it
    /// follows from those in it.
    pub under: CommitIndex,
}

impl Encode for GetCommits {
    fn encode(&self, out: &mut Vec<u8>) {
        [self.from, self.to, self.under].iter().for_each(|index| index.encode(out));
    }
}

impl Decode for GetCommits {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [from, to, under] = [
            CommitIndex::decode(reader)?,
            CommitIndex::decode(reader)?,
            CommitIndex::decode(reader)?,
        ];
        if from > to || to > under {
            let rule = "the first, the last, and one that is certified, in this order";
            return Err(DecodeError::NotCanonical { field: "commits", rule });
        }
        Ok(Self { from, to, under })
    }
}
