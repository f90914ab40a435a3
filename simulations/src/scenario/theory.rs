//! What the literature says of the abstract Tangle, drawn dashed beside what was simulated.
//!
//! Invariant: a formula is given only where its conditions hold. Left out on purpose: the judgement
//! whether both agree (`validate`).

use crate::tangle::{
    Model,
    model::{Arrivals, AttackKind, Law, Rule},
};

/// Steps of a fixed point; each gains about a digit.
const STEPS: usize = 200;

/// Whether transactions come one by one, wait for a constant time, and choose among all tips.
fn is_plain(model: &Model) -> bool {
    model.arrivals == Arrivals::Poisson
        && model.delay.law == Law::Constant
        && model.selection.rule == Rule::Uniform
        && model.attack.kind == AttackKind::None
        && model.validators.count == 0
}

/// Tips on average: k'λh / (k' - 1) with k' = k (1 - q), Popov, The Tangle, section 3, with a share
/// q that removes none.
pub(super) fn tips(model: &Model) -> Option<f64> {
    let active = f64::from(model.parents) * (1.0 - model.lazy - model.spam);
    let holds = is_plain(model) && model.selection.tip_age_max.is_infinite() && active > 1.0;
    holds.then(|| active * model.rate * model.delay.mean / (active - 1.0))
}

/// Mean time from issue to the first approval, in h: hidden for h, then h / (k - 1).
pub(super) fn approval(model: &Model) -> Option<f64> {
    let alone = model.lazy + model.spam == 0.0 && model.parents > 1;
    let holds = is_plain(model) && alone && model.selection.tip_age_max.is_infinite();
    holds.then(|| model.delay.mean * (1.0 + 1.0 / (f64::from(model.parents) - 1.0)))
}

/// The share that nobody ever approves if tips leave at age D: with x = L / λh and h = 1,
/// x = 1 + (x/k)(1 - exp(-(k/x)(D - 2))) and P = exp(-(k/x)(D - 1)), for D from 2 on.
pub(super) fn orphans(model: &Model) -> Option<f64> {
    let (k, age) = (f64::from(model.parents), model.selection.tip_age_max / model.delay.mean);
    let alone = model.lazy + model.spam == 0.0;
    if !is_plain(model) || !alone || age.is_infinite() || age < 2.0 || model.parents < 2 {
        return None;
    }
    let mut x = 2.0;
    for _ in 0..STEPS {
        x = 1.0 + x / k * (1.0 - (-(k / x) * (age - 2.0)).exp());
    }
    Some((-(k / x) * (age - 1.0)).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: Option<f64>, expected: f64) -> bool {
        found.is_some_and(|found| (found / expected - 1.0).abs() < 0.005)
    }

    #[test]
    fn formulas_give_the_published_values() {
        let mut model = Model { rate: 1_000.0, ..Model::default() };
        assert!(close(tips(&model), 2_000.0) && close(approval(&model), 2.0));
        model.spam = 0.4;
        assert!(close(tips(&model), 6_000.0) && approval(&model).is_none());
        model.spam = 0.0;
        for (age, share) in [(4.0, 3.59e-2), (5.0, 1.54e-2), (6.0, 6.19e-3), (8.0, 8.96e-4)] {
            model.selection.tip_age_max = age;
            assert!(close(orphans(&model), share), "{age}: {:?}", orphans(&model));
        }
        assert!(tips(&model).is_none());
    }
}
