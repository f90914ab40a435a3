//! How a buyer gets to a seller: somebody else has the socket and the certificate.

use std::{net::SocketAddr, pin::Pin};

use quinn::Connection;
use weft_core::{digest::NodeId, market::objects::Listing};

/// A connection on its way.
pub type Dialled<'a> = Pin<Box<dyn Future<Output = Result<Connection, DialError>> + Send + 'a>>;

/// Opens connections that speak [`ALPN`](crate::ALPN), to whoever has a given key and to nobody
/// else.
pub trait Dial: Send + Sync {
    /// Dials the endpoint `id` at `address`.
    fn dial(&self, id: NodeId, address: SocketAddr) -> Dialled<'_>;
}

/// Why a seller was not reached.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the seller is not reached at {address}: {cause}")]
pub struct DialError {
    /// Where it was looked for.
    pub address: SocketAddr,
    /// What went wrong there.
    pub cause: String,
}

/// Dials the addresses of an offer in turn, the best first.
pub(crate) async fn reach(dial: &dyn Dial, listing: &Listing) -> Result<Connection, DialError> {
    let offer = &listing.offer;
    let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
    let mut error = DialError { address: unspecified, cause: "the offer names no address".into() };
    for address in &offer.addresses {
        match dial.dial(offer.endpoint, *address).await {
            Ok(connection) => return Ok(connection),
            Err(failed) => error = failed,
        }
    }
    Err(error)
}
