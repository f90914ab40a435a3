//! Bytes: what is frozen, what is canonical, and what no bytes at all may do.
//!
//! - `golden`: one frame of every kind, and what both sides keep, as they are for ever.
//! - `fuzzed`: the bodies of `weft_market::fuzz` over a corpus of good, bent and random bytes.

#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod fuzzed;
mod golden;
