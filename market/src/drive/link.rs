//! The one stream of a session, as frames.
//!
//! Invariant: a reader holds less than one frame beside what QUIC holds, and what waits to be
//! written is bounded: whoever does not read is cut ([`Sender::send`] says so), and nobody waits
//! for it.

use bytes::Bytes;
use quinn::{ConnectionError, ReadError, RecvStream, SendStream, WriteError};
use tokio::{sync::mpsc, task::JoinHandle};
use weft_core::codec::{Decode, DecodeError};

use crate::frame::{FrameError, Splitter};

/// Bytes taken off the stream at once.
const READ_BYTES: usize = 64 * 1024;

/// Frames that wait to be written to one session. A window of chunks with their keys is far less.
const WAITING_MAX: usize = 256;

/// Frames handed to QUIC in one call.
const BATCH_MAX: usize = 64;

/// Why a session's stream is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The connection is gone.
    #[error("the connection is gone: {0}")]
    Lost(#[from] ConnectionError),
    /// The other end gave the stream up.
    #[error("the other end closed the stream")]
    Ended,
    /// Bytes that are no frame. The other end's fault.
    #[error("the other end sent bytes that are no frame: {0}")]
    Frame(#[from] FrameError),
    /// A frame with something wrong inside. The other end's fault.
    #[error("the other end sent a frame that cannot be read: {0}")]
    Malformed(#[from] DecodeError),
}

impl From<ReadError> for LinkError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::ConnectionLost(error) => Self::Lost(error),
            _ => Self::Ended,
        }
    }
}

impl From<WriteError> for LinkError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::ConnectionLost(error) => Self::Lost(error),
            _ => Self::Ended,
        }
    }
}

/// Takes frames off a stream.
#[derive(Debug)]
pub(crate) struct Receiver {
    stream: RecvStream,
    splitter: Splitter,
    waiting: Bytes,
}

impl Receiver {
    pub(crate) fn new(stream: RecvStream) -> Self {
        Self { stream, splitter: Splitter::new(), waiting: Bytes::new() }
    }

    /// The next frame; `None` where the stream ends. Nothing is lost if the future is dropped.
    pub(crate) async fn next<F: Decode>(&mut self) -> Result<Option<F>, LinkError> {
        loop {
            if let Some(frame) = self.splitter.split(&mut self.waiting)? {
                return Ok(Some(F::from_bytes(&frame)?));
            }
            match self.stream.read_chunk(READ_BYTES, true).await? {
                Some(chunk) => self.waiting = chunk.bytes,
                None if self.splitter.is_between_frames() => return Ok(None),
                None => return Err(LinkError::Ended),
            }
        }
    }
}

/// The other end does not read, or is gone: the session is to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooSlow;

/// Hands frames to the task that writes them.
#[derive(Clone, Debug)]
pub(crate) struct Sender(mpsc::Sender<Bytes>);

impl Sender {
    /// Starts to write what is sent to `stream`. The task ends once all senders are dropped and
    /// everything is written, or with the stream.
    pub(crate) fn start(stream: SendStream) -> (Self, JoinHandle<Result<(), LinkError>>) {
        let (sender, waiting) = mpsc::channel(WAITING_MAX);
        (Self(sender), tokio::spawn(write(stream, waiting)))
    }

    /// Puts the pieces of one frame behind all others, without waiting.
    pub(crate) fn send(&self, pieces: impl IntoIterator<Item = Bytes>) -> Result<(), TooSlow> {
        pieces.into_iter().try_for_each(|piece| self.0.try_send(piece).map_err(|_| TooSlow))
    }
}

async fn write(
    mut stream: SendStream,
    mut waiting: mpsc::Receiver<Bytes>,
) -> Result<(), LinkError> {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, BATCH_MAX).await > 0 {
        stream.write_all_chunks(&mut batch).await?;
        batch.clear();
    }
    // Errors mean that the other end gave it up already.
    let _ = stream.finish();
    let _ = stream.stopped().await;
    Ok(())
}
