//! `weft bench`: measures a network that runs, or a node of its own.

mod bound;
mod buyers;
mod chain;
mod child;
mod cluster;
mod drive;
mod feed;
mod gateway;
mod growth;
mod issuers;
mod load;
mod made;
mod measured;
mod network;
mod overload;
mod pipeline;
mod report;
mod senders;
mod sync;
mod takings;
mod usage;
mod whole;

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
    /// Run a network of processes: how much becomes final, how fast, at what cost for each node
    Network(network::Args),
    /// Give a network of processes more than it takes: what do honest issuers notice
    Overload(overload::Args),
    /// Measure this machine with all of these that need nothing else, and write a report
    Report(whole::Args),
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
        Verb::Network(args) => network::run(args, output).await,
        Verb::Overload(args) => overload::run(args, output).await,
        Verb::Report(args) => whole::run(args, output).await,
        Verb::Growth(args) => growth::run(args, output).await,
        Verb::Sync(args) => sync::run(args, output).await,
        Verb::Market(args) => buyers::run(args, output).await,
    }
}
