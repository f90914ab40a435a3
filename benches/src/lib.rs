//! Loads for the benches: real transactions, really signed, with real work, made beforehand.
//!
//! Invariant: the same call makes the same load, to the byte.
//!
//! Whoever links this runs on the allocator of the program `weft`.
//!
//! Left out on purpose: timing, but for the clock of [`cpu`]. Each bench states its question in its
//! first line and measures it.

pub mod cpu;

use std::collections::HashMap;

use bytes::Bytes;
use rayon::prelude::*;
use weft_core::{
    address::Address,
    admit::Rules,
    codec::Encode as _,
    digest::{KeyId, TxId},
    genesis::Genesis,
    keys::{HostKey, PublicKey, Scheme, Sign},
    params::Params,
    pow::Search,
    time::Time,
    tx::{Attachment, Body, CommitRef, ContentType, Data, Payload, Seal, StreamName, Transaction},
    units::Sequence,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Transactions of one wave approve two of the wave before; so a wave can be made in parallel.
const WAVE: usize = 64;

/// The network that loads are made for: a dev network.
pub fn genesis() -> Genesis {
    Genesis::without_finality("bench", Params::dev())
}

/// A load, parents before children.
pub struct Load {
    /// The network it is for.
    pub genesis: Genesis,
    /// Its rules.
    pub rules: Rules,
    /// The keys of its issuers.
    pub keys: HashMap<KeyId, PublicKey>,
    /// Registrations, one per issuer.
    pub registrations: Vec<Bytes>,
    /// Readings, which need no key with them.
    pub readings: Vec<Bytes>,
}

impl Load {
    /// `readings` readings of `content` bytes each, from `issuers` issuers.
    ///
    /// # Panics
    /// On a library that does not sign, which would be a fault of the installation.
    pub fn new(issuers: u16, readings: usize, content: usize) -> Self {
        let genesis = genesis();
        let issuers: Vec<HostKey> = (0..issuers).into_par_iter().map(issuer).collect();
        let keys = issuers.iter().map(|key| (key.public_key().id(), key.public_key().clone()));
        let keys = keys.collect();
        let mut tips = vec![TxId::ZERO; 2];
        let drafts = (0..issuers.len()).map(|issuer| (issuer, 0));
        let registrations = made(&genesis, &issuers, drafts, content, &mut tips);
        let count = issuers.len();
        let drafts = (0..readings).map(|n| (n % count, n as u64 / count as u64 + 1));
        let readings = made(&genesis, &issuers, drafts, content, &mut tips);
        Self { rules: Rules::new(&genesis), genesis, keys, registrations, readings }
    }

    /// Registrations, then readings.
    pub fn all(&self) -> impl Iterator<Item = &Bytes> {
        self.registrations.iter().chain(&self.readings)
    }
}

/// The key of issuer number `number`.
///
/// # Panics
/// On a library that refuses a seed.
pub fn issuer(number: u16) -> HostKey {
    let mut seed = [7; Scheme::SEED_BYTES];
    for (byte, value) in seed.iter_mut().zip(number.to_le_bytes()) {
        *byte = value;
    }
    HostKey::from_seed(Scheme::MlDsa44, &seed).expect("32 bytes make an ML-DSA-44 key")
}

fn made(
    genesis: &Genesis,
    issuers: &[HostKey],
    drafts: impl Iterator<Item = (usize, u64)>,
    content: usize,
    tips: &mut Vec<TxId>,
) -> Vec<Bytes> {
    let drafts: Vec<(usize, u64)> = drafts.collect();
    let mut load = Vec::with_capacity(drafts.len());
    for wave in drafts.chunks(WAVE) {
        let made: Vec<(TxId, Bytes)> = wave
            .par_iter()
            .enumerate()
            .map(|(place, (number, sequence))| {
                let issuer = issuers.get(*number).expect("drafts name issuers by their place");
                let tip = |step: usize| tips.get((place + step) % tips.len()).copied();
                let parents = [tip(0), tip(1)].map(Option::unwrap_or_default);
                let tx = transaction(genesis, issuer, *sequence, content, parents);
                (tx.id(), Bytes::from(tx.to_bytes()))
            })
            .collect();
        tips.clear();
        tips.extend(made.iter().map(|(id, _)| *id));
        load.extend(made.into_iter().map(|(_, bytes)| bytes));
    }
    load
}

/// A sealed, attached reading of `content` bytes.
///
/// # Panics
/// On a library that does not sign.
pub fn transaction(
    genesis: &Genesis,
    key: &dyn Sign,
    sequence: u64,
    content: usize,
    parents: [TxId; 2],
) -> Transaction {
    let stream = StreamName::parse("temp").expect("a short name");
    let bytes = Bytes::from(vec![b'7'; content]);
    let body = Body {
        network: genesis.network(),
        issuer: Address::of(key.public_key().id()),
        signer: None,
        sequence: Sequence(sequence),
        time: Time::from_millis(sequence + 1),
        expires: Time::ZERO,
        beacon: CommitRef::NONE,
        payload: Payload::Data(Data { stream, content_type: ContentType::TEXT, bytes }),
    };
    let seal = Seal::new(&body, key).expect("ML-DSA signs any message");
    let attachment = Attachment::new(parents, genesis.commit());
    let mut tx = Transaction { attachment, body, seal };
    let bits = Rules::new(genesis).work_bits(&tx);
    let mut search = Search::new(&tx.attachment.work_prefix(&tx.body_id()), bits, 0);
    tx.attachment.nonce = std::iter::repeat_with(|| search.step(4_096))
        .flatten()
        .next()
        .expect("an endless iterator has a next item");
    tx
}
