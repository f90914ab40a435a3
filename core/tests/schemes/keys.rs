//! Keys of one scheme never pass for another, and broken keys are refused with a reason.

use weft_core::keys::{
    DeviceKey, DeviceVerifier, Dilithium2Key, HostKey, HostVerifier, KeyError, Scheme, Sign,
    Signature, SignatureError, Verify,
};

use crate::libraries::{Jury, all_accept, public_key, signature};

const MESSAGE: &[u8] = b"Schemes 1 and 3 have the same sizes.";

fn one_of_each() -> [Box<dyn Sign>; 3] {
    [
        Box::new(DeviceKey::from_seed(Scheme::MlDsa44, &[1; 32]).unwrap()),
        Box::new(HostKey::from_seed(Scheme::MlDsa65, &[2; 32]).unwrap()),
        Box::new(Dilithium2Key::generate()),
    ]
}

#[test]
fn a_signature_of_another_scheme_is_an_error_that_says_so() {
    for signer in one_of_each() {
        let key = signer.public_key();
        for other in one_of_each() {
            let made = other.sign(MESSAGE).unwrap();
            if made.scheme() == key.scheme() {
                continue;
            }
            let expected =
                SignatureError::SchemeMismatch { key: key.scheme(), signature: made.scheme() };
            assert_eq!(DeviceVerifier.verify(key, MESSAGE, &made), Err(expected));
            assert_eq!(HostVerifier.verify(key, MESSAGE, &made), Err(expected));
        }
    }
    let error =
        SignatureError::SchemeMismatch { key: Scheme::MlDsa44, signature: Scheme::Dilithium2 };
    assert_eq!(
        error.to_string(),
        "signature is of scheme dilithium2, but the key is of scheme ml-dsa-44"
    );
}

#[test]
fn a_wrong_tag_makes_no_other_signature_valid() {
    let [ml_dsa, _, dilithium] = one_of_each();
    for (signer, wrong) in [(ml_dsa, Scheme::Dilithium2), (dilithium, Scheme::MlDsa44)] {
        let key = signer.public_key();
        let made = signer.sign(MESSAGE).unwrap();
        assert!(Jury::of(key).accepts(MESSAGE, &made));
        assert!(!all_accept(wrong, key.as_bytes(), MESSAGE, made.as_bytes()), "as {wrong}");
    }
}

#[test]
fn signatures_are_deterministic() {
    for signer in one_of_each() {
        assert_eq!(signer.sign(MESSAGE), signer.sign(MESSAGE));
        assert_ne!(signer.sign(MESSAGE), signer.sign(b"another message"));
    }
}

#[test]
fn other_lengths_are_refused() {
    for scheme in Scheme::ALL {
        let right = scheme.signature_bytes();
        for actual in [0, 1, right - 1, right + 1] {
            let expected = KeyError::Length { what: "signature", scheme, expected: right, actual };
            assert_eq!(Signature::new(scheme, vec![0; actual].into()), Err(expected));
        }
    }
}

#[test]
fn scheme_3_has_no_seeds() {
    let seed = [0; 32];
    for error in [
        DeviceKey::from_seed(Scheme::Dilithium2, &seed).unwrap_err(),
        HostKey::from_seed(Scheme::Dilithium2, &seed).unwrap_err(),
    ] {
        assert!(matches!(error, KeyError::Unsupported { scheme: Scheme::Dilithium2, .. }));
    }
}

#[test]
fn a_stored_key_comes_back_whole_or_not_at_all() {
    let key = Dilithium2Key::generate();
    let stored = key.to_stored();
    assert_eq!(stored.len(), Dilithium2Key::STORED_BYTES);
    let back = Dilithium2Key::from_stored(&stored).unwrap();
    assert_eq!(back.public_key(), key.public_key());
    assert_eq!(back.sign(MESSAGE), key.sign(MESSAGE));

    for actual in [0, 1_312, stored.len() - 1, stored.len() + 1] {
        let mut bytes = stored.to_vec();
        bytes.resize(actual, 0);
        let expected = KeyError::Length {
            what: "stored key",
            scheme: Scheme::Dilithium2,
            expected: stored.len(),
            actual,
        };
        assert_eq!(Dilithium2Key::from_stored(&bytes).unwrap_err(), expected);
    }
    let other = Dilithium2Key::generate().to_stored();
    let mixed = [&stored[..1_312], &other[1_312..]].concat();
    let expected = KeyError::Inconsistent { scheme: Scheme::Dilithium2 };
    assert_eq!(Dilithium2Key::from_stored(&mixed).unwrap_err(), expected);
}

#[test]
fn secrets_are_not_printed() {
    for signer in [
        format!("{:?}", DeviceKey::from_seed(Scheme::MlDsa44, &[1; 32]).unwrap()),
        format!("{:?}", HostKey::from_seed(Scheme::MlDsa65, &[1; 32]).unwrap()),
        format!("{:?}", Dilithium2Key::generate()),
    ] {
        assert!(signer.contains("KeyId(") && signer.len() < 100, "{signer}");
    }
}

#[test]
fn any_bytes_are_a_key_that_accepts_nothing() {
    for scheme in Scheme::ALL {
        for byte in [0, 0xff] {
            let key = vec![byte; scheme.public_key_bytes()];
            let jury = Jury::of(&public_key(scheme, &key));
            for byte in [0, 1, 0x80, 0xff] {
                let bytes = vec![byte; scheme.signature_bytes()];
                assert!(!jury.accepts(MESSAGE, &signature(scheme, &bytes)));
            }
        }
    }
}
