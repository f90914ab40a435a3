//! A market on a simulated ledger: who pays, who serves, and what the ledger makes of it.
//!
//! Buyer and seller are the machines of `weft-market`, the ledger is a committee of the unmodified
//! machine in a [`World`](crate::World), whose judges hold every commit against a naive ledger.
//! Between buyer and seller lies a wire with a delay, and each has a disk that forgets what was not
//! synced. So value is created or lost here if it is anywhere.
//!
//! Left out on purpose: frames that are lost or bent (the tests of `weft-market` do nothing else).

mod exchange;
mod pump;
mod trade;

pub use self::{exchange::Exchange, trade::Trade};
