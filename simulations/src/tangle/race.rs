//! A double spend built in private against each followed transaction: whose weight is larger?
//!
//! The rival is issued when the victim is; the attacker adds a Poisson number of approvers to it,
//! each of which approves all before it, so its weight grows at once by the full share of the
//! rate. Honest transactions know nothing of it, so one run is as many races as transactions were
//! followed. A tie is the attacker's.

use super::{
    model::Model,
    outcome::{Race, Weights},
};
use crate::substrate::chance::Chance;

/// Races against each of the followed.
pub(super) fn run(weights: &Weights, model: &Model, mut chance: Chance) -> Race {
    let attack = &model.attack;
    let expected = attack.share * model.rate * weights.step;
    let points = weights.mean.len();
    let mut ahead = vec![0_u32; points];
    let mut ahead_until = Vec::new();
    let count = weights.curves.len() as f64;
    for curve in &weights.curves {
        let mut rival: u32 = 1;
        let mut last = 0;
        for (point, (weight, ahead)) in curve.iter().zip(&mut ahead).enumerate() {
            if point > 0 {
                rival = rival.saturating_add(chance.poisson(expected));
            }
            if rival >= *weight {
                *ahead += 1;
                last = point;
            }
        }
        ahead_until.push(last as f64 * weights.step);
    }
    let ahead: Vec<f64> = ahead.into_iter().map(|ahead| f64::from(ahead) / count).collect();
    ahead_until.sort_by(f64::total_cmp);
    let release = super::histogram::bin(attack.release, weights.step);
    let success = ahead.get(release).copied().unwrap_or(f64::NAN);
    Race { step: weights.step, ahead, success, ahead_until }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::random::Seed;

    #[test]
    fn an_attacker_without_a_share_is_ahead_only_at_first() {
        let curve = vec![1, 1, 3, 9];
        let weights = Weights {
            step: 0.25,
            curves: vec![curve; 2],
            mean: vec![0.0; 4],
            share: Vec::new(),
            adapted: Vec::new(),
        };
        let mut model = Model::default();
        (model.attack.share, model.attack.release) = (0.0, 0.5);
        let race = run(&weights, &model, Chance::new(Seed::new(1), "test", 0));
        assert_eq!(race.ahead, [1.0, 1.0, 0.0, 0.0]);
        assert_eq!((race.success, race.ahead_until), (0.0, vec![0.25, 0.25]));
    }
}
