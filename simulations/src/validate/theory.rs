//! The references: formulas for what the engines should show. Nothing here runs an engine.
//!
//! Notation: k parents, λ transactions per h, L tips, x = L/λ; the delay is 1 h unless said.

/// Steps per h of integrals over time.
const STEPS_PER_H: usize = 2_000;

/// x for a constant delay: k / (k - 1). Popov, The Tangle, version 1.3 and later: L0 = kλh/(k-1).
/// For shares of transactions that remove no tips, k is that of all together and no integer.
pub(super) fn tips_constant(k: f64) -> f64 {
    k / (k - 1.0)
}

/// x for any delay law. A transaction is a tip u after it became visible if no approver is visible
/// then; tips are chosen at the rate k/x, and one chosen s ago shows with the probability F(s). So
/// x = ∫ exp(-(k/x) G(u)) du with G(u) the integral of F from 0 to u. `integral` is G.
pub(super) fn tips_any_delay(k: f64, integral: impl Fn(f64) -> f64) -> f64 {
    const HOURS: usize = 40;
    let step = 1.0 / STEPS_PER_H as f64;
    let points: Vec<f64> =
        (0..=HOURS * STEPS_PER_H).map(|point| integral(point as f64 * step)).collect();
    let excess = |x: f64| {
        let value = |g: &f64| libm::exp(-k / x * g);
        let ends = points.first().into_iter().chain(points.last()).map(value).sum::<f64>() / 2.0;
        (points.iter().map(value).sum::<f64>() - ends) * step - x
    };
    zero(0.1, 20.0, |x| -excess(x))
}

/// L/N for rounds of N: those of a round see L tips, of which a share exp(-kN/L) stays unchosen, so
/// with y = N/L, y = 1 - exp(-ky).
pub(super) fn tips_rounds(k: f64) -> f64 {
    1.0 / zero(0.1, 1.0, |y| y - 1.0 + libm::exp(-k * y))
}

/// x at each of the steps from 1 h on, from a start without tips, when each transaction chooses k
/// of them on average: [time, x].
///
/// Of x, u were not chosen yet; each is chosen at the rate k/x, and a choice shows after 1 h. So,
/// with s = ku/x, du/dt = 1 - s(t) and dx/dt = 1 - s(t - 1). For k at or below 1 there is no end:
/// then x grows by 1 - k per h and, as long as x is not large, by what is chosen twice.
pub(super) fn tips_over_time(k: f64, hours: f64) -> Vec<[f64; 2]> {
    const STEPS: usize = 400;
    let step = 1.0 / STEPS as f64;
    let (mut unchosen, mut tips) = (0.0, 0.0);
    let (mut chosen, mut points) = (vec![0.0; STEPS], Vec::new());
    while (chosen.len() as f64) * step < hours {
        let at = chosen.len();
        let shows = chosen.get(at - STEPS).copied().unwrap_or(0.0);
        tips += step * (1.0 - shows);
        // By the end of the step, not its beginning: stable however few tips there are.
        let left = (unchosen + step) / (1.0 + step * k / tips);
        chosen.push((unchosen + step - left) / step);
        unchosen = left;
        points.push([at as f64 * step, tips]);
    }
    points
}

/// How fast a cumulative weight grows while it is small, per h: the root z of
/// z + k - 1 = (k-1) e^(-z) (1 + (k-1)(1 - e^(-z))/z), the characteristic equation of [`weight`].
pub(super) fn growth(k: f64) -> f64 {
    zero(1e-6, 20.0, |z| {
        let late = libm::exp(-z);
        z + k - 1.0 - (k - 1.0) * late * (1.0 + (k - 1.0) * (1.0 - late) / z)
    })
}

/// The mean cumulative weight at each of `hours` after the issue, while it is small against L.
///
/// Of the tips in the transaction's future cone, U were not chosen yet and C were but their
/// chooser is hidden. Each is chosen at the rate k/x = k - 1, choices show after 1 h, and each new
/// transaction joins the cone at the rate k (U + C)/x: dU/dt = a(t - 1) - (k-1) U(t) and
/// C(t) = (k-1) ∫ U over the last h, with a = (k-1)(U + C); U(1) = 1, as the first tip is the
/// transaction itself.
pub(super) fn weight(k: f64, hours: &[f64]) -> Vec<f64> {
    let step = 1.0 / STEPS_PER_H as f64;
    let last = hours.iter().copied().fold(0.0, f64::max);
    let (mut unchosen, mut chosen, mut weight) = (vec![0.0], 0.0_f64, 1.0);
    let (mut joining, mut curve) = (vec![0.0], vec![1.0]);
    while (curve.len() as f64) <= last / step + 1.0 {
        let at = curve.len();
        let before = |list: &[f64]| {
            at.checked_sub(STEPS_PER_H).and_then(|at| list.get(at)).copied().unwrap_or(0.0)
        };
        let open = unchosen.last().copied().unwrap_or(0.0);
        let chooses = (k - 1.0) * open;
        chosen += step * (chooses - (k - 1.0) * before(&unchosen));
        let begins = if at == STEPS_PER_H { 1.0 } else { 0.0 };
        unchosen.push(open + step * (before(&joining) - chooses) + begins);
        let joins = (k - 1.0) * (open + chosen);
        joining.push(joins);
        weight += step * joins;
        curve.push(weight);
    }
    let at = |h: &f64| crate::tangle::bin(*h, step);
    hours.iter().map(|h| curve.get(at(h)).copied().unwrap_or(f64::NAN)).collect()
}

