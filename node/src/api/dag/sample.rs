//! Which of many vertices are shown: an even spread over time that prefers linked ones.
//!
//! A token bucket of one second's worth. While it is more than half full everything is taken, so a
//! network that is slower than the rate is shown whole, bursts too. Below that, a vertex must hang
//! below one that is shown already: a sample without edges would be a cloud of dots.
//!
//! Invariant: never more than the rate times the seconds, and one second's worth.

use weft_core::time::Time;

/// Tokens per vertex, so that whole numbers can count parts of one.
const VERTEX: u64 = 1_000;

/// Takes at most so many a second.
#[derive(Debug)]
pub(super) struct Sample {
    per_second: u64,
    tokens: u64,
    at: Time,
}

impl Sample {
    /// Begins with a full bucket.
    pub(super) fn new(rate: u32, now: Time) -> Self {
        let per_second = u64::from(rate);
        Self { per_second, tokens: per_second * VERTEX, at: now }
    }

    /// Whether to show a vertex that comes now; `is_linked`: a parent of it is shown.
    pub(super) fn takes(&mut self, now: Time, is_linked: bool) -> bool {
        let full = self.per_second * VERTEX;
        // A thousand tokens a vertex and a thousand milliseconds a second.
        let gained = now.since(self.at).as_millis().saturating_mul(self.per_second);
        self.tokens = self.tokens.saturating_add(gained).min(full);
        self.at = self.at.max(now);
        let needed = if is_linked { VERTEX } else { VERTEX.max(full / 2) };
        let takes = self.tokens >= needed;
        if takes {
            self.tokens -= VERTEX;
        }
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `count` a second are taken in ten seconds; every `link`-th is linked.
    fn taken(rate: u32, count: u64, link: u64) -> u64 {
        let mut sample = Sample::new(rate, Time::ZERO);
        let each = (0..10 * count).map(|n| (n, Time::from_millis(n * 1_000 / count)));
        each.filter(|(n, now)| sample.takes(*now, n % link == 0)).count() as u64
    }

    #[test]
    fn a_slow_network_is_shown_whole_and_a_fast_one_at_the_rate() {
        assert_eq!(taken(60, 20, 2), 200);
        let fast = taken(60, 1_000, 3);
        assert!((600..=661).contains(&fast), "{fast}");
        // Though few are linked, the others fill up.
        let loose = taken(60, 1_000, 1_000);
        assert!((590..=661).contains(&loose), "{loose}");
    }

    #[test]
    fn a_burst_passes_and_links_come_first() {
        let mut sample = Sample::new(10, Time::ZERO);
        let burst = (0..10).filter(|_| sample.takes(Time::ZERO, false)).count();
        assert_eq!(burst, 6, "down to less than half");
        let linked = (0..10).filter(|_| sample.takes(Time::ZERO, true)).count();
        assert_eq!(linked, 4, "down to nothing");
        assert!(sample.takes(Time::from_millis(100), true));
        assert!(!sample.takes(Time::from_millis(50), true), "a clock that goes back gives nothing");
    }

    #[test]
    fn one_a_second_works_too() {
        assert!((10..=11).contains(&taken(1, 100, 10)));
    }
}
