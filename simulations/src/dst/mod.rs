//! Campaigns over seeds: everything goes wrong at once, another way with each seed, and what must
//! hold is judged during and after.
//!
//! ```text
//! seed -> plan (drawn) -> world -> judges -> report, or what is broken -> a smaller plan
//! ```

mod chaos;
mod finality;
mod plan;
mod run;
mod sale;
pub mod seeds;
mod shrink;
mod spread;
mod ways;

#[cfg(test)]
pub(crate) use self::run::probe;
pub use self::{
    plan::{Options, Plan, Sensor, Story, Trouble},
    run::{Fallen, Report},
    sale::Sale,
    shrink::Shrunk,
};

impl Plan {
    /// The plan that `seed` stands for.
    pub fn draw(story: Story, seed: u64) -> Self {
        match story {
            Story::Spread => spread::draw(seed),
            Story::Finality => finality::draw(seed),
        }
    }

    /// The plan of a seed of [`Story::Finality`], but nothing is sold in it, nor does the ledger
    /// stall for a sale.
    pub fn unsold(seed: u64) -> Self {
        finality::unsold(seed)
    }
}
