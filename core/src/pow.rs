//! Proof of work: how many zero bits a transaction id must end in, and the search for them.
//!
//! An id is `H(parents || anchor || body id || nonce)`: [`WORK_PREFIX_BYTES`] bytes, which are two
//! whole BLAKE2s blocks, then the nonce. So a search compresses the prefix once and then one block
//! per try. Zero bits are counted at the end of the id, so that ids stay uniform as ordered keys.
//!
//! Invariant: a nonce that [`Search::step`] returns makes an id that ends in enough zero bits.
//!
//! Left out on purpose: threads and time. A caller takes steps as large as its patience, from as
//! many searches as it has cores, each with its own start. Also left out: several lanes at once
//! (SIMD); `docs/decisions/0003-hash-and-work.md` has the measurements.

use crate::{
    digest::{Domain, Hasher, TxId},
    tx::WORK_PREFIX_BYTES,
};

/// Zero bits that a body which registers its account pays on top.
pub const REGISTRATION_BITS: u8 = 10;

/// Payload content that costs nothing on top, in bytes. Each doubling beyond costs one bit.
pub const FREE_BYTES: usize = 1_024;

/// Distance of the nonces that one [`Search`] tries: it varies all bytes but the lowest.
pub const STRIDE: u64 = 256;

/// Zero bits of work that a transaction must show: `base`, one bit for each doubling of
/// `content_bytes` beyond [`FREE_BYTES`] (rounded up), and [`REGISTRATION_BITS`] if the body has
/// sequence 0.
///
/// Key and signature bytes do not count: a post-quantum sender must not be punished. At most 255.
pub const fn required_bits(base: u8, content_bytes: usize, registers: bool) -> u8 {
    let registration = if registers { REGISTRATION_BITS } else { 0 };
    base.saturating_add(size_bits(content_bytes)).saturating_add(registration)
}

/// `max(0, ceil(log2(content_bytes / FREE_BYTES)))`, in integers.
const fn size_bits(content_bytes: usize) -> u8 {
    let mut bits = 0;
    let mut above = content_bytes.saturating_sub(1) / FREE_BYTES;
    while above > 0 {
        above /= 2;
        bits += 1;
    }
    bits
}

/// Zero bits at the end of `id`, from bit 0 of byte 31 upwards: the trailing zeros of `id` read as
/// a big-endian number. At most 255.
pub fn trailing_zero_bits(id: &TxId) -> u8 {
    let mut bits = 0_u8;
    for byte in id.as_bytes().iter().rev() {
        // At most 8 fit a byte.
        let zeros = u8::try_from(byte.trailing_zeros()).unwrap_or(8);
        bits = bits.saturating_add(zeros);
        if zeros < 8 {
            break;
        }
    }
    bits
}

/// A search for a nonce, in steps as large as the caller likes.
///
/// Tries `start`, `start + STRIDE`, `start + 2 * STRIDE` .., wrapping: 2^56 nonces with the lowest
/// byte of `start`. Searches for the same work with other lowest bytes never meet.
#[derive(Clone)]
pub struct Search {
    /// The prefix and the lowest byte of the nonce: BLAKE2s compresses its second block only when
    /// a third begins, so without that byte each try would compress two.
    begun: Hasher,
    bits: u8,
    next: u64,
}

impl Search {
    /// Looks for `bits` zero bits behind `prefix` (see [`Attachment::work_prefix`]), from `start`.
    ///
    /// [`Attachment::work_prefix`]: crate::tx::Attachment::work_prefix
    pub fn new(prefix: &[u8; WORK_PREFIX_BYTES], bits: u8, start: u64) -> Self {
        let [lowest, ..] = start.to_le_bytes();
        let begun = Hasher::new(Domain::Transaction).chain(prefix).chain(&[lowest]);
        Self { begun, bits, next: start }
    }

