//! Campaigns over seeds: everything goes wrong at once, another way with each seed, and what must
//! hold is judged during and after.

pub mod finality;
pub mod plain;
pub mod seeds;
