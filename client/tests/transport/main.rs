//! The HTTP transport against a scripted node: retries, resuming, refusals.
//!
//! The script is a function from requests to replies, so each test reads as a conversation. What
//! real nodes do is tested with the `weft` program.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails; the lints know test functions only, not helpers"
)]

mod events;
mod posts;
mod scripted;
