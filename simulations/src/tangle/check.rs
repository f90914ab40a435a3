//! The bounds of every knob of a model, in the order of its fields.
//!
//! Invariant: what passes here runs to its end in bounded memory, whatever is combined.

use super::{
    model::{Arrivals, AttackKind, Delay, Law, Model, Rule, Slice, Unfit},
    weights,
};

/// Most transactions of a run: ids are 32 bits wide, some of them blocks and an attacker's.
const TRANSACTIONS_MAX: u64 = 1 << 31;

/// Most transactions of a run with the walk: its cost grows with the square of the rate.
const WALK_TRANSACTIONS_MAX: u64 = 200_000;

/// Most transactions in the past that a walk may have to know the weight of.
const WALK_CONE_MAX: f64 = 20_000.0;

/// Highest rate: what is hidden at one time must fit in memory.
const RATE_MAX: f64 = 1e6;

/// Most parents of a transaction.
const PARENTS_MAX: u32 = 64;

/// Most validators: a bit each, in 64.
const VALIDATORS_MAX: u32 = 64;

/// Most blocks of a run.
const BLOCKS_MAX: f64 = 1e9;

/// Most transactions that an attacker hides: all of them are in memory until the release.
const HIDDEN_MAX: f64 = 1e7;

/// Most transactions that are followed or kept for a picture.
const KEPT_MAX: u32 = 100_000;

/// Most points of all curves of cumulative weight together.
const POINTS_MAX: f64 = 2e7;

/// The first knob of `model` that is out of its bounds.
pub(super) fn all(model: &Model) -> Result<(), Unfit> {
    flow(model)?;
    delay(&model.delay)?;
    selection(model)?;
    validators(model)?;
    attack(model)?;
    record(model)
}

fn flow(model: &Model) -> Result<(), Unfit> {
    let count = model.transactions;
    if !(1..=TRANSACTIONS_MAX).contains(&count) {
        let bound = format!("must be from 1 to {TRANSACTIONS_MAX}");
        return Err(unfit("transactions", count, bound, "split the run into more seeds"));
    }
    within("rate", model.rate, 1e-6, RATE_MAX, "the unit is transactions per h")?;
    if model.arrivals == Arrivals::Rounds && model.rate < 1.0 {
        return Err(unfit("rate", model.rate, "must be 1 or more in rounds", "use poisson"));
    }
    if !(1..=PARENTS_MAX).contains(&model.parents) {
        let bound = format!("must be from 1 to {PARENTS_MAX}");
        return Err(unfit("parents", model.parents, bound, "2 is the usual choice"));
    }
    within("lazy", model.lazy, 0.0, 1.0, "it is a share")?;
    within("spam", model.spam, 0.0, 1.0, "it is a share")?;
    within("spam", model.spam, 0.0, 1.0 - model.lazy, "lazy and spam share one whole: lower one")
}

fn delay(delay: &Delay) -> Result<(), Unfit> {
    within("delay.mean", delay.mean, 1e-6, 1e4, "1 by the choice of the unit")?;
    let points = &delay.points;
    if delay.law != Law::Empirical {
        let none = points.is_empty();
        return none.then_some(()).ok_or_else(|| {
            let bound = "belongs to the empirical law alone";
            unfit("delay.points", format!("{points:?}"), bound, "set delay.law to empirical")
        });
    }
    let (mut at, mut share) = (0.0, 0.0);
    for [to, up_to] in points {
        within("delay.points", *to, at, 1e4, "sort the points; delays are in h, from 0 on")?;
        within("delay.points", *up_to, share, 1.0, "sort the points; shares rise to 1")?;
        (at, share) = (*to, *up_to);
    }
    if share < 1.0 {
        let bound = "must end with the share 1";
        return Err(unfit("delay.points", share, bound, "add a last point [longest delay, 1.0]"));
    }
    within("delay.points", at, 1e-6, 1e4, "somebody must wait: the longest delay is 0")
}

