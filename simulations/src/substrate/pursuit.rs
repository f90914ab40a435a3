//! The catch-up race: does an attacker, block by block, draw level with a chain that leads?

use super::chance::Chance;

/// A lead that is never made good: with a share of 0.3 the chance is (3/7)^100, 10^-37.
const LEAD_MAX: i64 = 100;

/// How the attacker's blocks are counted while the honest find theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// Block by block, each the attacker's with the probability of its share: exact.
    Exact,
    /// A Poisson number with the same mean, as in Nakamoto's paper.
    Poisson,
}

/// Whether an attacker with `share` of the blocks, below one half, draws level after the honest
/// have found `confirmations` blocks.
pub fn draws_level(head: Head, share: f64, confirmations: u32, chance: &mut Chance) -> bool {
    let mut found = 0;
    match head {
        Head::Exact => {
            let mut honest = 0;
            while honest < confirmations {
                if chance.happens(share) {
                    found += 1;
                } else {
                    honest += 1;
                }
            }
        }
        Head::Poisson => {
            found = chance.poisson(f64::from(confirmations) * share / (1.0 - share));
        }
    }
    let mut lead = i64::from(confirmations) - i64::from(found);
    while (1..LEAD_MAX).contains(&lead) {
        lead += if chance.happens(share) { -1 } else { 1 };
    }
    lead <= 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::random::Seed;

    #[test]
    fn without_a_share_only_a_chain_of_no_blocks_is_reached() {
        let mut chance = Chance::new(Seed::new(1), "test", 0);
        for head in [Head::Exact, Head::Poisson] {
            assert!(draws_level(head, 0.0, 0, &mut chance));
            assert!(!draws_level(head, 0.0, 1, &mut chance));
        }
    }
}
