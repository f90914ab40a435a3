//! The program `weft-simulations`: see `weft_simulations::cli`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    weft_simulations::cli::main()
}
