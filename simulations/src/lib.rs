//! The unmodified machine in virtual time, under faults.
//!
//! A [`World`] holds nodes, those who post, rogues, and a network between them. A node is the
//! machine of `weft-core`, the checks before it and a store that can lose power; there is no mock
//! inside and no feature flag, only the world is false. Everything that happens stands in one
//! queue, ordered by time and then by the order in which it was put; all chance comes from one
//! seed. So a seed is a run, to the byte.
//!
//! **What must hold** is written down in [`judges`], what goes wrong in [`world::faults`], and
//! [`dst`] lets everything go wrong at once, seed by seed.
//!
//! What takes time and how much is modelled ([`world::costs`], [`world::links`], [`world::disk`]):
//! a figure that rests on it is a figure of the model.
//!
//! A [`scenario`] says in TOML what is run, on these nodes or on the abstract [`tangle`], and what
//! must come out; [`report`] shows it, and [`cli`] is the program around all of it.
//!
//! [`market`] lets a buyer and a seller of paid streams trade on these nodes.
//!
//! Left out on purpose: sockets and TLS (`weft-net` has tests of its own) and the disk itself
//! (`weft-storage`). Signatures are a toy's unless a world asks for true ones ([`world::signer`]).

pub mod cli;
pub mod dst;
pub mod judges;
pub mod kernel;
pub mod market;
pub mod report;
pub mod scenario;
pub mod substrate;
pub mod tangle;
pub mod validate;
pub mod world;

pub use self::world::{Links, Node, Posting, Settings, World};
