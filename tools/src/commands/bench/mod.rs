//! `weft bench`: measures a network that runs, or a node of its own.

mod buyers;
mod child;
mod gateway;
mod growth;
mod load;
mod measured;
mod pipeline;
mod report;
mod senders;
mod sync;
mod takings;

use clap::Subcommand;

use crate::{failure::Failure, output::Output};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Post readings at a fixed rate and measure how long each stage takes
    Load(load::Args),
    /// Let many MQTT devices post through a gateway that is killed again and again, and count
    Gateway(gateway::Args),
    /// Gossip what was signed beforehand to a node of its own, and compare with bare libraries
    Pipeline(pipeline::Args),
    /// Fill a node of its own, and measure at each size what it takes and how it answers
    Growth(growth::Args),
    /// Let a new node join one that has all, by snapshot and commit by commit, and measure it
    Sync(sync::Args),
    /// Buy one stream with many buyers and tell whether each got everything
    Market(buyers::Args),
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    match args.verb {
        Verb::Load(args) => load::run(args, output).await,
        Verb::Gateway(args) => gateway::run(args, output).await,
        Verb::Pipeline(args) => pipeline::run(args, output).await,
        Verb::Growth(args) => growth::run(args, output).await,
        Verb::Sync(args) => sync::run(args, output).await,
        Verb::Market(args) => buyers::run(args, output).await,
    }
}
