//! Connections that speak another protocol than ours: let in under the same limits, then handed
//! out.
//!
//! Who a guest is is proved as for peers, by the key of its certificate; what it says is no matter
//! of this package. Invariant: guests take no place of a peer, and no more connections than
//! [`GUESTS_MAX`] are theirs at once, however many knock.
//!
//! Left out on purpose: streams and messages. Whoever takes a [`Guest`] speaks with it.

use std::{fmt, sync::Arc};

use quinn::{Connection, crypto::rustls::HandshakeData};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use weft_core::digest::NodeId;

use crate::{
    close::{CloseCode, Farewell},
    endpoint,
    identity::named_by,
    limits::Pass,
};

/// Most connections of guests at once; a further one is turned away as full. Each costs a few KiB
/// until it sends.
pub const GUESTS_MAX: usize = 4_096;

/// Guests that stand and were not taken yet; a further one is turned away as full.
const LOBBY_MAX: usize = 64;

/// A connection of another protocol. Its place is free again once this is dropped.
pub struct Guest {
    /// The connection.
    pub connection: Connection,
    /// The key it proved to hold.
    pub id: NodeId,
    _place: OwnedSemaphorePermit,
    _pass: Pass,
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Guests as they come. Once it is dropped, all further ones are turned away.
#[derive(Debug)]
pub struct Guests(mpsc::Receiver<Guest>);

impl Guests {
    /// The next guest; `None` once the network is closed.
    pub async fn next(&mut self) -> Option<Guest> {
        self.0.recv().await
    }
}

/// Where guests wait until they are taken.
#[derive(Debug)]
pub(crate) struct Lobby {
    alpn: &'static [u8],
    places: Arc<Semaphore>,
    sender: mpsc::Sender<Guest>,
}

impl Lobby {
    /// For guests that speak `alpn`.
    pub(crate) fn new(alpn: &'static [u8]) -> (Self, Guests) {
        let (sender, receiver) = mpsc::channel(LOBBY_MAX);
        let places = Arc::new(Semaphore::new(GUESTS_MAX));
        (Self { alpn, places, sender }, Guests(receiver))
    }

    /// Whether `connection` speaks what guests here speak.
    pub(crate) fn is_for(&self, connection: &Connection) -> bool {
        let data = connection.handshake_data();
        let data = data.and_then(|data| data.downcast::<HandshakeData>().ok());
        data.and_then(|data| data.protocol).is_some_and(|protocol| protocol == self.alpn)
    }

    /// Lets a guest in, or turns it away.
    pub(crate) fn enter(&self, connection: Connection, mut pass: Pass) {
        let full = |what: &str| {
            Farewell::new(CloseCode::Full, format!("{what}; come again in a moment"))
                .close(&connection);
        };
        let named = endpoint::certificate(&connection).and_then(|found| named_by(&found).ok());
        let Some(id) = named else {
            return Farewell::new(CloseCode::NoHello, "no certificate").close(&connection);
        };
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            return full(&format!("at most {GUESTS_MAX} connections"));
        };
        pass.establish();
        let guest = Guest { connection: connection.clone(), id, _place: place, _pass: pass };
        match self.sender.try_send(guest) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => full("too many came at once"),
            Err(mpsc::error::TrySendError::Closed(_)) => full("nobody serves here at present"),
        }
    }
}
