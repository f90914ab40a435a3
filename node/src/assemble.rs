//! Puts a node together: opens what it stands on, then starts its threads and its API.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tokio::{
    net::{TcpListener, lookup_host},
    runtime::Handle,
    sync::{Semaphore, mpsc, watch},
    task::{JoinHandle, spawn_blocking},
};
use weft_core::{
    admit::Rules,
    digest::NodeId,
    genesis::Genesis,
    keys::{HostKey, HostVerifier, Scheme, Sign},
    machine::{History, Input, Limits, Machine, Setup, Status},
    message::{Hello, PeerAddress},
};
use weft_net::{Events, Identity, Net, NetConfig};
use weft_storage::{FjallStore, Opened, Store};

use crate::{
    api::{self, Api, serve::ConnectionLimits},
    checks::Checks,
    clock::Clock,
    config::{Config, FixedPeer},
    feed::{Feed, Reached},
    health::StopCause,
    held::HeldPool,
    ingest::Ingest,
    key_file::Seed,
    keycache::KeyCache,
    live::Live,
    metrics::Metrics,
    node::StartError,
    queue::Queue,
    quota::Quota,
    recent::Recent,
    run::{Pulse, Runner},
    seen::Seen,
    stop::{Stop, Stopper},
    submit::Submitter,
    supervise::{Watched, spawn},
    turns::Turns,
    work::Workers,
};

/// Inputs that wait for the machine, in bytes. When full, checking stops.
const QUEUE_BYTES: usize = 32 << 20;

/// Accounts whose registration is remembered, twice over: more than register within a second.
const REGISTRATIONS_MAX: usize = 4_096;

/// What a node is made of, before its threads run.
pub(crate) struct Parts {
    pub(crate) id: NodeId,
    pub(crate) api: SocketAddr,
    pub(crate) p2p: SocketAddr,
    pub(crate) config: Config,
    pub(crate) genesis: Genesis,
    /// The node's key, which signs checkpoints where the committee has it.
    pub(crate) key: Arc<HostKey>,
    pub(crate) store: Arc<dyn Store>,
    /// Transactions that the disk had forgotten.
    pub(crate) lost: u64,
    pub(crate) net: Arc<Net>,
    pub(crate) events: Events,
    pub(crate) listener: TcpListener,
}

impl Parts {
    /// Opens the store, the network and the API's address.
    pub(crate) async fn gather(
        config: Config,
        genesis: Genesis,
        seed: &Seed,
    ) -> Result<Self, StartError> {
        let expected = Scheme::MlDsa44;
        if seed.scheme != expected {
            return Err(StartError::Scheme { expected, actual: seed.scheme });
        }
        let identity = Identity::from_seed(seed.bytes)?;
        let key = Arc::new(seed.key()?);
        let id = identity.node_id();
        let (listener, api) = listen(config.api.listen).await?;
        let (store, lost) = open_store(&config).await?;
        let hello = Hello {
            genesis: genesis.id(),
            parameters: genesis.parameter_hash(),
            listening: Some(config.p2p.advertise.unwrap_or(config.p2p.listen)),
        };
        let (net, events) = Net::open(net_config(&config).await, identity, hello).await?;
        let p2p = net.local_addr()?;
        let net = Arc::new(net);
        Ok(Self { id, api, p2p, config, genesis, key, store, lost, net, events, listener })
    }

    /// Starts the threads and the API, and who watches them.
    pub(crate) async fn run(
        self,
        clock: Clock,
        stopping: Stop,
        told: watch::Sender<Option<StopCause>>,
    ) -> Result<(JoinHandle<()>, Submitter), StartError> {
        let mut machine = self.machine(clock).await?;
        let wires = self.wires(clock)?;
        let start = machine.status();
        wires.feed.begin(Reached { committed: start.anchor.index, certified: start.certified });
        let (status_in, status) = watch::channel(Arc::new(start));
        let (submissions_in, submissions) = mpsc::channel(self.config.api.submissions_max);
        let (stop_ingest, ingest_stops) = Stopper::new();
        let submitter = Submitter {
            checks: wires.checks.clone(),
            feed: wires.feed.clone(),
            queue: submissions_in,
            patience: Duration::from_millis(self.config.api.submit_timeout_ms),
        };
        let api = self.api(&wires, status, submitter.clone(), &stopping, told.subscribe());
        let limits = self.connections();
        let Wires { net, checks, feed, metrics, queue, pulse, clock } = wires;

        let runner = Runner {
            machine,
            store: self.store.clone(),
            net: net.clone(),
            feed: feed.clone(),
            checks: checks.clone(),
            status: status_in,
            metrics: metrics.clone(),
            clock,
            pulse,
            group_max: self.config.machine.group_max,
        };
        let ingest = Ingest {
            checks,
            feed: feed.clone(),
            metrics,
            events: self.events,
            submissions,
            machine: queue.clone(),
            stop: ingest_stops,
            runtime: Handle::current(),
            batch_max: self.config.ingest.batch_max,
        };
        let inputs = queue.clone();
        let machine_ended = spawn("machine", self.store.clone(), move || runner.run(&inputs))?;
        let ingest_ended = spawn("ingest", self.store.clone(), move || {
            ingest.run();
            Ok(())
        })?;
        // Ends with the word to stop, or with the feed.
        let reattach = tokio::spawn(api::reattach::run(api.clone()));
        let server = api::serve::serve(self.listener, api::router(api), limits, stopping.clone());
        let server = tokio::spawn(server);
        let watched = Watched {
            stopping,
            told,
            server,
            reattach,
            machine_ended,
            ingest_ended,
            stop_ingest,
            queue,
        };
        Ok((tokio::spawn(watched.supervise(net, feed)), submitter))
    }

