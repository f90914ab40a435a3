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
    codec::{Decode, DecodeError, Encode, Reader, encode_text},
    digest::{Domain, StreamId, digest},
    market::batch::SealedBatch,
    params::STREAM_BYTES_MAX,
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

    pub(super) fn encoded_bytes(&self) -> usize {
        1 + self.stream.as_str().len() + 2 + self.bytes.len()
    }
}

impl Encode for Data {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_text(self.stream.as_str(), out);
        out.extend_from_slice(&self.content_type.0.to_le_bytes());
        out.extend_from_slice(&self.bytes);
    }
}

impl Decode for Data {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let data = Self {
            stream: StreamName::parse(reader.text("stream", STREAM_BYTES_MAX)?)?,
            content_type: ContentType(reader.u16()?),
            bytes: Bytes::copy_from_slice(reader.rest()),
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
        let broken = |rule| Err(DecodeError::NotCanonical { field: "stream", rule });
        match text.len() {
            0 => return broken("at least one character"),
            1..=STREAM_BYTES_MAX => {}
            actual => {
                let limit = STREAM_BYTES_MAX;
                return Err(DecodeError::TooLong { field: "stream", limit, actual });
            }
        }
        if text.chars().any(char::is_control) {
            return broken("no control characters");
        }
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

/// How to read the bytes of a reading. SenML numbers are those of CoAP (RFC 8428 section 12.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContentType(pub u16);

impl ContentType {
    /// Plain UTF-8 text (CoAP content format 0).
    pub const TEXT: Self = Self(0);
    /// Bytes without further meaning (CoAP content format 42).
    pub const RAW: Self = Self(42);
    /// JSON (CoAP content format 50).
    pub const JSON: Self = Self(50);
    /// CBOR (CoAP content format 60).
    pub const CBOR: Self = Self(60);
    /// SenML in JSON.
    pub const SENML_JSON: Self = Self(110);
    /// SenML in CBOR.
    pub const SENML_CBOR: Self = Self(112);
    /// A chunk of a paid stream: the bytes are a [`SealedBatch`] (from CoAP's own range for
    /// experiments).
    pub const SEALED_BATCH: Self = Self(65_000);
    /// Readings of one stream under one signature, in plain: the bytes are a
    /// [`Chunk`](crate::market::batch::Chunk) (from the same range).
    pub const BATCH: Self = Self(65_001);

    const NAMES: [(Self, &'static str); 8] = [
        (Self::TEXT, "text"),
        (Self::RAW, "raw"),
        (Self::JSON, "json"),
        (Self::CBOR, "cbor"),
        (Self::SENML_JSON, "senml-json"),
        (Self::SENML_CBOR, "senml-cbor"),
        (Self::SEALED_BATCH, "sealed-batch"),
        (Self::BATCH, "batch"),
    ];

    /// The type that commands call `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }

    /// Its name, or `None` for a number without one.
    pub fn name(self) -> Option<&'static str> {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map(|(_, name)| *name)
    }
}
