//! A gateway in this process, with real devices' protocols in front and a real node behind.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that finds something else than it expects fails"
)]

mod crash;
mod doors;
mod links;
mod mqtt;
mod offline;
mod outage;
mod support;
mod tiny;
