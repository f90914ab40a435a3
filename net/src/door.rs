//! An endpoint of its own for one protocol beside ours: for whoever runs no node.
//!
//! The same certificates, the same TLS and the same limits as a node's endpoint, but no peers.
//! Invariant: whom [`Door::dial`] reaches has the key that was asked for.

use std::{net::SocketAddr, sync::Arc};

use quinn::{Connection, Endpoint, Incoming};
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};
use weft_core::{digest::NodeId, message::PeerAddress};

use crate::{
    close::Farewell,
    config::NetConfig,
    dialer::connect,
    endpoint,
    guests::{Guests, Lobby},
    handshake::HandshakeError,
    identity::Identity,
    limits::{Gate, Pass, Verdict},
    net::{CLOSE_TIME, NetError, local_addr},
    tls::Tls,
};

/// An open door. Dropping it closes all its connections.
#[derive(Debug)]
pub struct Door {
    own: NodeId,
    alpn: &'static [u8],
    tls: Tls,
    config: NetConfig,
    endpoint: Endpoint,
    porter: JoinHandle<()>,
}

impl Door {
    /// Opens a socket at `config.listen` for connections that speak `alpn`, in both directions. Of
    /// `config`, what is about peers and their messages has no meaning here.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    // Async so that nobody calls it where there is no runtime to run the task.
    pub async fn open(
        config: NetConfig,
        identity: &Identity,
        alpn: &'static [u8],
    ) -> Result<(Self, Guests), NetError> {
        config.check()?;
        let tls = Tls::new(identity)?;
        let endpoint = endpoint::open(&config, identity, tls.server_for(&[alpn])?)?;
        let (lobby, guests) = Lobby::new(alpn);
        let porter = tokio::spawn(accept_all(endpoint.clone(), config.clone(), lobby));
        let own = identity.node_id();
        Ok((Self { own, alpn, tls, config, endpoint, porter }, guests))
    }

    /// The key that this end proves to hold.
    pub const fn id(&self) -> NodeId {
        self.own
    }

    /// Opens a connection to whoever has the key of `target`, and to nobody else.
    pub async fn dial(&self, target: PeerAddress) -> Result<Connection, HandshakeError> {
        let limit = self.config.handshake_time;
        let dialled = connect(&self.endpoint, &self.tls, &self.config, self.alpn, target);
        timeout(limit, dialled).await.map_err(|_| HandshakeError::Late { limit })?
    }

    /// Where the socket is bound.
    pub fn local_addr(&self) -> Result<SocketAddr, NetError> {
        local_addr(&self.endpoint, self.config.listen)
    }

    /// Closes all connections, tells the other ends, and waits up to a second for the last packets.
    pub async fn close(&self) {
        self.hang_up();
        // Whoever did not hear it finds out alone.
        let _ = timeout(CLOSE_TIME, self.endpoint.wait_idle()).await;
    }

    fn hang_up(&self) {
        self.porter.abort();
        let farewell = Farewell::shutdown();
        self.endpoint.close(farewell.code.number().into(), farewell.reason.as_bytes());
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.hang_up();
    }
}

async fn accept_all(endpoint: Endpoint, config: NetConfig, lobby: Lobby) {
    let (gate, lobby) = (Gate::new(&config), Arc::new(lobby));
    while let Some(incoming) = endpoint.accept().await {
        let proved = incoming.remote_address_validated();
        match gate.enter(incoming.remote_address(), proved) {
            Verdict::Enter(pass) => {
                let deadline = Instant::now() + config.handshake_time;
                tokio::spawn(accept_one(incoming, pass, deadline, lobby.clone()));
            }
            // Fails only for an address that is proved already.
            Verdict::Prove => drop(incoming.retry()),
            Verdict::Refuse => incoming.refuse(),
        }
    }
}

async fn accept_one(incoming: Incoming, pass: Pass, deadline: Instant, lobby: Arc<Lobby>) {
    let remote = incoming.remote_address();
    let Ok(connecting) = incoming.accept() else { return };
    match timeout_at(deadline, connecting).await {
        Ok(Ok(connection)) => lobby.enter(connection, pass),
        Ok(Err(error)) => tracing::debug!(%remote, %error, "stranger turned away"),
        Err(_) => tracing::debug!(%remote, "a handshake took too long"),
    }
}
