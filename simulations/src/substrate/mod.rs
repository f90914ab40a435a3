//! The parts that simulations stand on, each small enough to have an exact answer: queues, floods,
//! searches, races, fair shares.
//!
//! [`crate::validate`] holds each against its answer. A simulation whose queue breaks Little's law
//! proves nothing about a ledger.

pub mod access;
pub mod chance;
pub mod drr;
pub mod fair;
pub mod gossip;
pub mod graph;
pub mod pursuit;
pub mod station;
pub mod work;
