//! How long a search for a nonce takes, try by try. In the world a timer stands for it.

use super::chance::Chance;

/// Tries until a hash with `bits` leading zeros is found, each a draw of 64 random bits.
pub fn tries(bits: u32, chance: &mut Chance) -> u64 {
    let mut tries = 1;
    while chance.draw().leading_zeros() < bits {
        tries += 1;
    }
    tries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::random::Seed;

    #[test]
    fn no_work_is_one_try() {
        let mut chance = Chance::new(Seed::new(1), "test", 0);
        assert_eq!(tries(0, &mut chance), 1);
    }
}
