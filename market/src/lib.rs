//! Paid data streams: a buyer pays chunk by chunk, 41 bytes at a time, while the data flows.
//!
//! ```text
//!  seal      readings to chunks, chunks to ciphertexts, and back           (no socket, no disk)
//!  frame     what buyer and seller say, as bytes                           (no socket)
//!  hello     what a buyer signs                                            (no socket)
//!  ledger    what both are told of the ledger                              (no socket)
//!  seller    one stream, many sessions: `handle(now, Input, &mut Out)`     (no clock either)
//!  buyer     one channel, one session at a time: the same door             (no clock either)
//!  shelf     what neither may forget                                       (disk)
//!  drive     QUIC, disk and ledger around the machines                     (all of it)
//! ```
//!
//! **Invariants.** The machines read no clock, socket, disk or random source: the simulator
//! crashes, cuts and cheats at every step of the code that ships. A payment leaves a buyer after it
//! is on disk, and a key leaves a seller after its payment is: nothing is said that a crash could
//! unsay. So neither side loses more than docs/MARKET.md, "Losses", says.
//!
//! Left out on purpose: the rules of channels (`weft-core`), and posting to a ledger
//! (`weft-client`).

pub mod buyer;
pub mod drive;
pub mod frame;
#[doc(hidden)]
pub mod fuzz;
pub mod hello;
pub mod ledger;
mod paid;
pub mod seal;
pub mod seller;
pub mod shelf;
mod window;

pub use frame::ALPN;
pub use paid::Paid;
