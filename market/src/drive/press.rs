//! From chunks to what can be sold: seal, keep, post, wait until the batch is final.
//!
//! Many chunks are on their way to the ledger at once; they come out in the order of their
//! sequences. What a crash left on its way is sent again first: the same bytes, so it is there
//! once.
//!
//! Invariant: a chunk is on disk before its batch leaves, and its batch is final before anybody is
//! offered it.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesOrdered};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use weft_core::{
    codec::Encode as _,
    market::batch::{Chunk, Reading, SealLevel},
    tx::{ContentType, Data, Payload, SealedBody, StreamName},
};

use super::{
    clock,
    ledger::{Ledger, LedgerError},
    scribe::Scribe,
};
use crate::{
    seal::{self, Cutter, CutterError, Sealed, StreamSecret},
    shelf::{Batch, ShelfError, StoredChunk, drop_chunk, finish_chunk, put_chunk},
};

/// Batches on their way to the ledger at once. At a second each until final, as many chunks a
/// second can be sold.
const ON_THEIR_WAY_MAX: usize = 64;

/// The pause before a node that did not answer is asked again: doubles from the first to the last.
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Why no more chunks come.
#[derive(Debug, thiserror::Error)]
pub enum PressError {
    /// The shelf failed.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// The ledger will not have a batch.
    #[error("a batch was refused: {0}")]
    Ledger(#[from] LedgerError),
    /// A reading that fits no chunk.
    #[error(transparent)]
    Cutter(#[from] CutterError),
}

/// What comes out.
#[derive(Debug)]
pub(crate) enum Pressed {
    /// A chunk was sealed and is kept; it cannot be sold yet.
    Sealed(Sealed),
    /// A chunk can be sold.
    Final(StoredChunk),
    /// Chunks below this one are kept no more.
    Dropped(u64),
}

/// Makes chunks of one stream.
pub(crate) struct Press {
    pub(crate) stream: StreamName,
    pub(crate) secret: StreamSecret,
    pub(crate) level: SealLevel,
    pub(crate) cutter: Cutter,
    pub(crate) scribe: Scribe,
    pub(crate) ledger: Arc<dyn Ledger>,
    /// Sequence and length of each chunk that is kept, oldest first.
    pub(crate) kept: VecDeque<(u64, u64)>,
    /// Their lengths together, in bytes.
    pub(crate) kept_bytes: u64,
    /// Beyond, the oldest are dropped.
    pub(crate) retention_bytes: u64,
    pub(crate) next: u64,
}

impl Press {
    /// Works until `readings` ends and all that was sealed is final. `left` are the chunks that an
    /// earlier run left on their way, ascending.
    pub(crate) async fn run(
        mut self,
        left: Vec<StoredChunk>,
        mut readings: mpsc::Receiver<Reading>,
        out: mpsc::Sender<Pressed>,
    ) -> Result<(), PressError> {
        let mut posting = FuturesOrdered::new();
        for chunk in left {
            posting.push_back(post(self.ledger.clone(), chunk));
        }
        let mut is_over = false;
        while !(is_over && posting.is_empty()) {
            let due = self.cutter.deadline().map(clock::until);
            let chunk = tokio::select! {
                biased;
                Some(posted) = posting.next() => {
                    let mut chunk = posted?;
                    let mut batch = Batch::default();
                    finish_chunk(&mut batch, &mut chunk);
                    self.scribe.write(batch).await?;
                    if out.send(Pressed::Final(chunk)).await.is_err() {
                        return Ok(());
                    }
                    continue;
                }
                reading = readings.recv(), if !is_over && posting.len() < ON_THEIR_WAY_MAX => {
                    match reading {
                        Some(reading) => self.cutter.push(clock::now(), reading)?,
                        None => {
                            is_over = true;
                            self.cutter.take()
                        }
                    }
                }
                () = wait_until(due), if posting.len() < ON_THEIR_WAY_MAX => {
                    self.cutter.cut_due(clock::now())
                }
            };
            let Some(chunk) = chunk else { continue };
            let stored = self.seal(&chunk, &out).await?;
            posting.push_back(post(self.ledger.clone(), stored));
        }
        Ok(())
    }

    /// Seals a chunk and keeps it; the oldest leave where there is no room for all.
    async fn seal(
        &mut self,
        chunk: &Chunk,
        out: &mpsc::Sender<Pressed>,
    ) -> Result<StoredChunk, PressError> {
        let sealed = seal::seal(&self.secret, self.next, self.level, chunk);
        let body = self.sign(&sealed).await?;
        let mut batch = Batch::default();
        let stored = put_chunk(&mut batch, &sealed, body);
        self.kept.push_back((self.next, stored.length.into()));
        self.kept_bytes += u64::from(stored.length);
        let mut dropped = None;
        while self.kept_bytes > self.retention_bytes
            && self.kept.len() > 1
            && let Some((sequence, length)) = self.kept.pop_front()
        {
            self.kept_bytes = self.kept_bytes.saturating_sub(length);
            drop_chunk(&mut batch, sequence);
            dropped = Some(sequence.saturating_add(1));
        }
        self.scribe.write(batch).await?;
        self.next += 1;
        // Nobody listens at the end.
        let _ = out.send(Pressed::Sealed(sealed)).await;
        if let Some(below) = dropped {
            let _ = out.send(Pressed::Dropped(below)).await;
        }
        Ok(stored)
    }

    async fn sign(&self, sealed: &Sealed) -> Result<SealedBody, LedgerError> {
        let payload = || {
            let (stream, bytes) = (self.stream.clone(), sealed.batch.to_bytes().into());
            Payload::Data(Data { stream, content_type: ContentType::SEALED_BATCH, bytes })
        };
        patiently(|| self.ledger.seal(payload())).await
    }
}

/// Sends a batch and waits until it is final.
async fn post(ledger: Arc<dyn Ledger>, chunk: StoredChunk) -> Result<StoredChunk, LedgerError> {
    if let Some(sealed) = &chunk.waiting {
        patiently(|| ledger.send(sealed)).await?;
        patiently(|| ledger.finish(chunk.body)).await?;
    }
    Ok(chunk)
}

/// Asks until there is an answer that another try would not change.
pub(crate) async fn patiently<T, F>(mut ask: impl FnMut() -> F) -> Result<T, LedgerError>
where
    F: Future<Output = Result<T, LedgerError>>,
{
    let mut pause = PAUSE_MIN;
    loop {
        match ask().await {
            Err(LedgerError::Passing { cause, retry_after }) => {
                tracing::warn!(%cause, "the node does not answer; trying on");
                sleep(retry_after.unwrap_or(pause).min(PAUSE_MAX)).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
            answer => return answer,
        }
    }
}

async fn wait_until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