/// The share that is never approved when tips older than `age` are left behind: a tip is chosen at
/// the rate k/x from 1 to `age`. It is in the pool until the first choice shows or until it is too
/// old, so x = 1 + (x/k)(1 - e^(-(k/x)(age - 2))). For ages from 2.
pub(super) fn orphan_share(k: f64, age: f64) -> f64 {
    let x = zero(0.1, 10.0, |x| x - 1.0 - x / k * (1.0 - libm::exp(-k / x * (age - 2.0))));
    libm::exp(-k / x * (age - 1.0))
}

/// Whether an attacker with the share `q` draws level after `z` confirmations: while the honest
/// find z blocks it finds m with the probability C(m+z-1, m) p^z q^m, and from z - m behind it
/// draws level with (q/p)^(z-m). Rosenfeld: Analysis of hashrate-based double spending, 2012.
pub(super) fn rosenfeld(q: f64, z: u32) -> f64 {
    let p = 1.0 - q;
    let mut found = libm::pow(p, f64::from(z));
    let mut misses = 0.0;
    for m in 0..=z {
        let behind = f64::from(z - m);
        misses += found * (1.0 - libm::pow(q / p, behind));
        found *= q * f64::from(m + z) / f64::from(m + 1);
    }
    1.0 - misses
}

/// The same with a Poisson number of blocks of mean zq/p. Nakamoto: Bitcoin, section 11.
pub(super) fn nakamoto(q: f64, z: u32) -> f64 {
    let p = 1.0 - q;
    let mean = f64::from(z) * q / p;
    let mut found = libm::exp(-mean);
    let mut misses = 0.0;
    for m in 0..=z {
        misses += found * (1.0 - libm::pow(q / p, f64::from(z - m)));
        found *= mean / f64::from(m + 1);
    }
    1.0 - misses
}

/// The share reached by pushing once to `fan_out` at random: r = 1 - e^(-fan_out r).
pub(super) fn reached(fan_out: f64) -> f64 {
    zero(0.1, 1.0, |r| r - 1.0 + libm::exp(-fan_out * r))
}

/// Where a rising function crosses zero between two points, by halving.
fn zero(mut low: f64, mut high: f64, function: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if function(middle) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(actual: f64, expected: f64) {
        assert!((actual - expected).abs() <= expected * 2e-3, "{actual} instead of {expected}");
    }

    #[test]
    fn published_values_come_out() {
        close(tips_constant(2.0), 2.0);
        close(tips_constant(8.0), 1.1429);
        for (k, tips) in [(2.0, 1.2550), (3.0, 1.0633), (4.0, 1.0202)] {
            close(tips_rounds(k), tips);
        }
        close(tips_any_delay(2.0, |u| (u - 1.0).max(0.0)), 2.0);
        close(tips_any_delay(2.0, |u| u - 1.0 + libm::exp(-u)), 1.2838);
        for k in [1.2, 2.0, 3.0] {
            close(tips_over_time(k, 200.0).last().unwrap()[1], tips_constant(k));
        }
        for (k, z) in [(2.0, 0.3305), (3.0, 0.634), (4.0, 0.854), (8.0, 1.386)] {
            close(growth(k), z);
        }
        for (age, share) in [(4.0, 3.59e-2), (5.0, 1.54e-2), (6.0, 6.19e-3), (8.0, 8.96e-4)] {
            close(orphan_share(2.0, age), share);
        }
        for (q, z, p) in
            [(0.1, 2, 0.0560), (0.1, 6, 0.000_591), (0.3, 6, 0.1564), (0.3, 10, 0.0651)]
        {
            close(rosenfeld(q, z), p);
        }
        close(nakamoto(0.1, 5), 0.000_913_7);
        close(nakamoto(0.3, 10), 0.041_660_5);
        for (fan_out, share) in [(2.0, 0.7968), (3.0, 0.9405), (4.0, 0.9802), (6.0, 0.9975)] {
            close(reached(fan_out), share);
        }
    }

    #[test]
    fn the_mean_weight_grows_as_its_equation_says() {
        let weights = weight(2.0, &[0.5, 20.0, 30.0]);
        assert_eq!(weights.first(), Some(&1.0));
        let ratio = libm::log(weights[2] / weights[1]) / 10.0;
        close(ratio, growth(2.0));
    }
}
