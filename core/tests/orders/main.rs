//! The machine by its doors alone: whatever order transactions arrive in, the same Tangle grows.
//!
//! - `arrivals`: any order, the same transactions under the same parents, parents first.
//! - `cited`: what checkpoints cite is asked for until it is here.
//! - `cones`: the past that is sent is the past that is missing, against a naive model.
//! - `tips`: which transactions a new one may approve.

#![cfg(feature = "machine")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod arrivals;
mod cited;
mod cones;
mod drawing;
mod node;
mod tips;
