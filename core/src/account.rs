//! An account: what it owns, which sequences it may still use, which key speaks for it.
//!
//! A sequence is fresh when it lies at or above `next` or inside a gap. So bodies may be ordered
//! out of turn, an outage is one gap that can be filled days later, and gaps stay visible
//! (docs/PROTOCOL.md, "Ledger"). Invariant: gaps ascend, do not touch, end below the highest used
//! sequence, and are at most [`GAPS_MAX`]. What was used stays used; a gap is given up only by
//! making more of them than that.
//!
//! Left out on purpose: the address. It is the account's place in the ledger.

use alloc::vec::Vec;
use core::ops::Range;

use crate::{
    address::Address,
    codec::{Decode, DecodeError, Encode, Reader, encode_list},
    digest::KeyId,
    params::GAPS_MAX,
    units::{Amount, Sequence},
};

/// The state of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// What it owns.
    pub balance: Amount,
    next: Sequence,
    gaps: Vec<Gap>,
    key: Option<KeyId>,
}

impl Account {
    /// An account that owns `balance` and said nothing yet.
    pub fn opened(balance: Amount) -> Self {
        Self { balance, ..Self::default() }
    }

    /// One above the highest sequence used.
    pub const fn next(&self) -> Sequence {
        self.next
    }

    /// The ranges below [`Self::next`] that are still fresh, ascending.
    pub fn gaps(&self) -> impl Iterator<Item = Range<u64>> {
        self.gaps.iter().map(|gap| gap.first..gap.end)
    }

    /// Whether a body with `sequence` may still take effect.
    pub fn is_fresh(&self, sequence: Sequence) -> bool {
        sequence >= self.next || self.gap_around(sequence).is_some()
    }

    /// Uses up a fresh sequence.
    ///
    /// # Panics
    /// On one that is not fresh: whoever judges a body asks first.
    pub fn consume(&mut self, sequence: Sequence) {
        if sequence >= self.next {
            let skipped = Gap { first: self.next.0, end: sequence.0 };
            self.gaps.extend(skipped.present());
            self.next = sequence.checked_add(1).expect("sequences lie below 2^63");
        } else {
            let at = self.gap_around(sequence).expect("only a fresh sequence is used");
            let split =
                self.gaps.get(at).copied().into_iter().flat_map(|gap| gap.without(sequence));
            let split: Vec<Gap> = split.collect();
            self.gaps.splice(at..=at, split);
        }
        // One more gap at most, and the lowest is the oldest outage.
        while self.gaps.len() > GAPS_MAX {
            self.gaps.remove(0);
        }
    }

    /// The id of the key that must sign for it.
    pub fn key_in_force(&self, address: &Address) -> KeyId {
        self.key.unwrap_or(address.first_key())
    }

    /// Puts `key` in force.
    pub fn rotate(&mut self, address: &Address, key: KeyId) {
        // As in a body, the first key is named by naming none.
        self.key = (key != address.first_key()).then_some(key);
    }

    /// Where in `gaps` the one around `sequence` is.
    fn gap_around(&self, sequence: Sequence) -> Option<usize> {
        let at = self.gaps.partition_point(|gap| gap.end <= sequence.0);
        self.gaps.get(at).filter(|gap| gap.first <= sequence.0).map(|_| at)
    }
}

/// Sequences that were passed over: `first` and those behind it, below `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gap {
    first: u64,
    end: u64,
}

impl Gap {
    fn present(self) -> Option<Self> {
        (self.first < self.end).then_some(self)
    }

    /// What is left of it.
    fn without(self, sequence: Sequence) -> impl Iterator<Item = Self> {
        let below = Self { end: sequence.0, ..self };
        let above = Self { first: sequence.0.saturating_add(1), ..self };
        [below, above].into_iter().filter_map(Self::present)
    }
}

impl Encode for Gap {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.end.to_le_bytes());
    }
}

impl Decode for Gap {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { first: reader.u64()?, end: reader.u64()? })
    }
}

impl Encode for Account {
    fn encode(&self, out: &mut Vec<u8>) {
        self.balance.encode(out);
        self.next.encode(out);
        encode_list(&self.gaps, out);
        match self.key {
            None => out.push(0),
            Some(key) => {
                out.push(1);
                key.encode(out);
            }
        }
    }
}

impl Decode for Account {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let account = Self {
            balance: Amount::decode(reader)?,
            next: Sequence::decode(reader)?,
            gaps: reader.list("gaps", GAPS_MAX)?,
            key: match reader.u8()? {
                0 => None,
                1 => Some(KeyId::decode(reader)?),
                tag => return Err(DecodeError::UnknownTag { field: "key", actual: tag.into() }),
            },
        };
        account.check_shape()?;
        Ok(account)
    }
}

