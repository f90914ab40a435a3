//! `weft init`: keys, genesis and configurations of a network in a folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::value_parser;
use serde_json::json;

use crate::{
    failure::Failure,
    network::{Network, Plan},
    output::Output,
    ports::{BASE_MAX, NODES_MAX, Ports},
    target::API_PORT,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many nodes
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 4,
        value_parser = value_parser!(u16).range(1..=i64::from(NODES_MAX)),
    )]
    nodes: u16,
    /// Folder to make it in; must be new or empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// API port of node 0; the others follow, and 100 above are the ports between nodes
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = API_PORT,
        value_parser = value_parser!(u16).range(1..=i64::from(BASE_MAX)),
    )]
    base_port: u16,
    /// Zero bits of work for a small transaction, at most 16; each bit doubles the work
    #[arg(long, value_name = "BITS", default_value_t = 12)]
    work_bits: u8,
    /// A name for the network, for people
    #[arg(long, default_value = "dev")]
    label: String,
}

pub(crate) fn run(args: Args, output: Output) -> Result<(), Failure> {
    must_be_empty(&args.out)?;
    let ports: Vec<_> = (0..args.nodes).map(|index| Ports::of(args.base_port, index)).collect();
    let plan = Plan { label: &args.label, work_bits: args.work_bits };
    plan.check()?;
    let network = Network::open_or_make(&args.out, &plan, &ports)?;
    for index in 0..network.members.len() {
        network.write_config(index)?;
    }
    let nodes: Vec<_> = network
        .members
        .iter()
        .enumerate()
        .map(|(index, member)| {
            json!({
                "config": network.config_file(index), "id": member.id.to_string(),
                "api": format!("http://{}", member.ports.api_address()),
                "p2p": member.ports.p2p_address().to_string(),
            })
        })
        .collect();
    let id = network.genesis.id();
    let value = json!({ "dir": network.dir(), "genesis": id.to_string(), "nodes": nodes });
    output.show(&value, || text(&network, &args.label))
}

fn text(network: &Network, label: &str) -> String {
    let count = network.members.len();
    let dir = network.dir().display();
    let number = network.genesis.network();
    let mut text = format!("network {number} ({label:?}), {count} nodes, in {dir}\n\n");
    text.push_str("Start each node in a terminal of its own:\n");
    for index in 0..count {
        let config = network.config_file(index);
        text.push_str(&format!("  weft node --config {}\n", config.display()));
    }
    if let (Some(first), Some(last)) = (network.members.first(), network.members.last()) {
        let (first, last) = (first.ports.api_address(), last.ports.api_address());
        text.push_str(&format!(
            "\nThen follow a stream on one node and post to it on another:\n\
             \x20 weft tail hall/temp --node http://{last}\n\
             \x20 weft post hall/temp --data 21.4 --node http://{first}\n"
        ));
    }
    text
}

fn must_be_empty(dir: &Path) -> Result<(), Failure> {
    let name = dir.display();
    match fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::usage(format!("{name} is not empty; nothing in it was touched"))
            .next("name a new folder: a genesis or a key that is lost cannot be made again")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::usage(format!("{name}: {error}")).next("name a new folder")),
    }
}
