//! Those who post: each has a key, makes one body after the other and has a node attach it.
//!
//! A body that was not acknowledged in time is attached anew, as a client does, until it is.

use bytes::Bytes;
use weft_core::{
    address::Address,
    admit::Rules,
    codec::Encode as _,
    digest::TxId,
    keys::Sign as _,
    pow::Search,
    time::Time,
    tx::{
        Attachment, Body, CommitRef, ContentType, Data, NetworkId, Payload, Seal, SealedBody,
        StreamName, Transaction, choose_parents,
    },
    units::Sequence,
};

use crate::{
    kernel::random::Dice,
    world::{signer::Key, toy::ToyKey},
};

/// One account and the bodies it makes.
#[derive(Clone, Debug)]
pub struct Device {
    key: Key,
    address: Address,
    network: NetworkId,
    next: Sequence,
}

impl Device {
    /// The device whose toy key `seed` makes.
    pub fn new(seed: &[u8; 32], network: NetworkId) -> Self {
        Self::of(ToyKey::from_seed(seed), network)
    }

    /// The device with this key.
    pub fn of(key: impl Into<Key>, network: NetworkId) -> Self {
        let key = key.into();
        let address = Address::of(key.public_key().id());
        Self { key, address, network, next: Sequence::ZERO }
    }

    /// Its account.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Signs with `key` from now on.
    pub fn sign_with(&mut self, key: impl Into<Key>) {
        self.key = key.into();
    }

    /// Takes the next sequence.
    ///
    /// # Panics
    /// Nobody posts 2^63 bodies.
    pub fn take_sequence(&mut self) -> Sequence {
        let taken = self.next;
        self.next = taken.checked_add(1).expect("nobody posts 2^63 bodies");
        taken
    }

    /// Its network.
    pub const fn network(&self) -> NetworkId {
        self.network
    }

    /// Its key.
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// The next body, sealed; `content` is the reading. The first one registers the account.
    ///
    /// # Panics
    /// If `content` is longer than a payload.
    pub fn body(&mut self, content: Vec<u8>, time: Time) -> SealedBody {
        let sequence = self.take_sequence();
        self.say(sequence, reading(content), time)
    }

    /// A body with this sequence, sealed.
    ///
    /// # Panics
    /// Never: the toy signs everything, and so does ML-DSA with a key that it made.
    pub fn say(&self, sequence: Sequence, payload: Payload, time: Time) -> SealedBody {
        let key = self.key.public_key().id();
        let body = Body {
            network: self.network,
            issuer: self.address,
            signer: (key != self.address.first_key()).then_some(key),
            sequence,
            time,
            expires: Time::ZERO,
            beacon: CommitRef::NONE,
            payload,
        };
        let seal = Seal::new(&body, &self.key).expect("a whole key signs everything");
        SealedBody { body, seal }
    }
}

/// What a sensor says.
///
/// # Panics
/// If `content` is longer than a payload.
pub fn reading(content: Vec<u8>) -> Payload {
    let stream = StreamName::parse("reading").expect("a short name without control characters");
    Payload::Data(Data { stream, content_type: ContentType::RAW, bytes: content.into() })
}

/// Hangs `sealed` under two of `tips`, with the work that `rules` ask for.
pub fn attach(
    sealed: &SealedBody,
    tips: &[TxId],
    anchor: CommitRef,
    rules: &Rules,
    dice: &mut Dice,
) -> Transaction {
    let parents = choose_parents(tips, [dice.draw(), dice.draw()]);
    attach_to(sealed, parents, anchor, rules, dice.draw())
}

/// Hangs `sealed` under `parents`; the search for a nonce starts at `nonce`.
///
/// # Panics
/// If no nonce does, which does not happen with the few bits of a simulation.
pub fn attach_to(
    sealed: &SealedBody,
    parents: [TxId; 2],
    anchor: CommitRef,
    rules: &Rules,
    nonce: u64,
) -> Transaction {
    let mut tx = sealed.clone().attach(Attachment::new(parents, anchor));
    let prefix = tx.attachment.work_prefix(&tx.body_id());
    let found = Search::new(&prefix, rules.work_bits(&tx), nonce).step(1 << 24);
    tx.attachment.nonce = found.expect("2^24 tries find a few zero bits");
    tx
}

/// The bytes of `tx`.
pub fn bytes_of(tx: &Transaction) -> Bytes {
    tx.to_bytes().into()
}
