//! Which messages go into one body, and what that body says.
//!
//! One by one, a reading is a Data payload as if the device had posted it. Put together, up to 256
//! readings of one stream are the readings of a [`Chunk`], plain, under one signature
//! ([`ContentType::BATCH`]); its Merkle root is the one that chunks of paid streams have.
//!
//! Invariant: messages of one stream keep their order, within a body and between bodies.

use weft_core::{
    codec::Encode as _,
    market::batch::{Chunk, Reading},
    params::PAYLOAD_BYTES_MAX,
    time::Time,
    tx::ContentType,
};

use crate::queue::{Content, Entry};

/// What a payload spends on the name of its stream, its type and the count of its readings.
const HEAD_BYTES: usize = 128;

/// What a chunk spends on each reading.
const READING_HEAD_BYTES: usize = 14;

/// What a body of the gateway says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) stream: String,
    pub(crate) content_type: ContentType,
    pub(crate) time: Time,
    pub(crate) bytes: Vec<u8>,
}

/// The next body of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// One that the gateway seals, with these messages in it.
    Said(Said, Vec<Entry>),
    /// One that the device sealed.
    Sealed(Vec<u8>, Entry),
}

/// The next body that is made of the first messages of a device; `None` if there are none.
pub(crate) fn next(entries: Vec<Entry>) -> Option<Next> {
    let mut entries = entries.into_iter();
    let first = entries.next()?;
    let (stream, alone) = match &first.content {
        Content::Sealed(bytes) => return Some(Next::Sealed(bytes.clone(), first)),
        Content::Reading { stream, content_type, time, bytes } => {
            let (stream, bytes) = (stream.clone(), bytes.clone());
            let (content_type, time) = (*content_type, *time);
            (stream.clone(), Said { stream, content_type, time, bytes })
        }
    };
    let mut together = vec![first];
    let mut readings = vec![reading(&alone)];
    let mut room = PAYLOAD_BYTES_MAX.saturating_sub(HEAD_BYTES + cost(&alone.bytes));
    for entry in entries {
        // What a device sealed is a body of its own, and what comes behind it stays behind it.
        let Content::Reading { stream: other, content_type, time, bytes } = &entry.content else {
            break;
        };
        if *other != stream {
            continue;
        }
        let Some(left) = room.checked_sub(cost(bytes)) else { break };
        room = left;
        let (content_type, time, bytes) = (*content_type, *time, bytes.clone());
        readings.push(Reading { content_type, time, bytes });
        together.push(entry);
    }
    let is_alone = together.len() == 1;
    let newest = readings.iter().map(|reading| reading.time).max().unwrap_or(alone.time);
    let said = match Chunk::new(readings) {
        Ok(chunk) if !is_alone => {
            let (content_type, bytes) = (ContentType::BATCH, chunk.to_bytes());
            Said { stream, content_type, time: newest, bytes }
        }
        // One reading needs no chunk; the loop above makes none that is too large.
        _ => {
            together.truncate(1);
            alone
        }
    };
    Some(Next::Said(said, together))
}

fn reading(said: &Said) -> Reading {
    Reading { time: said.time, content_type: said.content_type, bytes: said.bytes.clone() }
}

const fn cost(bytes: &[u8]) -> usize {
    READING_HEAD_BYTES + bytes.len()
}

#[cfg(test)]
mod tests {
    use weft_core::codec::Decode as _;

    use super::*;
    use crate::upload::MessageId;

    fn entry(id: u64, content: Content) -> Entry {
        let device = "a".parse().unwrap();
        Entry { id: MessageId(id), device, received: Time::from_millis(id), content }
    }

    fn reading(id: u64, stream: &str, length: usize) -> Entry {
        let (stream, bytes) = (stream.to_owned(), vec![7; length]);
        let (content_type, time) = (ContentType::TEXT, Time::from_millis(id));
        entry(id, Content::Reading { stream, content_type, time, bytes })
    }

    fn ids(entries: &[Entry]) -> Vec<u64> {
        entries.iter().map(|entry| entry.id.0).collect()
    }

    #[test]
    fn readings_of_one_stream_go_together_in_their_order() {
        let entries = vec![
            reading(1, "a/t", 4),
            reading(2, "a/h", 4),
            reading(3, "a/t", 5),
            entry(4, Content::Sealed(vec![1])),
            reading(5, "a/t", 4),
        ];
        let Some(Next::Said(said, together)) = next(entries) else { panic!() };
        assert_eq!(ids(&together), [1, 3], "what stands behind a sealed body stays there");
        assert_eq!((said.content_type, said.time.as_millis()), (ContentType::BATCH, 3));
        let chunk = Chunk::from_bytes(&said.bytes).unwrap();
        let lengths: Vec<_> = chunk.readings().iter().map(|one| one.bytes.len()).collect();
        assert_eq!(lengths, [4, 5]);
    }

    #[test]
    fn a_reading_alone_is_what_the_device_said() {
        let Some(Next::Said(said, together)) = next(vec![reading(1, "a/t", 4)]) else { panic!() };
        assert_eq!((said.content_type, said.bytes), (ContentType::TEXT, vec![7; 4]));
        assert_eq!(ids(&together), [1]);
        let sealed = entry(4, Content::Sealed(vec![1]));
        assert_eq!(next(vec![sealed.clone()]), Some(Next::Sealed(vec![1], sealed)));
        assert_eq!(next(Vec::new()), None);
    }

    #[test]
    fn a_body_is_filled_up_to_its_limit() {
        let entries: Vec<_> = (0..40).map(|id| reading(id, &"s".repeat(64), 1_000)).collect();
        let Some(Next::Said(said, together)) = next(entries) else { panic!() };
        assert_eq!(together.len(), 24);
        assert!(said.bytes.len() + 70 <= PAYLOAD_BYTES_MAX);
    }
}
