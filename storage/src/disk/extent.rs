//! Where the log starts and where it ends.
//!
//! A batch that drops something writes this record, always under the same key: a log of which all
//! has left goes on where it was, and the start is found without a search through what was removed.
//! The newest entry could have stayed instead, as it holds the sum as well; but then one entry
//! would be there without its transaction, and every read would have to tell it from the others.
//!
//! Invariant: the log is as long as the record says, or longer. If it is not, the batches that
//! attached the rest are lost and this later one is not (`check.rs`).

use weft_core::{
    codec::{Decode, DecodeError, Encode, Reader},
    units::Position,
};

use crate::Totals;

/// Where the log starts and where it ends.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    /// Of all that left.
    pub(super) left: Totals,
    /// Of all that ever came.
    pub(super) totals: Totals,
}

impl Extent {
    /// Where the log starts.
    pub(super) const fn floor(&self) -> Position {
        Position(self.left.transactions())
    }

    /// Where it goes on.
    pub(super) const fn next(&self) -> Position {
        Position(self.totals.transactions())
    }
}

impl Encode for Extent {
    fn encode(&self, out: &mut Vec<u8>) {
        self.left.encode(out);
        self.totals.encode(out);
    }
}

impl Decode for Extent {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { left: Totals::decode(reader)?, totals: Totals::decode(reader)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_is_frozen() {
        let bytes: Vec<u8> = (0..80).collect();
        let extent = Extent::from_bytes(&bytes).unwrap();
        assert_eq!(extent.floor(), Position(0x0706_0504_0302_0100));
        assert_eq!(extent.next(), Position(0x2f2e_2d2c_2b2a_2928));
        assert_eq!(extent.to_bytes(), bytes);
        assert!(Extent::from_bytes(&bytes[1..]).is_err());
    }
}
