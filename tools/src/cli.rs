//! What can be typed: every command with its arguments.
//!
//! Invariant: each command's arguments live beside the command; here is only what all share.

use clap::{Parser, Subcommand};

use crate::{
    commands::{
        address, balance, bench, completions, config, dev, device, doctor, faucet, gateway, get,
        history, init, key, market, node, post, proof, rotate, send, status, tail, verify,
    },
    failure::EXIT_CODES,
};

/// Run, use and inspect a Weft network.
#[derive(Debug, Parser)]
#[command(name = "weft", version, about, after_help = EXIT_CODES, propagate_version = true)]
pub(crate) struct Cli {
    /// Print JSON, one value per line, instead of text for people
    #[arg(long, global = true, display_order = 900)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a whole network on this machine, with a sensor that posts its telemetry
    Dev(dev::Args),
    /// Make keys, genesis and configurations of a network in a folder
    Init(init::Args),
    /// Run one node
    Node(node::Args),
    /// Check the settings of a node, or show them with where each comes from
    Config(config::Args),
    /// Run a gateway: devices post over MQTT, HTTP and CoAP
    Gateway(gateway::Args),
    /// Say which devices may send through a gateway
    Device(device::Args),
    /// Make and show keys
    Key(key::Args),
    /// Sell and buy paid streams
    Market(market::Args),
    /// Post readings to a stream
    Post(post::Args),
    /// Follow a stream, one JSON line per reading
    Tail(tail::Args),
    /// Show a transaction or a body
    Get(get::Args),
    /// Show the address of a key's account
    Address(address::Args),
    /// Show what an account owns
    Balance(balance::Args),
    /// Send value to an address, and wait until that is final
    Send(send::Args),
    /// Put another key in force for an account, and wait until that is final
    Rotate(rotate::Args),
    /// List what an account did, with outcomes
    History(history::Args),
    /// Get value from the faucet of a development network
    Faucet(faucet::Args),
    /// Fetch the proof of a transaction or a body
    Proof(proof::Args),
    /// Check a proof, offline
    Verify(verify::Args),
    /// Measure a network
    Bench(bench::Args),
    /// Show how a node is
    Status(status::Args),
    /// Look for what is wrong, and say what to do
    Doctor(doctor::Args),
    /// Print completions for a shell
    Completions(completions::Args),
}
