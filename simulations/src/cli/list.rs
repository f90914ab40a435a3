//! `list`: what can be run.

use crate::{
    cli::exit::{Failure, say},
    scenario::{config::Engine, read, shipped},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args) -> Result<(), Failure> {
    for (name, _) in shipped::SHIPPED {
        let scenario = read::open(name)?;
        let engine = match scenario.scenario.engine {
            Engine::Node => "node",
            Engine::Tangle => "tangle",
        };
        let head = scenario.scenario;
        say(format!("{name:<20} {engine:<7} {:<6} {}", head.runtime, head.purpose));
    }
    Ok(())
}
