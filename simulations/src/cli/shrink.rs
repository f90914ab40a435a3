//! `shrink`: leaves out of a run that fails whatever it fails without, and writes what is left.

use std::path::PathBuf;

use crate::{
    cli::{
        exit::{Failure, say},
        replay::{Which, text_of},
    },
    dst::Shrunk,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Where the small plan goes
    #[arg(long, default_value = "repro.toml")]
    out: PathBuf,
    /// Runs after which it is small enough
    #[arg(long, default_value_t = 300)]
    runs: usize,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let plan = args.which.plan()?;
    let shrunk = plan.shrink(args.runs, |plan| {
        let (trouble, nodes, load) = (plan.trouble.len(), plan.nodes, plan.load.as_millis());
        say(format!("still fails with {trouble} troubles, {nodes} nodes, {load} ms"));
    });
    let Some(Shrunk { plan, runs }) = shrunk else {
        return Err(Failure::usage("this run holds: there is nothing to make smaller"));
    };
    std::fs::write(&args.out, text_of(&plan)?)
        .map_err(|error| Failure::usage(format!("cannot write {:?}: {error}", args.out)))?;
    let out = args.out.display();
    say(format!("{runs} runs; what is left is in {out}; again: replay {out}"));
    Ok(())
}
