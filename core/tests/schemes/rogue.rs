//! Signatures that only someone with the key can make, to split the network.
//!
//! `tests/data/rogue.txt` keeps some of each kind, one per line: kind, scheme, verdict, key,
//! message, signature. The signer in `rogue_signer` makes them again, bit for bit.

use std::fmt::Write as _;

use pqcrypto_dilithium::dilithium2;
use pqcrypto_traits::sign::{DetachedSignature as _, PublicKey as _};
use weft_core::keys::{DeviceKey, Scheme, Sign as _};

use crate::{
    libraries::{Jury, all_accept, hex, public_key, signature, unhex},
    rogue_signer::{Rogue, Rounding},
};

const FROZEN: &str = include_str!("../data/rogue.txt");
const SCHEMES: [Scheme; 2] = [Scheme::MlDsa44, Scheme::Dilithium2];

struct Case {
    kind: &'static str,
    scheme: Scheme,
    valid: bool,
    key: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

fn made() -> Vec<Case> {
    let mut cases = Vec::new();
    for scheme in SCHEMES {
        let rogue = Rogue::from_seed([scheme.tag(); 32]);
        let mut push = |kind, valid, (message, signature)| {
            cases.push(Case { kind, scheme, valid, key: rogue.key.clone(), message, signature });
        };
        for message in [&b""[..], b"one too long"] {
            push("over-long-z", false, (message.to_vec(), rogue.overlong(scheme, message)));
        }
        push("hint-at-zero", true, rogue.at_zero(scheme, Rounding::Down));
        push("hint-at-zero-rounded-up", false, rogue.at_zero(scheme, Rounding::Up));
    }
    cases
}

fn rendered(cases: &[Case]) -> String {
    let mut text = String::new();
    for Case { kind, scheme, valid, key, message, signature } in cases {
        let verdict = if *valid { "valid" } else { "refused" };
        let (key, message, signature) = (hex(key), hex(message), hex(signature));
        writeln!(text, "{kind} {scheme} {verdict} {key} {message} {signature}").unwrap();
    }
    text
}

#[test]
fn the_rogue_signer_has_honest_keys() {
    for byte in 0..4 {
        let honest = DeviceKey::from_seed(Scheme::MlDsa44, &[byte; 32]).unwrap();
        assert_eq!(Rogue::from_seed([byte; 32]).key, *honest.public_key().as_bytes());
    }
}

#[test]
fn the_frozen_cases_are_what_the_signer_makes() {
    assert!(rendered(&made()) == FROZEN, "not the frozen bytes; see `freeze`");
}

/// Writes the file anew: `cargo test -p weft-core --features host -- --ignored freeze`.
#[test]
#[ignore = "writes a file; only when the format changes"]
fn freeze_rogue() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/rogue.txt");
    std::fs::write(path, rendered(&made())).unwrap();
}

#[test]
fn no_library_is_split() {
    assert_eq!(FROZEN.lines().count(), 8);
    for line in FROZEN.lines() {
        let columns: Vec<_> = line.split(' ').collect();
        let [kind, scheme, verdict, key, message, bytes] = columns[..] else { panic!("{line}") };
        let scheme: Scheme = scheme.parse().unwrap();
        let (key, message, bytes) = (unhex(key), unhex(message), unhex(bytes));
        let valid = verdict == "valid";
        assert_eq!(all_accept(scheme, &key, &message, &bytes), valid, "{kind} {scheme}");
        if scheme == Scheme::Dilithium2 {
            assert_eq!(library_alone(&key, &message, &bytes), valid, "{kind}: AVX2 code is built");
        }
    }
}

/// The verdict of `pqcrypto-dilithium` without our own check before it. Wrong on most of these
/// cases if anything in the tree switches its feature `avx2` on.
fn library_alone(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = dilithium2::PublicKey::from_bytes(key).unwrap();
    let signature = dilithium2::DetachedSignature::from_bytes(signature).unwrap();
    dilithium2::verify_detached_signature(&signature, message, &key).is_ok()
}

#[test]
fn sixty_four_over_long_signatures_are_refused() {
    for scheme in SCHEMES {
        let rogue = Rogue::from_seed([0x64; 32]);
        let jury = Jury::of(&public_key(scheme, &rogue.key));
        for message in 0_u8..64 {
            let made = rogue.overlong(scheme, &[message]);
            assert!(!jury.accepts(&[message], &signature(scheme, &made)), "{scheme} {message}");
        }
    }
}
