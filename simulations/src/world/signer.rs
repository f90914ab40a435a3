//! Who signs what: the toy for large runs, ML-DSA-44 itself for those that are to show that nothing
//! rests on the toy.
//!
//! Both have the sizes of ML-DSA-44 (FIPS 204 table 2), so the bytes of a run are as many. The true
//! ones are made and checked by the pure library of `weft-core`, the one that devices link.

use std::sync::Arc;

use weft_core::keys::{
    self, DeviceKey, DeviceVerifier, KeyError, PublicKey, Sign, Signature, SignatureError, Verify,
};

use crate::world::toy::{ToyKey, ToyVerifier};

/// What signatures of a world are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// Keyed digests, at no cost.
    #[default]
    Toy,
    /// ML-DSA-44: some 100 microseconds to check, several times that to sign.
    MlDsa44,
}

impl Scheme {
    /// The key that `seed` makes.
    ///
    /// # Panics
    /// Never: keys of this scheme are made from any seed.
    pub fn key(self, seed: &[u8; 32]) -> Key {
        match self {
            Self::Toy => Key::Toy(ToyKey::from_seed(seed)),
            Self::MlDsa44 => {
                let key = DeviceKey::from_seed(keys::Scheme::MlDsa44, seed);
                Key::MlDsa44(Arc::new(key.expect("ML-DSA keys are made from any seed")))
            }
        }
    }

    /// Checks what such keys sign.
    pub const fn verifier(self) -> Verifier {
        match self {
            Self::Toy => Verifier::Toy(ToyVerifier),
            Self::MlDsa44 => Verifier::MlDsa44(DeviceVerifier),
        }
    }
}

/// A key of either kind.
#[derive(Clone, Debug)]
pub enum Key {
    /// Of the toy.
    Toy(ToyKey),
    /// Of ML-DSA-44.
    MlDsa44(Arc<DeviceKey>),
}

impl From<ToyKey> for Key {
    fn from(key: ToyKey) -> Self {
        Self::Toy(key)
    }
}

impl Sign for Key {
    fn public_key(&self) -> &PublicKey {
        match self {
            Self::Toy(key) => key.public_key(),
            Self::MlDsa44(key) => key.public_key(),
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, KeyError> {
        match self {
            Self::Toy(key) => key.sign(message),
            Self::MlDsa44(key) => key.sign(message),
        }
    }
}

/// Checks signatures of either kind.
#[derive(Clone, Copy, Debug)]
pub enum Verifier {
    /// Of the toy.
    Toy(ToyVerifier),
    /// Of ML-DSA-44.
    MlDsa44(DeviceVerifier),
}

impl Verify for Verifier {
    fn verify(
        &self,
        key: &PublicKey,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        match self {
            Self::Toy(toy) => toy.verify(key, message, signature),
            Self::MlDsa44(device) => device.verify(key, message, signature),
        }
    }
}
