//! Both sides of a session against each other, over a hostile wire and disks that forget.
//!
//! - `world`: a seller, a buyer, a wire, two disks and a small ledger, one step at a time.
//! - `judge`: what must hold after every step: the table of losses in docs/MARKET.md.
//! - `storms`: any steps in any order, crashes of either side too; then calm, and all is there.
//! - `sellers`, `buyers`: cheats, and what they gain.
//! - `ledgers`: claims, withdrawals, and a ledger that stalls.
//! - `doors`: limits, questions, samples, and refusals with their reasons.

#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod buyers;
mod doors;
mod judge;
mod ledgers;
mod sellers;
mod storms;
mod world;
