//! `validate`: the engines against published values, and against an engine that is known wrong.

use crate::{
    cli::exit::{Code, Failure, say},
    validate::{self, Verdict},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Fewer seeds and shorter runs: within a minute on one core
    #[arg(long)]
    quick: bool,
    /// Let every abstract Tangle have one parent more than it says: rows must turn red
    #[arg(long)]
    tamper: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let threads = rayon::current_num_threads();
    let rows = if args.tamper {
        validate::run_tampered(args.quick, threads, |model| model.parents += 1)
    } else {
        validate::run(args.quick, threads)
    };
    let rows = rows.map_err(Failure::usage)?;
    // Its last line is how many passed and failed.
    say(validate::table(&rows).trim_end());
    match rows.iter().any(|row| row.verdict() == Verdict::Failed) {
        true => Err(Failure::new(Code::Missed, "")),
        false => Ok(()),
    }
}
