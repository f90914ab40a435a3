//! The program as people run it: real processes, real QUIC, real disks.
//!
//! ```text
//! cli        every command, right and wrong, by exit code and output
//! conflicts  bodies of which only one can take effect, sent to two nodes at once
//! dev        `weft dev` from its banner to its summary
//! examples   those of `weft-client`, word for word
//! market     paid streams between two processes, both killed in the middle
//! network    what several nodes owe each other: the same set, after a crash and for a newcomer too
//! wallet     one account through all nodes: faucet, send, history, another key
//! ```
//! Nothing sleeps to wait: a test goes on when the process says so, or fails at its deadline.

#![cfg(unix)]
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails; the lints know test functions only, not helpers"
)]

mod cli;
mod conflicts;
mod dev;
mod examples;
mod gateway;
mod market;
mod network;
mod support;
mod wallet;
