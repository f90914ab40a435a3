//! `weft bench pipeline`: how much of what this machine can do at all does a node reach, from the
//! socket to final and durable?
//!
//! The node is a process of its own and a committee of one. This process is its only peer, which
//! gossips transactions over QUIC that were signed beforehand. CPU time is that of the node's
//! process, so the generator does not count; the bound is that of the same bytes in bare libraries
//! ([`bound`]), measured in turn with it.
//!
//! Left out on purpose: latency (`weft bench load`), several nodes, the API.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use bytes::Bytes;
use clap::value_parser;
use serde_json::{Value, json};
use tokio::time::sleep;
use weft_client::host::NodeClient;
use weft_core::{
    message::{Message, PeerAddress},
    params::PAYLOAD_BYTES_MAX,
};

use super::{
    bound::{self, STAGES, Split},
    child::{Folder, Running, places, spawn},
    cluster::WORK_BITS,
    feed::Feed,
    made::Load,
    report::{hundredths, split, tenths},
    usage::{GROUPS, Usage},
};
use crate::{
    failure::Failure,
    network::{Network, Plan},
    output::Output,
    time::now_ms,
};

/// Bytes per second that the node takes in: as much as it can.
const ALL: u64 = 1 << 40;

/// Transactions that the node was sent and has not attached, at most.
const ON_THEIR_WAY_MAX: u64 = 4_096;

/// How often the node is asked how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How long the node may stand still.
const PATIENCE: Duration = Duration::from_secs(30);

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
    /// Where the files are put [default: a folder that is removed if all went well]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let folder = Folder::make(args.dir.as_deref(), &format!("weft-bench-pipeline-{}", now_ms()))?;
    let ports = places(1)?;
    let plan = Plan { label: "bench", work_bits: WORK_BITS };
    let network = Network::open_or_make(&folder.path().join("net"), &plan, &ports)?;
    network.write_config(0)?;
    let sizes = if args.bytes.is_empty() { &SIZES[..] } else { &args.bytes };
    for size in sizes {
        let (count, bytes) = (args.count as usize, usize::from(*size));
        output.note(&format!("signs {count} readings of {bytes} bytes"));
        let load = Load::make(&network.genesis, count, bytes)?;
        let mut rounds = Vec::new();
        for round in 0..args.rounds {
            let dir = folder.path().join(format!("{bytes}-{round}"));
            let bound = bound::measure(&load, &dir.join("bare"))?;
            let node =
                Node::start(&network, &dir.join("node")).await?.take(&network, &load).await?;
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
    cpu: Duration,
    by_group: [Duration; GROUPS.len()],
}

impl Taken {
    fn cpu_us(&self, count: usize) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / count as f64
    }

    fn group_us(&self, group: usize, count: usize) -> f64 {
        let cpu = self.by_group.get(group).copied().unwrap_or_default();
        cpu.as_secs_f64() * 1e6 / count as f64
    }
}

/// The measured process, with an empty store.
struct Node(Running);

impl Node {
    async fn start(network: &Network, dir: &Path) -> Result<Self, Failure> {
        let text = |path: &Path| path.display().to_string();
        let args = ["node", "--json", "--log", "warn", "--config"].map(str::to_owned);
        let mut args = Vec::from(args);
        args.extend([text(&network.config_file(0)), "--data-dir".to_owned(), text(dir)]);
        args.extend(["--set".to_owned(), format!("machine.take_bytes_per_s={ALL}")]);
        spawn("node", &args, &network.dir().join("node.log")).await.map(Self)
    }

    /// Has it take the load.
    async fn take(&self, network: &Network, load: &Load) -> Result<Taken, Failure> {
        let member = network.members.first().ok_or_else(|| Failure::failed("no node"))?;
        let client = NodeClient::new(&format!("http://{}", member.ports.api_address()))?;
        let to = PeerAddress { id: member.id, address: member.ports.p2p_address() };
        let feed = Feed::connect(&load.genesis, to, [0; 2]).await?;
        pour(&load.registrations, &feed, &client).await?;
        let (before, began) = (Usage::of(self.0.id())?, Instant::now());
        pour(&load.readings, &feed, &client).await?;
        let (wall, after) = (began.elapsed(), Usage::of(self.0.id())?);
        let (cpu, by_group) = (after.cpu_since(&before), after.by_group_since(&before));
        Ok(Taken { wall, cpu, by_group })
    }
}

/// Feeds all of `load` as fast as the node takes it, and waits until the node has put it in its
/// place in the order, for good. What is on its way is bounded, so nothing is dropped on either
/// side.
async fn pour(load: &[Bytes], feed: &Feed, node: &NodeClient) -> Result<(), Failure> {
    let began = node.status().await?.position.0;
    let (total, mut sent, mut rest) = (load.len() as u64, 0, load.iter());
    let (mut seen, mut still) = (0, Duration::ZERO);
    loop {
        let status = node.status().await?;
        let attached = status.position.0.saturating_sub(began);
        // A committee of one: what has its place is final.
        if attached == total && status.finality.unordered == 0 {
            return Ok(());
        }
        while sent < attached + ON_THEIR_WAY_MAX
            && let Some(bytes) = rest.next()
        {
            feed.say(Message::Transaction(bytes.clone()));
            sent += 1;
        }
        sleep(LOOK_EVERY).await;
        still = if attached > seen { Duration::ZERO } else { still + LOOK_EVERY };
        seen = attached;
        if still > PATIENCE {
            let cause = format!("the node stands still at {attached} of {total}");
            return Err(Failure::failed(cause).next("look into its log"));
        }
    }
}

fn report(count: usize, bytes: usize, rounds: &[Round]) -> Value {
    let median = |figure: &dyn Fn(&Round) -> f64| {
        let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied().unwrap_or_default()
    };
    let stage =
        |at: usize| median(&move |round| round.bound.0.get(at).copied().unwrap_or_default());
    let split: serde_json::Map<_, _> = STAGES
        .into_iter()
        .enumerate()
        .map(|(at, name)| (name.to_owned(), tenths(stage(at)).into()))
        .collect();
    let groups: serde_json::Map<_, _> = GROUPS
        .into_iter()
        .enumerate()
        .map(|(at, name)| {
            let us = median(&move |round| round.node.group_us(at, count));
            (name.to_owned(), tenths(us).into())
        })
        .collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    json!({
        "event": "pipeline", "readings": count, "bytes": bytes, "rounds": rounds.len(),
        "cores": cores,
        "bound_us": tenths(median(&|round| round.bound.sum())), "bound_split_us": split,
        "node_us": tenths(median(&|round| round.node.cpu_us(count))),
        "node_split_us": groups,
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
