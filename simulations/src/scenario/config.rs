//! A scenario: what is run, how often, what is drawn and what is expected.
//!
//! Invariant: every field has a default, and what is written out has all of them, so a
//! configuration that was written is read as the same scenario. Left out on purpose: the fields of
//! the engines (`setting` for nodes, [`Model`] for the abstract Tangle).

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    scenario::setting::{Costs, FaultPlan, Load, Net, Nodes, Times},
    tangle::Model,
};

/// Which engine runs a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Tier B: the unmodified node in virtual time.
    #[default]
    Node,
    /// Tier A: the abstract Tangle.
    Tangle,
}

/// What a scenario is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Head {
    /// Its name: letters, digits and dashes.
    pub name: String,
    /// What it shows, in one sentence.
    pub purpose: String,
    /// What runs it.
    pub engine: Engine,
    /// How long it takes on two cores, for people.
    pub runtime: String,
}

/// How often it is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Runs {
    /// The first seed; the others follow. Default 1.
    pub first_seed: u64,
    /// How many seeds at each point of the sweep. Default 1, which has no confidence interval.
    pub seeds: u64,
}

impl Default for Runs {
    fn default() -> Self {
        Self { first_seed: 1, seeds: 1 }
    }
}

/// A scenario.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// What it is about.
    pub scenario: Head,
    /// How often it is run.
    pub run: Runs,
    /// Nodes alone: how long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Times>,
    /// Nodes alone: who is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Nodes>,
    /// Nodes alone: what lies between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net: Option<Net>,
    /// Nodes alone: who posts what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
    /// Nodes alone: what things cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub costs: Option<Costs>,
    /// Nodes alone: what goes wrong.
    #[serde(rename = "fault", skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultPlan>,
    /// The abstract Tangle alone: all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tangle: Option<Model>,
    /// Values that parameters take, by path, as `"load.tps" = [50, 100]`; every combination is run.
    pub sweep: BTreeMap<String, Vec<toml::Value>>,
    /// What must come out, by name of a value, as `finality_p99_ms = "<2500"`.
    pub expect: BTreeMap<String, String>,
    /// What is drawn.
    #[serde(rename = "figure", skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Sketch>,
    /// Measurements on real processes that are drawn beside what is simulated.
    #[serde(rename = "measured", skip_serializing_if = "Vec::is_empty")]
    pub measured: Vec<Measured>,
}

/// How values become a plot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// Values over a parameter of the sweep.
    #[default]
    Sweep,
    /// Values over the time of the first point, or of each.
    Time,
    /// The share of latencies above each value.
    Tail,
    /// One bar per name.
    Bars,
}

/// One plot, before there are values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sketch {
    /// Names it: letters, digits and dashes.
    pub id: String,
    /// One line above it.
    pub title: String,
    /// What kind of plot it is.
    pub view: View,
    /// Of a sweep: the parameter that goes to the right. The others make a line each.
    pub x: String,
    /// What goes up: names of values, of series, tails or bars.
    pub y: Vec<String>,
    /// Names of values that formulas give, drawn dashed.
    pub theory: Vec<String>,
    /// Axes that are logarithmic: `x`, `y`.
    pub log: Vec<String>,
    /// What it means, in a sentence or two.
    pub meaning: String,
}

/// A measurement on real processes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Measured {
    /// In which plot.
    pub figure: String,
    /// What the legend says: of what, by what.
    pub name: String,
    /// To the right.
    pub x: f64,
    /// Up.
    pub y: f64,
}

impl Scenario {
    /// Fills in the tables of its engine, and what measured costs a file says. `folder` is that of
    /// the scenario.
    ///
    /// # Errors
    /// A table of the other engine, by name; or a file that is not there.
    pub(crate) fn fill(&mut self, folder: &Path) -> Result<(), String> {
        let of_nodes = [
            ("time", self.time.is_some()),
            ("nodes", self.nodes.is_some()),
            ("net", self.net.is_some()),
            ("load", self.load.is_some()),
            ("costs", self.costs.is_some()),
            ("fault", !self.faults.is_empty()),
        ];
        let of_tangle = [("tangle", self.tangle.is_some())];
        let (strange, name, other) = match self.scenario.engine {
            Engine::Node => (of_tangle.as_slice(), "node", "tangle"),
            Engine::Tangle => (of_nodes.as_slice(), "tangle", "node"),
        };
        if let Some((table, _)) = strange.iter().find(|(_, there)| *there) {
            return Err(format!(
                "`{table}` belongs to the engine \"{other}\", but this scenario has \
                 scenario.engine = \"{name}\""
            ));
        }
        match self.scenario.engine {
            Engine::Node => {
                self.time.get_or_insert_default();
                self.nodes.get_or_insert_default();
                self.net.get_or_insert_default();
                self.load.get_or_insert_default();
                self.costs.get_or_insert_default().fill(folder)?;
            }
            Engine::Tangle => {
                self.tangle.get_or_insert_default();
            }
        }
        Ok(())
    }

    /// As a file, with all defaults filled in.
    ///
    /// # Errors
    /// If a value has no place in TOML.
    pub fn text(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}

/// Whether `name` may be part of a file's name.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
    !name.is_empty() && name.len() <= 64 && name.chars().all(fits)
}
