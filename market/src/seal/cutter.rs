//! Cuts a stream of readings into chunks: by count, by time, and before one grows too long.
//!
//! Invariant: what comes out is what went in, in order; nothing waits longer than the longest span.

use weft_core::{
    market::batch::{CHUNK_BYTES_MAX, CHUNK_READINGS_MAX, Chunk, READING_BYTES_MAX, Reading},
    time::{Span, Time},
};

/// When a chunk is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Readings of a chunk: 1 to [`CHUNK_READINGS_MAX`]. More of them cost fewer batches on the
    /// ledger, and put more at risk at once. Default 1: first data comes soonest.
    pub count: usize,
    /// How long the first reading of a chunk waits for more. Default 1 s.
    pub within: Span,
}

impl Default for Cut {
    fn default() -> Self {
        Self { count: 1, within: Span::from_secs(1) }
    }
}

/// Why readings cannot be cut. Whoever sells has to change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CutterError {
    /// A reading longer than any chunk may have.
    #[error("reading too long: at most {READING_BYTES_MAX} bytes, actual {actual}; split it")]
    ReadingTooLong {
        /// Its length.
        actual: usize,
    },
    /// A count that no chunk can have.
    #[error("a chunk has 1 to {CHUNK_READINGS_MAX} readings, not {actual}; choose one of these")]
    Count {
        /// The count asked for.
        actual: usize,
    },
}

/// Bytes in front of the readings of a chunk, and of each reading.
const CHUNK_HEAD_BYTES: usize = 2;
const READING_HEAD_BYTES: usize = 14;

/// Cuts readings into chunks.
#[derive(Debug)]
pub struct Cutter {
    cut: Cut,
    held: Vec<Reading>,
    bytes: usize,
    /// When what is held must go.
    due: Option<Time>,
}

impl Cutter {
    /// A cutter that holds nothing.
    pub fn new(cut: Cut) -> Result<Self, CutterError> {
        if cut.count == 0 || cut.count > CHUNK_READINGS_MAX {
            return Err(CutterError::Count { actual: cut.count });
        }
        Ok(Self { cut, held: Vec::new(), bytes: CHUNK_HEAD_BYTES, due: None })
    }

    /// Takes a reading. Gives a chunk if one is full with it or before it; then the reading is the
    /// first of the next.
    pub fn push(&mut self, now: Time, reading: Reading) -> Result<Option<Chunk>, CutterError> {
        let actual = reading.bytes.len();
        if actual > READING_BYTES_MAX {
            return Err(CutterError::ReadingTooLong { actual });
        }
        let length = READING_HEAD_BYTES + actual;
        let full = (self.bytes + length > CHUNK_BYTES_MAX).then(|| self.take()).flatten();
        self.due.get_or_insert(now + self.cut.within);
        self.bytes += length;
        self.held.push(reading);
        // A count of 1 cannot overflow: nothing was held.
        let is_full = self.held.len() >= self.cut.count;
        Ok(full.or_else(|| is_full.then(|| self.take()).flatten()))
    }

    /// When [`Self::cut_due`] has something to give.
    pub const fn deadline(&self) -> Option<Time> {
        self.due
    }

    /// What has waited long enough.
    pub fn cut_due(&mut self, now: Time) -> Option<Chunk> {
        self.due.is_some_and(|due| due <= now).then(|| self.take()).flatten()
    }

    /// All that is held: the end of the stream.
    pub fn take(&mut self) -> Option<Chunk> {
        let readings = core::mem::take(&mut self.held);
        (self.bytes, self.due) = (CHUNK_HEAD_BYTES, None);
        (!readings.is_empty()).then(|| Chunk::new(readings).expect("limits are kept by push"))
    }
}
