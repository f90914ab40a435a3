//! Connections that we open: fixed peers for ever, others once.
//!
//! Invariant: nobody is dialled twice at once. Each `Dial` of the machine ends in `PeerUp` or
//! `DialFailed`.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use quinn::{Connection, Endpoint};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout_at},
};
use weft_core::{digest::NodeId, message::PeerAddress};

use crate::{
    config::NetConfig,
    endpoint,
    events::FromNet,
    handshake::{self, HandshakeError},
    shared::Shared,
    tls::{ALPN, SERVER_NAME, Tls},
};

/// Dials at once; of further ones the machine hears that they failed.
const DIALS_MAX: usize = 64;

/// A connection that lived this long was a good one: the next wait is short again.
const GOOD_LIFE: Duration = Duration::from_secs(10);

/// A peer of the operator's choice.
#[derive(Debug)]
pub(crate) struct Fixed {
    pub(crate) address: SocketAddr,
    /// Told whenever a connection to it is gone.
    pub(crate) lost: Notify,
    error: Mutex<Option<Arc<HandshakeError>>>,
}

impl Fixed {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, lost: Notify::new(), error: Mutex::default() }
    }

    /// Why the last attempt failed; `None` once one did not.
    pub(crate) fn error(&self) -> Option<Arc<HandshakeError>> {
        self.noted().clone()
    }

    fn note_success(&self) {
        *self.noted() = None;
    }

    /// Whether it is news.
    fn note_failure(&self, error: HandshakeError) -> bool {
        let mut noted = self.noted();
        let news = noted.as_ref().is_none_or(|noted| noted.to_string() != error.to_string());
        *noted = Some(Arc::new(error));
        news
    }

    fn noted(&self) -> MutexGuard<'_, Option<Arc<HandshakeError>>> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who is being dialled, and whether the machine waits to hear.
#[derive(Debug, Default)]
pub(crate) struct Dialling(Mutex<HashMap<NodeId, bool>>);

impl Dialling {
    fn count(&self) -> usize {
        self.dialled().len()
    }

    /// Whether the caller may dial `id`: nobody else does. Remembers that the machine asked.
    fn begin(&self, id: NodeId, machine_asks: bool) -> bool {
        let mut dialled = self.dialled();
        if let Some(machine_waits) = dialled.get_mut(&id) {
            *machine_waits |= machine_asks;
            return false;
        }
        dialled.insert(id, machine_asks);
        true
    }

    /// Ends a dial; whether the machine waits to hear.
    fn end(&self, id: &NodeId) -> bool {
        self.dialled().remove(id).unwrap_or_default()
    }

