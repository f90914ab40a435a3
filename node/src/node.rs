//! A running node: started, watched and taken down as one value.

use std::{future::Future, net::SocketAddr, sync::Arc};

use tokio::{sync::watch, task::JoinHandle};
use weft_core::{digest::NodeId, genesis::Genesis, keys::Scheme};
use weft_net::{Guests, IdentityError, Net, NetError};
use weft_storage::StoreError;

use crate::{
    assemble::Parts,
    clock::Clock,
    config::{Config, ConfigError},
    genesis_file::{self, GenesisFileError},
    health::StopCause,
    key_file::{KeyFileError, Seed},
    stop::Stopper,
    submit::Submitter,
};

/// Why a node does not start. The operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Settings that cannot be run.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// A key of a scheme that nodes do not use.
    #[error("a node's key is of scheme {expected}, this one of {actual}; make a new one")]
    Scheme {
        /// What nodes use.
        expected: Scheme,
        /// What the seed makes.
        actual: Scheme,
    },
    /// The key makes no identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// No genesis.
    #[error(transparent)]
    Genesis(#[from] GenesisFileError),
    /// No store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No network.
    #[error(transparent)]
    Net(#[from] NetError),
    /// No API.
    #[error("cannot listen on {address} for the API: {cause}; is another node running there?")]
    Api {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The operating system gives no randomness or no thread.
    #[error("the operating system gives no {what}: {cause}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What it says.
        cause: String,
    },
}

/// A running node. Dropping it takes it down, as [`Self::shutdown`] does, but without waiting.
#[derive(Debug)]
pub struct Node {
    id: NodeId,
    api: SocketAddr,
    p2p: SocketAddr,
    net: Arc<Net>,
    submitter: Submitter,
    stop: Stopper,
    cause: watch::Receiver<Option<StopCause>>,
    supervisor: Option<JoinHandle<()>>,
}

impl Node {
    /// Starts a node with the key and genesis files that `config` names.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn open(config: Config) -> Result<Self, StartError> {
        let seed = Seed::load(&config.node.key_file)?;
        let genesis = genesis_file::load(&config.node.genesis_file)?;
        Self::start(config, genesis, &seed).await
    }

    /// Starts a node. Returns once the API and the network listen and the store is read; ports 0
    /// are free ones then.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn start(config: Config, genesis: Genesis, seed: &Seed) -> Result<Self, StartError> {
        Self::start_at(config, genesis, seed, Clock::start()).await
    }

    /// The same by a clock that was started elsewhere.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn start_at(
        config: Config,
        genesis: Genesis,
        seed: &Seed,
        clock: Clock,
    ) -> Result<Self, StartError> {
        config.check()?;
        let parts = Parts::gather(config, genesis, seed).await?;
        let (id, api, p2p, net) = (parts.id, parts.api, parts.p2p, parts.net.clone());
        let (stop, stopping) = Stopper::new();
        let (told, cause) = watch::channel(None);
        let (supervisor, submitter) = parts.run(clock, stopping, told).await?;
        tracing::info!(node.id = %id, api = %api, p2p = %p2p, "the node runs");
        let supervisor = Some(supervisor);
        Ok(Self { id, api, p2p, net, submitter, stop, cause, supervisor })
    }

    /// Its id.
    pub const fn id(&self) -> NodeId {
        self.id
    }

    /// Where its API listens.
    pub const fn api_addr(&self) -> SocketAddr {
        self.api
    }

    /// Where it listens for other nodes.
    pub const fn p2p_addr(&self) -> SocketAddr {
        self.p2p
    }

    /// Lets in connections that speak `alpn` on the node's own socket, under its own key, and hands
    /// them out. Once per node.
    pub fn host(&self, alpn: &'static [u8]) -> Result<Guests, NetError> {
        self.net.host(alpn)
    }

    /// Takes transactions for this node, from within this process.
    pub fn submitter(&self) -> Submitter {
        self.submitter.clone()
    }

    /// Waits until the node runs no more, whoever ended it, and tells why.
    pub fn stopped(&self) -> impl Future<Output = StopCause> + Send + use<> {
        let mut cause = self.cause.clone();
        async move {
            match cause.wait_for(Option::is_some).await.as_deref() {
                Ok(Some(cause)) => cause.clone(),
                // The supervisor tells before it ends, unless the runtime ended under it.
                _ => StopCause::Shutdown,
            }
        }
    }

    /// Takes the node down in order. Everything acknowledged is on disk when this returns. Tells
    /// why the node had stopped before, if it had.
    pub async fn shutdown(mut self) -> StopCause {
        self.stop.stop();
        if let Some(supervisor) = self.supervisor.take() {
            // An error is the runtime's end.
            let _ = supervisor.await;
        }
        self.stopped().await
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.stop();
    }
}
