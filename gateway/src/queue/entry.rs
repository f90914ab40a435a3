//! What the queue holds, and its bytes.

use weft_core::{
    codec::{Decode, DecodeError, Encode, Reader, encode_blob, encode_list, encode_text},
    time::Time,
    tx::ContentType,
    units::Sequence,
};

use crate::{
    device::{DeviceName, NAME_BYTES_MAX},
    upload::MessageId,
};

const STREAM_BYTES_MAX: usize = weft_core::params::STREAM_BYTES_MAX;
const CONTENT_BYTES_MAX: usize = 64 * 1024;
const BODY_MESSAGES_MAX: usize = 1_024;

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: MessageId,
    pub(crate) device: DeviceName,
    /// When the gateway took it.
    pub(crate) received: Time,
    pub(crate) content: Content,
}

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A reading that the gateway seals.
    Reading { stream: String, content_type: ContentType, time: Time, bytes: Vec<u8> },
    /// A body that the device sealed.
    Sealed(Vec<u8>),
}

impl Entry {
    /// What it counts in queues, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        let bytes = match &self.content {
            Content::Reading { bytes, .. } | Content::Sealed(bytes) => bytes.len(),
        };
        // With its keys and what is said of it.
        bytes as u64 + 128
    }
}

impl Encode for Entry {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.0.to_le_bytes());
        encode_text(self.device.as_str(), out);
        out.extend_from_slice(&self.received.as_millis().to_le_bytes());
        match &self.content {
            Content::Reading { stream, content_type, time, bytes } => {
                out.push(0);
                encode_text(stream, out);
                out.extend_from_slice(&content_type.0.to_le_bytes());
                out.extend_from_slice(&time.as_millis().to_le_bytes());
                encode_blob(bytes, out);
            }
            Content::Sealed(bytes) => {
                out.push(1);
                encode_blob(bytes, out);
            }
        }
    }
}

impl Decode for Entry {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let id = MessageId(reader.u64()?);
        let device = device(reader)?;
        let received = Time::from_millis(reader.u64()?);
        let content = match reader.u8()? {
            0 => Content::Reading {
                stream: reader.text("stream", STREAM_BYTES_MAX)?.to_owned(),
                content_type: ContentType(reader.u16()?),
                time: Time::from_millis(reader.u64()?),
                bytes: reader.blob("reading", CONTENT_BYTES_MAX)?.to_vec(),
            },
            1 => Content::Sealed(reader.blob("body", CONTENT_BYTES_MAX)?.to_vec()),
            tag => return Err(DecodeError::UnknownTag { field: "content", actual: tag.into() }),
        };
        Ok(Self { id, device, received, content })
    }
}

fn device(reader: &mut Reader<'_>) -> Result<DeviceName, DecodeError> {
    let name = reader.text("device", NAME_BYTES_MAX)?.parse();
    name.map_err(|_| DecodeError::NotCanonical { field: "device", rule: "a device's name" })
}

/// A sealed body on its way, with the messages that are in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// Its place among the gateway's own bodies; `None` for one that a device sealed.
    pub(crate) sequence: Option<Sequence>,
    /// The sealed body.
    pub(crate) sealed: Vec<u8>,
    /// The messages, all of one device, in their order.
    pub(crate) entries: Vec<Entry>,
}

impl Outgoing {
    /// The device; there is always one.
    pub(crate) fn device(&self) -> Option<&DeviceName> {
        self.entries.first().map(|entry| &entry.device)
    }
}

impl Encode for Outgoing {
    fn encode(&self, out: &mut Vec<u8>) {
        // Sequences are below 2^63.
        let sequence = self.sequence.map_or(u64::MAX, |sequence| sequence.0);
        out.extend_from_slice(&sequence.to_le_bytes());
        encode_blob(&self.sealed, out);
        encode_list(&self.entries, out);
    }
}

impl Decode for Outgoing {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let sequence = reader.u64()?;
        Ok(Self {
            sequence: (sequence != u64::MAX).then_some(Sequence(sequence)),
            sealed: reader.blob("body", CONTENT_BYTES_MAX)?.to_vec(),
            entries: reader.list("messages", BODY_MESSAGES_MAX)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let reading = Content::Reading {
            stream: "thermo-1/temp".to_owned(),
            content_type: ContentType::TEXT,
            time: Time::from_millis(5),
            bytes: b"21.4".to_vec(),
        };
        let entry = |id, content| Entry {
            id: MessageId(id),
            device: "thermo-1".parse().unwrap(),
            received: Time::from_millis(6),
            content,
        };
        let entries = vec![entry(7, reading), entry(8, Content::Sealed(vec![1; 3_000]))];
        for sequence in [None, Some(Sequence(0)), Some(Sequence(9))] {
            let outgoing = Outgoing { sequence, sealed: vec![2; 40], entries: entries.clone() };
            assert_eq!(Outgoing::from_bytes(&outgoing.to_bytes()), Ok(outgoing));
        }
    }
}
