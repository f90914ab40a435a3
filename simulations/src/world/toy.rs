//! Signatures that cost nothing: a keyed digest in the place of ML-DSA-44, with its sizes.
//!
//! Whoever does not call [`ToyKey::sign`] cannot make one, so forgeries fail as they must. Nothing
//! outside a simulation takes them.

use bytes::Bytes;
use weft_core::{
    digest::{Domain, Hasher},
    keys::{KeyError, PublicKey, Scheme, Sign, Signature, SignatureError, Verify},
};

const SCHEME: Scheme = Scheme::MlDsa44;

/// What makes a digest a signature.
const SECRET: &[u8] = b"known to nobody but this file";

/// A key that signs at no cost.
#[derive(Clone, Debug)]
pub struct ToyKey {
    public: PublicKey,
}

impl ToyKey {
    /// The key that `seed` makes.
    ///
    /// # Panics
    /// Never: the length is that of the scheme.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let bytes = padded(seed, SCHEME.public_key_bytes());
        Self { public: PublicKey::new(SCHEME, bytes).expect("padded to the scheme's length") }
    }
}

impl Sign for ToyKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, KeyError> {
        Signature::new(SCHEME, expected(&self.public, message))
    }
}

/// Checks what [`ToyKey`] signs.
#[derive(Clone, Copy, Debug, Default)]
pub struct ToyVerifier;

impl Verify for ToyVerifier {
    fn verify(
        &self,
        key: &PublicKey,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        if *signature.as_bytes() == expected(key, message) {
            Ok(())
        } else {
            Err(SignatureError::Invalid { scheme: SCHEME })
        }
    }
}

fn expected(key: &PublicKey, message: &[u8]) -> Bytes {
    let digest = Hasher::new(Domain::Content)
        .chain(SECRET)
        .chain(key.id().as_bytes())
        .chain(message)
        .finish();
    padded(&digest, SCHEME.signature_bytes())
}

fn padded(start: &[u8; 32], length: usize) -> Bytes {
    let mut bytes = vec![0; length];
    for (byte, value) in bytes.iter_mut().zip(start) {
        *byte = *value;
    }
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_its_own_and_refuses_all_else() {
        let (key, other) = (ToyKey::from_seed(&[1; 32]), ToyKey::from_seed(&[2; 32]));
        let good = key.sign(b"message").unwrap();
        let verify = |key: &ToyKey, message: &[u8], signature: &Signature| {
            ToyVerifier.verify(key.public_key(), message, signature).is_ok()
        };
        assert!(verify(&key, b"message", &good));
        assert!(!verify(&other, b"message", &good));
        assert!(!verify(&key, b"massage", &good));
        for at in [0, 31, 32, 2_419] {
            let mut bytes = good.as_bytes().to_vec();
            bytes[at] ^= 1;
            let forged = Signature::new(SCHEME, bytes.into()).unwrap();
            assert!(!verify(&key, b"message", &forged), "byte {at}");
        }
    }
}
