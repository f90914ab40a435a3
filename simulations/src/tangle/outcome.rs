//! What a run of the abstract Tangle showed. Times in h, rates per h.

use serde::Serialize;

use super::{histogram::Histogram, window::Kind};

/// What a run showed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// Transactions issued, validators' blocks and an attacker's not counted.
    pub transactions: u64,
    /// The length of the run.
    pub hours: f64,
    /// How many tips there were.
    pub tips: TipCount,
    /// From the issue of a transaction to that of its first approver.
    pub first_approval: Histogram,
    /// How many transactions have 0, 1, 2, .. direct approvers; the last entry counts more too.
    pub approvers: Vec<u64>,
    /// Transactions that statistics count: issued between warm-up and cool-down.
    pub measured: u64,
    /// Those of them that nobody ever approved.
    pub orphans: u64,
    /// Growth of cumulative weights, if transactions were followed.
    pub weights: Option<Weights>,
    /// Cover by validators, if there were any.
    pub cover: Option<Cover>,
    /// The race of a private double spend, if there was one.
    pub race: Option<Race>,
    /// The parasite chain, if there was one.
    pub parasite: Option<Parasite>,
    /// Transactions for a picture: the first and the last of the run, in order of ids.
    pub excerpt: Vec<Vertex>,
}

/// How many tips there were, as each transaction saw them that was issued after the warm-up.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TipCount {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub std: f64,
    /// How fast the count grew after the warm-up, in tips per h: the slope of a fitted line.
    pub growth: f64,
    /// `[time, tips]` over the whole run, thinned.
    pub series: Vec<[f64; 2]>,
}

/// Growth of cumulative weights: a transaction's own, 1, and one for each that approves it,
/// directly or not, from the moment that it is issued.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Weights {
    /// Between two points of a curve.
    pub step: f64,
    /// The weight of each followed transaction at each step after its issue, from 0 on.
    pub curves: Vec<Vec<u32>>,
    /// The mean of the curves.
    pub mean: Vec<f64>,
    /// The share of those issued in each step that approve: the mean over the followed.
    pub share: Vec<f64>,
    /// When each followed transaction was adapted: the end of the first step in which 95 % of
    /// those issued approve. None: not within the horizon.
    pub adapted: Vec<Option<f64>>,
}

/// How long until enough validators (2f + 1 of n) had a transaction in the past of their blocks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cover {
    /// Validators that are enough.
    pub quorum: u32,
    /// From issue to cover.
    pub latency: Histogram,
    /// Transactions that were not covered by the end.
    pub uncovered: u64,
    /// Blocks issued.
    pub blocks: u64,
    /// Ids of parents in a block, on average.
    pub parents: f64,
}

/// A double spend built in private against each followed transaction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Race {
    /// Between two points of the curve.
    pub step: f64,
    /// The share of attackers whose weight is not below the victim's, at each step.
    pub ahead: Vec<f64>,
    /// That share at the release.
    pub success: f64,
    /// The last step at which each attacker was not behind, sorted; the horizon if it still was
    /// not then.
    pub ahead_until: Vec<f64>,
}

/// A chain built in private, with many tips at its head.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parasite {
    /// The attacker's weight at the release.
    pub private_weight: u64,
    /// The victim's weight at the release.
    pub honest_weight: u64,
    /// Between two points of the shares.
    pub step: f64,
    /// Of the honest transactions issued in each step after the release, the share that approves
    /// the victim, and the share that approves the attacker's.
    pub shares: Vec<[f64; 2]>,
}

/// A transaction of the picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Vertex {
    /// Its number, in the order of issue; genesis is 0.
    pub id: u32,
    /// When it was issued.
    pub time: f64,
    /// What it is.
    pub kind: Kind,
    /// What it approves, each once.
    pub parents: Vec<u32>,
    /// How many approved it directly by the time that it was no tip any more, or at the end.
    pub approvers: u32,
}
