//! The nodes of one network, each a process of its own on this machine, and what they use.

use std::path::Path;

use clap::value_parser;
use tokio::time::{Duration, Instant, sleep};
use weft_client::host::NodeClient;
use weft_core::message::PeerAddress;

use super::{
    child::{Running, places, spawn},
    made::Size,
    usage::{Usage, memory_bytes},
};
use crate::{
    failure::Failure,
    network::{Network, Plan},
};

/// Work asked of a small transaction. Little: searching for it is not what is measured.
pub(super) const WORK_BITS: u8 = 4;

/// How long the nodes may take to find each other.
const MEET_TIME: Duration = Duration::from_secs(60);

/// How often a node that is waited for is asked.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What a bench of a cluster is told of it.
#[derive(Debug, clap::Args)]
pub(super) struct Shape {
    /// How many nodes
    #[arg(
        long,
        value_name = "N",
        default_value_t = 4,
        value_parser = value_parser!(u16).range(2..=16),
    )]
    pub(super) nodes: u16,
    #[command(flatten)]
    pub(super) size: Size,
    /// Readings by which the knee is found
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20_000,
        value_parser = value_parser!(u32).range(100..=1_000_000),
    )]
    pub(super) count: u32,
}

/// The processes; ended as a crash does when dropped.
pub(super) struct Cluster {
    pub(super) network: Network,
    pub(super) nodes: Vec<Member>,
}

/// One node.
pub(super) struct Member {
    pub(super) process: Running,
    pub(super) client: NodeClient,
    pub(super) address: PeerAddress,
}

/// What a node used and counted so far.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) usage: Usage,
    /// Bytes in UDP datagrams to other nodes of the network.
    pub(super) wire_bytes: u64,
    pub(super) metrics: Metrics,
}

impl Member {
    /// Starts node `index` of `network` with its errors to `log`, and waits until its doors are
    /// open.
    pub(super) async fn start(
        network: &Network,
        index: usize,
        more: impl IntoIterator<Item = String>,
        log: &Path,
    ) -> Result<Self, Failure> {
        let member = network.members.get(index).ok_or_else(|| Failure::failed("no such node"))?;
        let args = ["node", "--json", "--log", "warn", "--config"].map(str::to_owned);
        let mut args = Vec::from(args);
        args.push(network.config_file(index).display().to_string());
        args.extend(more);
        let process = spawn(&format!("node {index}"), &args, log).await?;
        let client = NodeClient::new(&format!("http://{}", member.ports.api_address()))?;
        let address = PeerAddress { id: member.id, address: member.ports.p2p_address() };
        Ok(Self { process, client, address })
    }
}

impl Cluster {
    /// Starts a new network of `count` nodes with all files in `dir`, under `settings`, each
    /// `SECTION.KEY=VALUE`. Returns when all are ready and know each other.
    pub(super) async fn start(
        dir: &Path,
        count: u16,
        settings: &[String],
    ) -> Result<Self, Failure> {
        let ports = places(count)?;
        let plan = Plan { label: "bench", work_bits: WORK_BITS };
        let network = Network::open_or_make(dir, &plan, &ports)?;
        let mut nodes = Vec::new();
        for index in 0..network.members.len() {
            network.write_config(index)?;
            let set = settings.iter().flat_map(|set| ["--set".to_owned(), set.clone()]);
            let log = network.dir().join(format!("node{index}.log"));
            nodes.push(Member::start(&network, index, set, &log).await?);
        }
        let cluster = Self { network, nodes };
        cluster.meet().await?;
        Ok(cluster)
    }

    async fn meet(&self) -> Result<(), Failure> {
        let until = Instant::now() + MEET_TIME;
        for node in &self.nodes {
            while node.client.peers().await?.len() + 1 < self.nodes.len()
                || !node.client.readiness().await?.ready
            {
                if Instant::now() > until {
                    let seconds = MEET_TIME.as_secs();
                    let cause = format!("the nodes did not find each other within {seconds} s");
                    return Err(Failure::failed(cause).next("see their logs in the folder"));
                }
                sleep(LOOK_EVERY).await;
            }
        }
        Ok(())
    }

    /// What each node used so far.
    pub(super) async fn read(&self) -> Result<Vec<Reading>, Failure> {
        let mut readings = Vec::new();
        for node in &self.nodes {
            let (usage, metrics) =
                (Usage::of(node.process.id())?, Metrics(node.client.metrics().await?));
            readings.push(Reading { usage, wire_bytes: self.wire_bytes(node).await?, metrics });
        }
        Ok(readings)
    }

    async fn wire_bytes(&self, node: &Member) -> Result<u64, Failure> {
        let is_ours = |id: &str| self.nodes.iter().any(|node| node.address.id.to_string() == id);
        let peers = node.client.peers().await?.into_iter().filter(|peer| is_ours(&peer.id));
        let sent = peers.filter_map(|peer| peer.more.get("udp_sent_bytes")?.as_u64());
        Ok(sent.sum())
    }

    /// What is resident of each node, in bytes.
    pub(super) fn memory_bytes(&self) -> Result<Vec<u64>, Failure> {
        self.nodes.iter().map(|node| memory_bytes(node.process.id())).collect()
    }

    /// How many transactions have their place in the order at every node.
    pub(super) async fn finals(&self) -> Result<u64, Failure> {
        let mut least = u64::MAX;
        for node in &self.nodes {
            let status = node.client.status().await?;
            least = least.min(status.position.0.saturating_sub(status.finality.unordered));
        }
        Ok(least)
    }
}

/// What a node counts, as it tells it.
#[derive(Clone, Debug)]
pub(super) struct Metrics(String);

impl Metrics {
    /// All values of `name` together, whatever their labels.
    pub(super) fn sum(&self, name: &str) -> f64 {
        self.values(name).map(|(_, value)| value).sum()
    }

    /// Labels and value of each line of `name`.
    pub(super) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.0.lines().filter_map(move |line| {
            let rest = line.strip_prefix(name)?;
            let (labels, value) = rest.rsplit_once(' ')?;
            let is_whole = labels.is_empty() || labels.starts_with('{');
            is_whole.then_some((labels, value.parse().ok()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_summed_over_its_labels_and_is_no_prefix() {
        let text = "# TYPE weft_a counter\nweft_a_total{kind=\"x\"} 2\nweft_a_total{kind=\"y\"} 3\n\
                    weft_a_total_more 50\nweft_b 0.5\n";
        let metrics = Metrics(text.to_owned());
        assert_eq!(metrics.sum("weft_a_total"), 5.0);
        assert_eq!(metrics.sum("weft_b"), 0.5);
        assert_eq!(metrics.sum("weft_c"), 0.0);
        let labels: Vec<_> = metrics.values("weft_a_total").map(|(labels, _)| labels).collect();
        assert_eq!(labels, ["{kind=\"x\"}", "{kind=\"y\"}"]);
    }
}
