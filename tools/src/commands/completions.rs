//! `weft completions`: what a shell needs to complete our arguments.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{cli::Cli, failure::Failure, output::Output};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which shell; for bash, put the output into ~/.local/share/bash-completion/completions/weft
    shell: Shell,
}

pub(crate) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "weft", &mut script);
    if output.is_json() {
        let script = String::from_utf8_lossy(&script);
        return output.value(&serde_json::json!({ "script": script }));
    }
    output.bytes(&script)
}
