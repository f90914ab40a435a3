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
