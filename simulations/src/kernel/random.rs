//! Chance, all of it from one number.
//!
//! Each purpose has a stream of its own, named by a label, so that one more draw in one place
//! shifts nothing in another.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use weft_core::{
    digest::{Domain, Hasher},
    time::Span,
};

/// Where all chance of a run comes from.
#[derive(Clone, Copy, Debug)]
pub struct Seed(u64);

impl Seed {
    /// The seed of this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// 32 bytes for `label` and `number`.
    pub fn bytes(self, label: &str, number: u64) -> [u8; 32] {
        Hasher::new(Domain::Content)
            .chain(&self.0.to_le_bytes())
            .chain(&number.to_le_bytes())
            .chain(label.as_bytes())
            .finish()
    }

    /// The dice for `label` and `number`.
    pub fn dice(self, label: &str, number: u64) -> Dice {
        Dice(ChaCha8Rng::from_seed(self.bytes(label, number)))
    }
}

/// One stream of chance.
#[derive(Clone, Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// 64 random bits.
    pub fn draw(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Below `count`; 0 if that is 0. The bias is far below what a simulation can show.
    pub fn below(&mut self, count: u64) -> u64 {
        self.draw().checked_rem(count).unwrap_or(0)
    }

    /// An index below `count`.
    pub fn index(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).unwrap_or(0)
    }

    /// From `low` up to and with `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below((high - low).saturating_add(1))
    }

    /// A span from `low` up to and with `high`.
    pub fn span(&mut self, low: Span, high: Span) -> Span {
        Span::from_millis(self.between(low.as_millis(), high.as_millis()))
    }

    /// From an exponential law with this `mean`, rounded down. In integers, so that all machines
    /// draw the same: no two libraries need agree on a logarithm.
    pub fn exponential(&mut self, mean: u64) -> u64 {
        /// The natural logarithm of 2, times 2^32.
        const LN_2: u128 = 2_977_044_471;
        // -ln(U) = ln(2) * (64 - log2(draw)), both logarithms with 32 binary places.
        let lost = (64_u128 << 32) - u128::from(log2(self.draw().max(1)));
        let drawn = (((lost * LN_2) >> 32) * u128::from(mean)) >> 32;
        u64::try_from(drawn).unwrap_or(u64::MAX)
    }

    /// True in `ppm` of a million cases.
    pub fn rarely(&mut self, ppm: u64) -> bool {
        self.below(1_000_000) < ppm
    }

    /// True in `percent` of 100 cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `items`.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.index(items.len()))
    }

    /// `count` random bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// Puts `items` into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }
}

/// The binary logarithm of `x`, which is not 0, with 32 binary places: each squaring of the
/// mantissa yields one more.
fn log2(x: u64) -> u64 {
    let shift = x.leading_zeros();
    let mut mantissa = u128::from(x << shift);
    let mut result = u64::from(63 - shift) << 32;
    for place in (0..32).rev() {
        mantissa = (mantissa * mantissa) >> 63;
        if mantissa >> 64 != 0 {
            mantissa >>= 1;
            result |= 1 << place;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_those_of_the_book() {
        assert_eq!(log2(1), 0);
        assert_eq!(log2(1 << 63), 63 << 32);
        // log2(3) = 1.584_962_500_721_156
        assert!(log2(3).abs_diff(6_807_362_105) < 3);
        assert_eq!(log2(u64::MAX) >> 32, 63);
    }

    #[test]
    fn an_exponential_has_its_mean_and_its_median() {
        let mut dice = Seed::new(1).dice("exponential", 0);
        let mut drawn: Vec<u64> = (0..20_000).map(|_| dice.exponential(100_000)).collect();
        drawn.sort_unstable();
        let mean = drawn.iter().sum::<u64>() / 20_000;
        let median = drawn[10_000];
        assert!((97_500..102_500).contains(&mean), "mean {mean}");
        assert!((67_000..71_700).contains(&median), "median {median}, not 69,315");
    }

    #[test]
    fn another_label_is_another_stream() {
        let seed = Seed::new(5);
        assert_eq!(seed.dice("a", 0).draw(), seed.dice("a", 0).draw());
        assert_ne!(seed.dice("a", 0).draw(), seed.dice("b", 0).draw());
        assert_ne!(seed.dice("a", 0).draw(), seed.dice("a", 1).draw());
    }
}
