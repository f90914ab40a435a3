//! `weft bench sync`: how fast does a node that is new get to where the others are, and what of the
//! CPU that it takes do bare libraries take for the same?
//!
//! One node decides alone and has all; a second one joins with an empty store, once by snapshot and
//! once as an archive, commit by commit. It is there when it is ready and at the commit that the
//! first was at when it came. All bytes of a transaction are checked either way, its signature too,
//! so the bound is the same per transaction: [`bound::measure`].
//!
//! Who lacks no more than the keep window (docs/PROTOCOL.md section 12), busy rounds of some 64
//! seconds, executes its commits either way. So the first node is filled slowly: for longer than
//! that, unless told otherwise. What is said to be `by` is what the joining node said of itself.
//!
//! Left out on purpose: a committee of several, and a network between them.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use bytes::Bytes;
use clap::value_parser;
use serde_json::{Value, json};

use super::{
    bound::{self, Split},
    child::Place,
    made::{Maker, Size},
    measured::{self, Node},
    report::{hundredths, tenths},
    usage::Usage,
};
use crate::{failure::Failure, network::Network, output::Output};

/// Transactions that are made and fed at once, at most: some tens of megabytes.
const PORTION: usize = 10_000;

/// Portions of which each is final before the next one comes, in a second: three rounds for each.
const PORTIONS_PER_SECOND: usize = 6;

/// The ways to join, and how a node is told.
const WAYS: [(&str, &[&str]); 2] = [("snapshot", &[]), ("archive", &["--archive"])];

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Transactions that the network has
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100_000,
        value_parser = value_parser!(u32).range(100..=100_000_000),
    )]
    count: u32,
    /// For how long the network is filled with them at least: what a snapshot leaves out is older
    /// than 64 s of that
    #[arg(
        long,
        value_name = "S",
        default_value_t = 100,
        value_parser = value_parser!(u16).range(1..=3_600),
    )]
    busy_seconds: u16,
    #[command(flatten)]
    size: Size,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let folder = args.place.folder("sync")?;
    let network = measured::network(&folder.path().join("net"), 1)?;
    let (count, bytes) = (args.count as usize, args.size.bytes());
    let node = Node::start(&network, 0, &folder.path().join("node"), &[]).await?;
    output.note(&format!("fills a node with {count} readings of {bytes} bytes"));
    let mut maker = Maker::new(&network.genesis, bytes)?;
    let portions = usize::from(args.busy_seconds) * PORTIONS_PER_SECOND;
    let portion = count.div_ceil(portions).min(PORTION);
    let last = fill(&node, &network, &mut maker, count, portion).await?;
    let work_bits = network.genesis.params.work_bits;
    let bound = bound::measure(&last, &maker.keys(), work_bits, &folder.path().join("bare"))?;
    for (way, told) in WAYS {
        output.note(&format!("lets a second one join: {way}"));
        let joined = join(&network, &node, &folder.path().join(way), told).await?;
        let value = report(way, count, &joined, &bound);
        output.show(&value, || text(&value))?;
    }
    node.stop().await?;
    folder.remove_if_ours();
    Ok(())
}

/// Feeds `node` until it has `count`, in portions, and gives back the last ones.
async fn fill(
    node: &Node,
    network: &Network,
    maker: &mut Maker,
    count: usize,
    portion: usize,
) -> Result<Vec<Bytes>, Failure> {
    let feed = node.feed(network).await?;
    let registrations = maker.registrations()?;
    node.take(&registrations, &feed).await?;
    let mut left = count.saturating_sub(registrations.len());
    let mut last = Vec::new();
    while left > 0 {
        let portion = maker.readings(portion.min(left))?;
        node.take(&portion, &feed).await?;
        maker.hang_on(&node.client().tips().await?);
        left -= portion.len();
        last.extend(portion);
        last.drain(..last.len().saturating_sub(PORTION));
    }
    Ok(last)
}

/// What a node took to get to where the other is.
struct Joined {
    wall: Duration,
    usage: Usage,
    /// Transactions that it has then.
    transactions: u64,
    /// By what it caught up; none if it lacked too little for that.
    by: Option<String>,
}

/// Lets a node with an empty store in `dir` join `node`.
async fn join(
    network: &Network,
    node: &Node,
    dir: &Path,
    told: &[&str],
) -> Result<Joined, Failure> {
    let target = node.client().status().await?.finality.committed;
    let began = Instant::now();
    let joiner = Node::start(network, 1, dir, told).await?;
    let by = joiner.at(target).await?;
    let (wall, usage) = (began.elapsed(), joiner.usage()?);
    let transactions = joiner.client().status().await?.position.0;
    joiner.stop().await?;
    Ok(Joined { wall, usage, transactions, by })
}

fn report(way: &str, count: usize, joined: &Joined, bound: &Split) -> Value {
    let transactions = joined.transactions.max(1) as f64;
    let node_us = joined.usage.cpu.as_secs_f64() * 1e6 / transactions;
    json!({
        "event": "sync", "way": way, "by": joined.by, "stored": count,
        "transactions": joined.transactions, "seconds": hundredths(joined.wall.as_secs_f64()),
        "per_second": (transactions / joined.wall.as_secs_f64()).round(),
        "node_us": tenths(node_us), "bound_us": tenths(bound.sum()),
        "ratio": hundredths(bound.sum() / node_us),
    })
}

pub(super) fn text(value: &Value) -> String {
    format!(
        "{}: {} of {} transactions in {} s, {} a second, caught up by {}\n\
         bound  {} us of CPU each\n\
         node   {} us of CPU each\n\
         ratio  {}\n",
        value["way"].as_str().unwrap_or_default(),
        value["transactions"],
        value["stored"],
        value["seconds"],
        value["per_second"],
        value["by"].as_str().unwrap_or("what peers show anyway"),
        value["bound_us"],
        value["node_us"],
        value["ratio"],
    )
}
