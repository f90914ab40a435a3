//! Weft peers over QUIC: who is there, framing, lanes and limits.
//!
//! In: [`ToNet`](weft_core::machine::ToNet), what the machine wants said, through [`Net::send`],
//! which never waits. Out: [`FromNet`], what peers did, through [`Events`].
//!
//! ```text
//!  identity, tls     who a node is, and how it proves it        (no socket)
//!  frame             bytes to frames and back                   (no socket)
//!  queue, limits     what may wait, who may come in             (no socket)
//!  handshake         both say Hello
//!  endpoint, dialer  connections come in, connections go out
//!  registry          one connection per peer
//!  peer, requests    the streams of one connection
//!  guests, door      connections of another protocol, here or at a socket of its own
//!  net, shared       the handle, and what stands behind it
//! ```
//!
//! **Invariants.** A peer's id is the id of the key it proved to hold. Between two nodes stands at
//! most one connection. Of each connection: `PeerUp` comes first and `PeerDown` last; what one
//! stream brought comes in its order; each `Ask` ends in exactly one `Answered`. Every queue has a
//! bound in count and in bytes ([`NetConfig`]).
//!
//! Left out on purpose: what messages mean, scores, bans, which peers to look for (the machine);
//! metrics (`weft-node` reads [`Net::peers`]).

mod close;
mod config;
mod dialer;
mod door;
mod endpoint;
mod events;
mod frame;
mod guests;
mod handshake;
mod identity;
mod limits;
mod net;
mod peer;
mod queue;
mod registry;
mod requests;
mod shared;
mod status;
mod stream;
#[doc(hidden)]
pub mod tls;

pub use close::{CloseCode, Farewell};
pub use config::{ConfigError, NetConfig};
pub use door::Door;
pub use events::{Events, FromNet};
pub use frame::{FRAME_HEADER_BYTES, FrameDecoder, FrameTooLong, encode_frame, frame_round_trip};
pub use guests::{GUESTS_MAX, Guest, Guests};
pub use handshake::HandshakeError;
pub use identity::{Identity, IdentityError};
pub use net::{Net, NetError};
pub use status::{FixedPeer, PeerInfo};
