//! Every library behind one face.

use bytes::Bytes;
use fips204::traits::{SerDes as _, Verifier as _};
use ml_dsa::{EncodedVerifyingKey, MlDsa44, MlDsa65, MlDsaParams, VerifyingKey};
use weft_core::keys::{DeviceVerifier, HostVerifier, PublicKey, Scheme, Signature, Verify};

type Accepts = Box<dyn Fn(&[u8], &Signature) -> bool + Send + Sync>;

/// The verifiers of one key, each with its name.
pub(crate) struct Jury(Vec<(&'static str, Accepts)>);

impl Jury {
    /// All libraries that know the scheme of `key`: four, and three for scheme 3.
    pub(crate) fn of(key: &PublicKey) -> Self {
        let mut members = vec![
            ("DeviceVerifier", ours(DeviceVerifier, key)),
            ("HostVerifier", ours(HostVerifier, key)),
        ];
        match key.scheme() {
            Scheme::MlDsa44 => {
                members.push(("ml-dsa", rust_crypto::<MlDsa44>(key, false)));
                members.push(("fips204", fips204_44(key)));
            }
            Scheme::MlDsa65 => {
                members.push(("ml-dsa", rust_crypto::<MlDsa65>(key, false)));
                members.push(("fips204", fips204_65(key)));
            }
            Scheme::Dilithium2 => members.push(("ml-dsa", rust_crypto::<MlDsa44>(key, true))),
        }
        Self(members)
    }

    /// The one verdict of all. Panics if they differ.
    pub(crate) fn accepts(&self, message: &[u8], signature: &Signature) -> bool {
        let verdict =
            |(name, accepts): &(&'static str, Accepts)| (*name, accepts(message, signature));
        let verdicts: Vec<_> = self.0.iter().map(verdict).collect();
        let first = verdicts[0].1;
        assert!(
            verdicts.iter().all(|(_, verdict)| *verdict == first),
            "{verdicts:?} on message {} and {} signature {}",
            hex(message),
            signature.scheme(),
            hex(signature.as_bytes()),
        );
        first
    }
}

/// The one verdict of all libraries on bytes. Panics if they differ.
pub(crate) fn all_accept(scheme: Scheme, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    Jury::of(&public_key(scheme, key)).accepts(message, &self::signature(scheme, signature))
}

pub(crate) fn public_key(scheme: Scheme, bytes: &[u8]) -> PublicKey {
    PublicKey::new(scheme, Bytes::copy_from_slice(bytes)).unwrap()
}

pub(crate) fn signature(scheme: Scheme, bytes: &[u8]) -> Signature {
    Signature::new(scheme, Bytes::copy_from_slice(bytes)).unwrap()
}

fn ours(verifier: impl Verify + 'static, key: &PublicKey) -> Accepts {
    let key = key.clone();
    Box::new(move |message, signature| verifier.verify(&key, message, signature).is_ok())
}

fn rust_crypto<P: MlDsaParams + 'static>(key: &PublicKey, bare: bool) -> Accepts {
    let encoded = EncodedVerifyingKey::<P>::try_from(key.as_bytes().as_ref()).unwrap();
    let key = VerifyingKey::<P>::decode(&encoded);
    Box::new(move |message, signature| {
        ml_dsa::Signature::try_from(signature.as_bytes().as_ref()).is_ok_and(|signature| {
            if bare {
                key.verify_internal(message, &signature)
            } else {
                key.verify_with_context(message, &[], &signature)
            }
        })
    })
}

fn fips204_44(key: &PublicKey) -> Accepts {
    let bytes = key.as_bytes().as_ref().try_into().unwrap();
    let key = fips204::ml_dsa_44::PublicKey::try_from_bytes(bytes).unwrap();
    Box::new(move |message, signature| {
        key.verify(message, &signature.as_bytes().as_ref().try_into().unwrap(), &[])
    })
}

fn fips204_65(key: &PublicKey) -> Accepts {
    let bytes = key.as_bytes().as_ref().try_into().unwrap();
    let key = fips204::ml_dsa_65::PublicKey::try_from_bytes(bytes).unwrap();
    Box::new(move |message, signature| {
        key.verify(message, &signature.as_bytes().as_ref().try_into().unwrap(), &[])
    })
}

/// Lower case; a dash for nothing, so that columns stay columns.
pub(crate) fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".into();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    if text == "-" {
        return Vec::new();
    }
    let digit = |digit: u8| char::from(digit).to_digit(16).unwrap() as u8;
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    assert!(rest.is_empty(), "an odd number of digits");
    pairs.iter().map(|[high, low]| digit(*high) << 4 | digit(*low)).collect()
}
