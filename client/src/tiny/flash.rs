//! The next sequence, reserved in flash before a body with it leaves.
//!
//! Two records take turns. Each says up to which sequence bodies may have left; a power cut in the
//! middle of a write tears one and leaves the other. After a start, counting goes on at the highest
//! limit that was written: what was reserved and not used stays unused, which the ledger allows
//! (docs/PROTOCOL.md, "Ledger").
//!
//! ```text
//! record   limit 8, little-endian | first 8 bytes of H("weft.con", limit)
//! ```
//!
//! Invariant: a sequence is returned once, ever, and only below a limit that flash holds.
//!
//! Left out on purpose: wear. One write per [`RESERVED`] bodies: at one a minute a page that bears
//! 10,000 erasures lasts for nearly ten years.

use weft_core::{
    digest::{Domain, digest},
    units::Sequence,
};

/// Length of a record, in bytes.
pub const RECORD_BYTES: usize = 16;
/// Records, each on a page of its own, so that erasing one leaves the other.
pub const SLOTS: usize = 2;
/// The limit before any sequence is reserved; 0 is the registration's.
const FIRST: u64 = 1;
/// Sequences that one write reserves.
pub const RESERVED: u64 = 256;

/// Two records that outlive a power cut.
pub trait Flash {
    /// Reads the record in `slot`, 0 or 1. One that was never written reads as all 0x00 or 0xff.
    fn read(&mut self, slot: usize) -> Result<[u8; RECORD_BYTES], FlashError>;

    /// Erases and writes the record in `slot`; returns once it will be read after a power cut.
    fn write(&mut self, slot: usize, record: &[u8; RECORD_BYTES]) -> Result<(), FlashError>;
}

/// Why no sequence can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlashError {
    /// The driver failed.
    #[error("the flash did not read or write; try again, or replace the part")]
    Device,
    /// Neither record is whole: counting on could repeat a sequence.
    #[error("both records of the sequence are damaged; give the device a new seed and erase them")]
    Damaged,
    /// All sequences are used.
    #[error("all sequences of this account are used; give the device a new seed")]
    Used,
}

/// Counts sequences from 1 on; 0 registers.
#[derive(Debug)]
pub struct Sequences<F> {
    flash: F,
    next: u64,
    limit: u64,
    /// Where the next record goes: never over the one that holds the limit.
    slot: usize,
}

impl<F: Flash> Sequences<F> {
    /// Reads where to go on.
    pub fn open(mut flash: F) -> Result<Self, FlashError> {
        let found = [Found::of(flash.read(0)?), Found::of(flash.read(1)?)];
        let (limit, slot) = match found {
            [Found::Limit(first), Found::Limit(second)] if second > first => (second, 0),
            [Found::Limit(first), _] => (first, 1),
            [_, Found::Limit(second)] => (second, 0),
            // The first record goes into slot 0: no body left yet.
            [Found::Erased | Found::Begun, Found::Erased] => {
                let record = record(FIRST);
                flash.write(0, &record)?;
                flash.write(1, &record)?;
                (FIRST, 0)
            }
            // Whatever else is not whole may have held a limit.
            _ => return Err(FlashError::Damaged),
        };
        Ok(Self { flash, next: limit, limit, slot })
    }

    /// The next sequence. Writes first where none is reserved any more.
    pub fn take(&mut self) -> Result<Sequence, FlashError> {
        if self.next >= self.limit {
            self.reserve()?;
        }
        let taken = Sequence(self.next);
        self.next += 1;
        Ok(taken)
    }

    fn reserve(&mut self) -> Result<(), FlashError> {
        let limit = self.next.saturating_add(RESERVED).min(Sequence::LIMIT);
        if limit <= self.next {
            return Err(FlashError::Used);
        }
        self.flash.write(self.slot, &record(limit))?;
        self.limit = limit;
        self.slot = 1 - self.slot;
        Ok(())
    }
}

/// What a slot holds.
enum Found {
    Erased,
    /// The front of the first record of all, as a power cut leaves it.
    Begun,
    Damaged,
    Limit(u64),
}

impl Found {
    fn of(bytes: [u8; RECORD_BYTES]) -> Self {
        let first = record(FIRST);
        let written = bytes.iter().zip(first).take_while(|(byte, first)| *byte == first).count();
        let rest = bytes.get(written..).unwrap_or_default();
        let is_rest_erased = [0, 0xff].iter().any(|erased| rest.iter().all(|byte| byte == erased));
        if bytes == [0; RECORD_BYTES] || bytes == [0xff; RECORD_BYTES] {
            return Self::Erased;
        }
        if bytes != first && is_rest_erased {
            return Self::Begun;
        }
        let [a, b, c, d, e, f, g, h, ..] = bytes;
        let limit = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        if bytes == record(limit) { Self::Limit(limit) } else { Self::Damaged }
    }
}

