//! Starts a node, watches it, and takes it down in order.
//!
//! Down goes from the outside in: the API takes nothing new and finishes what is on its way; ingest
//! checks what was submitted; the machine handles it, commits and syncs; the network says goodbye.
//! A node whose machine fails stops for good, but its API stays up to say why until its owner takes
//! it down.

use std::{
    future::Future,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::{
    net::{TcpListener, lookup_host},
    runtime::Handle,
    sync::{Semaphore, mpsc, oneshot, watch},
    task::{JoinHandle, spawn_blocking},
};
use weft_core::{
    admit::Rules,
    digest::NodeId,
    genesis::Genesis,
    keys::Scheme,
    machine::{Input, Limits, Machine},
    message::{Hello, PeerAddress},
    units::CommitIndex,
};
use weft_net::{Events, Identity, IdentityError, Net, NetConfig, NetError};
use weft_storage::{FjallStore, Opened, Store, StoreError};

use crate::{
    api::{self, Api, serve::ConnectionLimits},
    checks::Checks,
    clock::Clock,
    config::{Config, ConfigError, FixedPeer},
    feed::Feed,
    genesis_file::{self, GenesisFileError},
    health::StopCause,
    held::HeldPool,
    ingest::Ingest,
    key_file::{KeyFileError, Seed},
    keycache::KeyCache,
    metrics::Metrics,
    queue::Queue,
    quota::Quota,
    run::{Pulse, Runner},
    seen::Seen,
    stop::{Stop, Stopper},
    turns::Turns,
    work::Workers,
};

/// Inputs that wait for the machine, in bytes. When full, checking stops.
const QUEUE_BYTES: usize = 32 << 20;

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
        config.check()?;
        let expected = Scheme::MlDsa44;
        if seed.scheme != expected {
            return Err(StartError::Scheme { expected, actual: seed.scheme });
        }
        let identity = Identity::from_seed(seed.bytes)?;
        let id = identity.node_id();
        let (listener, api) = listen(config.api.listen).await?;
        let (store, lost) = open_store(&config).await?;
        let hello = Hello {
            genesis: genesis.id(),
            parameters: genesis.parameter_hash(),
            committed: CommitIndex::ZERO,
            pruned_below: CommitIndex::ZERO,
            listening: Some(config.p2p.advertise.unwrap_or(config.p2p.listen)),
        };
        let (net, events) = Net::open(net_config(&config).await, identity, hello).await?;
        let net = Arc::new(net);
        let p2p = net.local_addr()?;
        let (stop, stopping) = Stopper::new();
        let (told, cause) = watch::channel(None);
        let parts = Parts { id, config, genesis, store, lost, net, events, listener };
        let supervisor = parts.run(stopping, told).await?;
        tracing::info!(node.id = %id, api = %api, p2p = %p2p, "the node runs");
        Ok(Self { id, api, p2p, stop, cause, supervisor: Some(supervisor) })
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

    /// Takes the node down in order. Everything acknowledged is on disk when this returns. Tells why
    /// the node had stopped before, if it had.
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

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |cause| StartError::Api { address, cause };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let actual = listener.local_addr().map_err(failed)?;
    Ok((listener, actual))
}

