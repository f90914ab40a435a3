//! `weft bench overload`: what do honest issuers notice when a network of real processes is given
//! more than it takes, and what do those who misbehave get out of it?
//!
//! Three parts on one network whose knee was found before, each beside a load that is honest and
//! held against the same load alone:
//! - [`flood`]: twice the knee from a file signed beforehand, by issuers who own nothing; honest
//!   issuers own much and post an eighth of the knee.
//! - re-attachment of others' bodies at the full speed of this machine's work ([`attacks`]).
//! - signatures that do not fit, from one peer ([`attacks`]).
//!
//! Generator and nodes share the cores of this machine, so whoever floods also takes time from the
//! nodes: what is measured is an upper bound of what the network notices.

mod attacks;
mod flood;
mod report;

use std::{path::PathBuf, sync::atomic::AtomicU64};

use clap::value_parser;
use tokio::{
    task::spawn_blocking,
    time::{Duration, Instant, sleep},
};
use weft_client::host::NodeClient;
use weft_core::tx::SealedBody;
use weft_node::key_file::Seed;

pub(super) use self::report::text;
use self::{
    attacks::{Forged, forge, reattach, work_speed},
    flood::{Flood, Replayed},
    report::{Loaded, Summary},
};
use super::{
    child::Place,
    cluster::{Cluster, Shape},
    drive::{Lane, Pace, drive, due_in},
    issuers::Issuers,
    made::ISSUERS,
    network::{WINDOW, open_lanes},
};
use crate::{failure::Failure, network::ACCOUNTS, output::Output};

/// Kinds of peers, each with one way into each node.
const LOAD: u8 = 0;
const FLOOD: u8 = 1;
const REATTACHER: u8 = 2;
const FORGER: u8 = 3;

/// The honest load beside a flood, as a part of the knee; the flood is [`FLOOD_KNEES`] of them.
const HONEST_PART: f64 = 1.0 / 8.0;
const FLOOD_KNEES: f64 = 2.0;

/// The load beside single peers that misbehave, as a part of the knee.
const BESIDE_PART: f64 = 1.0 / 2.0;

/// How long what a flood is held against is measured, at most.
const ALONE: u32 = 20;

/// How often memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long the nodes may take to be done with a flood, and how long nothing comes then.
const SETTLE_TIME: Duration = Duration::from_secs(120);
const STILL: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    shape: Shape,
    /// How long the flood lasts
    #[arg(
        long,
        value_name = "S",
        default_value_t = 60,
        value_parser = value_parser!(u32).range(1..=600),
    )]
    seconds: u32,
    /// A setting of the nodes
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let folder = args.place.folder("overload")?;
    let cluster = Cluster::start(&folder.path().join("net"), args.shape.nodes, &args.set).await?;
    let mut bench = Bench::new(cluster, args.shape.size.bytes(), output).await?;
    let count = args.shape.count as usize;
    output.note(&format!("looks for the knee with {count} readings"));
    let bodies = bench.strangers.sign(count, bench.bytes)?;
    let knee = bench.load(bodies, Pace::Window(WINDOW)).await?.ran.per_second();
    output.note(&format!("the knee is at {knee:.0} a second"));
    let alone = args.seconds.min(ALONE);

    let rate = knee * BESIDE_PART;
    let quiet = bench.beside(rate, alone).await?;
    let (forged_at, forged) = bench.forged(rate, alone).await?;
    let (reattached, attachments) = bench.reattached(rate, alone).await?;

    // At last: it may leave a network that takes long to be as it was.
    let honest = knee * HONEST_PART;
    let before = bench.honest(honest, alone).await?;
    let flood = folder.path().join("flood.bin");
    let (during, replayed) = bench.flooded(flood, knee, honest, args.seconds).await?;
    let settled = bench.settle().await?;
    let summary = Summary {
        nodes: args.shape.nodes,
        bytes: bench.bytes,
        set: args.set,
        seconds: args.seconds,
        knee,
        quiet,
        forged_at,
        forged,
        reattached,
        attachments,
        before,
        during,
        replayed,
        settled,
    };
    let value = summary.value();
    output.show(&value, || text(&value))?;
    drop(bench);
    folder.remove_if_ours();
    Ok(())
}

struct Bench {
    cluster: Cluster,
    lanes: Vec<Lane>,
    /// They own what the genesis gives.
    honest: Issuers,
    /// They own nothing.
    strangers: Issuers,
    bytes: usize,
    output: Output,
}

impl Bench {
    async fn new(cluster: Cluster, bytes: usize, output: Output) -> Result<Self, Failure> {
        let genesis = &cluster.network.genesis;
        let key = |(name, _)| Ok(Seed::load(&cluster.network.dir().join(name))?.key()?);
        let keys = ACCOUNTS.map(key).into_iter().collect::<Result<_, Failure>>()?;
        let mut honest = Issuers::new(genesis.network(), keys);
        let mut strangers = Issuers::generate(genesis, ISSUERS)?;
        let mut lanes = open_lanes(&cluster, LOAD).await?;
        let first = [honest.register()?, strangers.register()?].concat();
        drive(&cluster, &mut lanes, first, Pace::Window(WINDOW)).await?;
        Ok(Self { cluster, lanes, honest, strangers, bytes, output })
    }

