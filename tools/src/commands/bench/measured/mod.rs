//! A node of its own that is measured: a process with an empty store, in a network where it alone
//! decides what is final.
//!
//! [`made`] makes what it is fed by [`feed`]; [`bound`] does the same with bare libraries. CPU time
//! and memory are those of the node's process, so whoever feeds it does not count.

pub(super) mod bound;
pub(super) mod feed;
pub(super) mod made;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::Value;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use tokio::time::sleep;
use weft_client::host::NodeClient;
use weft_core::message::PeerAddress;

use self::feed::Feed;
use super::child::{Running, spawn};
use crate::{
    failure::Failure,
    network::{Network, Plan},
    ports::free_run,
};

/// Work asked of a small transaction. Little: searching for it is not what is measured.
const WORK_BITS: u8 = 4;

/// Bytes per second that the node takes in: as much as it can.
const ALL: u64 = 1 << 40;

/// How often it is asked whether it is where it should be.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How long a node may take to get ready or to end.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// A network in `dir` of one validator and `followers`, at free ports from `port` on.
pub(super) fn network(dir: &Path, port: u16, followers: u16) -> Result<Network, Failure> {
    let none = || Failure::failed(format!("no free ports above {port}"));
    let ports = free_run(port, 1 + followers).ok_or_else(none)?;
    let plan = Plan { label: "bench", work_bits: WORK_BITS };
    let (validator, _) = ports.split_at(1);
    Network::open_or_make(dir, &plan, validator)?;
    // Whoever is there when the genesis is made is a validator; these come after it.
    let network = Network::open_or_make(dir, &plan, &ports)?;
    (0..ports.len()).try_for_each(|index| network.write_config(index))?;
    Ok(network)
}

/// A running node; killed when dropped.
pub(super) struct Node {
    process: Running,
    client: NodeClient,
    address: PeerAddress,
    log: PathBuf,
}

impl Node {
    /// Starts node `index` of `network` with its store in `dir`, and waits until its doors are
    /// open.
    pub(super) async fn start(
        network: &Network,
        index: usize,
        dir: &Path,
        more: &[&str],
    ) -> Result<Self, Failure> {
        let member = network.members.get(index).ok_or_else(|| Failure::failed("no such node"))?;
        let text = |path: &Path| path.display().to_string();
        let args = ["node", "--json", "--log", "warn", "--config"].map(str::to_owned);
        let mut args = Vec::from(args);
        args.extend([text(&network.config_file(index)), "--data-dir".to_owned(), text(dir)]);
        args.extend(["--set".to_owned(), format!("machine.take_bytes_per_s={ALL}")]);
        args.extend(more.iter().map(|arg| (*arg).to_owned()));
        let log = network.dir().join(if index == 0 { "node.log" } else { "follower.log" });
        Ok(Self {
            process: spawn("node", &args, &log).await?,
            client: NodeClient::new(&format!("http://{}", member.ports.api_address()))?,
            address: PeerAddress { id: member.id, address: member.ports.p2p_address() },
            log,
        })
    }

    /// Its API.
    pub(super) const fn client(&self) -> &NodeClient {
        &self.client
    }

    /// Becomes its peer.
    pub(super) async fn feed(&self, network: &Network) -> Result<Feed, Failure> {
        Feed::connect(&network.genesis, self.address).await
    }

    /// Waits until it is ready and at commit `commit`; by what it caught up, if it had to.
    pub(super) async fn at(&self, commit: u64) -> Result<Option<String>, Failure> {
        let (began, mut by) = (Instant::now(), None);
        loop {
            let status = self.client.status().await?;
            let seen = status.more.get("sync").and_then(|sync| sync.get("by"));
            by = seen.and_then(Value::as_str).map(str::to_owned).or(by);
            if status.finality.committed >= commit && self.client.readiness().await?.ready {
                return Ok(by);
            }
            self.check_time(began, "is not ready")?;
            sleep(LOOK_EVERY).await;
        }
    }

    /// Asks it to end, as a service manager does, and waits until it has.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        let began = Instant::now();
        self.process.terminate()?;
        loop {
            match self.process.ended().map_err(Failure::failed)? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(self.failed(&format!("ended with {status}"))),
                None => self.check_time(began, "does not end")?,
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// What it used so far.
    pub(super) fn usage(&self) -> Result<Usage, Failure> {
        let pid = Pid::from_u32(self.process.id());
        let mut system = System::new().map_err(Failure::failed)?;
        let kind = ProcessRefreshKind::nothing().with_cpu().with_memory().with_disk_usage();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, kind);
        let process = system.process(pid).ok_or_else(|| self.failed("has ended"))?;
        Ok(Usage {
            cpu: Duration::from_millis(process.accumulated_cpu_time()),
            memory_bytes: process.memory(),
            written_bytes: process.disk_usage().total_written_bytes,
        })
    }

    fn check_time(&self, began: Instant, what: &str) -> Result<(), Failure> {
        if began.elapsed() < PATIENCE { Ok(()) } else { Err(self.failed(what)) }
    }

    fn failed(&self, what: &str) -> Failure {
        Failure::failed(format!("the node {what}")).next(format!("see {}", self.log.display()))
    }
}

/// What a node's process used since its start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// User and system.
    pub(super) cpu: Duration,
    /// Resident now.
    pub(super) memory_bytes: u64,
    /// Sent to the disk.
    pub(super) written_bytes: u64,
}

impl Usage {
    /// The microseconds of CPU since `before` that each of `count` took.
    pub(super) fn cpu_us(self, before: Self, count: usize) -> f64 {
        self.cpu.saturating_sub(before.cpu).as_secs_f64() * 1e6 / count.max(1) as f64
    }
}
