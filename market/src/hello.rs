//! What a buyer signs when a session begins.
//!
//! Bound to the TLS connection by its exporter (RFC 8446 section 7.5), so that a seller cannot show
//! the signature to another seller, nor anybody replay it.

use weft_core::{
    digest::{BodyId, Domain, Hasher},
    tx::NetworkId,
};

/// The label under which both sides ask TLS for the exporter, with an empty context.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-weft-market-1";

/// What TLS gives both ends of one connection, and nobody else.
pub type Exporter = [u8; 32];

/// What the buyer's account signs: `H("weft.mhl", network 4 | channel 32 | exporter 32)`.
pub fn hello_digest(network: NetworkId, channel: &BodyId, exporter: &Exporter) -> [u8; 32] {
    let hasher = Hasher::new(Domain::MarketHello).chain(&network.0);
    hasher.chain(channel.as_bytes()).chain(exporter).finish()
}
