//! Transactions signed and attached beforehand, parents before children.
//!
//! All hang on the genesis: a commit that is recent enough for a run of seconds.

use std::collections::HashMap;

use bytes::Bytes;
use weft_core::{
    codec::Encode as _, digest::KeyId, genesis::Genesis, keys::PublicKey, tx::SealedBody,
};

use super::{chain::Chain, issuers::Issuers};
use crate::failure::Failure;

/// Accounts that sign in turn.
pub(super) const ISSUERS: usize = 16;

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
        let mut issuers = Issuers::generate(genesis, ISSUERS)?;
        let mut chain = Chain::new(genesis);
        let mut hang = |bodies: Vec<SealedBody>| -> Vec<Bytes> {
            bodies.into_iter().map(|sealed| chain.hang(sealed).to_bytes().into()).collect()
        };
        let registrations = hang(issuers.register()?);
        let readings = hang(issuers.sign(count, bytes)?);
        Ok(Self { genesis: genesis.clone(), keys: issuers.keys(), registrations, readings })
    }
}
