//! What must hold of any bytes at all, as plain functions: a fuzzer calls them, and the tests call
//! them over a small corpus. Each panics if it does not hold.
//!
//! Left out on purpose: the machine. It never sees bytes; the simulator feeds it.

use alloc::string::ToString as _;

use bytes::Bytes;

use crate::{
    address::{Address, NetworkKind},
    admit::{Candidate, Rules, reattached},
    codec::{Decode, Encode as _},
    commit::{Certificate, CommitRecord},
    committee::Committee,
    genesis::Genesis,
    keys::{DeviceVerifier, PublicKey, Scheme},
    market::{
        batch::{CHUNK_BYTES_MAX, Chunk, SealedBatch},
        terms::Unit,
    },
    message::Message,
    object::Object,
    outcome::Outcome,
    params::{FRAME_BYTES_MAX, LEAVES_MAX, Params, TRANSACTION_BYTES_MAX},
    proof::Proof,
    trie::TrieProof,
    tx::{Attachment, Claim, SealedBody, Transaction},
};

/// What decodes as `T` encodes to the very same bytes.
fn round_trip<T: Decode + crate::codec::Encode>(data: &[u8]) {
    if let Ok(value) = T::from_bytes(data) {
        assert_eq!(value.to_bytes(), data, "one value, one byte string");
    }
}

/// A transaction: decoding never panics, and what decodes encodes to the very same bytes. Its parts
/// lie where they are said to lie.
pub fn transaction_round_trip(data: &[u8]) {
    round_trip::<Transaction>(data);
    if let Ok(tx) = Transaction::from_bytes(data) {
        let (attachment, sealed) = data.split_at(Attachment::BYTES);
        assert_eq!(tx.attachment.to_bytes(), attachment);
        let sealed = SealedBody::from_bytes(sealed).expect("a transaction ends in a sealed body");
        assert_eq!(sealed.body.id(), tx.body_id());
        assert_eq!(tx.id(), tx.attachment.id(&sealed.body.id()));
    }
}

/// A message, as [`transaction_round_trip`]; and it fits a frame.
pub fn message_round_trip(data: &[u8]) {
    round_trip::<Message>(data);
    if let Ok(message) = Message::from_bytes(data) {
        assert!(data.len() <= FRAME_BYTES_MAX, "{} of {} bytes", message.name(), data.len());
    }
}

/// A key, as [`transaction_round_trip`].
pub fn key_round_trip(data: &[u8]) {
    round_trip::<PublicKey>(data);
}

/// The parameters of a genesis, as [`transaction_round_trip`]. What decodes passes its own check.
pub fn params_round_trip(data: &[u8]) {
    round_trip::<Params>(data);
    if let Ok(params) = Params::from_bytes(data) {
        assert_eq!(params.check(), Ok(()));
    }
}

/// A commit record, as [`transaction_round_trip`]; it keeps its limit.
pub fn record_round_trip(data: &[u8]) {
    round_trip::<CommitRecord>(data);
    if let Ok(record) = CommitRecord::from_bytes(data) {
        assert!(record.leaves as usize <= LEAVES_MAX && record.reference().index == record.index);
    }
}

/// A certificate, as [`transaction_round_trip`]; no committee that did not sign it believes it.
pub fn certificate_round_trip(data: &[u8]) {
    round_trip::<Certificate>(data);
    if let Ok(certificate) = Certificate::from_bytes(data) {
        let verdict = certificate.verify(&strangers(), genesis().network(), &DeviceVerifier);
        assert!(verdict.is_err(), "nobody has signed with this key");
    }
}

/// A proof, as [`certificate_round_trip`].
pub fn proof_round_trip(data: &[u8]) {
    round_trip::<Proof>(data);
    if let Ok(proof) = Proof::from_bytes(data) {
        let verdict = proof.verify(&strangers(), genesis().network(), &DeviceVerifier, None);
        assert!(verdict.is_err(), "nobody has signed with this key");
    }
}

/// A committee whose key nobody has the secret of.
fn strangers() -> Committee {
    let bytes = Bytes::from_static(&[7; 1_312]);
    let key = PublicKey::new(Scheme::MlDsa44, bytes).expect("the length of the scheme");
    Committee::of([key]).expect("a committee of one")
}

/// What a snapshot or a proof brings of the ledger, as [`transaction_round_trip`].
pub fn ledger_round_trip(data: &[u8]) {
    round_trip::<Object>(data);
    round_trip::<Outcome>(data);
    round_trip::<TrieProof>(data);
}

/// What a seller seals, as [`transaction_round_trip`]; it keeps its limits, and always costs something.
pub fn market_round_trip(data: &[u8]) {
    round_trip::<Chunk>(data);
    round_trip::<Claim>(data);
    round_trip::<SealedBatch>(data);
    if let Ok(chunk) = Chunk::from_bytes(data) {
        assert!(data.len() <= CHUNK_BYTES_MAX && !chunk.readings().is_empty());
    }
    if let Ok(batch) = SealedBatch::from_bytes(data) {
        assert!(Unit::ALL.iter().all(|unit| unit.ticks(&batch, data.len()) > 0));
    }
}

/// An address: what parses is shown as the same text, but for the case of its letters.
pub fn address_round_trip(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    for kind in [NetworkKind::Public, NetworkKind::Test] {
        if let Ok(address) = Address::parse(text, kind) {
            assert_eq!(address.text(kind), text.to_lowercase());
        }
    }
}

/// The checks before the machine: no bytes make them panic, what passes is no longer than a
/// transaction, and its sealed body passes again where it hangs.
pub fn admit_never_panics(data: &[u8]) {
    let rules = Rules::new(&genesis());
    let Ok(candidate) = Candidate::parse(Bytes::copy_from_slice(data), &rules) else { return };
    assert!(data.len() <= TRANSACTION_BYTES_MAX);
    assert_eq!(candidate.bytes(), data);
    let tx = Transaction::from_bytes(data).expect("a candidate was decoded before");
    assert_eq!((candidate.id(), candidate.body_id()), (tx.id(), tx.body_id()));
    let (_, sealed) = data.split_at(Attachment::BYTES);
    let again = reattached(&tx.attachment, sealed, &rules).expect("it was checked just now");
    assert_eq!(again.id(), tx.id());
    if let Some(key) = candidate.own_key().cloned() {
        // Whether the signature is right is not for bytes to say; that it is decided, is.
        drop(candidate.verify(&key, &DeviceVerifier).map_err(|refusal| refusal.to_string()));
    }
}

/// A network that asks for no work, so that bytes can pass.
pub fn genesis() -> Genesis {
    Genesis::without_finality(
        "fuzz",
        Params { work_bits: 0, schemes: Scheme::ALL.into(), ..Params::dev() },
    )
}

/// What must hold of some bytes.
pub type Body = fn(&[u8]);

/// All of them, by name.
pub const BODIES: [(&str, Body); 11] = [
    ("transaction", transaction_round_trip),
    ("message", message_round_trip),
    ("key", key_round_trip),
    ("params", params_round_trip),
    ("record", record_round_trip),
    ("certificate", certificate_round_trip),
    ("proof", proof_round_trip),
    ("ledger", ledger_round_trip),
    ("market", market_round_trip),
    ("address", address_round_trip),
    ("admit", admit_never_panics),
];