    fn dialled(&self) -> MutexGuard<'_, HashMap<NodeId, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One attempt, asked for by the machine.
pub(crate) fn dial_once(shared: &Arc<Shared>, target: PeerAddress) {
    if target.id == shared.own || shared.dialling.count() >= DIALS_MAX {
        return shared.tell(FromNet::DialFailed { peer: target.id });
    }
    if shared.registry.await_up(&target.id) || !shared.dialling.begin(target.id, true) {
        return;
    }
    let shared = shared.clone();
    shared.runtime.clone().spawn(async move {
        if let Err(error) = attempt(&shared, target).await {
            tracing::debug!(peer = %target.id, address = %target.address, %error, "dial failed");
        }
    });
}

/// Keeps a connection to `target` for ever.
pub(crate) async fn keep(shared: Arc<Shared>, target: PeerAddress) {
    let Some(fixed) = shared.fixed.get(&target.id) else { return };
    let mut backoff = Backoff::new(shared.config.redial_min, shared.config.redial_max);
    loop {
        if shared.registry.is_connected(&target.id) {
            fixed.note_success();
            let since = Instant::now();
            fixed.lost.notified().await;
            if since.elapsed() >= GOOD_LIFE {
                backoff.restart();
            }
        } else if shared.dialling.begin(target.id, false) {
            match attempt(&shared, target).await {
                Ok(()) | Err(HandshakeError::Duplicate) => {}
                Err(error) => blame(fixed, target, error),
            }
        }
        if !shared.registry.is_connected(&target.id) {
            sleep(backoff.next_wait(rand::random())).await;
        }
    }
}

fn blame(fixed: &Fixed, target: PeerAddress, error: HandshakeError) {
    let (peer, address, reason) = (target.id, target.address, error.to_string());
    if fixed.note_failure(error) {
        tracing::warn!(%peer, %address, %reason, "fixed peer not reached; trying on");
    }
}

/// One attempt by whoever began it in [`Dialling`].
async fn attempt(shared: &Arc<Shared>, target: PeerAddress) -> Result<(), HandshakeError> {
    let result = reach(shared, target).await;
    if shared.dialling.end(&target.id) && !shared.registry.await_up(&target.id) {
        shared.tell(FromNet::DialFailed { peer: target.id });
    }
    result
}

async fn reach(shared: &Arc<Shared>, target: PeerAddress) -> Result<(), HandshakeError> {
    let limit = shared.config.handshake_time;
    let deadline = Instant::now() + limit;
    let late = |_| HandshakeError::Late { limit };
    let dialled = connect(&shared.endpoint, &shared.tls, &shared.config, ALPN, target);
    let connection = timeout_at(deadline, dialled).await.map_err(late)??;
    let taken = async {
        let greeted = timeout_at(deadline, handshake::dial(&connection, &shared.hello)).await;
        shared.take_in(connection.clone(), greeted.map_err(late)??, None)
    };
    taken.await.inspect_err(|error| error.farewell().close(&connection))
}

/// Opens a connection to whoever has the key of `target`, and to nobody else.
pub(crate) async fn connect(
    endpoint: &Endpoint,
    tls: &Tls,
    settings: &NetConfig,
    protocol: &[u8],
    target: PeerAddress,
) -> Result<Connection, HandshakeError> {
    let address = target.address;
    let (crypto, presented) = tls.client_for(target.id, protocol)?;
    let mut config = quinn::ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(endpoint::transport(settings)));
    let connecting = endpoint.connect_with(config, address, SERVER_NAME);
    let connecting = connecting.map_err(|source| HandshakeError::Address { address, source })?;
    connecting.await.map_err(|error| match presented.get() {
        Some(actual) if *actual == tls.own() => HandshakeError::OwnAddress,
        Some(actual) if *actual != target.id => {
            HandshakeError::WrongNode { expected: target.id, actual: *actual }
        }
        _ => HandshakeError::of_loss(error),
    })
}

/// Waits that double, each cut by chance to between half and all of it, so that two nodes that lost
/// each other do not meet in lockstep for ever.
#[derive(Clone, Copy, Debug)]
struct Backoff {
    least: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    const fn new(least: Duration, most: Duration) -> Self {
        Self { least, most, next: least }
    }

    const fn restart(&mut self) {
        self.next = self.least;
    }

    /// The next wait; `chance` is uniform.
    fn next_wait(&mut self, chance: u32) -> Duration {
        let half = self.next / 2;
        let cut = half.mul_f64(f64::from(chance) / f64::from(u32::MAX));
        self.next = self.next.saturating_mul(2).min(self.most);
        half + cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_most_and_start_again() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(200), ms(1_000));
        let longest: Vec<_> = (0..5).map(|_| backoff.next_wait(u32::MAX)).collect();
        assert_eq!(longest, [ms(200), ms(400), ms(800), ms(1_000), ms(1_000)]);
        assert_eq!(backoff.next_wait(0), ms(500));
        backoff.restart();
        assert_eq!(backoff.next_wait(0), ms(100));
    }

    #[test]
    fn a_dial_is_begun_once_and_remembers_that_the_machine_asked() {
        let (dialling, id) = (Dialling::default(), NodeId([1; 32]));
        assert!(dialling.begin(id, false));
        assert!(!dialling.begin(id, true));
        assert!(!dialling.begin(id, false));
        assert!(dialling.end(&id));
        assert!(!dialling.end(&id));
        assert!(dialling.begin(id, false));
    }
}
