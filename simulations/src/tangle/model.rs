//! What can be set about an abstract Tangle: every knob, its unit, its default and its bounds.
//!
//! Time is counted in h, the delay until a transaction is visible to the others; rates are per h.
//! Any combination that [`Model::check`] lets pass can be run.
//!
//! Left out on purpose: everything a node has and a drawing of arrows has not (signatures, work,
//! bytes, money).

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::check;

/// An abstract Tangle: one DAG, in which a transaction is hidden until its delay is over.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Model {
    /// How many transactions are issued, validators' blocks and an attacker's not counted.
    pub transactions: u64,
    /// Transactions per h, an attacker's share included: λ of the literature.
    pub rate: f64,
    /// Tips that a transaction approves, drawn with replacement: k of the literature.
    pub parents: u32,
    /// Share of transactions that approve one fixed old pair: they add tips and remove none.
    pub lazy: f64,
    /// Share of transactions that approve genesis alone: they too add tips and remove none.
    pub spam: f64,
    /// When transactions are issued.
    pub arrivals: Arrivals,
    /// How long a transaction is hidden.
    pub delay: Delay,
    /// How tips are chosen.
    pub selection: Selection,
    /// The committee whose blocks cover transactions.
    pub validators: Validators,
    /// Who builds in private.
    pub attack: Attack,
    /// What is kept of the run.
    pub record: Record,
}

/// When transactions are issued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// One by one, with exponential gaps.
    #[default]
    Poisson,
    /// As many as the rate says, all at once, once per h: all of a round see the same tips.
    Rounds,
}

/// How long a transaction is hidden from everybody.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Delay {
    /// The law that delays follow.
    pub law: Law,
    /// The mean, in h. The empirical law has its own.
    pub mean: f64,
    /// The empirical law alone: points `[delay in h, share of delays up to it]`, both rising, the
    /// last share 1. Linear between the points; the first may carry a share of its own.
    pub points: Vec<[f64; 2]>,
}

/// The law that delays follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Law {
    /// Always the mean.
    #[default]
    Constant,
    /// Exponential.
    Exponential,
    /// Uniform from 0 to twice the mean.
    Uniform,
    /// By [`Delay::points`].
    Empirical,
}

/// How tips are chosen.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Selection {
    /// The rule.
    pub rule: Rule,
    /// Tips older than this many h since they were issued are left behind, but for the last one;
    /// `inf`: never.
    pub tip_age_max: f64,
    /// The walk alone: how much it prefers heavy approvers. 0: not at all.
    pub alpha: f64,
    /// The walk alone: it starts at a transaction that became visible between one and two times
    /// this many h ago.
    pub depth: f64,
}

/// A rule to choose tips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Each tip with the same chance.
    #[default]
    Uniform,
    /// A walk from the past along approvers, each chosen with a chance that grows as
    /// exp(alpha · its cumulative weight). For teaching: slow, so only small runs.
    Walk,
}

/// The committee: each member issues a block once per period, members evenly staggered.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Validators {
    /// How many; 0: none.
    pub count: u32,
    /// Between two blocks of one validator, in h.
    pub period: f64,
    /// Whether a block links to the latest visible block of every validator.
    pub links: bool,
    /// Tips that a block cites, different ones; the slice `all` cites all and ignores this.
    pub tips: u32,
    /// Which tips a block cites.
    pub slice: Slice,
}

/// Which tips a validator's block cites.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Slice {
    /// Any, each with the same chance.
    #[default]
    Uniform,
    /// First those of a slice of its own, by a hash of the tip; then any.
    Sliced,
    /// All.
    All,
}

/// An attacker who issues a share of all transactions, in private until the release.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Attack {
    /// What is attacked, and how.
    pub kind: AttackKind,
    /// The attacker's share of the rate.
    pub share: f64,
    /// When the attack begins, in h of the run; the race has many beginnings and ignores this.
    pub start: f64,
    /// From the beginning to the release, in h.
    pub release: f64,
    /// The parasite chain alone: how many tips hang from its head when it is released.
    pub tips: u32,
}

/// What an attacker does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttackKind {
    /// Nothing.
    #[default]
    None,
    /// A double spend against each sampled transaction: from the moment that it is issued all
    /// private transactions approve its rival, and weights are compared at the release.
    PrivateDoubleSpend,
    /// A double spend against one transaction: a chain grows in private, each link approving an
    /// honest tip too. Once it is released, with many tips at its head, honest transactions
    /// choose tips of one side only, and the question is which.
    ParasiteChain,
}

/// What is kept of a run.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Record {
    /// Share of the run, from its beginning, that no statistic counts.
    pub warm_up: f64,
    /// Before the end, in h: transactions issued later are not counted, as their fate is open.
    pub cool_down: f64,
    /// Points of the tip count over time.
    pub points: u32,
    /// Transactions whose cumulative weight is followed.
    pub sampled: u32,
    /// How long it is followed, in h.
    pub horizon: f64,
    /// Transactions kept for a picture, from the beginning and from the end each.
    pub excerpt: u32,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            transactions: 400_000,
            rate: 1_000.0,
            parents: 2,
            lazy: 0.0,
            spam: 0.0,
            arrivals: Arrivals::default(),
            delay: Delay::default(),
            selection: Selection::default(),
            validators: Validators::default(),
            attack: Attack::default(),
            record: Record::default(),
        }
    }
}

impl Default for Delay {
    fn default() -> Self {
        Self { law: Law::default(), mean: 1.0, points: Vec::new() }
    }
}

impl Default for Selection {
    fn default() -> Self {
        Self { rule: Rule::default(), tip_age_max: f64::INFINITY, alpha: 0.01, depth: 10.0 }
    }
}

impl Default for Validators {
    fn default() -> Self {
        Self { count: 0, period: 1.0, links: true, tips: 2, slice: Slice::default() }
    }
}

impl Default for Attack {
    fn default() -> Self {
        Self { kind: AttackKind::default(), share: 0.3, start: 100.0, release: 30.0, tips: 100 }
    }
}

impl Default for Record {
    fn default() -> Self {
        Self { warm_up: 0.2, cool_down: 40.0, points: 1_000, sampled: 0, horizon: 40.0, excerpt: 0 }
    }
}

/// A knob that is out of its bounds; always the fault of who wrote the model.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{field} is {actual}, but {bound}: {fix}")]
pub struct Unfit {
    /// The knob, as a path with dots.
    pub field: &'static str,
    /// What it is set to.
    pub actual: String,
    /// What it has to be.
    pub bound: String,
    /// What to do.
    pub fix: String,
}

impl Model {
    /// Whether the model can be run.
    ///
    /// # Errors
    /// The first knob that is out of its bounds, with what to do.
    pub fn check(&self) -> Result<(), Unfit> {
        check::all(self)
    }

    /// The expected length of the run, in h.
    pub fn hours(&self) -> f64 {
        self.transactions as f64 / self.honest_rate()
    }

    /// Honest transactions per h.
    pub fn honest_rate(&self) -> f64 {
        match self.attack.kind {
            AttackKind::None => self.rate,
            AttackKind::PrivateDoubleSpend | AttackKind::ParasiteChain => {
                self.rate * (1.0 - self.attack.share)
            }
        }
    }
}
