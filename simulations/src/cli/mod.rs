//! What can be typed: one file per command, each with its arguments.
//!
//! Invariant: results go to standard output, all else to standard error; a command that judges ends
//! with `N passed, M failed` and a code that says how bad it is. Left out on purpose: everything
//! that is useful without a terminal.

mod dst;
mod execute;
mod exit;
mod explain;
mod list;
mod merge;
mod progress;
mod replay;
mod report;
mod run;
mod shrink;
mod sweep;
mod validate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::exit::{CODES, Failure};
use crate::world::reading::excuse_panics;

/// Weft's simulations: the very node in virtual time, and the abstract Tangle
///
/// Without a command it runs a small network and says where the page about it is.
#[derive(Debug, Parser)]
#[command(name = "weft-simulations", version, after_help = CODES)]
struct Cli {
    /// Threads, one run on each [default: all cores]
    #[arg(long, global = true, display_order = 900)]
    threads: Option<usize>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario and write its report
    Run(run::Args),
    /// Run a scenario over a grid of parameters, or one shard of it
    Sweep(sweep::Args),
    /// Put the shards of a sweep together
    Merge(merge::Args),
    /// Hold the engines against published values
    Validate(validate::Args),
    /// Let everything go wrong at once, seed by seed
    Dst(dst::Args),
    /// Run one seed of a campaign again, or a plan
    Replay(replay::Args),
    /// Make a run that fails small, and write it down as a plan
    Shrink(shrink::Args),
    /// Show the scenarios that come with the program
    List(list::Args),
    /// Write the report of a run again from its samples
    Report(report::Args),
    /// Say what a value, a figure or a scenario means
    Explain(explain::Args),
}

/// Runs what was typed.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(refused) => {
            // Nobody may be reading; the code says enough.
            let _ = refused.print();
            return ExitCode::from(u8::try_from(refused.exit_code()).unwrap_or(2));
        }
    };
    excuse_panics();
    let threads = cli.threads.unwrap_or(0);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let ended = match pool {
        Ok(pool) => pool.install(|| dispatch(cli.command)),
        Err(error) => Err(Failure::usage(format!("no threads: {error}"))),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn dispatch(command: Option<Command>) -> Result<(), Failure> {
    match command {
        None => run::first_look(),
        Some(Command::Run(args)) => run::run(&args),
        Some(Command::Sweep(args)) => sweep::run(&args),
        Some(Command::Merge(args)) => merge::run(&args),
        Some(Command::Validate(args)) => validate::run(&args),
        Some(Command::Dst(args)) => dst::run(&args),
        Some(Command::Replay(args)) => replay::run(&args),
        Some(Command::Shrink(args)) => shrink::run(&args),
        Some(Command::List(args)) => list::run(&args),
        Some(Command::Report(args)) => report::run(&args),
        Some(Command::Explain(args)) => explain::run(&args),
    }
}
