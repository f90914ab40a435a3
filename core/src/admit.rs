//! From bytes to [`Verified`]: the list of checks, cheapest first; the first failure ends it.
//!
//! ```text
//! length -> decode -> network and version -> scheme -> parents and anchor -> work ::parse
//!        -> (bytes or id seen before: the caller's filter) -> key known?
//!        -> signature, and a new key's own                                        ::verify
//! ```
//!
//! Invariant: a [`Verified`] passed all of them and keeps the bytes it came in, so that nobody
//! checks or encodes again. There is no other way to get one.
//!
//! Left out on purpose: anything that depends on the ledger, a clock or what this node has seen.
//! The verdict is the same on every node, forever.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::{
    codec::{Decode, DecodeError, Encode as _},
    digest::{BodyId, KeyId, TxId},
    genesis::Genesis,
    keys::{PublicKey, Scheme, SignatureError, Verify},
    params::{Params, TRANSACTION_BYTES_MAX},
    pow,
    tx::{Attachment, Body, CommitRef, KeyRotate, NetworkId, Payload, Transaction},
};

/// What admission on one network needs to know.
#[derive(Clone, Debug)]
pub struct Rules {
    network: NetworkId,
    genesis_commit: CommitRef,
    params: Params,
}

impl Rules {
    /// The rules of the network that starts from `genesis`.
    pub fn new(genesis: &Genesis) -> Self {
        Self {
            network: genesis.network(),
            genesis_commit: genesis.commit(),
            params: genesis.params.clone(),
        }
    }

    /// The network.
    pub const fn network(&self) -> NetworkId {
        self.network
    }

    /// Zero bits of work that `tx` must show.
    pub fn work_bits(&self, tx: &Transaction) -> u8 {
        let body = &tx.body;
        pow::required_bits(
            self.params.work_bits,
            body.payload.content_bytes(),
            body.sequence.registers(),
        )
    }
}