fn selection(model: &Model) -> Result<(), Unfit> {
    let selection = &model.selection;
    let age = selection.tip_age_max;
    if age.is_nan() || age <= 0.0 {
        return Err(unfit("selection.tip_age_max", age, "must be above 0", "inf is no limit"));
    }
    within("selection.alpha", selection.alpha, 0.0, 100.0, "0 is a walk without preference")?;
    within("selection.depth", selection.depth, 1e-3, 1e4, "10 is the usual choice")?;
    if selection.rule == Rule::Uniform {
        return Ok(());
    }
    if model.transactions > WALK_TRANSACTIONS_MAX {
        let bound = format!("must be at most {WALK_TRANSACTIONS_MAX} with the walk");
        return Err(unfit("transactions", model.transactions, bound, "use uniform selection"));
    }
    let bound = WALK_CONE_MAX / (2.0 * model.rate);
    within("selection.depth", selection.depth, 0.0, bound, "lower it, or the rate")
}

fn validators(model: &Model) -> Result<(), Unfit> {
    let validators = &model.validators;
    if validators.count > VALIDATORS_MAX {
        let bound = format!("must be at most {VALIDATORS_MAX}");
        return Err(unfit("validators.count", validators.count, bound, "64 show all effects"));
    }
    within("validators.period", validators.period, 1e-2, 1e4, "the unit is h")?;
    let is_silent = validators.tips == 0 && validators.slice != Slice::All;
    let blocks = model.hours() * f64::from(validators.count) / validators.period;
    if blocks > BLOCKS_MAX {
        let bound = format!("would give {blocks:.0} blocks, more than {BLOCKS_MAX}");
        let fix = "raise it or the rate, or issue fewer transactions";
        return Err(unfit("validators.period", validators.period, bound, fix));
    }
    if validators.count > 0 && is_silent {
        let bound = "must be 1 or more";
        return Err(unfit(
            "validators.tips",
            0,
            bound,
            "a block that cites nothing covers nothing",
        ));
    }
    Ok(())
}

fn attack(model: &Model) -> Result<(), Unfit> {
    let attack = &model.attack;
    if attack.kind == AttackKind::None {
        return Ok(());
    }
    within("attack.share", attack.share, 0.0, 0.95, "somebody honest must be left")?;
    within("attack.start", attack.start, 0.0, 1e9, "the unit is h")?;
    let bound = (HIDDEN_MAX / (attack.share * model.rate)).min(1e4);
    within("attack.release", attack.release, 0.0, bound, "release earlier, or lower the rate")?;
    if attack.tips > KEPT_MAX {
        let bound = format!("must be at most {KEPT_MAX}");
        return Err(unfit("attack.tips", attack.tips, bound, "100 show the effect"));
    }
    Ok(())
}

fn record(model: &Model) -> Result<(), Unfit> {
    let record = &model.record;
    within("record.warm_up", record.warm_up, 0.0, 0.99, "it is a share of the run")?;
    within("record.cool_down", record.cool_down, 0.0, 1e4, "the unit is h")?;
    within("record.horizon", record.horizon, 0.25, 1e4, "the unit is h")?;
    for (field, count) in [
        ("record.points", record.points),
        ("record.sampled", record.sampled),
        ("record.excerpt", record.excerpt),
    ] {
        if count > KEPT_MAX {
            return Err(unfit(field, count, format!("must be at most {KEPT_MAX}"), "lower it"));
        }
    }
    let left = (1.0 - record.warm_up) * model.hours();
    within(
        "record.cool_down",
        record.cool_down,
        0.0,
        left,
        "lower it, or issue more transactions",
    )?;
    if record.sampled > 0 {
        followed(model)?;
    }
    if record.sampled == 0 && model.attack.kind == AttackKind::PrivateDoubleSpend {
        let bound = "must be 1 or more for a race";
        return Err(unfit("record.sampled", 0, bound, "240 give a fair picture"));
    }
    if model.attack.kind == AttackKind::PrivateDoubleSpend {
        let (field, release) = ("attack.release", model.attack.release);
        within(field, release, 0.0, record.horizon, "raise record.horizon, or release earlier")?;
    }
    Ok(())
}

