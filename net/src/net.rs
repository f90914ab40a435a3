//! The handle: opens the network, takes what the machine wants said, tells how peers are doing.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use quinn::Endpoint;
use tokio::{runtime::Handle, task::JoinSet, time::timeout};
use weft_core::{
    digest::NodeId,
    machine::ToNet,
    message::{Hello, PeerAddress},
};

use crate::{
    close::Farewell,
    config::{ConfigError, NetConfig},
    dialer::{self, Dialling, Fixed},
    endpoint,
    events::{self, Events},
    guests::{Guests, Lobby},
    identity::Identity,
    limits::Gate,
    peer::Peer,
    registry::Registry,
    shared::Shared,
    status::{FixedPeer, PeerInfo},
    tls::{ALPN, Tls},
};

/// Longest wait for the last packets when the network is closed.
pub(crate) const CLOSE_TIME: Duration = Duration::from_secs(1);

/// The network of one node. Dropping it closes all connections.
#[derive(Debug)]
pub struct Net {
    shared: Arc<Shared>,
    tasks: Mutex<JoinSet<()>>,
}

impl Net {
    /// Opens the socket and begins to dial the fixed peers. `hello` goes to every peer; a port 0 in
    /// `hello.listening` stands for the port that is opened.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    // Async so that nobody calls it where there is no runtime to run the tasks.
    pub async fn open(
        config: NetConfig,
        identity: Identity,
        mut hello: Hello,
    ) -> Result<(Self, Events), NetError> {
        config.check()?;
        let own = identity.node_id();
        let tls = Tls::new(&identity)?;
        let endpoint = endpoint::open(&config, &identity, tls.server()?)?;
        let local = local_addr(&endpoint, config.listen)?;
        if let Some(listening) = hello.listening.as_mut().filter(|listening| listening.port() == 0)
        {
            listening.set_port(local.port());
        }
        let (sink, events) = events::queue(config.events_max, config.events_bytes);
        let others = config.fixed.iter().filter(|fixed| fixed.id != own);
        let shared = Arc::new(Shared {
            own,
            hello,
            tls,
            endpoint,
            registry: Registry::new(own, config.peers_max),
            gate: Gate::new(&config),
            dialling: Dialling::default(),
            fixed: others.map(|fixed| (fixed.id, Fixed::new(fixed.address))).collect(),
            sink,
            lobby: OnceLock::new(),
            runtime: Handle::current(),
            tickets: AtomicU64::new(0),
            config,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(endpoint::accept_all(shared.clone()));
        for (&id, fixed) in &shared.fixed {
            let target = PeerAddress { id, address: fixed.address };
            tasks.spawn(dialer::keep(shared.clone(), target));
        }
        tracing::info!(node = %own, address = %local, "listening");
        Ok((Self { shared, tasks: Mutex::new(tasks) }, events))
    }

    /// Does what the machine wants done on the network. Never waits; works on any thread.
    ///
    /// What is said to somebody who is not connected is lost; an `Ask` then is answered `None`.
    pub fn send(&self, order: ToNet) {
        let shared = &self.shared;
        match order {
            ToNet::Send { to, message } => shared.say(&to, &message),
            ToNet::Ask { to, ticket, message } => shared.ask(to, ticket, &message),
            ToNet::Answer { to, ticket, parts } => shared.answer(&to, ticket, parts),
            ToNet::Hold { peer, waits } => {
                if let Some(peer) = shared.registry.find(&peer) {
                    peer.waits.send_replace(waits);
                }
            }
            ToNet::Dial(target) => dialer::dial_once(shared, target),
            ToNet::Drop { peer, reason } => {
                if let Some(peer) = shared.registry.find(&peer) {
                    peer.close(Farewell::dropped(&reason));
                }
            }
        }
    }

    /// Who is connected, for the API and metrics. In no order.
    pub fn peers(&self) -> Vec<PeerInfo> {
        let up = |peer: &Arc<Peer>| peer.up.load(Ordering::Relaxed) && !peer.is_closing();
        let peers = self.shared.registry.all().into_iter();
        peers.filter(up).map(|peer| PeerInfo::of(&peer)).collect()
    }

    /// How the operator's own peers are doing. In no order.
    pub fn fixed(&self) -> Vec<FixedPeer> {
        let status = |(&id, fixed): (&NodeId, &Fixed)| FixedPeer {
            id,
            address: fixed.address,
            connected: self.shared.registry.is_connected(&id),
            error: fixed.error(),
        };
        self.shared.fixed.iter().map(status).collect()
    }

    /// From now on lets in connections that speak `alpn` too, under the same limits, and hands
    /// them out. Once per network.
    pub fn host(&self, alpn: &'static [u8]) -> Result<Guests, NetError> {
        let shared = &self.shared;
        let server = shared.tls.server_for(&[ALPN, alpn])?;
        let (lobby, guests) = Lobby::new(alpn);
        shared.lobby.set(lobby).map_err(|_| NetError::Hosted)?;
        let server = endpoint::server_config(&shared.config, server);
        shared.endpoint.set_server_config(Some(server));
        Ok(guests)
    }

    /// Where the socket is bound.
    pub fn local_addr(&self) -> Result<SocketAddr, NetError> {
        local_addr(&self.shared.endpoint, self.shared.config.listen)
    }

    /// Closes all connections, tells the peers, and waits up to a second for the last packets.
    pub async fn close(&self) {
        self.hang_up();
        // Peers that did not hear it find out by themselves.
        let _ = timeout(CLOSE_TIME, self.shared.endpoint.wait_idle()).await;
    }

    fn hang_up(&self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        for peer in self.shared.registry.all() {
            peer.close(Farewell::shutdown());
        }
        let farewell = Farewell::shutdown();
        self.shared.endpoint.close(farewell.code.number().into(), farewell.reason.as_bytes());
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.hang_up();
    }
}

pub(crate) fn local_addr(endpoint: &Endpoint, address: SocketAddr) -> Result<SocketAddr, NetError> {
    endpoint.local_addr().map_err(|source| NetError::Socket { address, source })
}

/// Why the network could not be opened. The operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// A setting that cannot work.
    #[error("network settings: {0}")]
    Config(#[from] ConfigError),
    /// The socket could not be opened.
    #[error("cannot listen on {address}: {source}; is another node running there?")]
    Socket {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Guests of one protocol are let in already.
    #[error("another part of this program serves guests on this network already")]
    Hosted,
    /// No TLS could be set up with the node's key.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}
