//! C6: one seed is one run, to the byte.

use super::{Broken, Rule, expect};

/// C6: two runs of one seed delivered the same bytes to the same parties at the same times;
/// `first` and `second` are the digests over all of that.
pub fn one_run(seed: u64, first: &[u8; 32], second: &[u8; 32]) -> Result<(), Broken> {
    expect(Rule::C6Determinism, first == second, || {
        format!("seed {seed}: two runs delivered otherwise")
    })
}
