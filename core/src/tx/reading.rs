//! A reading as a device has it, in memory of others: the one place that knows these bytes.
//!
//! Invariant: no allocation; what [`Reading::check`] lets pass decodes everywhere.

use crate::{
    codec::{DecodeError, Sink},
    params::{PAYLOAD_BYTES_MAX, STREAM_BYTES_MAX},
};

/// A reading whose parts lie with the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading<'a> {
    /// The stream it belongs to: 1 to 64 bytes of UTF-8 without control characters.
    pub stream: &'a str,
    /// How to read the bytes.
    pub content_type: ContentType,
    /// The reading itself.
    pub bytes: &'a [u8],
}

impl Reading<'_> {
    /// The kind of its payload.
    pub const KIND: u8 = 0;
    /// Kind and length before the content of any payload, in bytes.
    pub const FRAME_BYTES: usize = 5;

    /// Length of its content, in bytes: what the work counts.
    pub const fn content_bytes(&self) -> usize {
        1 + self.stream.len() + 2 + self.bytes.len()
    }

    /// Writes the payload of a body: kind, length, content. Meant for what passed
    /// [`Self::check`]; anything longer is written with a length that no decoder takes.
    pub fn put(&self, out: &mut impl Sink) {
        let length = u32::try_from(self.content_bytes()).unwrap_or(u32::MAX);
        out.put(&[Self::KIND]);
        out.put(&length.to_le_bytes());
        self.put_content(out);
    }

    /// Writes the content alone.
    pub(super) fn put_content(&self, out: &mut impl Sink) {
        out.put(&[u8::try_from(self.stream.len()).unwrap_or(u8::MAX)]);
        out.put(self.stream.as_bytes());
        out.put(&self.content_type.0.to_le_bytes());
        out.put(self.bytes);
    }

    /// Refuses what no node would take. Also a sealed batch: its parts cannot be looked at without
    /// memory for them.
    pub fn check(&self) -> Result<(), DecodeError> {
        check_stream(self.stream)?;
        let (field, limit, actual) = ("reading", PAYLOAD_BYTES_MAX, self.content_bytes());
        if actual > limit {
            return Err(DecodeError::TooLong { field, limit, actual });
        }
        if self.content_type == ContentType::SEALED_BATCH {
            let rule = "a sealed batch is made by a host";
            return Err(DecodeError::NotCanonical { field: "content type", rule });
        }
        Ok(())
    }
}

/// Refuses what is no stream name.
pub(super) fn check_stream(text: &str) -> Result<(), DecodeError> {
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
    Ok(())
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
    /// A chunk of a paid stream: the bytes are a sealed batch (from CoAP's own range for
    /// experiments).
    pub const SEALED_BATCH: Self = Self(65_000);
    /// Readings of one stream under one signature, in plain: the bytes are a
    /// chunk of the market (from the same range).
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
