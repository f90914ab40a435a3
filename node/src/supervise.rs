//! Watches the threads of a node and takes it down in order.
//!
//! Down goes from the outside in: the API takes nothing new and finishes what is on its way; ingest
//! checks what was submitted; the machine handles it, commits and syncs; the network says goodbye.
//!
//! A node whose machine fails stops for good, without a second try: after a failed sync nobody
//! knows what is on disk. Its API stays up to say why until its owner takes it down. A machine that
//! does not find what it wrote may panic: if a read failed, the disk is the cause, and is named.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
};
use weft_core::machine::Input;
use weft_net::Net;
use weft_storage::{Store, StoreError};

use crate::{
    feed::Feed,
    health::StopCause,
    node::StartError,
    queue::Queue,
    stop::{Stop, Stopper},
};

/// How a thread ended.
pub(crate) type Ended = oneshot::Receiver<Result<(), StopCause>>;

/// Runs `work` on a thread of its own. Its end, a panic too, is told; of a panic after `store`
/// failed, that it did.
pub(crate) fn spawn(
    name: &'static str,
    store: Arc<dyn Store>,
    work: impl FnOnce() -> Result<(), StoreError> + Send + 'static,
) -> Result<Ended, StartError> {
    let (told, ended) = oneshot::channel();
    let run = move || {
        let end = match catch_unwind(AssertUnwindSafe(work)) {
            Ok(end) => end.map_err(StopCause::from),
            Err(panic) => Err(store.health().map_or_else(StopCause::from, |()| {
                let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
                let message = text.or_else(|| panic.downcast_ref::<String>().cloned());
                let message = message.unwrap_or_else(|| "no message".into());
                StopCause::Panic { thread: name, message }
            })),
        };
        // Whoever hears of the end may open the store anew at once.
        drop(store);
        // Nobody listens when the runtime is gone.
        let _ = told.send(end);
    };
    let builder = thread::Builder::new().name(format!("weft-{name}"));
    let failed =
        |cause: std::io::Error| StartError::System { what: "thread", cause: cause.to_string() };
    builder.spawn(run).map_err(failed)?;
    Ok(ended)
}

/// A running node, as its supervisor sees it.
pub(crate) struct Watched {
    pub(crate) stopping: Stop,
    pub(crate) told: watch::Sender<Option<StopCause>>,
    pub(crate) server: JoinHandle<()>,
    pub(crate) reattach: JoinHandle<()>,
    pub(crate) machine_ended: Ended,
    pub(crate) ingest_ended: Ended,
    pub(crate) stop_ingest: Stopper,
    pub(crate) queue: Arc<Queue<Input>>,
}

impl Watched {
    /// Waits for the word to stop, or for a thread to end by itself, and takes the rest down.
    pub(crate) async fn supervise(mut self, net: Arc<Net>, feed: Arc<Feed>) {
        let failed = tokio::select! {
            biased;
            ended = &mut self.machine_ended => Some(cause_of(ended)),
            ended = &mut self.ingest_ended => Some(cause_of(ended)),
            () = self.stopping.told() => None,
        };
        match failed {
            None => {
                // From the outside in; each step ends before the next begins.
                let _ = self.server.await;
                let _ = self.reattach.await;
                self.stop_ingest.stop();
                let _ = self.ingest_ended.await;
                let end = cause_of(self.machine_ended.await);
                net.close().await;
                feed.close();
                tracing::info!(cause = %end, "the node is down");
                self.told.send_replace(Some(end));
            }
            Some(cause) => {
                tracing::error!(%cause, "the node stops for good");
                self.told.send_replace(Some(cause));
                self.stop_ingest.stop();
                self.queue.close();
                feed.close();
                net.close().await;
                // The API goes on telling why, until the owner has heard it.
                self.stopping.told().await;
                let _ = self.server.await;
                let _ = self.reattach.await;
            }
        }
    }
}

/// A thread that ended in order did so because it was told to.
fn cause_of(ended: Result<Result<(), StopCause>, oneshot::error::RecvError>) -> StopCause {
    match ended {
        Ok(Err(cause)) => cause,
        Ok(Ok(())) | Err(_) => StopCause::Shutdown,
    }
}