impl Account {
    fn check_shape(&self) -> Result<(), DecodeError> {
        let broken = |field, rule| Err(DecodeError::NotCanonical { field, rule });
        if self.next.0 > Sequence::LIMIT {
            return broken("next", "at most 2^63");
        }
        let ends = self.gaps.iter().map(|gap| gap.end);
        let firsts = self.gaps.iter().map(|gap| gap.first);
        if self.gaps.iter().any(|gap| gap.present().is_none()) {
            return broken("gaps", "none is empty");
        }
        // Between two gaps, and above the last, at least one sequence was used.
        if !ends.zip(firsts.skip(1).chain([self.next.0])).all(|(end, above)| end < above) {
            return broken("gaps", "ascending, and a used sequence above each");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::{collections::BTreeSet, vec};

    use proptest::prelude::*;

    use super::*;

    /// Everything below `next` that was neither used nor given up, one by one.
    #[derive(Default)]
    struct Naive {
        next: u64,
        open: BTreeSet<u64>,
    }

    impl Naive {
        fn runs(&self) -> Vec<Range<u64>> {
            let mut runs: Vec<Range<u64>> = Vec::new();
            for open in &self.open {
                match runs.last_mut() {
                    Some(run) if run.end == *open => run.end += 1,
                    _ => runs.push(*open..open + 1),
                }
            }
            runs
        }

        fn consume(&mut self, sequence: u64) -> bool {
            let is_fresh = sequence >= self.next || self.open.contains(&sequence);
            if is_fresh {
                self.open.extend(self.next..sequence);
                self.open.remove(&sequence);
                self.next = self.next.max(sequence + 1);
                while let runs = self.runs()
                    && runs.len() > 256
                {
                    self.open.retain(|open| !runs[0].contains(open));
                }
            }
            is_fresh
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Steps of two leave so many gaps that the lowest are given up.
        #[test]
        fn freshness_is_that_of_a_plain_set(
            wide in 0_u64..1_200,
            tries in prop::collection::vec(0_u64..1_200, 0..300),
            key in any::<Option<[u8; 32]>>(),
        ) {
            let address = Address::of(KeyId([1; 32]));
            let mut account = Account::opened(Amount(7));
            let mut naive = Naive::default();
            for sequence in (wide..1_200).step_by(2).chain(tries) {
                let is_fresh = account.is_fresh(Sequence(sequence));
                if is_fresh {
                    account.consume(Sequence(sequence));
                }
                prop_assert_eq!(is_fresh, naive.consume(sequence), "{}", sequence);
            }
            prop_assert_eq!(account.next().0, naive.next);
            prop_assert_eq!(account.gaps().collect::<Vec<_>>(), naive.runs());
            account.rotate(&address, KeyId(key.unwrap_or([1; 32])));
            prop_assert_eq!(account.key_in_force(&address), KeyId(key.unwrap_or([1; 32])));
            let bytes = account.to_bytes();
            prop_assert_eq!(Account::from_bytes(&bytes), Ok(account));
        }

        #[test]
        fn an_account_has_one_form(
            bends in prop::collection::vec((0_usize..60, any::<u8>()), 1..4),
        ) {
            let mut account = Account::default();
            for sequence in [3, 9, 10, 6] {
                account.consume(Sequence(sequence));
            }
            let mut bytes = account.to_bytes();
            for (at, byte) in bends {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            if let Ok(account) = Account::from_bytes(&bytes) {
                prop_assert_eq!(account.to_bytes(), bytes);
            }
        }
    }

    #[test]
    fn gaps_that_no_use_leaves_are_refused() {
        let with = |next, gaps: &[(u64, u64)]| {
            let gaps = gaps.iter().map(|(first, end)| Gap { first: *first, end: *end }).collect();
            Account::from_bytes(
                &Account { next: Sequence(next), gaps, ..Account::default() }.to_bytes(),
            )
        };
        assert!(with(9, &[(0, 3), (4, 8)]).is_ok());
        assert!(with(9, &[(0, 3), (3, 8)]).is_err(), "they touch");
        assert!(with(9, &[(4, 8), (0, 3)]).is_err(), "descending");
        assert!(with(9, &[(3, 3)]).is_err(), "empty");
        assert!(with(9, &[(3, 9)]).is_err(), "nothing used above");
        assert!(with(Sequence::LIMIT + 1, &[]).is_err());
        assert!(with(Sequence::LIMIT, &[]).is_ok());
        let many = vec![(0, 1); GAPS_MAX + 1];
        assert!(with(9, &many).is_err());
    }

    #[test]
    fn the_last_sequence_can_be_used() {
        let mut account = Account::default();
        account.consume(Sequence(Sequence::LIMIT - 1));
        assert!(!account.is_fresh(Sequence(Sequence::LIMIT - 1)));
        assert_eq!(Account::from_bytes(&account.to_bytes()), Ok(account));
    }
}