fn record(limit: u64) -> [u8; RECORD_BYTES] {
    let [a, b, c, d, e, f, g, h] = limit.to_le_bytes();
    let [i, j, k, l, m, n, o, p, ..] = digest(Domain::Content, &limit.to_le_bytes());
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use super::*;

    /// Pages that keep what was written while there was power: `power` bytes of all writes.
    #[derive(Clone, Debug)]
    struct Pages(Rc<RefCell<(Vec<[u8; RECORD_BYTES]>, usize)>>);

    impl Pages {
        fn with_power(pages: Vec<[u8; RECORD_BYTES]>, bytes: usize) -> Self {
            Self(Rc::new(RefCell::new((pages, bytes))))
        }

        fn kept(&self) -> Vec<[u8; RECORD_BYTES]> {
            self.0.borrow().0.clone()
        }
    }

    impl Flash for Pages {
        fn read(&mut self, slot: usize) -> Result<[u8; RECORD_BYTES], FlashError> {
            Ok(self.0.borrow().0[slot])
        }

        fn write(&mut self, slot: usize, record: &[u8; RECORD_BYTES]) -> Result<(), FlashError> {
            let (pages, power) = &mut *self.0.borrow_mut();
            if *power == 0 {
                return Err(FlashError::Device);
            }
            // A page is erased whole, then filled from the front.
            pages[slot] = [0xff; RECORD_BYTES];
            let written = RECORD_BYTES.min(*power - 1);
            pages[slot][..written].copy_from_slice(&record[..written]);
            *power -= written + 1;
            if written < RECORD_BYTES { Err(FlashError::Device) } else { Ok(()) }
        }
    }

    /// Starts, takes sequences until the power is gone or `most` are taken.
    fn run(pages: &Pages, most: usize) -> Vec<u64> {
        let Ok(mut sequences) = Sequences::open(pages.clone()) else { return Vec::new() };
        (0..most).map_while(|_| sequences.take().ok()).map(|taken| taken.0).collect()
    }

    #[test]
    fn no_power_cut_repeats_a_sequence() {
        // A write costs 17: the erasure and each byte. Two cuts, each at every place of the first
        // six writes, and at every place of the three writes that follow.
        for first in 0..=6 * 17 {
            let pages = Pages::with_power(vec![[0xff; RECORD_BYTES]; SLOTS], first);
            let before = run(&pages, 900);
            for second in 0..=3 * 17 {
                let pages = Pages::with_power(pages.kept(), second);
                let mut all = [before.clone(), run(&pages, 300)].concat();
                let pages = Pages::with_power(pages.kept(), usize::MAX);
                let last = run(&pages, 2);
                assert_eq!(last.len(), 2, "cuts at {first} and {second}: starts up again");
                all.extend(last);
                assert!(all.is_sorted_by(|a, b| a < b), "cuts at {first} and {second}: {all:?}");
                assert!(all[0] >= 1, "0 is the registration's");
            }
        }
    }

    #[test]
    fn two_damaged_records_stop_the_device() {
        let pages = Pages::with_power(vec![[7; RECORD_BYTES]; SLOTS], usize::MAX);
        assert_eq!(Sequences::open(pages).unwrap_err(), FlashError::Damaged);
    }

    #[test]
    fn a_used_device_with_an_erased_and_a_damaged_record_does_not_begin_anew() {
        let pages = Pages::with_power(vec![[0xff; RECORD_BYTES]; SLOTS], usize::MAX);
        run(&pages, 300);
        for erased in 0..SLOTS {
            for damaged in 0..RECORD_BYTES {
                let mut kept = pages.kept();
                kept[erased] = [0xff; RECORD_BYTES];
                kept[1 - erased][damaged] ^= 0x10;
                let broken = Pages::with_power(kept, usize::MAX);
                assert_eq!(Sequences::open(broken).unwrap_err(), FlashError::Damaged);
            }
        }
    }

    #[test]
    fn the_last_sequence_is_the_last() {
        let pages = vec![record(Sequence::LIMIT - 2), record(5)];
        let pages = Pages::with_power(pages, usize::MAX);
        let mut sequences = Sequences::open(pages).unwrap();
        assert_eq!(sequences.take(), Ok(Sequence(Sequence::LIMIT - 2)));
        assert_eq!(sequences.take(), Ok(Sequence(Sequence::LIMIT - 1)));
        assert_eq!(sequences.take(), Err(FlashError::Used));
    }
}
