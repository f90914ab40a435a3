//! A gateway: devices that speak MQTT, HTTP or CoAP post to the ledger without knowing of it.
//!
//! ```text
//! front/{mqtt,http,coap} -> intake -> decode -> queue (one sync) -> PUBACK / 201 / 2.04
//!                                                 |
//!                            receipts <- follow <- node <- seal <- batch
//! ```
//!
//! A straight line, a file a step. What is left of the queue answers to a device within
//! milliseconds and needs no node; what is right of it may take hours and loses nothing.
//!
//! **Invariant: acknowledged means on this gateway's disk, and each acknowledged message takes
//! effect on the ledger once**: a body is written before it is sent, sent again as the same bytes,
//! and its messages are done with when it has its outcome.
//!
//! Left out on purpose: the machine of a node. A gateway is a client, and may be anywhere.

#![forbid(unsafe_code)]

mod batch;
mod clock;
pub mod config;
mod decode;
pub mod device;
mod front;
mod intake;
mod metrics;
mod queue;
mod receipt;
mod run;
mod send;
mod upload;

pub use clock::Clock;
pub use config::Config;
pub use run::{Addresses, Gateway, StartError};
pub use upload::MessageId;
