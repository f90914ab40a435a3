//! Transactions signed and attached beforehand, parents before children.
//!
//! Each approves two of the wave before it, so that a wave is made on all cores at once. All of a
//! portion hang on one commit; whoever feeds for longer than some seconds names a newer one for the
//! next portion, for what hangs on an old commit becomes stale.
//!
//! Invariant: what exists at once is what was asked for at once.

use std::collections::HashMap;

use bytes::Bytes;
use rayon::prelude::*;
use weft_client::{Attacher, Builder, DraftError, Place, host::Tips};
use weft_core::{
    address::Address,
    codec::Encode as _,
    digest::{KeyId, TxId},
    genesis::Genesis,
    keys::{HostKey, PublicKey, Scheme, Sign as _},
    time::Time,
    tx::{CommitRef, ContentType, SealedBody, Transaction, choose_parents},
    units::Sequence,
};
use weft_node::key_file::Seed;

use crate::{failure::Failure, time::now_ms};

/// Accounts that sign in turn.
const ISSUERS: usize = 16;

/// Transactions that approve the same ones.
const WAVE: usize = 64;

/// The stream of the readings.
pub(in super::super) const STREAM: &str = "bench/made";

/// Makes readings of some accounts in turn.
pub(in super::super) struct Maker {
    genesis: Genesis,
    issuers: Vec<HostKey>,
    /// Bytes of a reading.
    bytes: usize,
    /// What the next wave approves, and the commit it hangs on.
    tips: Vec<TxId>,
    anchor: CommitRef,
    /// How many were made.
    made: usize,
}

impl Maker {
    /// With new accounts; readings of `bytes` bytes.
    pub(in super::super) fn new(genesis: &Genesis, bytes: usize) -> Result<Self, Failure> {
        let key = |_| Ok::<_, Failure>(Seed::generate(Scheme::MlDsa44)?.key()?);
        let issuers = (0..ISSUERS).map(key).collect::<Result<_, _>>()?;
        let (genesis, anchor) = (genesis.clone(), genesis.commit());
        Ok(Self { genesis, issuers, bytes, tips: Vec::new(), anchor, made: 0 })
    }

    /// The keys of the accounts, by id.
    pub(in super::super) fn keys(&self) -> HashMap<KeyId, PublicKey> {
        let keys = self.issuers.iter().map(|key| key.public_key());
        keys.map(|key| (key.id(), key.clone())).collect()
    }

    /// The first reading of each account, with its key: before all others.
    pub(in super::super) fn registrations(&mut self) -> Result<Vec<Bytes>, Failure> {
        self.readings(ISSUERS)
    }

    /// The next ones hang where a node says.
    pub(in super::super) fn hang_on(&mut self, tips: Tips) {
        (self.tips, self.anchor) = (tips.tips, tips.anchor);
    }

    /// The next `count` readings.
    pub(in super::super) fn readings(&mut self, count: usize) -> Result<Vec<Bytes>, Failure> {
        let places: Vec<usize> = (self.made..self.made + count).collect();
        let mut readings = Vec::with_capacity(count);
        for places in places.chunks(WAVE) {
            readings.extend(self.wave(places).map_err(Failure::failed)?);
        }
        self.made += count;
        Ok(readings)
    }

    /// The readings of these places in the order, as bytes; they are the tips for the next ones.
    fn wave(&mut self, places: &[usize]) -> Result<Vec<Bytes>, DraftError> {
        let first = places.first().map_or(0, |first| first % ISSUERS);
        let keys = self.issuers.iter().cycle().skip(first);
        let keys: Vec<&HostKey> = keys.take(places.len()).collect();
        let made: Vec<(TxId, Bytes)> = places
            .par_iter()
            .zip(keys)
            .map(|(place, key)| {
                let sealed = seal(&self.genesis, key, place / ISSUERS, self.bytes)?;
                let parents = choose_parents(&self.tips, [*place as u64; 2]);
                let tx = self.attach(sealed, parents);
                Ok((tx.id(), tx.to_bytes().into()))
            })
            .collect::<Result<_, DraftError>>()?;
        self.tips = made.iter().map(|(id, _)| *id).collect();
        Ok(made.into_iter().map(|(_, bytes)| bytes).collect())
    }

    fn attach(&self, sealed: SealedBody, parents: [TxId; 2]) -> Transaction {
        let work_bits = self.genesis.params.work_bits;
        let place = Place { parents, anchor: self.anchor, work_bits };
        let mut attacher = Attacher::new(sealed, place, 0);
        loop {
            if let Some(tx) = attacher.step(4_096) {
                return tx;
            }
        }
    }
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
