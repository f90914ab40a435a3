//! Fair shares: Jain's index, and the weighted max-min allocation by filling water.

/// Jain's index of `shares`: 1 when all are equal, 1/n when one has all. NaN of nothing.
/// Jain, Chiu, Hawe: A Quantitative Measure of Fairness, DEC-TR-301, 1984.
pub fn jain(shares: &[f64]) -> f64 {
    let sum: f64 = shares.iter().sum();
    let squares: f64 = shares.iter().map(|share| share * share).sum();
    sum * sum / (shares.len() as f64 * squares)
}

/// One who wants a part of a capacity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// The part it is entitled to, relative to the others' weights. Above 0.
    pub weight: f64,
    /// More than this it does not take.
    pub wanted: f64,
}

/// The weighted max-min allocation: all get the same per weight, but for those who want less; no
/// capacity is left while somebody wants more. Bertsekas, Gallager: Data Networks, section 6.5.2.
pub fn max_min(capacity: f64, demands: &[Demand]) -> Vec<f64> {
    let mut order: Vec<&Demand> = demands.iter().collect();
    order.sort_by(|a, b| (a.wanted / a.weight).total_cmp(&(b.wanted / b.weight)));
    let mut left = capacity;
    let mut weights: f64 = demands.iter().map(|demand| demand.weight).sum();
    let mut level = f64::INFINITY;
    for demand in order {
        if demand.wanted / demand.weight > left / weights {
            level = left / weights;
            break;
        }
        left -= demand.wanted;
        weights -= demand.weight;
    }
    demands.iter().map(|demand| demand.wanted.min(level * demand.weight)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(capacity: f64, demands: &[[f64; 2]]) -> Vec<f64> {
        let of = |[weight, wanted]: &[f64; 2]| Demand { weight: *weight, wanted: *wanted };
        max_min(capacity, &demands.iter().map(of).collect::<Vec<_>>())
    }

    #[test]
    fn who_wants_little_leaves_the_rest_to_the_others() {
        assert_eq!(shares(10.0, &[[1.0, 2.0], [1.0, 9.0], [1.0, 9.0]]), [2.0, 4.0, 4.0]);
        assert_eq!(shares(9.0, &[[1.0, 9.0], [2.0, 9.0]]), [3.0, 6.0]);
        assert_eq!(shares(9.0, &[[1.0, 1.0], [2.0, 2.0]]), [1.0, 2.0]);
    }

    #[test]
    fn jain_between_one_and_all() {
        assert_eq!(jain(&[3.0, 3.0]), 1.0);
        assert_eq!(jain(&[4.0, 0.0, 0.0, 0.0]), 0.25);
        assert_eq!(jain(&[5.0, 0.0, 0.0, 0.0]), 0.25);
        assert_eq!(jain(&[3.0; 7]), 1.0);
        assert!(jain(&[0.0]).is_nan(), "nobody has anything");
    }
}
