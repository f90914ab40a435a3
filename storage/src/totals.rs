//! How much ever came to a store: a count, and a sum over the ids of all transactions.
//!
//! The sum does not depend on the order, so stores of two nodes can be compared, and one node's
//! store with what it wrote down elsewhere.
//!
//! Left out on purpose: safety against people. Who can write to the disk can also forge a sum; it
//! is there to notice what a disk forgets.

use std::fmt;

use weft_core::{
    admit::Verified,
    codec::{Decode, DecodeError, Encode, Reader},
    digest::DIGEST_BYTES,
};

/// Count and sum of some transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    transactions: u64,
    /// The ids, which are digests, added as four 64-bit numbers that wrap. Seals are outside the
    /// ids; that their bytes are whole is what the checksums of the database are for.
    sum: [u64; LANES],
}

const LANES: usize = DIGEST_BYTES / 8;

impl Totals {
    /// Nothing.
    pub const ZERO: Self = Self { transactions: 0, sum: [0; LANES] };

    /// How many transactions.
    pub const fn transactions(&self) -> u64 {
        self.transactions
    }

    /// With one more transaction.
    #[must_use]
    pub(crate) fn with(self, tx: &Verified) -> Self {
        Self {
            transactions: self.transactions + 1,
            sum: zip(self.sum, lanes(tx), u64::wrapping_add),
        }
    }

    /// With one transaction less, which must be among them.
    #[must_use]
    pub(crate) fn without(self, tx: &Verified) -> Self {
        Self {
            transactions: self.transactions - 1,
            sum: zip(self.sum, lanes(tx), u64::wrapping_sub),
        }
    }
}

fn lanes(tx: &Verified) -> [u64; LANES] {
    let id = tx.id();
    let (chunks, _) = id.as_bytes().as_chunks::<8>();
    let mut lanes = [0; LANES];
    for (lane, chunk) in lanes.iter_mut().zip(chunks) {
        *lane = u64::from_le_bytes(*chunk);
    }
    lanes
}

fn zip(mut a: [u64; LANES], b: [u64; LANES], op: fn(u64, u64) -> u64) -> [u64; LANES] {
    for (a, b) in a.iter_mut().zip(b) {
        *a = op(*a, b);
    }
    a
}

/// Count 8, sum 32.
impl Encode for Totals {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.transactions.to_le_bytes());
        self.encode_sum(out);
    }
}

impl Decode for Totals {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let transactions = reader.u64()?;
        Self::decode_sum(transactions, reader)
    }
}

/// Where the count is known, the sum alone.
impl Totals {
    pub(crate) fn encode_sum(&self, out: &mut Vec<u8>) {
        for lane in self.sum {
            out.extend_from_slice(&lane.to_le_bytes());
        }
    }

    pub(crate) fn decode_sum(
        transactions: u64,
        reader: &mut Reader<'_>,
    ) -> Result<Self, DecodeError> {
        let mut sum = [0; LANES];
        for lane in &mut sum {
            *lane = reader.u64()?;
        }
        Ok(Self { transactions, sum })
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} transactions with sum ", self.transactions)?;
        self.sum.iter().try_for_each(|lane| write!(f, "{lane:016x}"))
    }
}
