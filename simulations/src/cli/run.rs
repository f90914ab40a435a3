//! `run`: one scenario, and its report.

use std::path::PathBuf;

use crate::{
    cli::{
        execute::{Order, execute},
        exit::{Failure, say},
    },
    scenario::{
        config::{Engine, Scenario},
        overrides,
        plan::{Plan, Shard},
        read,
    },
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file, or the name of a shipped scenario
    scenario: String,
    #[command(flatten)]
    change: Change,
    /// Where the report goes [default: out/NAME]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Run every seed twice, and end with code 4 unless both are the same
    #[arg(long)]
    twice: bool,
    /// Write what happened in the first run into events.jsonl, one JSON object a line
    #[arg(long)]
    events: bool,
    /// Print the scenario with all defaults filled in, and run nothing
    #[arg(long)]
    dump_config: bool,
}

/// What differs from the file.
#[derive(Debug, clap::Args)]
pub(super) struct Change {
    /// Set a parameter, as net.loss=0.02; may be repeated
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// The first seed
    #[arg(long)]
    seed: Option<u64>,
    /// How many seeds
    #[arg(long)]
    seeds: Option<u64>,
}

impl Change {
    pub(super) fn apply(&self, mut scenario: Scenario) -> Result<Scenario, Failure> {
        for set in &self.set {
            let wrong = || Failure::usage(format!("--set {set}: write PATH=VALUE"));
            let (path, value) = set.split_once('=').ok_or_else(wrong)?;
            scenario = overrides::set(&scenario, path, &overrides::value(value))?;
        }
        scenario.run.first_seed = self.seed.unwrap_or(scenario.run.first_seed);
        scenario.run.seeds = self.seeds.unwrap_or(scenario.run.seeds);
        Ok(scenario)
    }
}

/// Where a report goes unless somebody says so.
pub(super) fn folder(out: Option<&PathBuf>, scenario: &Scenario) -> PathBuf {
    out.cloned().unwrap_or_else(|| PathBuf::from("out").join(&scenario.scenario.name))
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let scenario = args.change.apply(read::open(&args.scenario)?)?;
    if args.dump_config {
        say(scenario.text().map_err(Failure::usage)?);
        return Ok(());
    }
    let out = folder(args.out.as_ref(), &scenario);
    if args.events && scenario.scenario.engine == Engine::Tangle {
        return Err(Failure::usage("--events: only runs of nodes keep a journal"));
    }
    let plan = Plan { journal: args.events, ..Plan::new(scenario)? };
    execute(&plan, Order { out: &out, shard: Shard::WHOLE, twice: args.twice })
}

/// Something to look at, in a few seconds.
pub(super) fn first_look() -> Result<(), Failure> {
    say("a network of seven nodes in virtual time; `--help` shows what else there is");
    let scenario = read::open("first-look")?;
    let out = folder(None, &scenario);
    let plan = Plan::new(scenario)?;
    execute(&plan, Order { out: &out, shard: Shard::WHOLE, twice: false })
}