    /// Tries the next `tries` nonces, one compression each; the first that does is returned. The
    /// step after goes on behind it. About 2^`bits` tries find one; thrice as many fail once in 20.
    pub fn step(&mut self, tries: u32) -> Option<u64> {
        for _ in 0..tries {
            let nonce = self.next;
            self.next = nonce.wrapping_add(STRIDE);
            let [_, higher @ ..] = nonce.to_le_bytes();
            let id = TxId(self.begun.clone().chain(&higher).finish());
            if trailing_zero_bits(&id) >= self.bits {
                return Some(nonce);
            }
        }
        None
    }

    /// The nonce that the next step begins with.
    pub const fn next_nonce(&self) -> u64 {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::digest::digest;

    fn id_of(prefix: &[u8; WORK_PREFIX_BYTES], nonce: u64) -> TxId {
        let mut bytes = prefix.to_vec();
        bytes.extend_from_slice(&nonce.to_le_bytes());
        TxId(digest(Domain::Transaction, &bytes))
    }

    #[test]
    fn zeros_are_counted_from_the_end() {
        let id = |tail: [u8; 4]| {
            let mut bytes = [0xff; 32];
            bytes[28..].copy_from_slice(&tail);
            TxId(bytes)
        };
        for (tail, expected) in [
            ([0, 0, 0, 1], 0),
            ([0, 0, 0, 2], 1),
            ([0, 0, 0, 0x80], 7),
            ([0, 0, 1, 0], 8),
            ([0, 0x10, 0, 0], 20),
            ([0, 0, 0, 0], 32),
        ] {
            assert_eq!(trailing_zero_bits(&id(tail)), expected, "{tail:?}");
        }
        assert_eq!(trailing_zero_bits(&TxId::ZERO), 255);
    }

    #[test]
    fn each_doubling_of_the_content_costs_a_bit() {
        for (bytes, expected) in [
            (0, 0),
            (1, 0),
            (1_024, 0),
            (1_025, 1),
            (2_048, 1),
            (2_049, 2),
            (4_096, 2),
            (4_097, 3),
            (24 * 1_024, 5),
        ] {
            assert_eq!(required_bits(12, bytes, false), 12 + expected, "{bytes} bytes");
            assert_eq!(required_bits(12, bytes, true), 22 + expected, "{bytes} bytes");
        }
        assert_eq!(required_bits(u8::MAX, usize::MAX, true), u8::MAX);
    }

    #[test]
    fn a_search_tries_what_a_plain_digest_tries() {
        let prefix = [7; WORK_PREFIX_BYTES];
        let start = 0x0123_4567_89ab_cdef;
        let nonces = (0..).map(|step| start + step * STRIDE);
        let expected =
            nonces.clone().find(|nonce| trailing_zero_bits(&id_of(&prefix, *nonce)) >= 9);
        assert_eq!(Search::new(&prefix, 9, start).step(u32::MAX), expected);

        // In steps of one, the same, and it goes on behind what it found.
        let mut search = Search::new(&prefix, 9, start);
        let found = (0..).find_map(|_| search.step(1));
        assert_eq!(found, expected);
        assert_eq!(search.next_nonce(), found.unwrap() + STRIDE);
        assert!(search.step(u32::MAX) > found);
    }

    #[test]
    fn a_step_is_bounded() {
        let mut search = Search::new(&[0; WORK_PREFIX_BYTES], u8::MAX, u64::MAX);
        assert_eq!(search.step(0), None);
        assert_eq!(search.next_nonce(), u64::MAX);
        assert_eq!(search.step(3), None);
        assert_eq!(search.next_nonce(), 3 * STRIDE - 1, "wraps, and keeps the lowest byte");
    }

    proptest! {
        #[test]
        fn what_is_found_passes(
            prefix in any::<[[u8; 32]; 4]>(),
            bits in 0_u8..10,
            start in any::<u64>(),
        ) {
            let prefix = prefix.as_flattened().try_into().unwrap();
            let nonce = Search::new(prefix, bits, start).step(1 << 16).unwrap();
            prop_assert!(trailing_zero_bits(&id_of(prefix, nonce)) >= bits);
            prop_assert_eq!(nonce % STRIDE, start % STRIDE);
        }
    }
}
