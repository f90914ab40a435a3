//! Transactions signed and attached beforehand, parents before children.
//!
//! All of a portion hang on one commit; whoever feeds for longer than some seconds names a newer
//! one for the next portion, for what hangs on an old commit becomes stale.
//!
//! Invariant: what exists at once is what was asked for at once.

use std::collections::HashMap;

use bytes::Bytes;
use clap::value_parser;
use weft_client::host::Tips;
use weft_core::{
    codec::Encode as _, digest::KeyId, genesis::Genesis, keys::PublicKey,
    params::PAYLOAD_BYTES_MAX, tx::SealedBody,
};

use super::{chain::Chain, issuers::Issuers};
use crate::failure::Failure;

/// Accounts that sign in turn.
pub(super) const ISSUERS: usize = 16;

/// How long readings are.
#[derive(Debug, clap::Args)]
pub(super) struct Size {
    /// Bytes of a reading
    #[arg(
        long,
        value_name = "B",
        default_value_t = 32,
        value_parser = value_parser!(u16).range(0..PAYLOAD_BYTES_MAX as i64 - 64),
    )]
    bytes: u16,
}

impl Size {
    pub(super) fn bytes(&self) -> usize {
        usize::from(self.bytes)
    }
}

/// Makes readings of some accounts in turn.
pub(super) struct Maker {
    issuers: Issuers,
    chain: Chain,
    /// Bytes of a reading.
    bytes: usize,
}

impl Maker {
    /// With new accounts; readings of `bytes` bytes.
    pub(super) fn new(genesis: &Genesis, bytes: usize) -> Result<Self, Failure> {
        let issuers = Issuers::generate(genesis, ISSUERS)?;
        Ok(Self { issuers, chain: Chain::new(genesis), bytes })
    }

    /// The keys of the accounts, by id.
    pub(super) fn keys(&self) -> HashMap<KeyId, PublicKey> {
        self.issuers.keys()
    }

    /// The first body of each account, with its key: before all others.
    pub(super) fn registrations(&mut self) -> Result<Vec<Bytes>, Failure> {
        let bodies = self.issuers.register()?;
        Ok(self.hang(bodies))
    }

    /// The next `count` readings.
    pub(super) fn readings(&mut self, count: usize) -> Result<Vec<Bytes>, Failure> {
        let bodies = self.issuers.sign(count, self.bytes)?;
        Ok(self.hang(bodies))
    }

    /// The next ones hang where a node says.
    pub(super) fn hang_on(&mut self, tips: &Tips) {
        self.chain.follow(tips);
    }

    fn hang(&mut self, bodies: Vec<SealedBody>) -> Vec<Bytes> {
        bodies.into_iter().map(|sealed| self.chain.hang(sealed).to_bytes().into()).collect()
    }
}
