//! What one payment paid for: both sides keep it until the key has arrived.

use weft_core::{
    codec::{Decode, DecodeError, Encode, Reader},
    digest::BodyId,
};

/// A chunk that was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paid {
    /// The index that paid for it.
    pub index: u32,
    /// Which.
    pub sequence: u64,
    /// The body that has its batch.
    pub batch: BodyId,
    /// Its price, in ticks.
    pub ticks: u32,
}

impl Encode for Paid {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.index.to_le_bytes());
        out.extend_from_slice(&self.sequence.to_le_bytes());
        self.batch.encode(out);
        out.extend_from_slice(&self.ticks.to_le_bytes());
    }
}

impl Decode for Paid {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            index: reader.u32()?,
            sequence: reader.u64()?,
            batch: BodyId::decode(reader)?,
            ticks: reader.u32()?,
        })
    }
}
