//! The socket, and whoever knocks on it.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use quinn::{
    Connection, Endpoint, EndpointConfig, IdleTimeout, Incoming, ServerConfig, TokioRuntime,
    TransportConfig, VarInt, crypto::rustls::QuicServerConfig,
};
use quinn_proto::HashedConnectionIdGenerator;
use rustls::pki_types::CertificateDer;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::time::{Instant, timeout_at};

use crate::{
    config::NetConfig,
    handshake::{self, HandshakeError},
    identity::Identity,
    limits::{Pass, Verdict},
    net::NetError,
    requests::requests_taken,
    shared::Shared,
};

/// Strangers that quinn keeps for us before we look at them.
const KNOCKS_MAX: usize = 1_024;

/// Round trip assumed before one was measured. Shorter than quinn's guess, so that a first packet
/// that met nobody is sent again soon.
const FIRST_RTT: Duration = Duration::from_millis(100);

/// Opens the one socket for both directions.
pub(crate) fn open(
    config: &NetConfig,
    identity: &Identity,
    tls: QuicServerConfig,
) -> Result<Endpoint, NetError> {
    let server = server_config(config, tls);
    let address = config.listen;
    let refused = |source| NetError::Socket { address, source };
    let socket = socket(config).map_err(refused)?;
    let config = endpoint_config(identity);
    Endpoint::new(config, Some(server), socket, Arc::new(TokioRuntime)).map_err(refused)
}

/// How strangers are let in.
pub(crate) fn server_config(config: &NetConfig, tls: QuicServerConfig) -> ServerConfig {
    let mut server = ServerConfig::with_crypto(Arc::new(tls));
    server.transport_config(Arc::new(transport(config))).max_incoming(KNOCKS_MAX);
    server
}

fn socket(config: &NetConfig) -> io::Result<std::net::UdpSocket> {
    let address = config.listen;
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_recv_buffer_size(config.socket_receive_bytes)?;
    let granted = socket.recv_buffer_size()?;
    if granted < config.socket_receive_bytes {
        let asked = config.socket_receive_bytes;
        tracing::warn!(asked, granted, "small UDP receive buffer; raise net.core.rmem_max");
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Secrets that outlive a restart: a peer that still sends on a connection of our last run is told
/// at once that it is gone.
fn endpoint_config(identity: &Identity) -> EndpointConfig {
    let key = identity.reset_key();
    let tag = aws_lc_rs::hmac::sign(key, b"connection ids");
    let ids = tag.as_ref().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let mut config = EndpointConfig::new(Arc::new(key.clone()));
    config.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(ids)));
    config
}

/// How QUIC runs, in both directions.
pub(crate) fn transport(config: &NetConfig) -> TransportConfig {
    let streams = requests_taken(config.requests_max).saturating_add(2);
    let streams = u32::try_from(streams).unwrap_or(u32::MAX);
    let idle = IdleTimeout::try_from(config.idle_time).unwrap_or(VarInt::MAX.into());
    let mut transport = TransportConfig::default();
    transport
        // The control stream, the requests taken, and one more that shows who asks too much.
        .max_concurrent_bidi_streams(VarInt::from_u32(streams))
        .max_concurrent_uni_streams(VarInt::from_u32(1))
        .max_idle_timeout(Some(idle))
        .keep_alive_interval(Some(config.idle_time / 3))
        .receive_window(VarInt::from_u32(config.receive_window_bytes))
        // Gossip alone cannot take the whole window: answers get through.
        .stream_receive_window(VarInt::from_u32(config.receive_window_bytes / 8 * 5))
        .send_window(config.send_window_bytes.into())
        .datagram_receive_buffer_size(None)
        .initial_rtt(FIRST_RTT);
    transport
}

/// Lets strangers in until the endpoint is closed.
pub(crate) async fn accept_all(shared: Arc<Shared>) {
    while let Some(incoming) = shared.endpoint.accept().await {
        let proved = incoming.remote_address_validated();
        match shared.gate.enter(incoming.remote_address(), proved) {
            Verdict::Enter(pass) => {
                tokio::spawn(accept_one(shared.clone(), incoming, pass));
            }
            // Fails only for an address that is proved already.
            Verdict::Prove => drop(incoming.retry()),
            Verdict::Refuse => incoming.refuse(),
        }
    }
}

async fn accept_one(shared: Arc<Shared>, incoming: Incoming, pass: Pass) {
    let remote = incoming.remote_address();
    if let Err(error) = welcome(&shared, incoming, pass).await {
        tracing::debug!(%remote, %error, "stranger turned away");
    }
}

async fn welcome(
    shared: &Arc<Shared>,
    incoming: Incoming,
    pass: Pass,
) -> Result<(), HandshakeError> {
    let limit = shared.config.handshake_time;
    let deadline = Instant::now() + limit;
    let late = |_| HandshakeError::Late { limit };
    let connection = timeout_at(deadline, incoming.accept()?).await.map_err(late)??;
    if let Some(lobby) = shared.lobby.get().filter(|lobby| lobby.is_for(&connection)) {
        lobby.enter(connection, pass);
        return Ok(());
    }
    let taken = async {
        let greeted = timeout_at(deadline, handshake::accept(&connection, &shared.hello)).await;
        shared.take_in(connection.clone(), greeted.map_err(late)??, Some(pass))
    };
    taken.await.inspect_err(|error| error.farewell().close(&connection))
}

/// The certificate that the other end proved to hold.
pub(crate) fn certificate(connection: &Connection) -> Option<CertificateDer<'static>> {
    let identity = connection.peer_identity()?;
    let chain = identity.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    chain.into_iter().next()
}

/// Where the other end is, in its plain form.
pub(crate) fn remote(connection: &Connection) -> SocketAddr {
    let remote = connection.remote_address();
    SocketAddr::new(remote.ip().to_canonical(), remote.port())
}
