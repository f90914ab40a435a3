//! The handle: opens the network, takes what the machine wants said, tells how peers are doing.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use quinn::{Connection, Endpoint};
use tokio::{runtime::Handle, sync::watch, task::JoinSet, time::timeout};
use weft_core::{
    digest::NodeId,
    machine::{Ticket, ToNet},
    message::{Hello, Lane, Message, PeerAddress},
};

use crate::{
    close::Farewell,
    config::{ConfigError, NetConfig},
    dialer::{self, Dialling, Fixed},
    endpoint,
    events::{self, Events, FromNet, Sink},
    frame::encode_frame,
    handshake::{Control, HandshakeError, listening},
    identity::{Identity, named_by},
    limits::{Gate, Pass},
    peer::{self, Peer, waiting_answers},
    queue::{Ask, Refused, SendQueue, Speech},
    registry::Registry,
    tls::Tls,
};

/// Longest wait for the last packets when the network is closed.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// The network of one node. Dropping it closes all connections.
#[derive(Debug)]
pub struct Net {
    shared: Arc<Shared>,
    tasks: Mutex<JoinSet<()>>,
}

/// What all tasks of a network share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: NetConfig,
    pub(crate) own: NodeId,
    pub(crate) hello: Hello,
    pub(crate) tls: Tls,
    pub(crate) endpoint: Endpoint,
    pub(crate) registry: Registry,
    pub(crate) gate: Arc<Gate>,
    pub(crate) dialling: Dialling,
    pub(crate) fixed: HashMap<NodeId, Fixed>,
    pub(crate) sink: Sink,
    pub(crate) runtime: Handle,
    tickets: AtomicU64,
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
        let endpoint = endpoint::open(&config, &identity, &tls)?;
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
            error: fixed.error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        };
        self.shared.fixed.iter().map(status).collect()
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

impl Shared {
    fn say(&self, to: &NodeId, message: &Message) {
        let speech = match message {
            Message::Hello(_) => return self.misuse(message),
            _ if message.belongs_on(Lane::Gossip) => Speech::Gossip,
            _ if message.belongs_on(Lane::Control) => Speech::Control,
            _ => return self.misuse(message),
        };
        let Some(peer) = self.registry.find(to) else { return };
        let Ok(frame) = encode_frame(message) else { return self.misuse(message) };
        if let Err(Refused::Full { waiting }) = peer.queue.push(speech, frame) {
            peer.close(Farewell::too_slow(waiting));
        }
    }

    fn ask(&self, to: NodeId, ticket: Ticket, message: &Message) {
        let peer = self.registry.find(&to);
        let frame = encode_frame(message).ok().filter(|_| message.belongs_on(Lane::Request));
        let Some(frame) = frame else {
            self.misuse(message);
            return self.tell(FromNet::Answered { from: to, ticket, end: None });
        };
        let asked = peer.as_ref().map(|peer| peer.queue.push_ask(Ask { ticket, frame }));
        if let (Some(peer), Some(Err(Refused::Full { waiting }))) = (&peer, asked) {
            peer.close(Farewell::too_slow(waiting));
        }
        if asked != Some(Ok(())) {
            self.tell(FromNet::Answered { from: to, ticket, end: None });
        }
    }

    /// Whoever asked may be gone or have given up: then nobody waits any more.
    fn answer(&self, to: &NodeId, ticket: Ticket, mut parts: Vec<Message>) {
        if let Some(wrong) = parts.iter().find(|part| !part.belongs_on(Lane::Answer)) {
            self.misuse(wrong);
            parts.clear();
        }
        let Some(peer) = self.registry.find(to) else { return };
        let waiting = waiting_answers(&peer).remove(&ticket);
        if let Some(waiting) = waiting {
            // An error means that the asker has just given up.
            let _ = waiting.send(parts);
        }
    }

    fn misuse(&self, message: &Message) {
        tracing::error!(
            message = message.name(),
            "own message on the wrong lane or over the limits"
        );
    }

