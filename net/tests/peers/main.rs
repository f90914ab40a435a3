//! Endpoints that meet over real QUIC on this machine, and peers that do not behave.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic here fails a test")]

mod connect;
mod guests;
mod lanes;
mod reconnect;
mod requests;
mod tls;
mod world;
