//! What a genesis chooses for its network.

use alloc::vec::Vec;

use super::{STATE_ROOT_EVERY, WORK_BITS_MAX};
use crate::{
    codec::{Decode, DecodeError, Encode, Reader, encode_list},
    keys::Scheme,
    units::Amount,
};

/// What a genesis chooses for its network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// Zero bits of work for a small transaction. At most [`WORK_BITS_MAX`]; 12 on dev networks,
    /// which a laptop finds in a fraction of a millisecond.
    pub work_bits: u8,
    /// Signature schemes admitted, ascending by tag. Scheme 3 is for devices that shipped with it.
    pub schemes: Vec<Scheme>,
    /// The least that an output which opens an account must carry, so that accounts are not opened
    /// for nothing. Default 1,000 base units.
    pub dust: Amount,
    /// A snapshot lies at the first last record at or after each multiple of this many commits: a
    /// multiple of [`STATE_ROOT_EVERY`]. 256 on dev networks, some 25 s under load.
    pub snapshot_every: u32,
}

impl Params {
    /// What a development network runs with.
    pub fn dev() -> Self {
        let schemes = [Scheme::MlDsa44, Scheme::MlDsa65].into();
        Self { work_bits: 12, schemes, dust: Amount(1_000), snapshot_every: 256 }
    }

    /// Refuses values that no network can run with.
    pub fn check(&self) -> Result<(), DecodeError> {
        if self.work_bits > WORK_BITS_MAX {
            return Err(DecodeError::TooLong {
                field: "work_bits",
                limit: WORK_BITS_MAX.into(),
                actual: self.work_bits.into(),
            });
        }
        if self.schemes.is_empty() || !self.schemes.is_sorted_by(|a, b| a < b) {
            return Err(DecodeError::NotCanonical {
                field: "schemes",
                rule: "at least one, ascending by tag, none twice",
            });
        }
        let every = u64::from(self.snapshot_every);
        if every == 0 || !every.is_multiple_of(STATE_ROOT_EVERY) {
            return Err(DecodeError::NotCanonical {
                field: "snapshot_every",
                rule: "a multiple of 16 above zero",
            });
        }
        Ok(())
    }
}

impl Encode for Params {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.work_bits);
        encode_list(&self.schemes, out);
        self.dust.encode(out);
        out.extend_from_slice(&self.snapshot_every.to_le_bytes());
    }
}

impl Decode for Params {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let params = Self {
            work_bits: reader.u8()?,
            schemes: reader.list("schemes", Scheme::ALL.len())?,
            dust: Amount::decode(reader)?,
            snapshot_every: reader.u32()?,
        };
        params.check()?;
        Ok(params)
    }
}
