//! The program `weft`: runs, uses and inspects a Weft network.
//!
//! One file per command below `commands`. Each takes its arguments and the output, and returns
//! nothing or a [`Failure`] with its exit code. Left out on purpose: all that is
//! useful without a terminal; nodes are `weft-node`, posting and following are `weft-client`.

#![forbid(unsafe_code)]

mod account;
mod cli;
mod commands;
mod failure;
mod logs;
mod network;
mod output;
mod ports;
mod said;
mod signals;
mod target;
mod time;

use std::process::ExitCode;

use clap::Parser as _;
use cli::{Cli, Command};
use commands::{
    address, balance, bench, completions, config, dev, device, doctor, faucet, gateway, get,
    history, init, key, market, node, post, proof, rotate, send, status, tail, verify,
};
use failure::Failure;
use output::Output;

/// A node runs for months, and pieces of all sizes come and go: docs/decisions/0017-allocator.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(refused) => {
            // Nobody may be reading; the code says enough.
            let _ = refused.print();
            return ExitCode::from(u8::try_from(refused.exit_code()).unwrap_or(2));
        }
    };
    match run(cli.command, Output::new(cli.json)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(cli.json),
    }
}

fn run(command: Command, output: Output) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("no threads: {error}")))?;
    let result = runtime.block_on(async {
        match command {
            Command::Dev(args) => dev::run(args, output).await,
            Command::Init(args) => init::run(args, output),
            Command::Node(args) => node::run(args, output).await,
            Command::Config(args) => config::run(&args, output),
            Command::Gateway(args) => gateway::run(args, output).await,
            Command::Device(args) => device::run(args, output),
            Command::Key(args) => key::run(args, output),
            Command::Market(args) => market::run(args, output).await,
            Command::Post(args) => post::run(args, output).await,
            Command::Tail(args) => tail::run(args, output).await,
            Command::Get(args) => get::run(args, output).await,
            Command::Address(args) => address::run(&args, output),
            Command::Balance(args) => balance::run(args, output).await,
            Command::Send(args) => send::run(args, output).await,
            Command::Rotate(args) => rotate::run(args, output).await,
            Command::History(args) => history::run(args, output).await,
            Command::Faucet(args) => faucet::run(args, output).await,
            Command::Proof(args) => proof::run(args, output).await,
            Command::Verify(args) => verify::run(&args, output),
            Command::Bench(args) => bench::run(args, output).await,
            Command::Status(args) => status::run(args, output).await,
            Command::Doctor(args) => doctor::run(args, output).await,
            Command::Completions(args) => completions::run(&args, output),
        }
    });
    // A thread may still be waiting for a line on standard input.
    runtime.shutdown_background();
    result
}
