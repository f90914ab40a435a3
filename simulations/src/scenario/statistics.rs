//! Means over runs, and how far they are to be trusted.

/// Two-sided 95 % points of Student's t by degrees of freedom, from 1 on (any table of it).
const T_95: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];

/// Of infinitely many.
const Z_95: f64 = 1.960;

/// A mean with its 95 % confidence interval, if there is more than one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mean {
    pub(crate) mean: f64,
    pub(crate) interval: Option<[f64; 2]>,
    pub(crate) runs: usize,
}

/// Of `values`, added in their order; none of nothing.
pub(crate) fn mean(values: &[f64]) -> Option<Mean> {
    let runs = values.len();
    let count = runs as f64;
    let mean = values.iter().sum::<f64>() / count;
    if runs < 2 {
        return values.first().map(|mean| Mean { mean: *mean, interval: None, runs });
    }
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let error = (squares / (count - 1.0) / count).sqrt();
    let half = T_95.get(runs - 2).unwrap_or(&Z_95) * error;
    Some(Mean { mean, interval: Some([mean - half, mean + half]), runs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_that_of_the_book() {
        let found = mean(&[4.0, 6.0, 8.0]).unwrap();
        let [low, high] = found.interval.unwrap();
        // 2 / sqrt(3) * 4.303
        assert!((found.mean - 6.0).abs() < 1e-12);
        assert!((high - 6.0 - 4.968_676).abs() < 1e-3 && (low + high - 12.0).abs() < 1e-9);
        assert_eq!(mean(&[5.0]), Some(Mean { mean: 5.0, interval: None, runs: 1 }));
        assert_eq!(mean(&[]), None);
    }
}
