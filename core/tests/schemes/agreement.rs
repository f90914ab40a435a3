//! One verdict on honest and on mutated signatures; nobody can make two signatures of one.

use std::thread;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng as _},
};
use weft_core::keys::{DeviceKey, Dilithium2Key, Scheme, Sign, Signature};

use crate::libraries::{Jury, signature};

/// How a signature ends: positions of hints (omega bytes), then one count for each row.
fn hint_shape(scheme: Scheme) -> (usize, usize) {
    if scheme == Scheme::MlDsa65 { (55, 6) } else { (80, 4) }
}

fn challenge_bytes(scheme: Scheme) -> usize {
    if scheme == Scheme::MlDsa65 { 48 } else { 32 }
}

fn signer(scheme: Scheme, number: u8) -> Box<dyn Sign> {
    match scheme {
        Scheme::Dilithium2 => Box::new(Dilithium2Key::generate()),
        _ => Box::new(DeviceKey::from_seed(scheme, &[number; 32]).unwrap()),
    }
}

/// Where the hint begins, its positions and its counts.
fn hint(scheme: Scheme, bytes: &mut [u8]) -> (&mut [u8], &mut [u8]) {
    let (positions, rows) = hint_shape(scheme);
    let start = bytes.len() - positions - rows;
    bytes[start..].split_at_mut(positions)
}

fn below(random: &mut ChaCha8Rng, bound: usize) -> usize {
    (random.next_u64() % bound as u64) as usize
}

/// One signature in eight stays as it is; most others get wrong in their hint.
fn mutate(random: &mut ChaCha8Rng, scheme: Scheme, bytes: &mut [u8]) {
    let (positions, rows) = hint_shape(scheme);
    let (length, challenge) = (bytes.len(), challenge_bytes(scheme));
    let start = length - positions - rows;
    let kind = below(random, 16);
    let (from, to) = match kind {
        0 | 1 => return,
        2 => (0, challenge),
        3..=5 => (challenge, start),
        6..=9 => (start, start + positions),
        10 => (start + positions, length),
        11 => (0, length),
        _ => return disturb_hint(random, scheme, bytes),
    };
    for _ in 0..=below(random, 3) {
        let at = from + below(random, to - from);
        bytes[at] = match below(random, 3) {
            0 => bytes[at] ^ 1 << below(random, 8),
            1 => bytes[at].wrapping_add(1),
            _ => random.next_u32() as u8,
        };
    }
}

/// Changes a hint the way an attacker would: positions swapped, repeated, added, dropped, moved to
/// another row, and bytes behind the last.
fn disturb_hint(random: &mut ChaCha8Rng, scheme: Scheme, bytes: &mut [u8]) {
    let (positions, counts) = hint(scheme, bytes);
    let used = usize::from(counts[counts.len() - 1]);
    let at = below(random, used.max(2) - 1);
    let row = below(random, counts.len());
    match below(random, 6) {
        0 => positions.swap(at, at + 1),
        1 => positions[at + 1] = positions[at],
        2 => counts[row] = counts[row].wrapping_add(1),
        3 => counts[row] = counts[row].wrapping_sub(1),
        4 => positions[used.min(positions.len() - 1)] = 1 + below(random, 255) as u8,
        _ => {
            positions[at..].rotate_right(1);
            counts.iter_mut().skip(row).for_each(|count| *count += 1);
        }
    }
}

/// Mutates signatures of 16 keys, four messages each; returns how many of them stayed honest.
fn storm(scheme: Scheme, rounds: usize, seed: u64) -> usize {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut honest = Vec::new();
    for number in 0..16 {
        let signer = signer(scheme, number);
        let signed = [0_u8, 1, 2, 3].map(|message| {
            let message = vec![message; 1 + 200 * usize::from(message)];
            let signature = signer.sign(&message).unwrap();
            (message, signature)
        });
        honest.push((Jury::of(signer.public_key()), signed));
    }
    let mut accepted = 0;
    for _ in 0..rounds {
        let (jury, signed) = &honest[below(&mut random, honest.len())];
        let (message, original) = &signed[below(&mut random, signed.len())];
        let mut bytes = original.as_bytes().to_vec();
        mutate(&mut random, scheme, &mut bytes);
        let verdict = jury.accepts(message, &signature(scheme, &bytes));
        assert_eq!(verdict, bytes == *original.as_bytes(), "a second signature of one message");
        accepted += usize::from(verdict);
    }
    accepted
}

#[test]
fn a_hundred_thousand_mutated_signatures() {
    // 100,000 of schemes 1 and 2, and 20,000 of scheme 3; the threads end at about the same time.
    let shares = [
        vec![(Scheme::MlDsa44, 60_000), (Scheme::Dilithium2, 20_000)],
        vec![(Scheme::MlDsa65, 40_000)],
    ];
    thread::scope(|scope| {
        for share in shares {
            scope.spawn(move || {
                for (scheme, rounds) in share {
                    let accepted = storm(scheme, rounds, u64::from(scheme.tag()));
                    // An eighth stays honest on purpose, a few by chance.
                    assert!((rounds / 9..rounds / 6).contains(&accepted), "{scheme}: {accepted}");
                }
            });
        }
    });
}

/// Honest signatures with room in the hint and at least two hints in the first row.
fn roomy(scheme: Scheme) -> impl Iterator<Item = (Jury, Vec<u8>, Signature)> {
    (0_u8..20).filter_map(move |number| {
        let signer = signer(scheme, number);
        let message = vec![number];
        let made = signer.sign(&message).unwrap();
        let mut bytes = made.as_bytes().to_vec();
        let (positions, counts) = hint(scheme, &mut bytes);
        let used = usize::from(counts[counts.len() - 1]);
        let fits = counts[0] >= 2 && used < positions.len();
        fits.then(|| (Jury::of(signer.public_key()), message, made))
    })
}

#[test]
fn a_hint_has_one_encoding() {
    type Change = fn(&mut [u8], &mut [u8]);
    let changes: [(&str, Change); 7] = [
        ("positions fall", |positions, _| positions.swap(0, 1)),
        ("a position twice", |positions, counts| {
            positions.copy_within(..positions.len() - 1, 1);
            counts.iter_mut().for_each(|count| *count += 1);
        }),
        ("a row ends before it begins", |_, counts| counts[1] = counts[0] - 1),
        ("more than omega", |positions, counts| {
            *counts.last_mut().unwrap() = positions.len() as u8 + 1;
        }),
        ("far more than omega", |_, counts| counts.fill(255)),
        ("a byte behind the last", |positions, counts| {
            positions[usize::from(*counts.last().unwrap())] = 1;
        }),
        ("the last byte", |positions, _| *positions.last_mut().unwrap() = 255),
    ];
    for scheme in Scheme::ALL {
        let mut tried = 0;
        for (jury, message, made) in roomy(scheme) {
            assert!(jury.accepts(&message, &made));
            for (name, change) in changes {
                let mut bytes = made.as_bytes().to_vec();
                let (positions, counts) = hint(scheme, &mut bytes);
                change(positions, counts);
                assert!(!jury.accepts(&message, &signature(scheme, &bytes)), "{scheme}: {name}");
            }
            tried += 1;
        }
        assert!(tried >= 5, "{scheme}: only {tried} signatures have room");
    }
}
