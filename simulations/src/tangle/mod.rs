//! The abstract Tangle: arrows without a node around them, for hundreds of millions of
//! transactions.
//!
//! One DAG that everybody shares; a transaction is hidden for a while and then visible to all at
//! once, which stands for the network ([`local`] gives each node a view of its own instead).
//! Shows what the theory says of tips, weights and orphans, and carries the figures that
//! [`crate::validate`] holds against published ones. Never a statement about the node.

mod attack;
mod check;
mod committee;
mod counts;
mod delay;
mod engine;
mod histogram;
pub mod local;
pub mod model;
mod outcome;
mod race;
mod ring;
mod speed;
mod tips;
mod walk;
mod weights;
mod window;

#[cfg(test)]
mod tests;

pub(crate) use self::{counts::slope, histogram::bin};
pub use self::{
    histogram::Histogram,
    model::{Model, Unfit},
    outcome::{Cover, Outcome, Parasite, Race, TipCount, Vertex, Weights},
    speed::{Speed, speed},
    window::Kind,
};
use crate::kernel::random::Seed;

/// Runs `model`. The same model and seed give the same outcome, to the bit, on every machine.
///
/// # Errors
/// A knob out of its bounds.
pub fn run(model: &Model, seed: u64) -> Result<Outcome, Unfit> {
    model.check()?;
    Ok(engine::Engine::new(model, Seed::new(seed)).run())
}
