//! The time that a search for a nonce takes: try by try, and as the timer that stands for it.

use super::chance::Chance;

/// Tries until a hash with `bits` leading zeros is found, each a draw of 64 random bits.
pub fn tries(bits: u32, chance: &mut Chance) -> u64 {
    let mut tries = 1;
    while chance.draw().leading_zeros() < bits {
        tries += 1;
    }
    tries
}

/// The same in time, at `rate` tries per time, without trying: exponential with the mean 2^bits /
/// `rate`.
pub fn timer(bits: u32, rate: f64, chance: &mut Chance) -> f64 {
    chance.exponential(libm::exp2(f64::from(bits)) / rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::random::Seed;

    #[test]
    fn no_work_is_one_try() {
        let mut chance = Chance::new(Seed::new(1), "test", 0);
        assert_eq!(tries(0, &mut chance), 1);
        assert!(timer(0, 1e9, &mut chance) < 1e-6);
    }
}
