//! Key rotations: the account stays where it is and signs with another key from now on.
//!
//! The new key signs too. Without that an issuer could bind itself to a key it does not hold, or
//! that somebody else uses. The proof is over the place of the rotation, so it proves nothing
//! anywhere else. [`admit`](crate::admit) checks it; the ledger puts the key in force.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::{
    address::Address,
    codec::{Decode, DecodeError, Encode, Reader},
    digest::{Domain, Hasher, KeyId},
    keys::{KeyError, PublicKey, Sign, Signature},
    tx::NetworkId,
    units::Sequence,
};

/// The account's next key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRotate {
    /// The key that signs from now on.
    pub key: PublicKey,
    /// Its signature over [`Self::message`]. Of the key's scheme.
    pub proof: Signature,
}

impl KeyRotate {
    /// The rotation of `issuer` to `key` in the body with this `sequence`.
    pub fn new(
        network: NetworkId,
        issuer: &Address,
        sequence: Sequence,
        key: &dyn Sign,
    ) -> Result<Self, KeyError> {
        let message = Self::message(network, issuer, sequence, &key.public_key().id());
        Ok(Self { key: key.public_key().clone(), proof: key.sign(&message)? })
    }

    /// What the new key signs: `H("weft.rot", network | issuer | sequence | new key's id)`.
    pub fn message(
        network: NetworkId,
        issuer: &Address,
        sequence: Sequence,
        key: &KeyId,
    ) -> [u8; 32] {
        Hasher::new(Domain::Rotation)
            .chain(&network.0)
            .chain(&issuer.to_bytes())
            .chain(&sequence.to_bytes())
            .chain(key.as_bytes())
            .finish()
    }
}

impl Encode for KeyRotate {
    fn encode(&self, out: &mut Vec<u8>) {
        self.key.encode(out);
        out.extend_from_slice(self.proof.as_bytes());
    }
}

impl Decode for KeyRotate {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let key = PublicKey::decode(reader)?;
        let proof = reader.take("proof", key.scheme().signature_bytes())?;
        let proof = Signature::new(key.scheme(), Bytes::copy_from_slice(proof))
            .expect("as many bytes were taken as its scheme has");
        Ok(Self { key, proof })
    }
}
