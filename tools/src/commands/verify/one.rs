//! One reading of a body.

use serde::Serialize;
use weft_core::tx::{Data, Payload};

use crate::{failure::Failure, output::text_or_hex, time::date};

/// A reading and its place in its body.
#[derive(Serialize)]
pub(super) struct One {
    place: usize,
    /// When it was taken, ms since the Unix epoch; 0 = no clock.
    time: u64,
    content_type: u16,
    /// The bytes, if they are UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The bytes in hexadecimal, if they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
}

impl One {
    /// The reading at `place` of those that were put together in a body.
    pub(super) fn of(payload: &Payload, place: usize) -> Result<Self, Failure> {
        let chunk = payload.reading().and_then(Data::batch).ok_or_else(|| {
            let cause = "the body in this proof is no list of readings";
            Failure::usage(cause).next("leave --reading out: what it says is shown")
        })?;
        let count = chunk.readings().len();
        let Some(reading) = chunk.readings().get(place) else {
            let cause = format!("the body has {count} readings, none at place {place}");
            return Err(Failure::usage(cause).next(format!("places are 0 to {}", count - 1)));
        };
        let (text, data) = text_or_hex(&reading.bytes);
        let (time, content_type) = (reading.time.as_millis(), reading.content_type.0);
        Ok(Self { place, time, content_type, text, data })
    }

    /// As people read it.
    pub(super) fn line(&self) -> String {
        let said = self.text.as_ref().or(self.data.as_ref()).map_or("", String::as_str);
        format!("reading {:<4} {said} ({})\n", self.place, date(self.time))
    }
}

#[cfg(test)]
mod tests {
    use weft_core::{
        codec::Encode as _,
        market::batch::{Chunk, Reading},
        time::Time,
        tx::{ContentType, StreamName},
    };

    use super::*;

    fn payload(content_type: ContentType, bytes: Vec<u8>) -> Payload {
        let stream = StreamName::parse("a/b").unwrap();
        Payload::Data(Data { stream, content_type, bytes: bytes.into() })
    }

    #[test]
    fn a_place_names_one_reading_and_no_other_place_does() {
        let reading = |ms, text: &str| Reading {
            time: Time::from_millis(ms),
            content_type: ContentType::TEXT,
            bytes: text.into(),
        };
        let chunk = Chunk::new(vec![reading(1, "a"), reading(2, "b")]).unwrap();
        let batch = payload(ContentType::BATCH, chunk.to_bytes());
        let one = One::of(&batch, 1).ok().unwrap();
        assert_eq!((one.time, one.text.as_deref()), (2, Some("b")));
        let cause = One::of(&batch, 2).err().unwrap();
        assert!(cause.cause().contains("2 readings"), "{}", cause.cause());
        let alone = payload(ContentType::TEXT, b"a".to_vec());
        assert!(One::of(&alone, 0).err().unwrap().next_step().is_some());
    }
}
