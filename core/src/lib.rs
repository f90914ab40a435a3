//! The pure half of Weft: bytes, keys, work, admission and the protocol itself.
//!
//! Two layers. The *ground* (everything but `machine`) is all that a device ever links: types,
//! canonical codec, digests, keys, work, and [`admit`]. The *machine* (feature `machine`) is the
//! whole protocol of a node as one state machine with one door in and one door out.
//!
//! **Invariant: nothing here reads a clock, a socket, a disk, a random source or a global.** Time,
//! chance and disk reads are arguments; what is to be written, said or told is a return value. So
//! the crate is `no_std`, and the simulator runs the very code that a node runs.
//!
//! Left out on purpose: threads, logs and metrics. They watch the doors from outside (`weft-node`).

#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::std_instead_of_core, clippy::std_instead_of_alloc, clippy::alloc_instead_of_core)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(test, feature = "host"))]
extern crate std;

#[cfg(feature = "alloc")]
pub mod account;
pub mod address;
#[cfg(feature = "alloc")]
pub mod admit;
#[cfg(feature = "alloc")]
pub mod checkpoint;
pub mod codec;
#[cfg(feature = "alloc")]
pub mod commit;
#[cfg(feature = "alloc")]
pub mod committee;
pub mod digest;
#[doc(hidden)]
#[cfg(feature = "alloc")]
pub mod fuzz;
#[cfg(feature = "alloc")]
pub mod genesis;
pub mod keys;
#[cfg(feature = "machine")]
pub mod machine;
#[cfg(feature = "alloc")]
pub mod market;
#[cfg(feature = "alloc")]
pub mod message;
#[cfg(feature = "alloc")]
pub mod object;
#[cfg(feature = "alloc")]
pub mod outcome;
pub mod params;
pub mod pow;
#[cfg(feature = "alloc")]
pub mod proof;
pub mod time;
#[cfg(feature = "alloc")]
pub mod trie;
pub mod tx;
pub mod units;