/// Opens the store and tells how many transactions the disk had forgotten.
async fn open_store(config: &Config) -> Result<(Arc<dyn Store>, u64), StartError> {
    let dir = config.node.data_dir.join("store");
    let settings = weft_storage::Config { cache_bytes: config.store.cache_bytes };
    let opened = blocking(move || FjallStore::open(&dir, settings)).await?;
    let Opened { store, lost } = opened?;
    let lost = lost.map_or(0, |lost| {
        tracing::warn!(%lost, "the store is not what it was");
        lost.expected.transactions().saturating_sub(lost.actual.transactions())
    });
    Ok((Arc::new(store), lost))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StartError> {
    let failed = |cause: tokio::task::JoinError| StartError::System {
        what: "thread",
        cause: cause.to_string(),
    };
    spawn_blocking(work).await.map_err(failed)
}

async fn net_config(config: &Config) -> NetConfig {
    let p2p = &config.p2p;
    let mut fixed = Vec::new();
    for peer in &p2p.peers {
        fixed.extend(find(peer).await);
    }
    NetConfig {
        listen: p2p.listen,
        fixed,
        peers_max: p2p.peers_max,
        send_queue_bytes: p2p.send_bytes,
        events_bytes: p2p.receive_bytes,
        ..NetConfig::default()
    }
}

/// Looks up where a peer is. One that cannot be found does not keep the node from starting.
async fn find(peer: &FixedPeer) -> Option<PeerAddress> {
    let found = lookup_host(format!("{}:{}", peer.host, peer.port)).await;
    match found.map(|mut addresses| addresses.next()) {
        Ok(Some(address)) => Some(PeerAddress { id: peer.id, address }),
        Ok(None) => {
            tracing::warn!(%peer, "the name of a fixed peer has no address; it is left out");
            None
        }
        Err(error) => {
            tracing::warn!(%peer, %error, "cannot look up a fixed peer; it is left out");
            None
        }
    }
}

/// What a node is made of, before its threads run.
struct Parts {
    id: NodeId,
    config: Config,
    genesis: Genesis,
    store: Arc<dyn Store>,
    lost: u64,
    net: Arc<Net>,
    events: Events,
    listener: TcpListener,
}

impl Parts {
    /// Starts the threads and the API, and who watches them.
    async fn run(
        self,
        stopping: Stop,
        told: watch::Sender<Option<StopCause>>,
    ) -> Result<JoinHandle<()>, StartError> {
        let Self { id, config, genesis, store, lost, net, events, listener } = self;
        let clock = Clock::start();
        let mut machine = {
            let (genesis, limits, seed) = (genesis.clone(), limits(&config), secret()?);
            let (store, now) = (store.clone(), clock.now());
            blocking(move || Machine::restore(&genesis, limits, id, seed, now, &*store)).await?
        };
        let metrics = Arc::new(Metrics::new(crate::VERSION));
        let feed = Arc::new(Feed::new(config.api.subscriber_buffer));
        let checks = Arc::new(Checks::new(
            Rules::new(&genesis),
            store.clone(),
            Seen::new(secret()?, config.ingest.seen_max),
            KeyCache::new(config.ingest.keys_max),
            HeldPool::new(config.ingest.held_bytes, config.ingest.held_bytes_per_peer),
        ));
        let (status_in, status) = watch::channel(Arc::new(machine.status()));
        let (submissions_in, submissions) = mpsc::channel(config.api.submissions_max);
        let queue = Arc::new(Queue::<Input>::new(config.machine.queue, QUEUE_BYTES));
        let pulse = Arc::<Pulse>::default();
        let (stop_ingest, ingest_stops) = Stopper::new();

        let runner = Runner {
            machine,
            store,
            net: net.clone(),
            feed: feed.clone(),
            checks: checks.clone(),
            status: status_in,
            metrics: metrics.clone(),
            clock,
            pulse: pulse.clone(),
            group_max: config.machine.group_max,
        };
        let ingest = Ingest {
            checks: checks.clone(),
            feed: feed.clone(),
            metrics: metrics.clone(),
            events,
            submissions,
            machine: queue.clone(),
            stop: ingest_stops,
            runtime: Handle::current(),
            batch_max: config.ingest.batch_max,
        };
        let inputs = queue.clone();
        let machine_ended = spawn("machine", move || runner.run(&inputs))?;
        let ingest_ended = spawn("ingest", move || {
            ingest.run();
            Ok(())
        })?;
        let limits = ConnectionLimits {
            all: config.api.connections_max,
            per_client: config.api.connections_per_client,
            farewell: Duration::from_millis(config.api.submit_timeout_ms),
        };
        let api = Arc::new(Api {
            own: id,
            genesis,
            checks,
            feed: feed.clone(),
            net: net.clone(),
            metrics,
            status,
            submissions: submissions_in,
            queue: queue.clone(),
            pulse,
            clock,
            started: Instant::now(),
            lost,
            quota: Quota::new(
                config.api.work_per_second,
                config.api.work_burst,
                config.api.clients_max,
            ),
            workers: Workers::new(config.api.work_queue),
            turns: Turns::default(),
            subscribers: Arc::new(Semaphore::new(config.api.subscribers_max)),
            stopping: stopping.clone(),
            cause: told.subscribe(),
            config: config.api,
        });
        let server = api::serve::serve(listener, api::router(api), limits, stopping.clone());
        let server = tokio::spawn(server);
        let watched =
            Watched { stopping, told, server, machine_ended, ingest_ended, stop_ingest, queue };
        Ok(tokio::spawn(watched.supervise(net, feed)))
    }
}

fn limits(config: &Config) -> Limits {
    Limits {
        live_bytes_max: config.machine.live_bytes,
        waiting_bytes_max: config.machine.waiting_bytes,
        waiting_bytes_per_peer: config.machine.waiting_bytes / 4,
        peers_target: config.p2p.peers_target,
        peers_max: config.p2p.peers_max,
        ..Limits::default()
    }
}

fn secret() -> Result<[u8; 32], StartError> {
    let mut bytes = [0; 32];
    let failed = |cause: getrandom::Error| StartError::System {
        what: "randomness",
        cause: cause.to_string(),
    };
    getrandom::fill(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// How a thread ended.
type Ended = oneshot::Receiver<Result<(), StopCause>>;

/// Runs `work` on a thread of its own. Its end, a panic too, is told.
fn spawn(
    name: &'static str,
    work: impl FnOnce() -> Result<(), StoreError> + Send + 'static,
) -> Result<Ended, StartError> {
    let (told, ended) = oneshot::channel();
    let run = move || {
        let end = match catch_unwind(AssertUnwindSafe(work)) {
            Ok(end) => end.map_err(|error| StopCause::Store { cause: error.to_string() }),
            Err(panic) => {
                let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
                let message = text.or_else(|| panic.downcast_ref::<String>().cloned());
                let message = message.unwrap_or_else(|| "no message".into());
                Err(StopCause::Panic { thread: name, message })
            }
        };
        // Nobody listens when the runtime is gone.
        let _ = told.send(end);
    };
    let builder = thread::Builder::new().name(format!("weft-{name}"));
    let failed =
        |cause: std::io::Error| StartError::System { what: "thread", cause: cause.to_string() };
    builder.spawn(run).map_err(failed)?;
    Ok(ended)
}

/// A running node, as its supervisor sees it.
struct Watched {
    stopping: Stop,
    told: watch::Sender<Option<StopCause>>,
    server: JoinHandle<()>,
    machine_ended: Ended,
    ingest_ended: Ended,
    stop_ingest: Stopper,
    queue: Arc<Queue<Input>>,
}

impl Watched {
    async fn supervise(mut self, net: Arc<Net>, feed: Arc<Feed>) {
        let failed = tokio::select! {
            biased;
            ended = &mut self.machine_ended => Some(cause_of(ended)),
            ended = &mut self.ingest_ended => Some(cause_of(ended)),
            () = self.stopping.told() => None,
        };
        match failed {
            None => {
                // From the outside in; each step ends before the next begins.
                let _ = self.server.await;
                self.stop_ingest.stop();
                let _ = self.ingest_ended.await;
                let end = cause_of(self.machine_ended.await);
                net.close().await;
                feed.close();
                tracing::info!(cause = %end, "the node is down");
                self.told.send_replace(Some(end));
            }
            Some(cause) => {
                tracing::error!(%cause, "the node stops for good");
                self.told.send_replace(Some(cause));
                self.stop_ingest.stop();
                self.queue.close();
                feed.close();
                net.close().await;
                // The API goes on telling why, until the owner has heard it.
                self.stopping.told().await;
                let _ = self.server.await;
            }
        }
    }
}

/// A thread that ended in order did so because it was told to.
fn cause_of(ended: Result<Result<(), StopCause>, oneshot::error::RecvError>) -> StopCause {
    match ended {
        Ok(Err(cause)) => cause,
        Ok(Ok(())) | Err(_) => StopCause::Shutdown,
    }
}
