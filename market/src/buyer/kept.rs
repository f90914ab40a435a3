//! What a buyer keeps of its channel, so that a crash never makes it pay twice.

use weft_core::codec::{Decode, DecodeError, Encode, Reader, encode_list};

use crate::{paid::Paid, window::WINDOW_MAX};

/// What was paid, and what came for it. On disk before a payment leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    /// The highest index paid.
    pub paid: u32,
    /// The chunk to buy next.
    pub next: u64,
    /// Chunks that were paid and whose keys have not come, ascending; at most 16.
    pub unkeyed: Vec<Paid>,
}

impl Counter {
    /// Of a channel that has paid nothing, for a buyer that begins at chunk `next`.
    pub const fn starting_at(next: u64) -> Self {
        Self { paid: 0, next, unkeyed: Vec::new() }
    }

    /// The index up to which all keys have come.
    pub fn keyed(&self) -> u32 {
        self.unkeyed.first().map_or(self.paid, |paid| paid.index.saturating_sub(paid.ticks))
    }

    /// The first chunk whose readings are missing.
    pub fn lacking(&self) -> u64 {
        self.unkeyed.iter().map(|paid| paid.sequence).min().unwrap_or(self.next).min(self.next)
    }

    /// Ticks that were paid and not keyed.
    pub fn exposed(&self) -> u64 {
        self.unkeyed.iter().map(|paid| u64::from(paid.ticks)).sum()
    }
}

impl Encode for Counter {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.paid.to_le_bytes());
        out.extend_from_slice(&self.next.to_le_bytes());
        encode_list(&self.unkeyed, out);
    }
}

impl Decode for Counter {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            paid: reader.u32()?,
            next: reader.u64()?,
            unkeyed: reader.list("unkeyed", WINDOW_MAX)?,
        })
    }
}
