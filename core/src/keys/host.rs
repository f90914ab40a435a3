//! Keys and signatures by fast libraries: what a node links.
//!
//! Schemes 1 and 2 are checked by `aws-lc-rs`, scheme 3 by the library it comes from
//! ([`dilithium2`]). Needs std and a C compiler.
//!
//! Invariant: the verdict is that of `DeviceVerifier`, on every machine.
//!
//! Left out on purpose: signing by `aws-lc-rs`. It draws randomness for each signature (FIPS 204
//! section 3.4, "hedged") and takes none from outside; ours are deterministic, so that a replayed
//! run is the same run. [`HostKey`] signs like a device and lets `aws-lc-rs` check.

use aws_lc_rs::signature::{
    KeyPair as _, ML_DSA_44, ML_DSA_44_SIGNING, ML_DSA_65, ML_DSA_65_SIGNING, PqdsaKeyPair,
    PqdsaVerificationAlgorithm, UnparsedPublicKey,
};

use super::{
    DeviceKey, KeyError, PublicKey, Scheme, Sign, Signature, SignatureError, Verify, dilithium2,
    same_scheme,
};

/// Checks signatures of all three schemes with the libraries of a node.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostVerifier;

impl Verify for HostVerifier {
    fn verify(
        &self,
        key: &PublicKey,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        let scheme = same_scheme(key, signature)?;
        let valid = match scheme {
            Scheme::MlDsa44 => ml_dsa(&ML_DSA_44, key, message, signature),
            Scheme::MlDsa65 => ml_dsa(&ML_DSA_65, key, message, signature),
            Scheme::Dilithium2 => dilithium2::verify(&key.bytes, message, &signature.bytes),
        };
        if valid { Ok(()) } else { Err(SignatureError::Invalid { scheme }) }
    }
}

fn ml_dsa(
    algorithm: &'static PqdsaVerificationAlgorithm,
    key: &PublicKey,
    message: &[u8],
    signature: &Signature,
) -> bool {
    UnparsedPublicKey::new(algorithm, &key.bytes).verify(message, &signature.bytes).is_ok()
}

/// A key of scheme 1 or 2 for a machine whose word others build on: a validator, a node.
///
/// Two libraries must agree before anything leaves it: on the public key when it is made, and on
/// each signature. Deterministic signatures need that: one computed twice, once with a fault, gives
/// the key away. The check costs a quarter of the signature. Wiped when dropped.
#[derive(Debug)]
pub struct HostKey(DeviceKey);

impl HostKey {
    /// The key of `scheme` that `seed` makes (FIPS 204 Algorithm 6). Whoever has the seed has the
    /// key. Scheme 3 is refused, as in [`DeviceKey::from_seed`].
    pub fn from_seed(scheme: Scheme, seed: &[u8; Scheme::SEED_BYTES]) -> Result<Self, KeyError> {
        let key = DeviceKey::from_seed(scheme, seed)?;
        let algorithm = match scheme {
            Scheme::MlDsa65 => &ML_DSA_65_SIGNING,
            Scheme::MlDsa44 | Scheme::Dilithium2 => &ML_DSA_44_SIGNING,
        };
        let second = PqdsaKeyPair::from_seed(algorithm, seed)
            .map_err(|_| KeyError::Inconsistent { scheme })?;
        if second.public_key().as_ref() != key.public_key().bytes {
            return Err(KeyError::Inconsistent { scheme });
        }
        Ok(Self(key))
    }
}

impl Sign for HostKey {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, KeyError> {
        let signature = self.0.sign(message)?;
        let key = self.public_key();
        match HostVerifier.verify(key, message, &signature) {
            Ok(()) => Ok(signature),
            Err(_) => Err(KeyError::Inconsistent { scheme: key.scheme }),
        }
    }
}
