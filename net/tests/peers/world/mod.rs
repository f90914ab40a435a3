//! Nodes over real QUIC on loopback, and peers that do as they like.
//!
//! Every event that a [`Node`] takes is judged: `PeerUp` before anything else of a peer, `PeerDown`
//! after all of it, one `Answered` per `Ask`.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use weft_core::{
    digest::{GenesisId, NodeId},
    machine::{Ticket, ToNet},
    message::{Hello, Message, PeerAddress},
};
use weft_net::{
    Events, FrameDecoder, FromNet, Identity, Net, NetConfig, encode_frame,
    tls::{SERVER_NAME, Tls},
};

/// Longer than anything here takes, even on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LONG, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not come"),
    }
}

pub(crate) fn identity(number: u8) -> Identity {
    Identity::from_seed([number; 32]).unwrap()
}

pub(crate) fn hello() -> Hello {
    Hello {
        genesis: GenesisId([1; 32]),
        parameters: [2; 32],
        listening: Some((Ipv4Addr::UNSPECIFIED, 0).into()),
    }
}

pub(crate) fn config() -> NetConfig {
    NetConfig { listen: (Ipv4Addr::LOCALHOST, 0).into(), ..NetConfig::default() }
}

/// An address on which nobody listens, for somebody who will.
pub(crate) fn reserved() -> SocketAddr {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

pub(crate) fn transaction(number: u32, bytes: usize) -> Message {
    let mut content = vec![0; bytes];
    content[..4].copy_from_slice(&number.to_le_bytes());
    Message::Transaction(content.into())
}

pub(crate) struct Node {
    pub(crate) net: Net,
    pub(crate) events: Events,
    pub(crate) id: NodeId,
    judge: Judge,
}

#[derive(Default)]
struct Judge {
    up: BTreeMap<NodeId, FromNet>,
    asked: BTreeMap<Ticket, NodeId>,
    tickets: BTreeSet<Ticket>,
}

impl Node {
    pub(crate) async fn open(number: u8) -> Self {
        Self::with(number, config(), hello()).await
    }

    pub(crate) async fn with(number: u8, config: NetConfig, hello: Hello) -> Self {
        let identity = identity(number);
        let id = identity.node_id();
        let (net, events) = Net::open(config, identity, hello).await.unwrap();
        Self { net, events, id, judge: Judge::default() }
    }

    pub(crate) fn address(&self) -> PeerAddress {
        PeerAddress { id: self.id, address: self.net.local_addr().unwrap() }
    }

    pub(crate) fn dial(&self, other: &Self) {
        self.net.send(ToNet::Dial(other.address()));
    }

    pub(crate) fn say(&self, to: NodeId, message: Message) {
        self.net.send(ToNet::Send { to, message });
    }

    pub(crate) fn ask(&mut self, to: NodeId, ticket: u64, message: Message) {
        assert!(self.judge.asked.insert(Ticket(ticket), to).is_none());
        self.net.send(ToNet::Ask { to, ticket: Ticket(ticket), message });
    }

    pub(crate) async fn next(&mut self) -> FromNet {
        let event = soon("an event", self.events.recv()).await.unwrap();
        self.judge.see(&event);
        event
    }

    pub(crate) fn next_now(&mut self) -> Option<FromNet> {
        let event = self.events.try_recv()?;
        self.judge.see(&event);
        Some(event)
    }

    /// Takes events until one fits.
    pub(crate) async fn until<T>(&mut self, mut fits: impl FnMut(FromNet) -> Option<T>) -> T {
        loop {
            if let Some(found) = fits(self.next().await) {
                return found;
            }
        }
    }

    pub(crate) async fn until_up(&mut self, peer: NodeId) {
        while !self.judge.up.contains_key(&peer) {
            self.next().await;
        }
    }

    pub(crate) async fn until_down(&mut self, peer: NodeId) {
        while self.judge.up.contains_key(&peer) {
            self.next().await;
        }
    }

    /// The `PeerUp` of a peer that is up.
    pub(crate) fn up(&self, peer: NodeId) -> Option<&FromNet> {
        self.judge.up.get(&peer)
    }

    pub(crate) fn no_ask_is_open(&self) -> bool {
        self.judge.asked.is_empty()
    }
}

impl Judge {
    fn see(&mut self, event: &FromNet) {
        match event {
            FromNet::PeerUp { peer, .. } => {
                assert!(self.up.insert(*peer, event.clone()).is_none(), "up twice");
            }
            FromNet::PeerDown { peer } => {
                assert!(self.up.remove(peer).is_some(), "down, but was not up");
            }
            FromNet::Request { from, ticket, .. } => {
                assert!(self.up.contains_key(from), "{event:?} of a peer that is not up");
                assert!(self.tickets.insert(*ticket), "ticket given twice");
            }
            FromNet::Message { from, .. }
            | FromNet::Part { from, .. }
            | FromNet::Misbehaved { from, .. } => {
                assert!(self.up.contains_key(from), "{event:?} of a peer that is not up");
            }
            FromNet::Answered { from, ticket, .. } => {
                assert_eq!(self.asked.remove(ticket), Some(*from), "answered twice or unasked");
            }
            FromNet::DialFailed { .. } => {}
        }
    }
}

/// `b` fixed at `a`; gives what `a` says about it once it failed.
pub(crate) async fn failure(a: u8, a_hello: Hello, b: &PeerAddress) -> String {
    let config = NetConfig { fixed: vec![*b], ..config() };
    let mut node = Node::with(a, config, a_hello).await;
    node.net.send(ToNet::Dial(*b));
    assert_eq!(node.next().await, FromNet::DialFailed { peer: b.id });
    let noted = async {
        loop {
            if let Some(error) = &node.net.fixed()[0].error {
                return error.to_string();
            }
            tokio::task::yield_now().await;
        }
    };
    soon("a note", noted).await
}

/// Two nodes, connected; the first dialled.
pub(crate) async fn pair() -> (Node, Node) {
    pair_with(config()).await
}

pub(crate) async fn pair_with(config: NetConfig) -> (Node, Node) {
    let mut a = Node::with(1, config.clone(), hello()).await;
    let mut b = Node::with(2, config, hello()).await;
    a.dial(&b);
    a.until_up(b.id).await;
    b.until_up(a.id).await;
    (a, b)
}

/// A peer that does as it likes. Keep it: dropping it closes the connection.
pub(crate) struct Raw {
    pub(crate) id: NodeId,
    pub(crate) connection: Connection,
    pub(crate) control: SendStream,
    // Kept for as long as the peer is there.
    _endpoint: Endpoint,
    _control_in: RecvStream,
}

/// Dials with a real key.
pub(crate) async fn raw_dial(number: u8, target: PeerAddress) -> (Endpoint, Connection) {
    let tls = Tls::new(&identity(number)).unwrap();
    let (crypto, _) = tls.client(target.id).unwrap();
    let endpoint = Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let mut config = quinn::ClientConfig::new(Arc::new(crypto));
    let mut transport = quinn::TransportConfig::default();
    transport.keep_alive_interval(Some(Duration::from_millis(200)));
    config.transport_config(Arc::new(transport));
    let connecting = endpoint.connect_with(config, target.address, SERVER_NAME).unwrap();
    let connection = soon("a connection", connecting).await.unwrap();
    (endpoint, connection)
}

/// Dials `node` and says Hello like an honest node.
pub(crate) async fn raw_peer(number: u8, node: &mut Node) -> Raw {
    let id = identity(number).node_id();
    let (_endpoint, connection) = raw_dial(number, node.address()).await;
    let (mut control, _control_in) = connection.open_bi().await.unwrap();
    control.write_all(&frame(&Message::Hello(hello()))).await.unwrap();
    node.until_up(id).await;
    Raw { id, connection, control, _endpoint, _control_in }
}

/// Something that TLS and Hello of any kind can be tried against.
pub(crate) fn raw_listener(number: u8) -> (Endpoint, PeerAddress) {
    let identity = identity(number);
    let crypto = Tls::new(&identity).unwrap().server().unwrap();
    let config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    raw_listener_with(config, identity.node_id())
}

pub(crate) fn raw_listener_with(
    config: quinn::ServerConfig,
    id: NodeId,
) -> (Endpoint, PeerAddress) {
    let endpoint = Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = endpoint.local_addr().unwrap();
    (endpoint, PeerAddress { id, address })
}

pub(crate) fn frame(message: &Message) -> Bytes {
    encode_frame(message).unwrap()
}

/// Reads one frame.
pub(crate) async fn read_frame(stream: &mut RecvStream) -> Bytes {
    let mut decoder = FrameDecoder::new();
    loop {
        let mut byte = stream.read_chunk(1, true).await.unwrap().unwrap().bytes;
        if let Some(frame) = decoder.decode(&mut byte).unwrap() {
            return frame;
        }
    }
}

/// The application code and reason with which the other end closed.
pub(crate) async fn closed(connection: &Connection) -> (u64, String) {
    let error = soon("the end of the connection", connection.closed()).await;
    farewell(&error).unwrap_or_else(|| panic!("closed in another way: {error}"))
}

/// What the other end said when it closed.
pub(crate) fn farewell(error: &quinn::ConnectionError) -> Option<(u64, String)> {
    let quinn::ConnectionError::ApplicationClosed(close) = error else { return None };
    let reason = String::from_utf8_lossy(&close.reason).into_owned();
    Some((close.error_code.into_inner(), reason))
}
