//! Readings: some bytes of a known type in a named stream (docs/PROTOCOL.md section 2).
//!
//! Invariant: what says that it is a sealed batch is one. The bytes of any other type are for their
//! readers to judge.

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};
use core::fmt;

use bytes::Bytes;

use crate::{
    codec::{Decode, DecodeError, Encode, Reader},
    digest::{Domain, StreamId, digest},
    market::batch::{Chunk, SealedBatch},
    params::STREAM_BYTES_MAX,
    tx::{ContentType, Reading, reading::check_stream},
};

/// A reading: some bytes of a known type in a named stream of the issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// The stream it belongs to.
    pub stream: StreamName,
    /// How to read the bytes.
    pub content_type: ContentType,
    /// The reading itself.
    pub bytes: Bytes,
}

impl Data {
    /// The chunk of a paid stream that it stands for, if it does.
    pub fn sealed_batch(&self) -> Option<SealedBatch> {
        let is_batch = self.content_type == ContentType::SEALED_BATCH;
        is_batch.then(|| SealedBatch::from_bytes(&self.bytes).ok()).flatten()
    }

    /// The readings that were put together in it, if they were. The ledger does not check that the
    /// bytes are what the type says, so they need not be.
    pub fn batch(&self) -> Option<Chunk> {
        let is_batch = self.content_type == ContentType::BATCH;
        is_batch.then(|| Chunk::from_bytes(&self.bytes).ok()).flatten()
    }

    /// The same in memory of others.
    pub(super) fn reading(&self) -> Reading<'_> {
        let Self { stream, content_type, bytes } = self;
        Reading { stream: stream.as_str(), content_type: *content_type, bytes }
    }
}

impl Encode for Data {
    fn encode(&self, out: &mut Vec<u8>) {
        self.reading().put_content(out);
    }
}

impl Decode for Data {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let data = Self {
            stream: StreamName::parse(reader.text("stream", STREAM_BYTES_MAX)?)?,
            content_type: ContentType(reader.u16()?),
            bytes: reader.bytes("content", reader.remaining())?,
        };
        if data.content_type == ContentType::SEALED_BATCH {
            SealedBatch::from_bytes(&data.bytes)?;
        }
        Ok(data)
    }
}

/// The name of a stream: 1 to 64 bytes of UTF-8 without control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamName(String);

impl StreamName {
    /// Takes `text` as a name.
    pub fn parse(text: &str) -> Result<Self, DecodeError> {
        check_stream(text)?;
        Ok(Self(text.to_string()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its id in indexes.
    pub fn id(&self) -> StreamId {
        StreamId(digest(Domain::Stream, self.0.as_bytes()))
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
