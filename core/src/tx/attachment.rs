//! Where a body hangs in the Tangle: two parents, an anchor, and the work that names them.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

#[cfg(feature = "alloc")]
use crate::codec::Encode;
use crate::{
    codec::{Decode, DecodeError, Reader, Sink, SliceSink},
    digest::{BodyId, Domain, Hasher, TxId},
    units::{CommitIndex, Round},
};

/// What stands before the nonce under the work: parents, anchor, body id. Two BLAKE2s blocks.
pub const WORK_PREFIX_BYTES: usize = 128;

/// Names a commit: its index, the round of its leader and the start of its id. 32 bytes.
///
/// All zero stands for "none" in a beacon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitRef {
    /// Its index in the commit chain.
    pub index: CommitIndex,
    /// The round of its leader.
    pub round: Round,
    /// The first 16 bytes of its id.
    pub tag: [u8; 16],
}

impl CommitRef {
    /// No commit.
    pub const NONE: Self = Self { index: CommitIndex::ZERO, round: Round::ZERO, tag: [0; 16] };

    /// Writes its 32 bytes.
    pub fn put(&self, out: &mut impl Sink) {
        out.put(&self.index.0.to_le_bytes());
        out.put(&self.round.0.to_le_bytes());
        out.put(&self.tag);
    }
}

#[cfg(feature = "alloc")]
impl Encode for CommitRef {
    fn encode(&self, out: &mut Vec<u8>) {
        self.put(out);
    }
}

impl Decode for CommitRef {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            index: CommitIndex::decode(reader)?,
            round: Round::decode(reader)?,
            tag: reader.array()?,
        })
    }
}

/// Two approved transactions, an anchor and the work. Not signed: anyone may attach a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Two approved transactions, ascending. Zero stands for the anchor's commit, so a lone parent
    /// is `[zero, parent]`; equal only when both are zero.
    pub parents: [TxId; 2],
    /// A recent commit: makes age a property of the data.
    pub anchor: CommitRef,
    /// The proof of work.
    pub nonce: u64,
}

impl Attachment {
    /// Length on the wire, in bytes.
    pub const BYTES: usize = 104;

    /// An attachment without work yet. The parents are put in order here.
    pub fn new(mut parents: [TxId; 2], anchor: CommitRef) -> Self {
        parents.sort_unstable();
        Self { parents, anchor, nonce: 0 }
    }

    /// What stands before the nonce under the work.
    pub fn work_prefix(&self, body: &BodyId) -> [u8; WORK_PREFIX_BYTES] {
        let mut bytes = [0; WORK_PREFIX_BYTES];
        let mut out = SliceSink::new(&mut bytes);
        self.put_place(&mut out);
        out.put(body.as_bytes());
        bytes
    }

    /// The id of the transaction that this attachment makes of a body.
    pub fn id(&self, body: &BodyId) -> TxId {
        let hasher = Hasher::new(Domain::Transaction).chain(&self.work_prefix(body));
        TxId(hasher.chain(&self.nonce.to_le_bytes()).finish())
    }

    /// Writes its [`Self::BYTES`] bytes.
    pub fn put(&self, out: &mut impl Sink) {
        self.put_place(out);
        out.put(&self.nonce.to_le_bytes());
    }

    fn put_place(&self, out: &mut impl Sink) {
        self.parents.iter().for_each(|parent| out.put(parent.as_bytes()));
        self.anchor.put(out);
    }

    /// The parents that are transactions.
    pub fn transactions(&self) -> impl Iterator<Item = TxId> + use<> {
        self.parents.into_iter().filter(|parent| !parent.is_zero())
    }
}

#[cfg(feature = "alloc")]
impl Encode for Attachment {
    fn encode(&self, out: &mut Vec<u8>) {
        self.put(out);
    }
}

impl Decode for Attachment {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let parents = [TxId::decode(reader)?, TxId::decode(reader)?];
        let [first, second] = parents;
        if first > second || (first == second && !first.is_zero()) {
            return Err(DecodeError::NotCanonical {
                field: "parents",
                rule: "ascending, and equal only when both are zero",
            });
        }
        Ok(Self { parents, anchor: CommitRef::decode(reader)?, nonce: reader.u64()? })
    }
}

/// Two distinct parents, uniformly among `tips`; zero stands in where there are too few.
/// `random` are two independent draws.
pub fn choose_parents(tips: &[TxId], random: [u64; 2]) -> [TxId; 2] {
    let [first, second] = random;
    let pick = |draw: u64, count: usize| usize::try_from(draw % count as u64).unwrap_or(0);
    let tip = |index: usize| tips.get(index).copied().unwrap_or(TxId::ZERO);
    match tips.len() {
        0 => [TxId::ZERO; 2],
        1 => [TxId::ZERO, tip(0)],
        count => {
            let first = pick(first, count);
            // Draws among the others: those behind the first move up by one.
            let second = pick(second, count - 1);
            [tip(first), tip(if second < first { second } else { second + 1 })]
        }
    }
}
