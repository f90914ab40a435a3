//! Whose word a buyer takes for what was sealed.
//!
//! Invariant: a purchase keeps the committee that it began with. Without a genesis file the one
//! that the node shows first is remembered beside the purchase, so a node that is exchanged later
//! cannot bring its own.

use std::path::{Path, PathBuf};

use weft_client::host::NodeClient;
use weft_core::genesis::Genesis;
use weft_node::genesis_file;

use crate::failure::Failure;

/// Who vouches for batches, as arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Trust {
    /// The genesis file of the network, whose committee must vouch for each batch before it is paid
    /// [default: what the node shows at the first run, remembered]
    #[arg(long, value_name = "GENESIS_FILE", conflicts_with = "trust_node")]
    committee: Option<PathBuf>,
    /// Believe the node: check no proof of any batch
    #[arg(long)]
    trust_node: bool,
}

impl Trust {
    /// The genesis that names the committee; `None` where the node is believed. `memory` is the
    /// file that remembers it.
    pub(super) async fn genesis(
        &self,
        node: &NodeClient,
        memory: &Path,
    ) -> Result<Option<Genesis>, Failure> {
        if self.trust_node {
            return Ok(None);
        }
        if let Some(file) = &self.committee {
            return Ok(Some(genesis_file::load(file)?));
        }
        if !memory.exists() {
            genesis_file::store(&node.genesis().await?, memory)?;
        }
        Ok(Some(genesis_file::load(memory)?))
    }
}
