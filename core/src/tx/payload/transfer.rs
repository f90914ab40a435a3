//! Transfers: value for one account or several, and a few bytes for whoever receives it.
//!
//! Invariant: a [`Transfer`] has 1 to 64 outputs, none of nothing, and their sum is an amount.
//! Whether the issuer has that much is for the ledger to say (docs/PROTOCOL.md, "Ledger").

use alloc::vec::Vec;

use bytes::Bytes;

use crate::{
    address::Address,
    codec::{Decode, DecodeError, Encode, Reader, encode_list},
    params::{OUTPUTS_MAX, REFERENCE_BYTES_MAX},
    units::Amount,
};

/// An amount and who receives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// The account that receives it; opened if it does not exist.
    pub to: Address,
    /// How much; never 0.
    pub amount: Amount,
}

impl Output {
    const BYTES: usize = 40;
}

impl Encode for Output {
    fn encode(&self, out: &mut Vec<u8>) {
        self.to.encode(out);
        self.amount.encode(out);
    }
}

impl Decode for Output {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { to: Address::decode(reader)?, amount: Amount::decode(reader)? })
    }
}

/// Value for other accounts, or for the issuer itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    outputs: Vec<Output>,
    reference: Bytes,
    total: Amount,
}

impl Transfer {
    /// Takes 1 to [`OUTPUTS_MAX`] outputs above 0 and at most [`REFERENCE_BYTES_MAX`] bytes of
    /// `reference`, which says whatever sender and receiver agreed on.
    pub fn new(outputs: Vec<Output>, reference: Bytes) -> Result<Self, DecodeError> {
        let broken = |rule| DecodeError::NotCanonical { field: "outputs", rule };
        let long = |field, limit, actual| DecodeError::TooLong { field, limit, actual };
        if outputs.is_empty() {
            return Err(broken("at least one"));
        }
        if outputs.len() > OUTPUTS_MAX {
            return Err(long("outputs", OUTPUTS_MAX, outputs.len()));
        }
        if reference.len() > REFERENCE_BYTES_MAX {
            return Err(long("reference", REFERENCE_BYTES_MAX, reference.len()));
        }
        if outputs.iter().any(|output| output.amount == Amount::ZERO) {
            return Err(broken("every amount is above 0"));
        }
        let total = outputs
            .iter()
            .try_fold(Amount::ZERO, |sum, output| sum.checked_add(output.amount.0))
            .ok_or_else(|| broken("the amounts sum to less than 2^64"))?;
        Ok(Self { outputs, reference, total })
    }

    /// Who receives how much.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// What sender and receiver agreed on.
    pub const fn reference(&self) -> &Bytes {
        &self.reference
    }

    /// The sum of all outputs.
    pub const fn total(&self) -> Amount {
        self.total
    }

    pub(super) fn encoded_bytes(&self) -> usize {
        2 + Output::BYTES * self.outputs.len() + self.reference.len()
    }
}

impl Encode for Transfer {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(&self.outputs, out);
        out.extend_from_slice(&self.reference);
    }
}

impl Decode for Transfer {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let outputs = reader.list("outputs", OUTPUTS_MAX)?;
        Self::new(outputs, Bytes::copy_from_slice(reader.rest()))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::digest::KeyId;

    fn transfer(amounts: &[u64], reference: usize) -> Result<Amount, DecodeError> {
        let to = Address::of(KeyId::ZERO);
        let outputs = amounts.iter().map(|amount| Output { to, amount: Amount(*amount) }).collect();
        let made = Transfer::new(outputs, vec![0; reference].into());
        if let Ok(made) = &made {
            assert_eq!(made.encoded_bytes(), made.to_bytes().len());
            assert_eq!(Transfer::from_bytes(&made.to_bytes()).as_ref(), Ok(made));
        }
        made.map(|made| made.total())
    }

    #[test]
    fn limits_are_kept_and_reached() {
        assert_eq!(transfer(&[1; OUTPUTS_MAX], REFERENCE_BYTES_MAX), Ok(Amount(64)));
        assert_eq!(transfer(&[u64::MAX - 1, 1], 0), Ok(Amount(u64::MAX)));
        assert!(transfer(&[], 0).is_err());
        assert!(transfer(&[1; OUTPUTS_MAX + 1], 0).is_err());
        assert!(transfer(&[1], REFERENCE_BYTES_MAX + 1).is_err());
        assert!(transfer(&[1, 0], 0).is_err());
        assert!(transfer(&[u64::MAX, 1], 0).is_err());
    }
}
