//! `sweep`: a scenario over a grid, whole or in shards that run anywhere.

use std::path::PathBuf;

use crate::{
    cli::{
        execute::{Order, execute},
        exit::Failure,
        run::{Change, folder},
    },
    scenario::{
        config::{Scenario, Sketch, View},
        overrides,
        plan::{Plan, Shard},
        read,
    },
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file, or the name of a shipped scenario
    scenario: String,
    /// Values of a parameter, as nodes=4,10,20; may be repeated, every combination is run
    #[arg(long, value_name = "PATH=VALUES")]
    grid: Vec<String>,
    #[command(flatten)]
    change: Change,
    /// Run one shard, as 0/4 for the first of four; `merge` puts them together
    #[arg(long)]
    shard: Option<Shard>,
    /// Where files go [default: out/NAME]
    #[arg(long)]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut scenario = args.change.apply(read::open(&args.scenario)?)?;
    if !args.grid.is_empty() {
        scenario.sweep.clear();
    }
    for grid in &args.grid {
        let wrong = || Failure::usage(format!("--grid {grid}: write PATH=VALUE,VALUE"));
        let (path, values) = grid.split_once('=').ok_or_else(wrong)?;
        let path = overrides::resolve(&scenario, path).map_err(Failure::usage)?;
        let values = values.split(',').map(overrides::value).collect();
        scenario.sweep.insert(path, values);
    }
    if !args.grid.is_empty() {
        redraw(&mut scenario);
    }
    let out = folder(args.out.as_ref(), &scenario);
    let plan = Plan::new(scenario)?;
    execute(&plan, Order { out: &out, shard: args.shard.unwrap_or(Shard::WHOLE), twice: false })
}

/// Plots over parameters that are not swept any more would be empty: others take their place.
fn redraw(scenario: &mut Scenario) {
    let swept: Vec<String> = scenario.sweep.keys().cloned().collect();
    let is_swept = |x: &String| swept.iter().any(|path| path == x);
    scenario.figures.retain(|sketch| sketch.view != View::Sweep || is_swept(&sketch.x));
    let Some(x) = swept.first() else { return };
    let drawn: &[(&str, &[&str])] = match scenario.scenario.engine {
        crate::scenario::config::Engine::Node => &[
            ("rate", &["offered_tps", "final_tps"]),
            ("latency", &["finality_p50_ms", "finality_p99_ms"]),
        ],
        crate::scenario::config::Engine::Tangle => {
            &[("tips", &["tips"]), ("orphan-rate", &["orphans"])]
        }
    };
    for (name, y) in drawn {
        scenario.figures.push(Sketch {
            id: format!("grid-{name}"),
            title: format!("{} over {x}", name.replace('-', " ")),
            x: x.clone(),
            y: y.iter().map(|&name| name.to_owned()).collect(),
            ..Sketch::default()
        });
    }
}
