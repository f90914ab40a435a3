//! Bytes: what is frozen, what is canonical, and what no bytes at all may do.
//!
//! - `golden`: one value of every type on the wire, with the bytes it has for ever.
//! - `canonical`: one value, one byte string, for any value.
//! - `fuzzed`: the bodies of `weft_core::fuzz` over a corpus of good, bent and random bytes.

#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod canonical;
mod fuzzed;
mod golden;
mod market;
mod values;
