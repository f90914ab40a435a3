//! Accounts that sign readings in turn.
//!
//! Invariant: each signs its own sequence, ascending and without gaps, and the first body of each
//! brings its key, so those have to be final before the others are checked.

use std::collections::HashMap;

use rayon::prelude::*;
use weft_client::{Builder, DraftError};
use weft_core::{
    address::Address,
    digest::KeyId,
    genesis::Genesis,
    keys::{HostKey, PublicKey, Scheme, Sign as _},
    time::Time,
    tx::{ContentType, NetworkId, SealedBody},
    units::Sequence,
};
use weft_node::key_file::Seed;

use crate::{failure::Failure, time::now_ms};

/// The stream of the readings.
pub(super) const STREAM: &str = "bench/signed";

/// The accounts of one network, and how far they have signed.
pub(super) struct Issuers {
    network: NetworkId,
    keys: Vec<HostKey>,
    signed: usize,
}

impl Issuers {
    /// Those that have `keys`.
    pub(super) const fn new(network: NetworkId, keys: Vec<HostKey>) -> Self {
        Self { network, keys, signed: 0 }
    }

    /// `count` new ones, which own nothing.
    pub(super) fn generate(genesis: &Genesis, count: usize) -> Result<Self, Failure> {
        let key = |_| Ok::<_, Failure>(Seed::generate(Scheme::MlDsa44)?.key()?);
        let keys = (0..count).map(key).collect::<Result<_, _>>()?;
        Ok(Self::new(genesis.network(), keys))
    }

    /// Their keys, by id.
    pub(super) fn keys(&self) -> HashMap<KeyId, PublicKey> {
        self.keys.iter().map(|key| (key.public_key().id(), key.public_key().clone())).collect()
    }

    /// The first body of each.
    pub(super) fn register(&mut self) -> Result<Vec<SealedBody>, Failure> {
        assert_eq!(self.signed, 0, "who has signed is registered");
        self.sign(self.keys.len(), 0)
    }

    /// The next `count` readings of `bytes` bytes, signed on all cores.
    pub(super) fn sign(&mut self, count: usize, bytes: usize) -> Result<Vec<SealedBody>, Failure> {
        let places = self.signed..self.signed + count;
        let signed = places.into_par_iter().map(|place| self.seal(place, bytes));
        let signed = signed.collect::<Result<_, DraftError>>().map_err(Failure::failed)?;
        self.signed += count;
        Ok(signed)
    }

    fn seal(&self, place: usize, bytes: usize) -> Result<SealedBody, DraftError> {
        let turns = self.keys.len();
        let (sequence, turn) = (place / turns, place % turns);
        let key = self.keys.get(turn).expect("a remainder is below its divisor");
        let builder = Builder::new(self.network, Address::of(key.public_key().id()));
        let (sequence, content) = (Sequence(sequence as u64), vec![b'7'; bytes]);
        let draft = builder.reading(sequence, STREAM, ContentType::TEXT, content)?;
        draft.time(Time::from_millis(now_ms())).seal(key)
    }
}
