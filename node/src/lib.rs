//! A Weft node: the shell around the pure machine of `weft-core`.
//!
//! ```text
//!  weft-net ---> ingest ---> queue ---> run (the machine's thread) ---> store, net, feed
//!  api/submit ---^  |                                                            |
//!                 checks: seen, keycache, held                     api/events <--'
//! ```
//! A transaction takes a straight line: bytes come in, are checked in batches on all cores
//! (`ingest`, `checks`), wait in a bounded queue, are handled by the machine in groups, and what
//! follows is written, then sent, then told (`run`). Queries read the store and a published status;
//! nobody asks the machine.
//!
//! **Invariants.** Nothing is sent or told before what it rests on is written; what was
//! acknowledged was synced. Every queue is bounded in count and in bytes, and says what happens
//! when it is full. One node is one value without globals, so a process may run many.
//!
//! Left out on purpose: what the protocol is (`weft-core`), bytes on the wire (`weft-net`) and on
//! disk (`weft-storage`), commands (`tools`).

mod api;
mod assemble;
mod checks;
mod clock;
pub mod config;
mod explorer;
mod feed;
pub mod genesis_file;
mod health;
mod held;
mod ingest;
pub mod key_file;
mod keycache;
mod live;
pub mod logging;
mod metrics;
mod node;
mod pace;
mod queue;
mod quota;
mod recent;
mod run;
mod seen;
mod stop;
mod submit;
mod supervise;
mod turns;
mod work;

pub use clock::Clock;
pub use config::{Config, ConfigError, Setting};
pub use health::StopCause;
pub use key_file::Seed;
pub use node::{Node, StartError};
pub use submit::{Pending, Placed, SubmitError, Submitter};

/// The version of this node.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
