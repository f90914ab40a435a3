//! All libraries give one verdict on every signature, or nodes would fork.
//!
//! Four libraries by as many hands: what devices run, what nodes run, and two that only judge here
//! (`ml-dsa` of RustCrypto and `fips204`). They must agree on
//!
//! - published vectors and a frozen file (`vectors`, `frozen`);
//! - 100,000 mutated signatures and every way to encode a hint twice (`agreement`);
//! - signatures that only someone with the key can make, to split the network: z too long, and a
//!   hint at r0 = 0, where `UseHint` rounds down (`rogue`).

#![cfg(feature = "host")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod agreement;
mod frozen;
mod keys;
mod libraries;
mod rogue;
mod rogue_signer;
mod vectors;
