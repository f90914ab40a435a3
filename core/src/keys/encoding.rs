//! What a signature of scheme 3 must look like before any library checks it.
//!
//! 2,420 bytes: a challenge of 32, then z, four polynomials of 256 coefficients in 18 bits each,
//! then the hint of 84 (FIPS 204 Algorithm 26, parameters of ML-DSA-44). A verifier must refuse a z
//! that is too long (Algorithm 8, step 13), or any key holder can make signatures that only some
//! verifiers accept; and a hint that is not the one encoding of its positions (Algorithm 21), or
//! anyone can turn one signature into two.
//!
//! Invariant: what passes here has a short z and the only encoding of its hint. Nothing more: it
//! may still be no signature at all.

/// Length of the challenge, in bytes.
const CHALLENGE_BYTES: usize = 32;
/// Length of the packed z, in bytes.
const Z_BYTES: usize = 4 * 256 * 18 / 8;
/// Most hints in one signature (omega).
const HINTS_MAX: usize = 80;
/// Length of the hint, in bytes: positions, then one count for each of the four rows.
const HINT_BYTES: usize = HINTS_MAX + 4;

/// A coefficient c is stored as `GAMMA1 - c`.
const GAMMA1: u128 = 1 << 17;
/// How far z must stay below `GAMMA1` (beta).
const BETA: u128 = 78;

/// Whether z is short and the hint canonical in `signature`, which has the right length.
pub(super) fn is_canonical(signature: &[u8]) -> bool {
    let Some((_, rest)) = signature.split_at_checked(CHALLENGE_BYTES) else {
        return false;
    };
    let Some((z, hint)) = rest.split_at_checked(Z_BYTES) else {
        return false;
    };
    hint.len() == HINT_BYTES && is_short(z) && is_hint(hint)
}

/// Whether every coefficient of z lies strictly between `-(GAMMA1 - BETA)` and `GAMMA1 - BETA`.
fn is_short(z: &[u8]) -> bool {
    let stored = BETA + 1..2 * GAMMA1 - BETA;
    let (groups, rest) = z.as_chunks::<9>();
    rest.is_empty()
        && groups.iter().all(|group| {
            let bits = group.iter().rev().fold(0, |bits, byte| bits << 8 | u128::from(*byte));
            [0, 18, 36, 54].iter().all(|start| stored.contains(&(bits >> start & 0x3_ffff)))
        })
}

/// FIPS 204 Algorithm 21 (`HintBitUnpack`) succeeds: counts do not fall and stay within omega,
/// positions rise within each row, and what no row uses is zero.
fn is_hint(hint: &[u8]) -> bool {
    let Some((positions, counts)) = hint.split_at_checked(HINTS_MAX) else {
        return false;
    };
    let mut used = 0;
    for count in counts {
        let end = usize::from(*count);
        let Some(row) = positions.get(used..end) else {
            return false;
        };
        if !row.is_sorted_by(|before, after| before < after) {
            return false;
        }
        used = end;
    }
    positions.iter().skip(used).all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use alloc::{vec, vec::Vec};

    use super::*;

    /// A signature whose z is zero but for one coefficient, with no hints.
    fn with_coefficient(index: usize, coefficient: i32) -> Vec<u8> {
        let mut z = vec![0_u8; Z_BYTES];
        for at in 0..1_024 {
            let coefficient = if at == index { coefficient } else { 0 };
            let stored = u32::try_from((1 << 17) - coefficient).unwrap();
            for bit in 0..18 {
                z[(at * 18 + bit) / 8] |= u8::from(stored >> bit & 1 == 1) << ((at * 18 + bit) % 8);
            }
        }
        [vec![0xaa; CHALLENGE_BYTES], z, vec![0; HINT_BYTES]].concat()
    }

    fn with_hint(positions: &[u8], counts: [u8; 4]) -> Vec<u8> {
        let mut signature = with_coefficient(0, 0);
        let hint = &mut signature[CHALLENGE_BYTES + Z_BYTES..];
        hint[..positions.len()].copy_from_slice(positions);
        hint[HINTS_MAX..].copy_from_slice(&counts);
        signature
    }

    #[test]
    fn z_must_be_short() {
        const LIMIT: i32 = (1 << 17) - 78;
        for index in [0, 1, 2, 3, 255, 256, 511, 1_020, 1_023] {
            for good in [0, 1, -1, LIMIT - 1, 1 - LIMIT] {
                assert!(is_canonical(&with_coefficient(index, good)), "{good} at {index}");
            }
            for bad in [LIMIT, -LIMIT, 1 << 17, 1 - (1 << 17), LIMIT + 1, -LIMIT - 1] {
                assert!(!is_canonical(&with_coefficient(index, bad)), "{bad} at {index}");
            }
        }
    }

    #[test]
    fn a_hint_has_one_encoding() {
        let all: Vec<u8> = (0..80).collect();
        for (positions, counts) in [
            (&[][..], [0, 0, 0, 0]),
            (&[0], [1, 1, 1, 1]),
            (&[3, 9, 9, 255], [2, 3, 3, 4]),
            (&[255, 0], [1, 2, 2, 2]),
            (&all, [80, 80, 80, 80]),
        ] {
            assert!(is_canonical(&with_hint(positions, counts)), "{positions:?} {counts:?}");
        }
        for (positions, counts, fault) in [
            (&[9, 3][..], [2, 2, 2, 2], "positions fall"),
            (&[9, 9], [0, 2, 2, 2], "a position twice"),
            (&[1, 2], [2, 1, 2, 2], "counts fall"),
            (&[1], [0, 0, 0, 81], "more than omega"),
            (&[1], [255, 255, 255, 255], "more than omega"),
            (&[1, 2], [1, 1, 1, 1], "unused bytes set"),
            (&[7], [0, 0, 0, 0], "unused bytes set"),
        ] {
            assert!(!is_canonical(&with_hint(positions, counts)), "{fault}");
        }
    }

    #[test]
    fn other_lengths_are_refused() {
        let signature = with_coefficient(0, 0);
        assert!(is_canonical(&signature));
        assert!(!is_canonical(&signature[1..]) && !is_canonical(&[]));
        assert!(!is_canonical(&[&signature[..], &[0]].concat()));
    }
}
