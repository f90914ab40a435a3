//! A reading as the market shows it: one JSON line, or one row of a table.

use serde::Serialize;
use weft_core::{market::batch::Reading, tx::ContentType};

use crate::output::text_or_hex;

/// A reading with its place.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    /// The stream.
    stream: String,
    /// The chunk that it came in.
    chunk: u64,
    /// Its place in the chunk.
    place: usize,
    /// When it was taken, ms since the Unix epoch.
    time: u64,
    /// How to read it.
    content_type: String,
    /// The reading, if it is UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Its bytes in hexadecimal, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    /// The body that has the chunk's batch: `weft proof` proves it.
    batch: String,
    /// Ticks that the channel has paid up to its chunk; none for a sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    ticks: Option<u32>,
    /// Whether the committee's proof of the batch was checked; not said of a sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    proved: Option<bool>,
}

impl Shown {
    /// The names of the columns of [`Self::row`].
    pub(super) const COLUMNS: [&'static str; 6] =
        ["time", "stream", "chunk", "place", "content_type", "value"];

    /// `reading` of `stream`, which came as `place` in `chunk`.
    pub(super) fn new(
        stream: &str,
        (chunk, place): (u64, usize),
        reading: &Reading,
        batch: String,
    ) -> Self {
        let ContentType(number) = reading.content_type;
        let name = reading.content_type.name();
        let (text, data) = text_or_hex(&reading.bytes);
        Self {
            stream: stream.to_owned(),
            chunk,
            place,
            time: reading.time.as_millis(),
            content_type: name.map_or_else(|| number.to_string(), str::to_owned),
            text,
            data,
            batch,
            ticks: None,
            proved: None,
        }
    }

    /// The same reading, paid for by `ticks` in all, its batch proved or not.
    pub(super) fn bought(self, ticks: u32, proved: bool) -> Self {
        Self { ticks: Some(ticks), proved: Some(proved), ..self }
    }

    /// The same for a table.
    pub(super) fn row(&self) -> [String; 6] {
        let value = self.text.as_ref().or(self.data.as_ref()).cloned().unwrap_or_default();
        let (chunk, place) = (self.chunk.to_string(), self.place.to_string());
        let stream = self.stream.clone();
        [self.time.to_string(), stream, chunk, place, self.content_type.clone(), value]
    }
}
