//! Checks proofs inside a browser, with the very code of `weft-core` that every node runs.
//!
//! Built for WebAssembly by `cargo xtask wasm` and served by every node as part of its explorer.
//! A page hands over two byte strings, the genesis and a proof, and gets JSON: what the genesis is,
//! what the proof proves, or why it proves nothing. The genesis is the one thing that is trusted;
//! its id comes back, so that a person can compare it with one from elsewhere.
//!
//! Invariant: nothing is asked of anybody. The module imports nothing, so it has no clock, no
//! network and no storage to ask.
//!
//! Left out on purpose: bindings that a tool generates. Three functions over numbers need none.

mod door;
mod said;
mod verdict;

pub use verdict::{BYTES_MAX, judge};
