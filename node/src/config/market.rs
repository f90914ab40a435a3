//! Whether and how a node buys streams for the applications beside it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Streams that the node buys for local applications (`GET /v1/market/streams/{id}/live`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MarketConfig {
    /// File with the key of the account that pays. Empty: the node buys nothing, and answers 402
    /// with what is needed to open a channel. The account must post from nowhere else. Default
    /// empty.
    pub key_file: PathBuf,
    /// Directory that remembers what was bought. Made if missing. Default `weft-data/market`.
    pub dir: PathBuf,
    /// What is spent at most on one offer, in base units, for good. It is locked as a deposit when
    /// the first application asks. Default 100,000.
    pub max: u64,
    /// Whether applications on other machines may read as well, at this node's expense. Default
    /// false.
    pub exposed: bool,
    /// Offers that are bought at once; more are refused as busy. Default 16.
    pub offers_max: usize,
}

impl Default for MarketConfig {
    fn default() -> Self {
        Self {
            key_file: PathBuf::new(),
            dir: "weft-data/market".into(),
            max: 100_000,
            exposed: false,
            offers_max: 16,
        }
    }
}

impl MarketConfig {
    /// The key file, if there is one.
    pub fn buyer(&self) -> Option<&Path> {
        (!self.key_file.as_os_str().is_empty()).then_some(&self.key_file)
    }
}
