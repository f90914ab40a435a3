//! A network of `weft node` processes.

use std::{collections::BTreeSet, path::Path, pin::pin, sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use tempfile::TempDir;
use tokio::time::{Instant, timeout, timeout_at};
use weft_client::host::{Attach, Cursor, Filter, Followed, NodeClient, Poster, Retry};
use weft_core::{
    digest::{BodyId, TxId},
    keys::{HostKey, Scheme},
};

use super::{DEADLINE, Process, base_port, run};

/// A folder made by `weft init`, and those of its nodes that run.
pub(crate) struct Nodes {
    dir: TempDir,
    base: u16,
    running: Vec<Option<Process>>,
}

impl Nodes {
    /// Makes a network of `count` nodes; none runs yet.
    pub(crate) fn init(count: usize) -> Self {
        Self::init_with(count, &[])
    }

    fn init_with(count: usize, more: &[&str]) -> Self {
        let (dir, base) = (tempfile::tempdir().unwrap(), base_port());
        let (nodes, port) = (count.to_string(), base.to_string());
        let args = ["init", "--nodes", &nodes, "--out", "net", "--base-port", &port];
        run(dir.path(), &[&args[..], more].concat()).ok();
        Self { dir, base, running: (0..count).map(|_| None).collect() }
    }

    /// The same, and starts all of them.
    pub(crate) fn start_all(count: usize) -> Self {
        Self::init(count).all_started()
    }

    /// The same with little work to do: for tests that register many accounts.
    pub(crate) fn start_all_with_little_work(count: usize) -> Self {
        Self::init_with(count, &["--work-bits", "4"]).all_started()
    }

    fn all_started(mut self) -> Self {
        (0..self.running.len()).for_each(|index| self.start(index));
        self
    }

    /// Starts a node and waits until it says that it is ready.
    pub(crate) fn start(&mut self, index: usize) {
        let config = format!("net/node{index}.toml");
        let args = ["node", "--json", "--config", &config];
        let process = Process::start(self.dir(), &format!("node{index}"), &args);
        let ready = process.json();
        assert_eq!(ready["event"], "ready");
        assert_eq!(ready["api"], self.url(index));
        *self.running.get_mut(index).unwrap() = Some(process);
    }

    pub(crate) fn take(&mut self, index: usize) -> Process {
        self.running.get_mut(index).unwrap().take().unwrap()
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn url(&self, index: usize) -> String {
        format!("http://127.0.0.1:{}", usize::from(self.base) + index)
    }

    pub(crate) fn client(&self, index: usize) -> NodeClient {
        NodeClient::new(&self.url(index)).unwrap()
    }

    /// Posts for the account of `seed` through a node.
    pub(crate) async fn poster(&self, index: usize, seed: u8, attach: Attach) -> Poster {
        let key = Arc::new(HostKey::from_seed(Scheme::MlDsa44, &[seed; 32]).unwrap());
        let poster = Poster::open(self.client(index), key, attach).await.unwrap();
        poster.with_retry(Retry { tries: 1_000, patience: DEADLINE })
    }

    /// Waits until a node has shown all of `bodies`; fails if it shows one twice.
    pub(crate) async fn shows(&self, index: usize, bodies: &BTreeSet<BodyId>) {
        let filter = Filter { after: Some(Cursor::START), ..Filter::default() };
        let mut events = pin!(self.client(index).events(filter));
        let (mut shown, mut missing) = (BTreeSet::new(), bodies.clone());
        // Cuts are events too: what counts is when the last reading came.
        let mut until = Instant::now() + DEADLINE;
        while !missing.is_empty() {
            let event = timeout_at(until, events.next()).await.unwrap_or_else(|_| {
                panic!("node {index} lacks {} of {}", missing.len(), bodies.len())
            });
            if let Followed::Reading(reading) = event.unwrap().unwrap() {
                assert!(shown.insert(reading.body), "{} twice on node {index}", reading.body);
                missing.remove(&reading.body);
                until = Instant::now() + DEADLINE;
            }
        }
    }

    /// Everything in a node's log, page by page. Fails if it has anything twice.
    pub(crate) async fn log(&self, index: usize) -> BTreeSet<TxId> {
        let client = self.client(index);
        let (mut log, mut after) = (BTreeSet::new(), Cursor::START);
        loop {
            let page = client.transactions(after, 170).await.unwrap();
            for line in &page.items {
                assert!(line.cursor > after, "ascending");
                after = line.cursor;
                assert!(log.insert(line.id), "{} twice on node {index}", line.id);
            }
            if page.items.is_empty() {
                assert_eq!(page.next, after);
                return log;
            }
        }
    }

    /// Waits until a node has `count` peers.
    pub(crate) async fn has_peers(&self, index: usize, count: usize) {
        let client = self.client(index);
        let met = timeout(DEADLINE, async {
            while client.peers().await.unwrap().len() < count {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(met.await.is_ok(), "node {index} lacks peers");
    }

    /// Waits until all nodes have executed a commit.
    pub(crate) async fn reach(&self, commit: u64) {
        for index in 0..self.running.len() {
            let client = self.client(index);
            let reached = timeout(DEADLINE, async {
                while client.status().await.unwrap().finality.committed < commit {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
            assert!(reached.await.is_ok(), "node {index} lacks commit {commit}");
        }
    }
}
