//! `weft bench pipeline`: how much of what this machine can do at all does a node reach, from the
//! socket to final and durable?
//!
//! The node is a process of its own and a committee of one. This process is its only peer, which
//! gossips transactions over QUIC that were signed beforehand. CPU time is that of the node's
//! process, so the generator does not count; the bound is that of the same bytes in bare libraries
//! ([`bound::measure`]), measured in turn with it.
//!
//! Left out on purpose: latency (`weft bench load`), several nodes, the API.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use bytes::Bytes;
use clap::value_parser;
use serde_json::{Value, json};
use weft_core::params::PAYLOAD_BYTES_MAX;

use super::{
    bound::{self, STAGES, Split},
    child::Place,
    made::Maker,
    measured::{self, Node},
    report::{by_name, hundredths, median, split, tenths},
    usage::{GROUPS, Usage, cores},
};
use crate::{failure::Failure, network::Network, output::Output};

/// Bytes of readings, where none are given.
const SIZES: [u16; 2] = [32, 1_024];

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Readings of each size
    #[arg(
        long,
        value_name = "N",
        default_value_t = 30_000,
        value_parser = value_parser!(u32).range(1_000..=200_000),
    )]
    count: u32,
    /// Bytes of a reading, each measured for itself [default: 32,1024]
    #[arg(
        long,
        value_name = "B,B..",
        value_delimiter = ',',
        value_parser = value_parser!(u16).range(0..PAYLOAD_BYTES_MAX as i64 - 64),
    )]
    bytes: Vec<u16>,
    /// How often bound and node are measured in turn
    #[arg(
        long,
        value_name = "N",
        default_value_t = 3,
        value_parser = value_parser!(u8).range(1..=20),
    )]
    rounds: u8,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let folder = args.place.folder("pipeline")?;
    let network = measured::network(&folder.path().join("net"), 0)?;
    let sizes = if args.bytes.is_empty() { &SIZES[..] } else { &args.bytes };
    for size in sizes {
        let (count, bytes) = (args.count as usize, usize::from(*size));
        output.note(&format!("signs {count} readings of {bytes} bytes"));
        let mut maker = Maker::new(&network.genesis, bytes)?;
        let load = Load { registrations: maker.registrations()?, readings: maker.readings(count)? };
        let (keys, work_bits) = (maker.keys(), network.genesis.params.work_bits);
        let mut rounds = Vec::new();
        for round in 0..args.rounds {
            let dir = folder.path().join(format!("{bytes}-{round}"));
            let bound = bound::measure(&load.readings, &keys, work_bits, &dir.join("bare"))?;
            let node = take(&network, &dir.join("node"), &load).await?;
            output.note(&format!(
                "round {round}: bound {:.1} us, node {:.1} us of CPU each",
                bound.sum(),
                node.cpu_us(count)
            ));
            rounds.push(Round { bound, node });
        }
        let value = report(count, bytes, &rounds);
        output.show(&value, || text(&value))?;
    }
    folder.remove_if_ours();
    Ok(())
}

/// Bound and node, one after the other.
struct Round {
    bound: Split,
    node: Taken,
}

impl Round {
    /// The bound's CPU time over the node's: 1 where nothing stands between.
    fn ratio(&self, count: usize) -> f64 {
        self.bound.sum() / self.node.cpu_us(count)
    }
}

/// What a node took for all readings.
#[derive(Clone, Copy, Debug)]
struct Taken {
    wall: Duration,
    before: Usage,
    after: Usage,
}

impl Taken {
    fn cpu_us(&self, count: usize) -> f64 {
        self.after.cpu_us(&self.before, count)
    }

    fn group_us(&self, group: usize, count: usize) -> f64 {
        self.after.group_us(&self.before, group, count)
    }
}

/// What is fed in one round.
struct Load {
    registrations: Vec<Bytes>,
    readings: Vec<Bytes>,
}

/// Has a new node with its store in `dir` take the load.
async fn take(network: &Network, dir: &Path, load: &Load) -> Result<Taken, Failure> {
    let node = Node::start(network, 0, dir, &[]).await?;
    let feed = node.feed(network).await?;
    node.take(&load.registrations, &feed).await?;
    let (before, began) = (node.usage()?, Instant::now());
    node.take(&load.readings, &feed).await?;
    Ok(Taken { wall: began.elapsed(), before, after: node.usage()? })
}

fn report(count: usize, bytes: usize, rounds: &[Round]) -> Value {
    let median = |figure: &dyn Fn(&Round) -> f64| median(rounds.iter().map(figure).collect());
    let stage =
        |at: usize| median(&move |round| round.bound.0.get(at).copied().unwrap_or_default());
    let group = |at: usize| median(&move |round| round.node.group_us(at, count));
    json!({
        "event": "pipeline", "readings": count, "bytes": bytes, "rounds": rounds.len(),
        "cores": cores(),
        "bound_us": tenths(median(&|round| round.bound.sum())),
        "bound_split_us": by_name(&STAGES, stage),
        "node_us": tenths(median(&|round| round.node.cpu_us(count))),
        "node_split_us": by_name(&GROUPS, group),
        "node_per_second": median(&|round| count as f64 / round.node.wall.as_secs_f64()).round(),
        "ratio": hundredths(median(&|round| round.ratio(count))),
    })
}

pub(super) fn text(value: &Value) -> String {
    format!(
        "{} readings of {} bytes, median of {} rounds on {} cores\n\
         bound  {} us of CPU each: {}\n\
         node   {} us of CPU each: {}\n\
         ratio  {}; {} a second from the socket to final and durable\n",
        value["readings"],
        value["bytes"],
        value["rounds"],
        value["cores"],
        value["bound_us"],
        split(&value["bound_split_us"], &STAGES),
        value["node_us"],
        split(&value["node_split_us"], &GROUPS),
        value["ratio"],
        value["node_per_second"],
    )
}
