//! Whole nodes in this process, over real QUIC and a real store, asked through their HTTP API.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that finds something else than it expects fails"
)]

mod events;
mod explorer;
mod finality;
mod gossip;
mod lifecycle;
mod live;
mod market;
mod peers;
mod pruned;
mod reattach;
mod refusals;
mod state;
mod submissions;
mod support;
