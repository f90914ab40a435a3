//! Transactions signed and attached beforehand, parents before children.
//!
//! Each approves two of the wave before it, so that a wave is made on all cores at once. All hang
//! on the genesis: a commit that is recent enough for a run of seconds.

use std::collections::HashMap;

use bytes::Bytes;
use rayon::prelude::*;
use weft_client::{Attacher, Builder, DraftError, Place};
use weft_core::{
    address::Address,
    codec::Encode as _,
    digest::{KeyId, TxId},
    genesis::Genesis,
    keys::{HostKey, PublicKey, Scheme, Sign as _},
    time::Time,
    tx::{ContentType, SealedBody, Transaction},
    units::Sequence,
};
use weft_node::key_file::Seed;

use crate::{failure::Failure, time::now_ms};

/// Accounts that sign in turn.
const ISSUERS: usize = 16;

/// Transactions that approve the same ones.
const WAVE: usize = 64;

/// The stream of the readings.
const STREAM: &str = "bench/pipeline";

/// What one run feeds.
pub(super) struct Load {
    pub(super) genesis: Genesis,
    /// The keys of the issuers, by id.
    pub(super) keys: HashMap<KeyId, PublicKey>,
    /// The first of each issuer, with its key.
    pub(super) registrations: Vec<Bytes>,
    pub(super) readings: Vec<Bytes>,
}

impl Load {
    /// `count` readings of `bytes` bytes.
    pub(super) fn make(genesis: &Genesis, count: usize, bytes: usize) -> Result<Self, Failure> {
        let key = |_| Ok::<_, Failure>(Seed::generate(Scheme::MlDsa44)?.key()?);
        let issuers = (0..ISSUERS).map(key).collect::<Result<Vec<HostKey>, _>>()?;
        let keys = issuers.iter().map(|key| (key.public_key().id(), key.public_key().clone()));
        let mut tips = Vec::new();
        let mut wave = |places: &[usize]| wave(genesis, &issuers, bytes, places, &mut tips);
        let places: Vec<usize> = (0..ISSUERS + count).collect();
        let mut readings = Vec::with_capacity(places.len());
        for places in places.chunks(WAVE) {
            readings.extend(wave(places).map_err(Failure::failed)?);
        }
        let registrations = readings.drain(..ISSUERS).collect();
        Ok(Self { genesis: genesis.clone(), keys: keys.collect(), registrations, readings })
    }
}

/// The transactions of these places in the order, as bytes; they are the tips for the next ones.
fn wave(
    genesis: &Genesis,
    issuers: &[HostKey],
    bytes: usize,
    places: &[usize],
    tips: &mut Vec<TxId>,
) -> Result<Vec<Bytes>, DraftError> {
    let made: Vec<(TxId, Bytes)> = places
        .par_iter()
        .zip(issuers.par_iter().chain(issuers).chain(issuers).chain(issuers))
        .map(|(place, key)| {
            let sealed = seal(genesis, key, place / ISSUERS, bytes)?;
            let parent = |step| tips.get((place + step) % tips.len().max(1)).copied();
            let parents = [parent(0), parent(1)].map(Option::unwrap_or_default);
            let tx = attach(genesis, sealed, parents);
            Ok((tx.id(), tx.to_bytes().into()))
        })
        .collect::<Result<_, DraftError>>()?;
    tips.clear();
    tips.extend(made.iter().map(|(id, _)| *id));
    Ok(made.into_iter().map(|(_, bytes)| bytes).collect())
}

fn seal(
    genesis: &Genesis,
    key: &HostKey,
    sequence: usize,
    bytes: usize,
) -> Result<SealedBody, DraftError> {
    let builder = Builder::new(genesis.network(), Address::of(key.public_key().id()));
    let content = vec![b'7'; bytes];
    let draft = builder.reading(Sequence(sequence as u64), STREAM, ContentType::TEXT, content)?;
    draft.time(Time::from_millis(now_ms())).seal(key)
}

fn attach(genesis: &Genesis, sealed: SealedBody, parents: [TxId; 2]) -> Transaction {
    let place = Place { parents, anchor: genesis.commit(), work_bits: genesis.params.work_bits };
    let mut attacher = Attacher::new(sealed, place, 0);
    loop {
        if let Some(tx) = attacher.step(4_096) {
            return tx;
        }
    }
}
