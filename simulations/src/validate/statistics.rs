//! Means, their errors, and the chi-square test.

/// The mean; NaN of nothing.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard error of the mean; 0 of one value, which says nothing about chance.
pub(super) fn standard_error(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    if count < 2.0 {
        return 0.0;
    }
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (squares / (count - 1.0) / count).sqrt()
}

/// Pearson's statistic of counts against what is expected of each.
pub(super) fn chi_square(counts: &[f64], expected: &[f64]) -> f64 {
    counts.iter().zip(expected).map(|(count, expected)| (count - expected).powi(2) / expected).sum()
}

/// How likely chance alone makes Pearson's statistic at least this large, with so many degrees of
/// freedom: the upper regularised incomplete gamma function at half of both, by its series
/// (Abramowitz, Stegun: Handbook of Mathematical Functions, 6.5.29).
pub(super) fn chi_square_p(statistic: f64, freedom: u32) -> f64 {
    let (a, x) = (f64::from(freedom) / 2.0, statistic / 2.0);
    if x <= 0.0 {
        return 1.0;
    }
    let mut term = libm::exp(a * libm::log(x) - x - libm::lgamma(a + 1.0));
    if term == 0.0 {
        // Too far out for a float.
        return if x > a { 0.0 } else { 1.0 };
    }
    let (mut sum, mut n) = (0.0, a);
    // All terms are positive; they fall once n is above x.
    while n < x || term > sum * 1e-16 {
        sum += term;
        n += 1.0;
        term *= x / n;
    }
    (1.0 - sum).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_error() {
        assert_eq!(mean(&[1.0, 3.0]), 2.0);
        assert_eq!(standard_error(&[1.0, 3.0]), 1.0);
        assert_eq!(standard_error(&[1.0]), 0.0);
    }

    #[test]
    fn chi_square_of_the_tables() {
        assert_eq!(chi_square(&[10.0, 20.0], &[15.0, 15.0]), 50.0 / 15.0);
        for (statistic, freedom, p) in
            [(3.841, 1, 0.05), (18.307, 10, 0.05), (124.342, 100, 0.05), (10.828, 1, 0.001)]
        {
            let found = chi_square_p(statistic, freedom);
            assert!((found - p).abs() < p * 0.01, "{statistic} {freedom}: {found}");
        }
        assert_eq!((chi_square_p(9_000.0, 1_000), chi_square_p(1.0, 1_000)), (0.0, 1.0));
    }
}