/// Why bytes are no transaction here. Always the fault of whoever sent them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Longer than any transaction.
    #[error("too long: at most {TRANSACTION_BYTES_MAX} bytes, actual {actual}")]
    TooLong {
        /// Length found, in bytes.
        actual: usize,
    },
    /// Not the canonical bytes of a transaction.
    #[error("malformed transaction: {0}")]
    Malformed(#[from] DecodeError),
    /// Meant for another network.
    #[error("of another network: expected {expected}, actual {actual}")]
    Network {
        /// This network.
        expected: NetworkId,
        /// The one in the body.
        actual: NetworkId,
    },
    /// A scheme that the genesis does not list.
    #[error("signature scheme {actual} is not admitted on this network")]
    Scheme {
        /// The scheme of the seal, or of the key to which a body rotates.
        actual: Scheme,
    },
    /// The anchor names a commit that cannot exist.
    #[error("anchored to an unknown commit: index {}, round {}", .actual.index, .actual.round)]
    Anchor {
        /// The anchor found.
        actual: CommitRef,
    },
    /// Not enough work for its size and kind.
    #[error("work too low: expected {expected} zero bits, actual {actual}")]
    Work {
        /// Zero bits required.
        expected: u8,
        /// Zero bits found.
        actual: u8,
    },
    /// The key in the seal is not the one the body names.
    #[error("the key in the seal has id {actual}, the body names {expected}")]
    Key {
        /// The id the body names.
        expected: KeyId,
        /// The id of the key that came along.
        actual: KeyId,
    },
    /// The signature is not one of the body's key over the body.
    #[error("bad seal: {0}")]
    Seal(#[from] SignatureError),
    /// A rotation to a key that did not sign it.
    #[error("the new key does not prove itself: {0}")]
    Proof(SignatureError),
}

/// A transaction that passed every check but the signature.
#[derive(Clone, Debug)]
pub struct Candidate {
    tx: Transaction,
    id: TxId,
    body_id: BodyId,
    bytes: Bytes,
}

impl Candidate {
    /// All checks that need no key.
    pub fn parse(bytes: Bytes, rules: &Rules) -> Result<Self, Refusal> {
        if bytes.len() > TRANSACTION_BYTES_MAX {
            return Err(Refusal::TooLong { actual: bytes.len() });
        }
        let tx = Transaction::from_shared(&bytes)?;
        for_this_network(&tx, rules)?;
        listed_scheme(&tx, rules)?;
        existing_anchor(&tx, rules)?;
        let body_id = tx.body_id();
        let id = tx.attachment.id(&body_id);
        enough_work(&tx, &id, rules)?;
        Ok(Self { tx, id, body_id, bytes })
    }

    /// Its id.
    pub const fn id(&self) -> TxId {
        self.id
    }

    /// The id of its body.
    pub const fn body_id(&self) -> BodyId {
        self.body_id
    }

    /// The id of the key that must have signed it.
    pub fn signing_key(&self) -> KeyId {
        self.tx.body.signing_key()
    }

    /// The key that came along, if it registers its account.
    pub const fn own_key(&self) -> Option<&PublicKey> {
        self.tx.seal.key.as_ref()
    }

    /// The bytes it came in.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The last checks. `key` is one whose id is [`Self::signing_key`].
    pub fn verify(self, key: &PublicKey, verify: &dyn Verify) -> Result<Verified, Refusal> {
        check_signatures(&self.tx, &self.body_id, key, verify)?;
        let Self { tx, id, body_id, bytes } = self;
        Ok(Verified { tx, id, body_id, bytes })
    }
}

fn for_this_network(tx: &Transaction, rules: &Rules) -> Result<(), Refusal> {
    let (expected, actual) = (rules.network, tx.body.network);
    if expected == actual { Ok(()) } else { Err(Refusal::Network { expected, actual }) }
}

/// Of the seal, and of the key to which the body rotates: nobody rotates to a key under which it
/// could say nothing.
fn listed_scheme(tx: &Transaction, rules: &Rules) -> Result<(), Refusal> {
    let listed = |scheme| rules.params.schemes.contains(&scheme);
    let next = tx.new_key().map_or(tx.seal.scheme(), PublicKey::scheme);
    match [tx.seal.scheme(), next].into_iter().find(|scheme| !listed(*scheme)) {
        None => Ok(()),
        Some(actual) => Err(Refusal::Scheme { actual }),
    }
}

/// Below the first commit there is only the genesis. Whether a later commit exists is not decided
/// here: a node behind cannot know it.
fn existing_anchor(tx: &Transaction, rules: &Rules) -> Result<(), Refusal> {
    let (actual, genesis) = (tx.attachment.anchor, rules.genesis_commit);
    let later = actual.index > genesis.index && actual.round > genesis.round;
    if later || actual == genesis { Ok(()) } else { Err(Refusal::Anchor { actual }) }
}

fn enough_work(tx: &Transaction, id: &TxId, rules: &Rules) -> Result<(), Refusal> {
    let (expected, actual) = (rules.work_bits(tx), pow::trailing_zero_bits(id));
    if actual >= expected { Ok(()) } else { Err(Refusal::Work { expected, actual }) }
}

/// What only keys can tell: `key` is the one that the body names and sealed it, and a key to which
/// it rotates proves itself. For those who hold a sealed body without work; all others have
/// [`Candidate::verify`].
pub fn check_signatures(
    tx: &Transaction,
    body_id: &BodyId,
    key: &PublicKey,
    verify: &dyn Verify,
) -> Result<(), Refusal> {
    let (expected, actual) = (tx.body.signing_key(), key.id());
    if expected != actual {
        return Err(Refusal::Key { expected, actual });
    }
    verify.verify(key, body_id.as_bytes(), &tx.seal.signature)?;
    proven_rotation(&tx.body, verify)
}

fn proven_rotation(body: &Body, verify: &dyn Verify) -> Result<(), Refusal> {
    let Payload::KeyRotate(KeyRotate { key, proof }) = &body.payload else { return Ok(()) };
    let message = KeyRotate::message(body.network, &body.issuer, body.sequence, &key.id());
    verify.verify(key, &message, proof).map_err(Refusal::Proof)
}

/// A transaction that passed every stateless check. [`Candidate::verify`] and [`reattached`] are
/// the only ways to get one. Keeps the bytes it came in. Cheap to clone but for the parsed fields.
#[derive(Clone, Debug)]
pub struct Verified {
    tx: Transaction,
    id: TxId,
    body_id: BodyId,
    bytes: Bytes,
}

impl Verified {
    /// The transaction.
    pub const fn transaction(&self) -> &Transaction {
        &self.tx
    }

    /// Its id.
    pub const fn id(&self) -> TxId {
        self.id
    }

    /// The id of its body.
    pub const fn body_id(&self) -> BodyId {
        self.body_id
    }

    /// All its bytes.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes of its body and seal: what is stored once per body.
    pub fn sealed_body(&self) -> Bytes {
        self.bytes.slice(Attachment::BYTES..)
    }
}

/// A further attachment of a body whose seal this node checked before: everything but the
/// signature is checked.
///
/// `sealed_body` must come from this node's own store, which holds nothing unverified.
pub fn reattached(
    attachment: &Attachment,
    sealed_body: &[u8],
    rules: &Rules,
) -> Result<Verified, Refusal> {
    let mut bytes = Vec::with_capacity(Attachment::BYTES + sealed_body.len());
    attachment.encode(&mut bytes);
    bytes.extend_from_slice(sealed_body);
    let Candidate { tx, id, body_id, bytes } = Candidate::parse(bytes.into(), rules)?;
    Ok(Verified { tx, id, body_id, bytes })
}

/// All checks in one call, for those who have the key at hand: the one in the seal, or `known`.
/// `Ok(None)` means that the key is not known.
pub fn admit(
    bytes: Bytes,
    rules: &Rules,
    known: impl FnOnce(KeyId) -> Option<PublicKey>,
    verify: &dyn Verify,
) -> Result<Option<Verified>, Refusal> {
    let candidate = Candidate::parse(bytes, rules)?;
    let key = candidate.own_key().cloned().or_else(|| known(candidate.signing_key()));
    key.map(|key| candidate.verify(&key, verify)).transpose()
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::{
        address::Address,
        keys::{DeviceKey, DeviceVerifier, Sign as _, Signature},
        time::Time,
        tx::{ContentType, Data, Seal, SealedBody, StreamName},
        units::Sequence,
    };

    fn genesis() -> Genesis {
        let schemes = vec![Scheme::MlDsa44];
        Genesis::without_finality("t", Params { work_bits: 0, schemes, ..Params::dev() })
    }

    fn key(seed: u8) -> DeviceKey {
        DeviceKey::from_seed(Scheme::MlDsa44, &[seed; 32]).unwrap()
    }

    /// What becomes of a rotation, sealed by the account's first key, with sequence `sequence`.
    fn admitted(sequence: u64, rotation: KeyRotate) -> Result<(), Refusal> {
        let genesis = genesis();
        let body = Body {
            network: genesis.network(),
            issuer: Address::of(key(1).public_key().id()),
            signer: None,
            sequence: Sequence(sequence),
            time: Time::ZERO,
            expires: Time::ZERO,
            beacon: CommitRef::NONE,
            payload: Payload::KeyRotate(rotation),
        };
        let seal = Seal::new(&body, &key(1)).unwrap();
        let tx =
            SealedBody { body, seal }.attach(Attachment::new([TxId::ZERO; 2], genesis.commit()));
        let known = |_| Some(key(1).public_key().clone());
        let bytes = tx.to_bytes().into();
        let admitted = admit(bytes, &Rules::new(&genesis), known, &DeviceVerifier)?;
        assert_eq!(admitted.unwrap().transaction().new_key(), tx.new_key());
        Ok(())
    }

    fn rotation(sequence: u64) -> KeyRotate {
        let issuer = Address::of(key(1).public_key().id());
        KeyRotate::new(genesis().network(), &issuer, Sequence(sequence), &key(2)).unwrap()
    }

    #[test]
    fn a_rotation_is_proved_by_its_new_key_at_its_own_place() {
        assert_eq!(admitted(5, rotation(5)), Ok(()));
        let invalid = SignatureError::Invalid { scheme: Scheme::MlDsa44 };
        assert_eq!(admitted(5, rotation(6)), Err(Refusal::Proof(invalid)));
        let stolen = KeyRotate { key: key(3).public_key().clone(), ..rotation(5) };
        assert_eq!(admitted(5, stolen), Err(Refusal::Proof(invalid)));
    }

    #[test]
    fn a_rotation_to_a_scheme_that_is_not_listed_is_refused() {
        let actual = Scheme::MlDsa65;
        let filled = |length| Bytes::from(vec![0; length]);
        let key = PublicKey::new(actual, filled(actual.public_key_bytes())).unwrap();
        let proof = Signature::new(actual, filled(actual.signature_bytes())).unwrap();
        let refused = admitted(5, KeyRotate { key, proof });
        assert_eq!(refused, Err(Refusal::Scheme { actual }));
    }

    /// Else each live transaction would lie in memory twice.
    #[test]
    fn what_is_parsed_shares_the_bytes_it_came_in() {
        let genesis = genesis();
        let data = Data {
            stream: StreamName::parse("s").unwrap(),
            content_type: ContentType::TEXT,
            bytes: Bytes::from_static(b"21.5"),
        };
        let body = Body {
            network: genesis.network(),
            issuer: Address::of(key(1).public_key().id()),
            signer: None,
            sequence: Sequence(1),
            time: Time::ZERO,
            expires: Time::ZERO,
            beacon: CommitRef::NONE,
            payload: Payload::Data(data),
        };
        let seal = Seal::new(&body, &key(1)).unwrap();
        let tx =
            SealedBody { body, seal }.attach(Attachment::new([TxId::ZERO; 2], genesis.commit()));
        let candidate = Candidate::parse(tx.to_bytes().into(), &Rules::new(&genesis)).unwrap();
        let all = candidate.bytes().as_ptr_range();
        let Payload::Data(data) = &candidate.tx.body.payload else { panic!("it was a reading") };
        assert!(all.contains(&data.bytes.as_ptr()));
        assert!(all.contains(&candidate.tx.seal.signature.as_bytes().as_ptr()));
    }

    #[test]
    fn the_first_body_is_no_rotation() {
        assert!(matches!(admitted(0, rotation(0)), Err(Refusal::Malformed(_))));
    }
}