    fn connections(&self) -> ConnectionLimits {
        ConnectionLimits {
            all: self.config.api.connections_max,
            per_client: self.config.api.connections_per_client,
            farewell: Duration::from_millis(self.config.api.submit_timeout_ms),
        }
    }

    /// The machine as the store left it. Reads what is live.
    async fn machine(&self, clock: Clock) -> Result<Machine, StartError> {
        let (genesis, store, own) = (self.genesis.clone(), self.store.clone(), self.id);
        let (limits, seed, now) = (limits(&self.config), secret()?, clock.now());
        let key: Option<Arc<dyn Sign>> = Some(self.key.clone());
        let restored = blocking(move || {
            let (genesis, verify) = (&genesis, Arc::new(HostVerifier));
            let setup = Setup { genesis, limits, own, key, verify, seed };
            Machine::restore(setup, now, &*store)
        })
        .await;
        // What cannot be read reads as "nothing there": neither a machine made of that nor a panic
        // over it is to be trusted, and the disk is the cause.
        self.store.health()?;
        restored
    }

    fn wires(&self, clock: Clock) -> Result<Wires, StartError> {
        let ingest = &self.config.ingest;
        let checks = Checks::new(
            Rules::new(&self.genesis),
            self.genesis.committee.clone(),
            self.store.clone(),
            Seen::new(secret()?, ingest.seen_max),
            KeyCache::new(ingest.keys_max),
            HeldPool::new(ingest.held_bytes, ingest.held_bytes_per_peer),
        );
        Ok(Wires {
            net: self.net.clone(),
            checks: Arc::new(checks),
            feed: Arc::new(Feed::new(self.config.api.subscriber_buffer)),
            metrics: Arc::new(Metrics::new(crate::VERSION)),
            queue: Arc::new(Queue::new(self.config.machine.queue, QUEUE_BYTES)),
            // What was read at the start came from the disk.
            pulse: Arc::new(Pulse::new(self.store.next_position(), clock.now())),
            clock,
        })
    }

    fn api(
        &self,
        wires: &Wires,
        status: watch::Receiver<Arc<Status>>,
        submitter: Submitter,
        stopping: &Stop,
        cause: watch::Receiver<Option<StopCause>>,
    ) -> Arc<Api> {
        let config = self.config.api.clone();
        Arc::new(Api {
            own: self.id,
            genesis: self.genesis.clone(),
            checks: wires.checks.clone(),
            feed: wires.feed.clone(),
            net: wires.net.clone(),
            metrics: wires.metrics.clone(),
            status,
            submitter,
            queue: wires.queue.clone(),
            pulse: wires.pulse.clone(),
            clock: wires.clock,
            started: Instant::now(),
            lost: self.lost,
            quota: Quota::new(config.work_per_second, config.work_burst, config.clients_max),
            workers: Workers::new(config.work_queue),
            turns: Turns::default(),
            registrations: Recent::new(REGISTRATIONS_MAX),
            subscribers: Arc::new(Semaphore::new(config.subscribers_max)),
            live: Live::new(self.config.market.clone(), self.api, stopping.clone()),
            stopping: stopping.clone(),
            cause,
            config,
        })
    }
}

/// What the threads and the API share.
struct Wires {
    net: Arc<Net>,
    checks: Arc<Checks>,
    feed: Arc<Feed>,
    metrics: Arc<Metrics>,
    queue: Arc<Queue<Input>>,
    pulse: Arc<Pulse>,
    clock: Clock,
}

fn limits(config: &Config) -> Limits {
    let history =
        if config.node.archive { History::All } else { History::For(config.node.retention.span()) };
    Limits {
        history,
        live_bytes_max: config.machine.live_bytes,
        waiting_bytes_max: config.machine.waiting_bytes,
        waiting_bytes_per_peer: config.machine.waiting_bytes / 4,
        take_bytes_per_s: config.machine.take_bytes_per_s,
        take_bytes_burst: config.machine.take_bytes_per_s / 8,
        line_bytes_max: config.machine.take_bytes_per_s,
        peers_target: config.p2p.peers_target,
        peers_max: config.p2p.peers_max,
        ..Limits::default()
    }
}

fn secret<const N: usize>() -> Result<[u8; N], StartError> {
    let mut bytes = [0; N];
    let failed = |cause: getrandom::Error| StartError::System {
        what: "randomness",
        cause: cause.to_string(),
    };
    getrandom::fill(&mut bytes).map_err(failed)?;
    Ok(bytes)
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
    let found = join_all(p2p.peers.iter().map(|peer| find(peer, p2p.listen))).await;
    NetConfig {
        listen: p2p.listen,
        fixed: found.into_iter().flatten().collect(),
        peers_max: p2p.peers_max,
        send_queue_bytes: p2p.send_bytes,
        events_bytes: p2p.receive_bytes,
        ..NetConfig::default()
    }
}

/// Looks up where a peer is, if possible in the kind of address that the own socket has. One that
/// cannot be found does not keep the node from starting.
async fn find(peer: &FixedPeer, listen: SocketAddr) -> Option<PeerAddress> {
    let found = match lookup_host(format!("{}:{}", peer.host, peer.port)).await {
        Ok(found) => found.collect::<Vec<_>>(),
        Err(error) => {
            tracing::warn!(%peer, %error, "cannot look up a fixed peer; it is left out");
            return None;
        }
    };
    let reachable = found.iter().find(|address| address.is_ipv4() == listen.is_ipv4());
    let address = reachable.or(found.first()).copied();
    if address.is_none() {
        tracing::warn!(%peer, "the name of a fixed peer has no address; it is left out");
    }
    Some(PeerAddress { id: peer.id, address: address? })
}

#[cfg(test)]
mod tests;
