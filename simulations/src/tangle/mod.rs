//! The abstract Tangle: arrows without a node around them, for millions of transactions.
//!
//! Shows what the theory says of tips, weights and orphans, and carries the figures that
//! [`crate::validate`] holds against published ones. Never a statement about the node.

mod check;
pub mod model;

pub use self::model::{Model, Unfit};
