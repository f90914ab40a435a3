//! C14: honest issuers who ask alike get like shares.

use super::{Broken, Rule, expect};

/// How many times what the least got the one with most may have. Those who ask alike draw their
/// pauses at random, from a half of the mean up to one and a half, so threefold is chance.
const UNLIKE_MAX: u64 = 4;

/// C14: of `shares`, one of each who asked alike in the same time, none is less than a quarter of
/// another. Max-min rather than Jain's index: among many who are well served the index hides one
/// who is not.
pub fn like_shares(shares: &[u64]) -> Result<(), Broken> {
    let least = shares.iter().min().copied().unwrap_or_default();
    let most = shares.iter().max().copied().unwrap_or_default();
    expect(Rule::C14Fairness, most <= least.saturating_mul(UNLIKE_MAX), || {
        format!("of those who asked alike one got {most} and one {least}: {shares:?}")
    })
}