/// Whether there is time and memory to follow as many as wanted.
fn followed(model: &Model) -> Result<(), Unfit> {
    let record = &model.record;
    let fix = "lower it, sample fewer, or issue more transactions";
    within("record.horizon", record.horizon, 0.25, weights::horizon_max(model), fix)?;
    let points = f64::from(record.sampled) * record.horizon / weights::STEP;
    let bound = record.horizon * POINTS_MAX / points;
    within("record.horizon", record.horizon, 0.25, bound, "lower it, or sample fewer")
}

fn within(
    field: &'static str,
    actual: f64,
    low: f64,
    high: f64,
    fix: &'static str,
) -> Result<(), Unfit> {
    if (low..=high).contains(&actual) {
        return Ok(());
    }
    Err(unfit(field, actual, format!("must be from {low} to {high}"), fix))
}

fn unfit(
    field: &'static str,
    actual: impl ToString,
    bound: impl Into<String>,
    fix: impl Into<String>,
) -> Unfit {
    Unfit { field, actual: actual.to_string(), bound: bound.into(), fix: fix.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Model)) -> &'static str {
        let mut model = Model::default();
        change(&mut model);
        model.check().unwrap_err().field
    }

    #[test]
    fn the_default_passes() {
        assert_eq!(Model::default().check(), Ok(()));
    }

    #[test]
    fn every_bound_names_its_knob() {
        assert_eq!(refused(|m| m.transactions = 0), "transactions");
        assert_eq!(refused(|m| m.rate = f64::NAN), "rate");
        assert_eq!(refused(|m| m.parents = 0), "parents");
        assert_eq!(refused(|m| (m.lazy, m.spam) = (0.6, 0.6)), "spam");
        assert_eq!(refused(|m| m.delay.points = vec![[1.0, 1.0]]), "delay.points");
        assert_eq!(refused(|m| m.selection.tip_age_max = 0.0), "selection.tip_age_max");
        assert_eq!(refused(|m| m.selection.rule = Rule::Walk), "transactions");
        assert_eq!(refused(|m| m.validators.count = 65), "validators.count");
        let spends = |m: &mut Model| m.attack.kind = AttackKind::PrivateDoubleSpend;
        assert_eq!(refused(spends), "record.sampled");
        let endless = |m: &mut Model| (m.rate, m.validators.count) = (0.001, 64);
        assert_eq!(refused(endless), "validators.period");
        let hides = |m: &mut Model| {
            (m.rate, m.attack.release) = (1e6, 1e3);
            m.attack.kind = AttackKind::ParasiteChain;
        };
        assert_eq!(refused(hides), "attack.release");
        assert_eq!(refused(|m| m.record.warm_up = 1.0), "record.warm_up");
    }

    #[test]
    fn an_error_says_what_to_do() {
        let model = Model { lazy: 2.0, ..Model::default() };
        let text = model.check().unwrap_err().to_string();
        assert_eq!(text, "lazy is 2, but must be from 0 to 1: it is a share");
    }

    #[test]
    fn empirical_delays_rise_to_one() {
        let with = |points: &[[f64; 2]]| Delay {
            law: Law::Empirical,
            points: points.to_vec(),
            ..Delay::default()
        };
        assert_eq!(delay(&with(&[[0.5, 0.2], [1.0, 1.0]])), Ok(()));
        assert!(delay(&with(&[[0.5, 0.2], [0.4, 1.0]])).is_err());
        assert!(delay(&with(&[[0.5, 0.2]])).is_err());
        assert!(delay(&with(&[])).is_err());
    }
}
