//! From what waits to what is final: seal, hand over to the node, follow, tell.
//!
//! ```text
//! backlog: whose turn -> seal + move to outgoing (one sync) -> node -> follow -> done
//! ```
//!
//! Invariant: a body is on disk before a node sees it, and stays there until it has its outcome; so
//! after a crash the same bytes are sent again, and a node that has them says so. A body of ours
//! that took no effect gives its messages back, and they are sealed anew.
//!
//! Left out on purpose: giving up. Hours without a node are waited out; what is behind shows in the
//! metrics.

mod line;
mod outcomes;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{sync::Notify, task::JoinSet, time::sleep};
use weft_client::host::{Attach, ClientError, NewReading, NodeClient, Poster, Retry};
use weft_core::{keys::Sign, tx::ContentType};

use crate::{
    clock::Clock,
    intake::Intake,
    metrics::Metrics,
    queue::{Backlog, Store},
    receipt::MqttFront,
};
use line::Line;

/// The stream of the gateway's own first reading, which registers its account.
const OWN_STREAM: &str = "weft-gateway";

/// How often to look for messages whose time has come without anybody ringing.
const BEAT: Duration = Duration::from_millis(100);

const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// What the sender works with.
pub(crate) struct Sender {
    pub(crate) store: Arc<Store>,
    pub(crate) backlog: Arc<Mutex<Backlog>>,
    pub(crate) bell: Arc<Notify>,
    pub(crate) intake: Arc<Intake>,
    pub(crate) front: Arc<dyn MqttFront>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) node: NodeClient,
    pub(crate) key: Arc<dyn Sign>,
    pub(crate) attach: Attach,
    pub(crate) clock: Clock,
}

impl Sender {
    /// Sends for as long as it is polled.
    pub(crate) async fn run(self) {
        let line = Arc::new(self.open().await);
        let mut tasks = JoinSet::new();
        tasks.spawn(line.outcomes().follow(line.node()));
        if let Err(error) = line.resume(&mut tasks).await {
            tracing::error!(%error, "cannot read what was on its way; nothing is sent");
            return std::future::pending().await;
        }
        loop {
            tokio::select! {
                () = line.bell().notified() => {}
                Some(_) = tasks.join_next() => {}
                () = sleep(BEAT) => {}
            }
            line.start(&mut tasks);
        }
    }

    /// Waits for the node, then finds the account's place on its network.
    async fn open(self) -> Line {
        let mut pause = PAUSE_MIN;
        loop {
            match self.try_open().await {
                Ok((poster, work_bits)) => return Line::new(self, poster, work_bits).await,
                Err(cause) => tracing::warn!(cause, "messages wait: the node cannot be used yet"),
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn try_open(&self) -> Result<(Poster, u8), String> {
        let text = |error: ClientError| error.to_string();
        let poster = Poster::open(self.node.clone(), self.key.clone(), self.attach).await;
        let poster = poster.map_err(text)?;
        // Patience is ours: see `hand_over`.
        let poster = poster.with_retry(Retry { tries: 3, patience: Duration::from_secs(10) });
        let genesis = poster.genesis();
        match self.store.genesis().map_err(|error| error.to_string())? {
            Some(known) if known != genesis.as_bytes() => {
                return Err(format!(
                    "the queue belongs to another network than the node at {} (genesis {genesis}); \
                     name a node of that network, or another data_dir",
                    self.node.url(),
                ));
            }
            _ => {}
        }
        let work_bits = self.node.tips().await.map_err(text)?.work_bits;
        poster.count_from(self.store.next_sequence()).await;
        if poster.next_sequence().await.registers() {
            // What is posted until this one is ordered hangs below it: the poster sees to that.
            let hello = format!(r#"{{"version":"{}"}}"#, env!("CARGO_PKG_VERSION"));
            let hello = NewReading::now(OWN_STREAM, ContentType::JSON, hello.into_bytes());
            poster.post(hello).await.map_err(|error| error.to_string())?;
        }
        let mut changes = self.store.change();
        changes.set_genesis(genesis.as_bytes());
        changes.commit(None).map_err(|error| error.to_string())?;
        Ok((poster, work_bits))
    }
}
