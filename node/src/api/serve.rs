//! The HTTP server: accepts connections within limits, and lets them go in order.
//!
//! hyper itself instead of `axum::serve`, which knows neither limits nor time: here a connection
//! that sends no whole head in time is closed, one client cannot take all connections, and at the
//! end requests on their way are finished.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::Service as _};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{quota::Client, stop::Stop};

/// Longest wait for the head of a request, in an open connection as well: an idle one is closed.
const HEAD_TIME: Duration = Duration::from_secs(60);
/// Longest head of a request, in bytes.
const HEAD_BYTES: usize = 32 * 1024;
/// Pause after the system refused a connection, for want of file descriptors as a rule.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Connections at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionLimits {
    /// In all; further ones wait to be accepted.
    pub(crate) all: usize,
    /// Of one client; further ones are closed.
    pub(crate) per_client: usize,
    /// Longest wait, at the end, for requests on their way.
    pub(crate) farewell: Duration,
}

/// Serves `router` until told to stop, then finishes what is on its way.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    mut stop: Stop,
) {
    let places = Arc::new(Semaphore::new(limits.all));
    let clients = Arc::new(Clients::default());
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.told() => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, client, place)) = accepted else { continue };
        let most = if client.is_this_machine() { usize::MAX } else { limits.per_client };
        let Some(guest) = clients.enter(client, most) else {
            tracing::debug!(?client, "closed a connection: too many of one client");
            continue;
        };
        let (router, stop) = (router.clone(), stop.clone());
        connections.spawn(async move {
            connection(stream, client, router, stop).await;
            drop((guest, place));
        });
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(limits.farewell, all).await.is_err() {
        connections.shutdown().await;
    }
}

type Place = tokio::sync::OwnedSemaphorePermit;

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, Client, Place)> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, remote)) => Some((stream, Client::of(remote.ip()), place)),
        Err(error) => {
            tracing::warn!(%error, "cannot accept a connection");
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// One connection, request after request.
async fn connection(stream: TcpStream, client: Client, router: Router, mut stop: Stop) {
    // Answers are written whole, events at once: waiting to fill packets only costs time.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let router = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(client);
        router.call(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(HEAD_BYTES);
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.told() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

/// How many connections each client has.
#[derive(Debug, Default)]
struct Clients(Mutex<HashMap<Client, usize>>);

/// A connection that counts, until dropped.
#[derive(Debug)]
struct Guest {
    clients: Arc<Clients>,
    client: Client,
}

impl Clients {
    fn enter(self: &Arc<Self>, client: Client, max: usize) -> Option<Guest> {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = clients.entry(client).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Guest { clients: self.clone(), client })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut clients = self.clients.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = clients.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                clients.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_its_share_and_gives_it_back() {
        let clients = Arc::new(Clients::default());
        let one = Client::of([10, 0, 0, 1].into());
        let other = Client::of([10, 0, 0, 2].into());
        let guests: Vec<_> = (0..3).map(|_| clients.enter(one, 3).unwrap()).collect();
        assert!(clients.enter(one, 3).is_none());
        assert!(clients.enter(other, 3).is_some());
        drop(guests);
        assert!(clients.enter(one, 3).is_some());
        assert!(clients.0.lock().unwrap().is_empty(), "who is gone is forgotten");
    }
}
