//! What must hold, whatever happens: seventeen rules, a judge for each, and who calls them when.
//!
//! During a run: queues keep their bounds, and no machine wakes for nothing again and again. After
//! it: every store is in order, acknowledged submissions are in it, all nodes hold the same and
//! tell one history. The campaign calls C6, which compares two runs, and C14 and C15, which need
//! somebody to post at every honest node once all is at rest. C17 is asked after each step of a
//! trade (`market`).

pub mod agreement;
pub mod answers;
pub mod bounds;
pub mod causality;
pub mod convergence;
mod court;
pub mod determinism;
pub mod durability;
pub mod fairness;
pub mod integrity;
pub mod ledger;
pub mod liveness;
pub mod losses;
mod market;
pub mod recovery;
mod rule;
pub mod signing;
#[cfg(test)]
mod tests;

use self::rule::expect;
pub use self::rule::{Broken, Rule, Verdict};