    /// Has `bodies` go in and become final; what the nodes counted and used on the way.
    async fn load(&mut self, bodies: Vec<SealedBody>, pace: Pace) -> Result<Loaded, Failure> {
        let before = self.cluster.read().await?;
        let mut memory = Vec::new();
        let ran = tokio::select! {
            ran = drive(&self.cluster, &mut self.lanes, bodies, pace) => ran?,
            failed = watch_memory(&self.cluster, &mut memory) => return Err(failed),
        };
        Ok(Loaded { ran, before, after: self.cluster.read().await?, memory })
    }

    /// The honest load, at `rate` for `seconds`.
    async fn honest(&mut self, rate: f64, seconds: u32) -> Result<Loaded, Failure> {
        self.output.note(&format!("honest issuers post {rate:.0} a second for {seconds} s"));
        let bodies = self.honest.sign(readings(rate, seconds), self.bytes)?;
        self.load(bodies, Pace::PerSecond(rate)).await
    }

    /// A load by strangers, beside which single peers misbehave.
    async fn beside(&mut self, rate: f64, seconds: u32) -> Result<Loaded, Failure> {
        self.output.note(&format!("posts {rate:.0} a second for {seconds} s"));
        let bodies = self.strangers.sign(readings(rate, seconds), self.bytes)?;
        self.load(bodies, Pace::PerSecond(rate)).await
    }

    /// The honest load beside a flood.
    async fn flooded(
        &mut self,
        file: PathBuf,
        knee: f64,
        honest: f64,
        seconds: u32,
    ) -> Result<(Loaded, Replayed), Failure> {
        let rate = knee * FLOOD_KNEES;
        let count = readings(rate, seconds);
        self.output.note(&format!("signs {count} readings to flood with"));
        let mut spammers = Issuers::generate(&self.cluster.network.genesis, ISSUERS)?;
        let first = spammers.register()?;
        drive(&self.cluster, &mut self.lanes, first, Pace::Window(WINDOW)).await?;
        let flood = Flood::sign(file, &mut spammers, count, self.bytes)?;
        let mut lanes = open_lanes(&self.cluster, FLOOD).await?;
        let time = Duration::from_secs(seconds.into());
        let replay = spawn_blocking(move || flood.replay(&mut lanes, rate, time));
        let loaded = self.honest(honest, seconds).await?;
        Ok((loaded, replay.await.map_err(Failure::failed)??))
    }

    /// The load beside a peer that attaches its bodies again; how many attachments that made.
    async fn reattached(&mut self, rate: f64, seconds: u32) -> Result<(Loaded, u64), Failure> {
        let speed = work_speed();
        self.output.note(&format!("one peer attaches {speed:.0} a second again"));
        let (mut lane, node) = self.lane(REATTACHER).await?;
        let sent = AtomicU64::new(0);
        let loaded = tokio::select! {
            loaded = self.beside(rate, seconds) => loaded?,
            ended = reattach(&node, &mut lane, speed, &sent) => {
                ended?;
                return Err(Failure::failed("the node told of nothing more"));
            }
        };
        self.settle().await?;
        Ok((loaded, sent.into_inner()))
    }

    /// The load beside a peer that forges.
    async fn forged(&mut self, rate: f64, seconds: u32) -> Result<(Loaded, Forged), Failure> {
        let (mut lane, _) = self.lane(FORGER).await?;
        let signed = self.strangers.sign(1, self.bytes)?;
        let sealed = signed.first().ok_or_else(|| Failure::failed("nothing to forge"))?;
        let forging = async {
            // In the middle of the load.
            sleep(Duration::from_secs(seconds.into()) / 2).await;
            forge(&mut lane, sealed).await
        };
        let (loaded, forged) = tokio::join!(self.beside(rate, seconds), forging);
        Ok((loaded?, forged?))
    }

    /// A peer of the first node, and that node.
    async fn lane(&self, kind: u8) -> Result<(Lane, NodeClient), Failure> {
        let first = self.cluster.nodes.first().ok_or_else(|| Failure::failed("no node"))?;
        let lane = Lane::open(&self.cluster.network.genesis, first, [kind, 0]).await?;
        Ok((lane, first.client.clone()))
    }

    /// Waits until nothing more comes in and all is ordered, so that the next part begins alike.
    /// Tells how long that took; `None` if it took too long.
    async fn settle(&self) -> Result<Option<Duration>, Failure> {
        let began = Instant::now();
        let (mut seen, mut still) = (Vec::new(), Duration::ZERO);
        while still < STILL {
            if began.elapsed() > SETTLE_TIME {
                return Ok(None);
            }
            sleep(LOOK_EVERY).await;
            let (mut now, mut open) = (Vec::new(), 0);
            for node in &self.cluster.nodes {
                let status = node.client.status().await?;
                now.push(status.position);
                open += status.finality.unordered;
            }
            still = if now == seen && open == 0 { still + LOOK_EVERY } else { Duration::ZERO };
            seen = now;
        }
        Ok(Some(began.elapsed().saturating_sub(STILL)))
    }
}

/// How many are posted at `rate` in `seconds`.
fn readings(rate: f64, seconds: u32) -> usize {
    due_in(Duration::from_secs(seconds.into()), rate)
}

/// Keeps in `peaks` the most that each node had resident. Ends with a failure only.
async fn watch_memory(cluster: &Cluster, peaks: &mut Vec<u64>) -> Failure {
    loop {
        match cluster.memory_bytes() {
            Ok(now) => {
                peaks.resize(now.len(), 0);
                peaks.iter_mut().zip(now).for_each(|(peak, now)| *peak = now.max(*peak));
            }
            Err(failure) => return failure,
        }
        sleep(LOOK_EVERY).await;
    }
}
