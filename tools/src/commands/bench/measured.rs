//! A node of its own that is measured: a process with an empty store, in a network where it alone
//! decides what is final.
//!
//! [`Maker`](super::made::Maker) makes what it is fed; `bound` does the same with bare libraries.
//! CPU time and memory are those of the node's process, so whoever feeds it does not count.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde_json::Value;
use tokio::time::sleep;
use weft_client::host::NodeClient;
use weft_core::message::Message;

use super::{
    child::places,
    cluster::{Member, WORK_BITS},
    feed::Feed,
    usage::Usage,
};
use crate::{
    failure::Failure,
    network::{Network, Plan},
};

/// Bytes per second that the node takes in: as much as it can.
const ALL: u64 = 1 << 40;

/// How often it is asked whether it is where it should be.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How long a node may take to get ready or to end.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// How long it may stand still while it is fed.
const STANDSTILL: Duration = Duration::from_secs(30);

/// Transactions that it was sent and has not attached, at most.
const ON_THEIR_WAY_MAX: u64 = 4_096;

/// A network in `dir` of one validator and `followers`, at free ports.
pub(super) fn network(dir: &Path, followers: u16) -> Result<Network, Failure> {
    let ports = places(1 + followers)?;
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
    member: Member,
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
        let (store, rate) = (dir.display().to_string(), format!("machine.take_bytes_per_s={ALL}"));
        let args = ["--data-dir", store.as_str(), "--set", rate.as_str()];
        let args = args.iter().chain(more).map(|arg| (*arg).to_owned());
        let log = network.dir().join(if index == 0 { "node.log" } else { "follower.log" });
        Ok(Self { member: Member::start(network, index, args, &log).await?, log })
    }

    /// Its API.
    pub(super) const fn client(&self) -> &NodeClient {
        &self.member.client
    }

    /// Becomes its peer.
    pub(super) async fn feed(&self, network: &Network) -> Result<Feed, Failure> {
        Feed::connect(&network.genesis, self.member.address, [0; 2]).await
    }

    /// Has it take all of `load` as fast as it can, and waits until that has its place in the
    /// order, for good. What is on its way is bounded, so nothing is dropped on either side.
    pub(super) async fn take(&self, load: &[Bytes], feed: &Feed) -> Result<(), Failure> {
        let began = self.member.client.status().await?.position.0;
        let (total, mut sent, mut rest) = (load.len() as u64, 0, load.iter());
        let (mut seen, mut still) = (0, Duration::ZERO);
        loop {
            let status = self.member.client.status().await?;
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
            if still > STANDSTILL {
                return Err(self.failed(&format!("stands still at {attached} of {total}")));
            }
        }
    }

    /// Waits until it is ready and at commit `commit`; by what it caught up, if it had to.
    pub(super) async fn at(&self, commit: u64) -> Result<Option<String>, Failure> {
        let (began, mut by) = (Instant::now(), None);
        loop {
            let status = self.member.client.status().await?;
            let seen = status.more.get("sync").and_then(|sync| sync.get("by"));
            by = seen.and_then(Value::as_str).map(str::to_owned).or(by);
            if status.finality.committed >= commit && self.member.client.readiness().await?.ready {
                return Ok(by);
            }
            self.check_time(began, "is not ready")?;
            sleep(LOOK_EVERY).await;
        }
    }

    /// Asks it to end, as a service manager does, and waits until it has.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        let began = Instant::now();
        self.member.process.terminate()?;
        loop {
            match self.member.process.ended().map_err(Failure::failed)? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(self.failed(&format!("ended with {status}"))),
                None => self.check_time(began, "does not end")?,
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// What it used so far.
    pub(super) fn usage(&self) -> Result<Usage, Failure> {
        Usage::of(self.member.process.id())
    }

    fn check_time(&self, began: Instant, what: &str) -> Result<(), Failure> {
        if began.elapsed() < PATIENCE { Ok(()) } else { Err(self.failed(what)) }
    }

    fn failed(&self, what: &str) -> Failure {
        Failure::failed(format!("the node {what}")).next(format!("see {}", self.log.display()))
    }
}
