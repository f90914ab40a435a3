//! What all market commands share: a node, an account, and the folder that remembers.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use weft_client::host::{
    Attach, NodeClient,
    market::{HttpLedger, MarketError},
};
use weft_core::{
    digest::BodyId,
    keys::{HostKey, Scheme},
    tx::StreamName,
};
use weft_market::shelf::FjallShelf;
use weft_node::key_file::Seed;

use crate::{
    account::{Account, is_taken},
    failure::Failure,
    output::Output,
    target::Target,
};

/// Node, account and folder, as arguments.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Desk {
    /// Folder that remembers what was sold and bought; made when it is first needed
    #[arg(long, value_name = "DIR", default_value = "weft-market")]
    dir: PathBuf,
    /// Key file of the account [default: ~/.config/weft/key, made when it is first needed]
    #[arg(long, value_name = "FILE", env = "WEFT_KEY")]
    key: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

/// An account that is ready to speak. Holds the lock of its key file.
pub(super) struct Open {
    account: Account,
    pub(super) node: NodeClient,
    pub(super) ledger: Arc<HttpLedger>,
}

impl Desk {
    /// The account at the node.
    pub(super) async fn open(&self, output: Output) -> Result<Open, Failure> {
        let node = self.target.client()?;
        let mut account = Account::open(self.key.as_deref(), output)?;
        let poster = Arc::new(account.poster(node.clone(), Attach::Here).await?);
        let ledger = Arc::new(HttpLedger::open(node.clone(), poster).await?);
        Ok(Open { account, node, ledger })
    }

    /// The node alone.
    pub(super) fn node(&self) -> Result<NodeClient, Failure> {
        self.target.client()
    }

    /// Where the memory of a stream that is sold lies.
    pub(super) fn sells(&self, stream: &StreamName) -> PathBuf {
        self.dir.join(format!("sell-{}", short(&stream.id().to_string())))
    }

    /// All folders of streams that were sold from here.
    pub(super) fn all_sells(&self) -> Vec<PathBuf> {
        let Ok(found) = std::fs::read_dir(&self.dir) else { return Vec::new() };
        let names = found.filter_map(Result::ok).map(|entry| entry.path());
        let is_sell = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("sell-"))
        };
        let mut folders: Vec<_> = names.filter(is_sell).collect();
        folders.sort();
        folders
    }

    /// Fails where another command sells from one of `dirs`. It holds the key of the account as
    /// well, so whoever asked for that first would wait for it.
    pub(super) fn are_free(dirs: &[PathBuf]) -> Result<(), Failure> {
        dirs.iter()
            .try_for_each(|dir| Ok(FjallShelf::open(dir).map(drop).map_err(MarketError::from)?))
    }

    /// Where the memory of an offer that is bought lies.
    pub(super) fn buys(&self, offer: BodyId) -> PathBuf {
        self.dir.join(format!("buy-{}", short(&offer.to_string())))
    }

    /// The file that remembers whose committee is trusted for an offer that is bought.
    pub(super) fn trusts(&self, offer: BodyId) -> PathBuf {
        self.dir.join(format!("buy-{}.genesis.toml", short(&offer.to_string())))
    }

    /// The seed of the key under which sellers are reached, made when it is first needed.
    pub(super) fn endpoint(&self) -> Result<[u8; 32], Failure> {
        endpoint_seed(&self.dir)
    }
}

/// The seed of the key in `dir` under which sellers are reached.
fn endpoint_seed(dir: &Path) -> Result<[u8; 32], Failure> {
    let file = dir.join("endpoint.key");
    if !is_taken(&file) {
        Seed::generate(Scheme::MlDsa44)?.store(&file)?;
    }
    Ok(Seed::load(&file)?.bytes)
}

impl Open {
    /// The account's key, which signs for its channels.
    pub(super) fn key(&self) -> Arc<HostKey> {
        self.account.shared_key()
    }

    /// Remembers how far the account has counted, and gives its key file free.
    pub(super) async fn close(mut self) -> Result<Arc<HttpLedger>, Failure> {
        self.account.remember(self.ledger.poster()).await?;
        Ok(self.ledger)
    }

    /// Remembers how far the account has counted.
    pub(super) async fn remember(&mut self) -> Result<(), Failure> {
        self.account.remember(self.ledger.poster()).await
    }
}

/// Enough of an id for a file name.
fn short(id: &str) -> &str {
    id.get(..16).unwrap_or(id)
}

/// Reads an id of an offer or a channel.
pub(in crate::commands) fn parse_id(text: &str) -> Result<BodyId, String> {
    text.parse().map_err(|_| {
        "an id of 64 hexadecimal digits, as `weft market list` or `channels` shows it".to_owned()
    })
}
