//! The durable queue: what devices sent and the ledger does not have for good yet.
//!
//! ```text
//! intake -> writer -> waiting -> outgoing -> done
//!             |          ^          |
//!          one sync      +----------+  a body that took no effect gives its messages back
//! ```
//!
//! Invariant: a message is in exactly one of `waiting` and `outgoing` until it is final; each step
//! between them is one atomic batch, on disk before anything is told or sent. So a crash loses
//! nothing, and what is sent again is the very body that was sent before.

mod backlog;
mod entry;
mod store;
mod synced;
mod writer;

pub(crate) use backlog::{Backlog, Levels, Limits, Turn};
pub(crate) use entry::{Content, Entry, Outgoing};
pub(crate) use store::{Changes, Store, StoreError};
pub(crate) use writer::{Incoming, Writer};
