//! What every engine here stands on: virtual time in one wheel, labelled chance from one seed, and
//! a digest over all that happened.
//!
//! Nothing here knows what is simulated.

pub mod random;
pub(crate) mod trace;
pub mod wheel;