    /// Tells the node something without waiting for room. What waits here is bounded by the open
    /// requests and dials of the machine.
    pub(crate) fn tell(&self, event: FromNet) {
        if let Some(event) = self.sink.put_now(event) {
            let sink = self.sink.clone();
            // If nobody listens any more, nobody misses it.
            self.runtime.spawn(async move { sink.put(event, 0).await });
        }
    }

    pub(crate) fn next_ticket(&self) -> Ticket {
        Ticket(self.tickets.fetch_add(1, Ordering::Relaxed))
    }

    /// Registers a connection whose other end said Hello, and starts to serve it. `pass` is that of
    /// an inbound one.
    pub(crate) fn take_in(
        self: &Arc<Self>,
        connection: Connection,
        control: Control,
        mut pass: Option<Pass>,
    ) -> Result<(), HandshakeError> {
        let no_certificate = || rustls::Error::NoCertificatesPresented;
        let certificate = endpoint::certificate(&connection).ok_or_else(no_certificate)?;
        let id = named_by(&certificate)?;
        let remote = endpoint::remote(&connection);
        let inbound = pass.is_some();
        if let Some(pass) = &mut pass {
            pass.establish();
        }
        let peer = Arc::new(Peer {
            id,
            certificate,
            inbound,
            fixed: self.fixed.contains_key(&id),
            address: if inbound { listening(&control.theirs, remote) } else { Some(remote) },
            remote,
            queue: SendQueue::new(self.config.send_queue_bytes, self.config.send_queue_messages),
            answers: Mutex::default(),
            sent: AtomicU64::new(0),
            received: Arc::default(),
            up: AtomicBool::new(false),
            awaited: AtomicBool::new(false),
            farewell: OnceLock::new(),
            gone: watch::Sender::new(false),
            _pass: pass,
            connection,
        });
        let before = self.registry.admit(&peer)?;
        if let Some(before) = &before {
            before.close(Farewell::duplicate());
        }
        tokio::spawn(peer::run(self.clone(), peer, before, control));
        Ok(())
    }
}

fn local_addr(endpoint: &Endpoint, address: SocketAddr) -> Result<SocketAddr, NetError> {
    endpoint.local_addr().map_err(|source| NetError::Socket { address, source })
}

/// One connected peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// Its id.
    pub id: NodeId,
    /// Where the connection comes from or leads to.
    pub remote: SocketAddr,
    /// Whether the peer dialled.
    pub inbound: bool,
    /// Whether the operator named it.
    pub fixed: bool,
    /// Bytes in UDP datagrams to it, with all overhead and all that was sent again.
    pub udp_sent: u64,
    /// Bytes in UDP datagrams from it.
    pub udp_received: u64,
    /// Bytes in frames to it, headers included.
    pub frames_sent: u64,
    /// Bytes in frames from it, headers included.
    pub frames_received: u64,
    /// Bytes that wait to be sent to it. Near `send_queue_bytes` it is about to be dropped.
    pub waiting: usize,
    /// Round trip time, smoothed.
    pub rtt: Duration,
}

impl PeerInfo {
    fn of(peer: &Peer) -> Self {
        let stats = peer.connection.stats();
        Self {
            id: peer.id,
            remote: peer.remote,
            inbound: peer.inbound,
            fixed: peer.fixed,
            udp_sent: stats.udp_tx.bytes,
            udp_received: stats.udp_rx.bytes,
            frames_sent: peer.sent.load(Ordering::Relaxed),
            frames_received: peer.received.load(Ordering::Relaxed),
            waiting: peer.queue.waiting(),
            rtt: stats.path.rtt,
        }
    }
}

/// One peer of the operator's choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedPeer {
    /// Its id.
    pub id: NodeId,
    /// Where it is dialled.
    pub address: SocketAddr,
    /// Whether a connection stands.
    pub connected: bool,
    /// Why the last attempt failed, in words for the operator.
    pub error: Option<String>,
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
    /// No TLS could be set up with the node's key.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}
