//! Paid streams, the ground of it: what buyer, seller and ledger must all read the same way.
//!
//! ```text
//! readings -> chunk -> SealedBatch on the ledger     batch.rs
//! units, limits: what may be said                    terms.rs
//! offer, channel: who owes whom, until when          objects.rs
//! ticks: elements of a hash chain, from the end      chain.rs
//! ```
//!
//! Invariant: everything here follows from bytes alone, so that a device can check what it is told.
//!
//! Left out on purpose: the rules of offers and channels (`machine/ledger/market`), and what buyer
//! and seller say to each other (`weft-market`). The whole is in docs/MARKET.md.

pub mod batch;
pub mod chain;
pub mod objects;
pub mod terms;
