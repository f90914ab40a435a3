//! Checks the whole repository with one command: `cargo xtask check`.
//!
//! A laptop and the build server run the very same steps in the same order, cheapest first, and
//! stop at the first failure with the command that reproduces it. Nothing is skipped in silence:
//! what could not be checked is named in the last lines.
//!
//! Left out on purpose: anything that changes the sources. Checks report, people repair.

use std::env;
use std::process::ExitCode;

mod bare;
mod counts;
mod deny;
mod header;
mod lock;
mod mutants;
mod report;
mod setup;
mod shell;
mod steps;
mod tidy;
mod tiny;
mod unit;
mod wasm;

const HELP: &str = "\
usage: cargo xtask <command>

  check          run every step, in order, and stop at the first failure
  check --list   name the steps
  setup          bring what the checks need and this machine lacks
  mutants [name,name..] break rules on purpose, and see that tests notice (minutes)
  mutants --seeds [name,name..]
                 the same, and see how many seeds the simulator's campaign takes
  counts --bless take what the hot paths of this state take as the baseline
  <step>         run one step, its output straight to the terminal
";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["check"] => steps::check(),
        ["check", "--list"] => {
            print!("{}", steps::list());
            Ok(())
        }
        ["setup"] => setup::all(),
        ["counts", "--bless"] => counts::bless(),
        ["mutants"] => mutants::run(""),
        ["mutants", "--seeds"] => mutants::hunt(""),
        ["mutants", "--seeds", name] => mutants::hunt(name),
        ["mutants", name] => mutants::run(name),
        [step] if steps::find(step).is_some() => steps::one(step),
        _ => {
            eprint!("{HELP}\n{}", steps::list());
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n{error:#}");
            ExitCode::FAILURE
        }
    }
}
