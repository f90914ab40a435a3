//! `weft bench network`: how much does a network of real processes make final, how fast, and what
//! does that cost each node in CPU time and bytes?
//!
//! All nodes run on this machine. One peer for each feeds it transactions that were signed before
//! the clock starts; parents, anchor and a little work are chosen on the way ([`Lane`]). First as
//! fast as they become final, which finds the knee, then at parts of it, and at a fixed rate.
//! Generator and nodes share the cores, so what the generator takes is told too.
//!
//! Left out on purpose: the API as a way in (`weft bench load`), real distances (the simulations).

mod report;

use std::time::Duration;

use clap::value_parser;

pub(super) use self::report::text;
use self::report::{Step, Summary};
use super::{
    bound::{self, cpu_time},
    child::Place,
    cluster::{Cluster, Shape},
    drive::{Lane, Pace, drive, due_in},
    issuers::Issuers,
    made::{ISSUERS, Maker},
};
use crate::{failure::Failure, output::Output};

/// Transactions on their way while the knee is looked for: several times what commits take.
pub(super) const WINDOW: u64 = 2_048;

/// Parts of the knee, in percent, at which latency is measured.
const PARTS: [u32; 3] = [25, 50, 80];

/// The rate at which bytes on the wire are measured in any case.
const FIXED_RATE: f64 = 1_000.0;

/// Readings by which the bound is measured.
const BOUND_READINGS: usize = 10_000;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    shape: Shape,
    /// How long each rate is held
    #[arg(
        long,
        value_name = "S",
        default_value_t = 20,
        value_parser = value_parser!(u32).range(1..=600),
    )]
    seconds: u32,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let folder = args.place.folder("network")?;
    let bytes = args.shape.size.bytes();
    let cluster = Cluster::start(&folder.path().join("net"), args.shape.nodes, &[]).await?;
    let genesis = &cluster.network.genesis;
    output.note(&format!("measures bare libraries on {BOUND_READINGS} readings"));
    let bound = {
        let mut maker = Maker::new(genesis, bytes)?;
        maker.registrations()?;
        let (readings, work_bits) = (maker.readings(BOUND_READINGS)?, genesis.params.work_bits);
        bound::measure(&readings, &maker.keys(), work_bits, &folder.path().join("bare"))?
    };

    let lanes = open_lanes(&cluster, 0).await?;
    let issuers = Issuers::generate(genesis, ISSUERS)?;
    let mut bench = Bench { cluster, lanes, issuers, bytes };
    bench.register().await?;
    output.note(&format!("looks for the knee with {} readings", args.shape.count));
    let knee = bench.step(None, args.shape.count as usize, Pace::Window(WINDOW)).await?;
    let rate = knee.per_second();
    output.note(&format!("the knee is at {rate:.0} a second"));
    let mut steps = vec![knee];
    let parts = PARTS.map(|part| (Some(part), rate * f64::from(part) / 100.0));
    for (part, rate) in parts.into_iter().chain([(None, FIXED_RATE)]) {
        let count = due_in(Duration::from_secs(args.seconds.into()), rate);
        output.note(&format!("sends {rate:.0} a second for {} s", args.seconds));
        steps.push(bench.step(part, count, Pace::PerSecond(rate)).await?);
    }
    let value = Summary { nodes: args.shape.nodes, bytes, bound, steps }.value();
    output.show(&value, || text(&value))?;
    drop(bench);
    folder.remove_if_ours();
    Ok(())
}

/// One way into each node of `cluster`, by peers of the kind `kind`.
pub(super) async fn open_lanes(cluster: &Cluster, kind: u8) -> Result<Vec<Lane>, Failure> {
    let mut lanes = Vec::new();
    for (name, node) in (0..).zip(&cluster.nodes) {
        lanes.push(Lane::open(&cluster.network.genesis, node, [kind, name]).await?);
    }
    Ok(lanes)
}

struct Bench {
    cluster: Cluster,
    lanes: Vec<Lane>,
    issuers: Issuers,
    bytes: usize,
}

impl Bench {
    async fn register(&mut self) -> Result<(), Failure> {
        let bodies = self.issuers.register()?;
        drive(&self.cluster, &mut self.lanes, bodies, Pace::Window(WINDOW)).await.map(drop)
    }

    /// Has `count` readings go in and become final. `part` is that of the knee, in percent.
    async fn step(&mut self, part: Option<u32>, count: usize, pace: Pace) -> Result<Step, Failure> {
        let bodies = self.issuers.sign(count, self.bytes)?;
        let (before, own) = (self.cluster.read().await?, cpu_time());
        let ran = drive(&self.cluster, &mut self.lanes, bodies, pace).await?;
        let (after, own) = (self.cluster.read().await?, cpu_time().saturating_sub(own));
        Ok(Step { part, pace, ran, before, after, generator: own })
    }
}
