//! What a report shows, as plain data: values, curves, bars, and a piece of a DAG.
//!
//! Invariant: nothing here depends on when, where or on how many threads it was made. Left out on
//! purpose: how anything looks.

use crate::report::dag::Dag;

/// Everything that one report shows.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// The name of the scenario.
    pub title: String,
    /// What it is for, in one sentence.
    pub purpose: String,
    /// Lines that stand under every figure: what costs were charged, and what was not simulated.
    pub notes: Vec<String>,
    /// Named values, in the order in which they are shown.
    pub values: Vec<Value>,
    /// The figures, in the order in which they are shown.
    pub figures: Vec<Figure>,
    /// What was expected of the values, and whether it held.
    pub verdicts: Vec<Verdict>,
    /// An excerpt of the DAG of the first run.
    pub dag: Option<Dag>,
}

/// One named value at one point of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// Where in the sweep, as `load.tps=200`; empty without a sweep.
    pub point: String,
    /// Its name, as in `[expect]`.
    pub name: String,
    /// Its unit; empty for a count or a share.
    pub unit: String,
    /// Mean over the runs.
    pub mean: f64,
    /// 95 % confidence interval of the mean; none for a single run.
    pub interval: Option<[f64; 2]>,
    /// Over how many runs.
    pub runs: usize,
}

/// Whether one expectation held at one point of a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The expectation, as `finality_p99_ms <2500`, and where.
    pub text: String,
    /// What was found instead, or that it held.
    pub found: String,
    /// Whether it held.
    pub holds: bool,
}

/// One plot.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Names its files and its place in the page: letters, digits and dashes.
    pub id: String,
    /// One line above it.
    pub title: String,
    /// What goes to the right.
    pub x: Axis,
    /// What goes up.
    pub y: Axis,
    /// What is drawn.
    pub shape: Shape,
    /// What stands below it.
    pub caption: Caption,
}

/// One axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// What it counts, with the unit.
    pub label: String,
    /// Whether it is logarithmic. Values that are not above zero are then left out.
    pub log: bool,
}

/// What a plot draws.
#[derive(Clone, Debug)]
pub enum Shape {
    /// Lines; of latencies the share that took longer.
    Curves(Vec<Curve>),
    /// One bar per name.
    Bars(Vec<Bar>),
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Simulated: a full line, with marks if there are few points.
    Simulated,
    /// From a formula: dashed.
    Theory,
    /// Measured on real processes: marks alone.
    Measured,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Curve {
    /// What it is in the table, told apart from all others of the plot.
    pub name: String,
    /// What the legend says; lines of one style and label share an entry.
    pub label: String,
    /// How it is drawn.
    pub style: Style,
    /// Its points, from left to right.
    pub points: Vec<Point>,
}

/// One point of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Up: the mean over the runs.
    pub y: f64,
    /// 95 % confidence interval of the mean.
    pub interval: Option<[f64; 2]>,
}

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What stands below it.
    pub name: String,
    /// How high it is.
    pub value: f64,
    /// 95 % confidence interval.
    pub interval: Option<[f64; 2]>,
}

/// What stands below a plot.
#[derive(Clone, Debug, Default)]
pub struct Caption {
    /// What it means, in a sentence or two.
    pub meaning: String,
    /// The parameters, on one line.
    pub parameters: String,
    /// The seeds, and over how many runs the mean is.
    pub seeds: String,
    /// The command that makes it again.
    pub reproduce: String,
}
