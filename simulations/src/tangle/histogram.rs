//! Counts by size, in bins of one width, with the exact mean and spread beside them.

use serde::Serialize;

/// Counts of values from 0 on, in bins of one width.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Histogram {
    width: f64,
    counts: Vec<u64>,
    above: u64,
    count: u64,
    sum: f64,
    squares: f64,
}

impl Histogram {
    /// Nothing counted yet, in `bins` bins of `width`.
    pub fn new(width: f64, bins: usize) -> Self {
        Self { width, counts: vec![0; bins], above: 0, count: 0, sum: 0.0, squares: 0.0 }
    }

    /// Counts one value.
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        self.squares += value * value;
        match self.counts.get_mut(bin(value, self.width)) {
            Some(count) => *count += 1,
            None => self.above += 1,
        }
    }

    /// The width of a bin.
    pub const fn width(&self) -> f64 {
        self.width
    }

    /// The counts, a bin each from 0 on.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Values beyond the last bin.
    pub const fn above(&self) -> u64 {
        self.above
    }

    /// Values counted.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The mean; NaN of nothing.
    pub fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }

    /// The standard deviation; NaN of nothing.
    pub fn std(&self) -> f64 {
        let mean = self.mean();
        (self.squares / self.count as f64 - mean * mean).max(0.0).sqrt()
    }

    /// The value that a share of `p` does not exceed, linear within its bin; NaN of nothing,
    /// infinite beyond the last bin.
    pub fn quantile(&self, p: f64) -> f64 {
        if self.count == 0 {
            return f64::NAN;
        }
        let wanted = p.clamp(0.0, 1.0) * self.count as f64;
        let mut below = 0.0;
        for (bin, count) in self.counts.iter().enumerate() {
            let count = *count as f64;
            if count > 0.0 && below + count >= wanted {
                return (bin as f64 + (wanted - below) / count) * self.width;
            }
            below += count;
        }
        f64::INFINITY
    }
}

/// The bin of a value that is not negative; the last number there is for one too large.
pub(crate) fn bin(value: f64, width: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from a float the cast saturates, and no bin is negative"
    )]
    let bin = (value / width) as usize;
    bin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_quantiles() {
        let mut histogram = Histogram::new(0.5, 4);
        for value in [0.1, 0.6, 0.7, 1.4, 9.0] {
            histogram.add(value);
        }
        assert_eq!(histogram.counts(), [1, 2, 1, 0]);
        assert_eq!((histogram.above(), histogram.count()), (1, 5));
        assert!((histogram.mean() - 2.36).abs() < 1e-9);
        assert!((histogram.quantile(0.4) - 0.75).abs() < 1e-9);
        assert_eq!(histogram.quantile(1.0), f64::INFINITY);
        assert!(Histogram::new(1.0, 1).quantile(0.5).is_nan());
    }
}
