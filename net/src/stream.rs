//! Frames and messages off a QUIC stream.

use std::{
    array,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use quinn::{ConnectionError, ReadError, RecvStream, WriteError};
use weft_core::{
    codec::{Decode as _, DecodeError},
    machine::Fault,
    message::{Lane, Message},
};

use crate::{
    events::NobodyListens,
    frame::{FRAME_HEADER_BYTES, FrameDecoder, FrameTooLong},
};

/// Pieces of a stream taken at once: one lock per thirty packets instead of one each.
const CHUNKS: usize = 32;

/// Why a stream is of no more use.
#[derive(Debug)]
pub(crate) enum StreamError {
    /// The other end's fault.
    Fault(Fault),
    /// The connection is gone.
    Lost(ConnectionError),
    /// The other end gave the stream up.
    Ended,
    /// The node does not listen any more.
    Unheard,
}

impl From<ReadError> for StreamError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::ConnectionLost(error) => Self::Lost(error),
            _ => Self::Ended,
        }
    }
}

impl From<Fault> for StreamError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<DecodeError> for StreamError {
    fn from(error: DecodeError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<FrameTooLong> for StreamError {
    fn from(error: FrameTooLong) -> Self {
        Self::Fault(error.into())
    }
}

impl From<NobodyListens> for StreamError {
    fn from(_: NobodyListens) -> Self {
        Self::Unheard
    }
}

impl From<WriteError> for StreamError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::ConnectionLost(error) => Self::Lost(error),
            _ => Self::Ended,
        }
    }
}

impl From<ConnectionError> for StreamError {
    fn from(error: ConnectionError) -> Self {
        Self::Lost(error)
    }
}

/// Reads frames off one stream. Dropping it tells the sender to stop.
#[derive(Debug)]
pub(crate) struct FrameReader {
    stream: RecvStream,
    decoder: FrameDecoder,
    chunks: [Bytes; CHUNKS],
    /// Those of `chunks` that were not decoded yet.
    waiting: std::ops::Range<usize>,
    counter: Option<Arc<AtomicU64>>,
}

impl FrameReader {
    pub(crate) fn new(stream: RecvStream) -> Self {
        Self {
            stream,
            decoder: FrameDecoder::new(),
            chunks: array::from_fn(|_| Bytes::new()),
            waiting: 0..0,
            counter: None,
        }
    }

    /// Counts the bytes of all further frames.
    pub(crate) fn counted_by(mut self, counter: Arc<AtomicU64>) -> Self {
        self.counter = Some(counter);
        self
    }

    /// The next frame; `None` where the stream ends. Nothing is lost if the future is dropped.
    pub(crate) async fn frame(&mut self) -> Result<Option<Bytes>, StreamError> {
        loop {
            while let Some(chunk) = self.chunks.get_mut(self.waiting.start)
                && !self.waiting.is_empty()
            {
                if let Some(frame) = self.decoder.decode(chunk)? {
                    self.count(&frame);
                    return Ok(Some(frame));
                }
                self.waiting.start += 1;
            }
            match self.stream.read_chunks(&mut self.chunks).await? {
                Some(count) => self.waiting = 0..count,
                None if self.decoder.is_between_frames() => return Ok(None),
                None => {
                    let (field, expected, actual) = ("frame", 1, 0);
                    return Err(DecodeError::CutShort { field, expected, actual }.into());
                }
            }
        }
    }

    /// The next message and its length in bytes; one that does not belong on `lane` is a fault.
    pub(crate) async fn message(
        &mut self,
        lane: Lane,
    ) -> Result<Option<(Message, usize)>, StreamError> {
        let Some(frame) = self.frame().await? else { return Ok(None) };
        let message = Message::from_bytes(&frame)?;
        // Hello belongs on the control stream, but only in front, where `handshake` took it.
        if !message.belongs_on(lane) || matches!(message, Message::Hello(_)) {
            return Err(Fault::Misplaced { name: message.name() }.into());
        }
        Ok(Some((message, frame.len())))
    }

    fn count(&self, frame: &Bytes) {
        if let Some(counter) = &self.counter {
            let bytes = frame.len().saturating_add(FRAME_HEADER_BYTES);
            counter.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }
}
