//! Frozen keys and signatures: what was valid once stays valid, and is made again bit for bit.
//!
//! `tests/data/signatures.txt` has one per line: scheme, secret, public key, message, signature.
//! The secret is a seed for schemes 1 and 2, and the secret half of a key for scheme 3. The first
//! key of scheme 3 was made by `pqcrypto-dilithium`, the other from a seed.

use std::fmt::Write as _;

use aws_lc_rs::signature::{ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, PqdsaKeyPair};
use fips204::traits::{KeyGen as _, SerDes as _, Signer as _};
use libcrux_ml_dsa::{MLDSASigningKey, ml_dsa_44};
use ml_dsa::{MlDsa44, MlDsa65, MlDsaParams, SigningKey};
use weft_core::keys::{DeviceKey, Dilithium2Key, HostKey, Scheme, Sign};

use crate::libraries::{Jury, all_accept, hex, public_key, signature, unhex};

const FROZEN: &str = include_str!("../data/signatures.txt");

struct Case {
    scheme: Scheme,
    secret: Vec<u8>,
    key: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

fn frozen() -> Vec<Case> {
    let case = |line: &str| {
        let (scheme, rest) = line.split_once(' ').unwrap();
        let columns: Vec<_> = rest.split(' ').map(unhex).collect();
        let [secret, key, message, signature] = columns.try_into().unwrap();
        Case { scheme: scheme.parse().unwrap(), secret, key, message, signature }
    };
    FROZEN.lines().map(case).collect()
}

fn seed(case: &Case) -> [u8; 32] {
    case.secret[..].try_into().unwrap()
}

/// Writes the file anew, keeping its keys of scheme 3:
/// `cargo test -p weft-core --features host -- --ignored freeze`.
#[test]
#[ignore = "writes a file; only when the format changes"]
fn freeze_signatures() {
    let mut keys: Vec<(Vec<u8>, Box<dyn Sign>)> = Vec::new();
    for scheme in [Scheme::MlDsa44, Scheme::MlDsa65] {
        for seed in [[0; 32], core::array::from_fn(|at| at as u8)] {
            keys.push((seed.to_vec(), Box::new(DeviceKey::from_seed(scheme, &seed).unwrap())));
        }
    }
    let mut stored: Vec<_> = frozen()
        .iter()
        .filter(|case| case.scheme == Scheme::Dilithium2)
        .map(|case| [&case.key[..], &case.secret].concat())
        .collect();
    stored.dedup();
    if stored.is_empty() {
        let pair = ml_dsa_44::generate_key_pair([3; 32]);
        stored.push(Dilithium2Key::generate().to_stored().to_vec());
        stored.push([pair.verification_key.as_slice(), pair.signing_key.as_slice()].concat());
    }
    for stored in stored {
        let secret = stored[Scheme::Dilithium2.public_key_bytes()..].to_vec();
        keys.push((secret, Box::new(Dilithium2Key::from_stored(&stored).unwrap())));
    }
    let mut text = String::new();
    for (secret, signer) in &keys {
        for message in [vec![], vec![0x5a; 32], (0..1_024).map(|at| at as u8).collect()] {
            let public = signer.public_key();
            let (scheme, key) = (public.scheme(), hex(public.as_bytes()));
            let signature = hex(signer.sign(&message).unwrap().as_bytes());
            let (secret, message) = (hex(secret), hex(&message));
            writeln!(text, "{scheme} {secret} {key} {message} {signature}").unwrap();
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/signatures.txt");
    std::fs::write(path, text).unwrap();
}

#[test]
fn every_library_accepts_them_and_nothing_beside_them() {
    let cases = frozen();
    assert_eq!(cases.len(), 18);
    for Case { scheme, key, message, signature, .. } in &cases {
        assert!(all_accept(*scheme, key, message, signature), "{scheme}");
        let other = [&message[..], b"."].concat();
        assert!(!all_accept(*scheme, key, &other, signature), "{scheme}");
    }
}

#[test]
fn our_signers_make_them_again() {
    for case in frozen() {
        let signers: Vec<Box<dyn Sign>> = match case.scheme {
            Scheme::Dilithium2 => {
                let stored = [&case.key[..], &case.secret].concat();
                vec![Box::new(Dilithium2Key::from_stored(&stored).unwrap())]
            }
            scheme => vec![
                Box::new(DeviceKey::from_seed(scheme, &seed(&case)).unwrap()),
                Box::new(HostKey::from_seed(scheme, &seed(&case)).unwrap()),
            ],
        };
        for signer in signers {
            assert_eq!(signer.public_key(), &public_key(case.scheme, &case.key));
            let made = signer.sign(&case.message).unwrap();
            assert!(made == signature(case.scheme, &case.signature), "{}", case.scheme);
        }
    }
}

#[test]
fn other_libraries_make_them_again() {
    for case in frozen() {
        let made = match case.scheme {
            Scheme::MlDsa44 => {
                assert_eq!(rust_crypto::<MlDsa44>(&case), fips204_44(&case));
                fips204_44(&case)
            }
            Scheme::MlDsa65 => {
                assert_eq!(rust_crypto::<MlDsa65>(&case), fips204_65(&case));
                fips204_65(&case)
            }
            Scheme::Dilithium2 => {
                let secret = MLDSASigningKey::new(case.secret[..].try_into().unwrap());
                let made = ml_dsa_44::sign_internal(&secret, &case.message, [0; 32]).unwrap();
                (case.key.clone(), made.as_slice().to_vec())
            }
        };
        assert!(made == (case.key, case.signature), "{}", case.scheme);
    }
}

fn rust_crypto<P: MlDsaParams>(case: &Case) -> (Vec<u8>, Vec<u8>) {
    let key = SigningKey::<P>::from_seed(&seed(case).into());
    let signature = key.expanded_key().sign_deterministic(&case.message, &[]).unwrap();
    (key.expanded_key().verifying_key().encode().to_vec(), signature.encode().to_vec())
}

fn fips204_44(case: &Case) -> (Vec<u8>, Vec<u8>) {
    let (public, secret) = fips204::ml_dsa_44::KG::keygen_from_seed(&seed(case));
    let signature = secret.try_sign_with_seed(&[0; 32], &case.message, &[]).unwrap();
    (public.into_bytes().to_vec(), signature.to_vec())
}

fn fips204_65(case: &Case) -> (Vec<u8>, Vec<u8>) {
    let (public, secret) = fips204::ml_dsa_65::KG::keygen_from_seed(&seed(case));
    let signature = secret.try_sign_with_seed(&[0; 32], &case.message, &[]).unwrap();
    (public.into_bytes().to_vec(), signature.to_vec())
}

#[test]
fn hedged_signatures_of_others_are_accepted() {
    let signing = [(Scheme::MlDsa44, &ML_DSA_44_SIGNING), (Scheme::MlDsa65, &ML_DSA_65_SIGNING)];
    for (scheme, algorithm) in signing {
        let key = DeviceKey::from_seed(scheme, &[9; 32]).unwrap();
        let jury = Jury::of(key.public_key());
        let hedged = PqdsaKeyPair::from_seed(algorithm, &[9; 32]).unwrap();
        let mut bytes = vec![0; scheme.signature_bytes()];
        for message in 0_u8..16 {
            hedged.sign(&[message], &mut bytes).unwrap();
            assert!(jury.accepts(&[message], &signature(scheme, &bytes)));
            assert!(bytes != *key.sign(&[message]).unwrap().as_bytes(), "aws-lc-rs is hedged");
        }
    }
}
