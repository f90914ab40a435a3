//! A look at the node from all sides, at one size.
//!
//! Its last part ends the node and starts it anew, so it gives back another process. What the first
//! one wrote is counted before: all for its journal and what was merged meanwhile, but nothing of
//! what a clean end or a later merge writes.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::time::sleep;
use weft_core::digest::TxId;

use super::Grown;
use crate::{
    commands::bench::{bound::Split, measured::Node, report::Latencies, usage::Usage},
    failure::Failure,
    network::Network,
};

/// Transactions that are read, one after the other.
const READS: usize = 2_000;

/// How far apart in the order of posting two reads are, in samples. A prime, so that all samples
/// have their turn.
const STRIDE: usize = 7_919;

/// What the last ones before a size took, and bare libraries on the same bytes; their store has
/// grown as the node's has.
pub(super) struct Stretch {
    pub(super) count: usize,
    pub(super) before: Usage,
    pub(super) after: Usage,
    pub(super) bound: Split,
}

/// The node before it had anything.
pub(super) struct Empty {
    pub(super) start: Duration,
    pub(super) memory_bytes: u64,
}

/// Starts the node with nothing stored.
pub(super) async fn start_empty(network: &Network, dir: &Path) -> Result<(Node, Empty), Failure> {
    // Once before: an empty store is to be opened, not made.
    start(network, dir).await?.0.stop().await?;
    let (node, start) = start(network, dir).await?;
    let memory_bytes = node.usage()?.memory_bytes;
    Ok((node, Empty { start, memory_bytes }))
}

/// What was seen.
pub(super) struct Look {
    /// The node, started anew.
    pub(super) node: Node,
    pub(super) stretch: Stretch,
    /// Before it was ended.
    pub(super) usage: Usage,
    /// Bytes of transactions that its process took.
    pub(super) taken_bytes: u64,
    pub(super) stored_bytes: u64,
    pub(super) disk_bytes: u64,
    pub(super) reads: Latencies,
    /// The same for an answer that needs no store.
    pub(super) answers: Latencies,
    /// Of one core.
    pub(super) idle: f64,
    /// From a clean stop until it is ready again.
    pub(super) start: Duration,
}

impl Look {
    /// Looks at `node`, which took `stretch` last.
    pub(super) async fn at(
        grown: &mut Grown,
        node: Node,
        stretch: Stretch,
        idle: Duration,
        network: &Network,
        dir: &Path,
    ) -> Result<Self, Failure> {
        let (reads, answers) = reads(&node, &grown.sample).await?;
        let idle = idle_share(&node, idle).await?;
        let usage = node.usage()?;
        let disk_bytes = disk_bytes(&node).await?;
        node.stop().await?;
        let (node, start) = start(network, dir).await?;
        let taken_bytes = grown.bytes - std::mem::replace(&mut grown.bytes_before, grown.bytes);
        let stored_bytes = grown.bytes;
        Ok(Self {
            node,
            stretch,
            usage,
            taken_bytes,
            stored_bytes,
            disk_bytes,
            reads,
            answers,
            idle,
            start,
        })
    }
}

/// Starts the node and tells how long it took until it was ready.
async fn start(network: &Network, dir: &Path) -> Result<(Node, Duration), Failure> {
    let began = Instant::now();
    let node = Node::start(network, 0, dir, &[]).await?;
    node.at(0).await?;
    Ok((node, began.elapsed()))
}

/// Latencies of reads of stored transactions from all times, and in turn with them of answers that
/// need no store.
async fn reads(node: &Node, sample: &[TxId]) -> Result<(Latencies, Latencies), Failure> {
    let (mut reads, mut answers) = (Latencies::default(), Latencies::default());
    for number in 0..READS {
        let Some(id) = sample.get(number * STRIDE % sample.len()) else { break };
        let began = Instant::now();
        node.client().transaction(*id).await?;
        reads.record(began.elapsed());
        let began = Instant::now();
        node.client().clock().await?;
        answers.record(began.elapsed());
    }
    Ok((reads, answers))
}

/// What it takes of one core while nothing comes.
async fn idle_share(node: &Node, time: Duration) -> Result<f64, Failure> {
    let (before, began) = (node.usage()?, Instant::now());
    sleep(time).await;
    let used = node.usage()?.cpu.saturating_sub(before.cpu);
    Ok(used.as_secs_f64() / began.elapsed().as_secs_f64())
}

async fn disk_bytes(node: &Node) -> Result<u64, Failure> {
    let status = node.client().status().await?;
    let bytes = status.more.get("store").and_then(|store| store.get("disk_bytes"));
    let bytes = bytes.and_then(Value::as_u64);
    bytes.ok_or_else(|| Failure::failed("the node does not say how much its store takes"))
}
