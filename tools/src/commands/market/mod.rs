//! `weft market`: sells and buys paid streams.
//!
//! One file per verb. What a seller or a buyer must not forget lies in one folder, by stream and by
//! offer, so that a command that was killed goes on where it was when it is typed again.
//!
//! Invariant: a buyer never spends more than `--max` on an offer from one folder, however often the
//! command is run.

mod buy;
mod channels;
mod desk;
mod list;
mod revenue;
mod sample;
mod sell;
mod settle;
mod shown;
mod trouble;
mod trust;

use clap::Subcommand;

use crate::{failure::Failure, output::Output};

pub(super) use desk::parse_id;
use shown::Shown;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Sell a stream: readings from standard input, from a table, or of this machine
    Sell(sell::Args),
    /// List what is for sale
    List(list::Args),
    /// Show what a seller gives away, without paying
    Sample(sample::Args),
    /// Buy a stream: prints readings as they come, one JSON line each
    Buy(buy::Args),
    /// List the channels of an account, as payer and as payee
    Channels(channels::Args),
    /// Show what an account's streams have brought
    Revenue(revenue::Args),
    /// Claim what buyers have paid, while `sell` does not run
    Claim(settle::ClaimArgs),
    /// Close a channel as its payee: the rest goes back to the buyer
    Close(settle::CloseArgs),
    /// End a channel as its payer: the rest comes back after a day and the channel's grace
    Withdraw(settle::WithdrawArgs),
    /// Add to the deposit of a channel
    TopUp(settle::TopUpArgs),
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    match args.what {
        What::Sell(args) => sell::run(args, output).await,
        What::List(args) => list::run(args, output).await,
        What::Sample(args) => sample::run(args, output).await,
        What::Buy(args) => buy::run(args, output).await,
        What::Channels(args) => channels::run(args, output).await,
        What::Revenue(args) => revenue::run(args, output).await,
        What::Claim(args) => settle::claim(args, output).await,
        What::Close(args) => settle::close(args, output).await,
        What::Withdraw(args) => settle::withdraw(args, output).await,
        What::TopUp(args) => settle::top_up(args, output).await,
    }
}
