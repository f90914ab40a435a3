//! The unmodified machine in virtual time, under faults.
//!
//! A [`World`] holds nodes, those who post, rogues, and a network between them. A node is the
//! machine of `weft-core`, the checks before it and a store that can lose power; there is no mock
//! inside and no feature flag, only the world is false. Everything that happens stands in one
//! queue, ordered by time and then by the order in which it was put; all chance comes from one
//! seed. So a seed is a run, to the byte.
//!
//! **What must hold** is written down in [`judges`], what goes wrong in [`faults`], and
//! [`campaign`] lets everything go wrong at once, seed by seed.
//!
//! Left out on purpose: sockets and TLS (`weft-net` has tests of its own), the disk itself
//! (`weft-storage`), signatures (a toy takes their place: [`toy`]).

pub mod campaign;
pub mod clients;
mod court;
pub mod device;
pub mod faults;
pub mod finality;
mod ingest;
pub mod judges;
mod network;
mod node;
mod queue;
pub mod random;
pub mod rogue;
pub mod seeds;
mod shape;
mod spoken;
pub mod told;
pub mod toy;
mod trace;
pub mod traffic;
mod twins;
pub mod vice;
mod wire;
mod work;
mod world;

pub use self::{
    network::Links,
    node::Node,
    work::Posting,
    world::{Settings, World},
};
