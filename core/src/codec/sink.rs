//! Where bytes go that are written without an allocator: a digest, or memory of the caller.
//!
//! Invariant: a [`SliceSink`] never writes beyond its slice, and never says that it holds a value
//! of which a part is missing.

use crate::digest::Hasher;

/// Takes the bytes of a value, front to back, in as many pieces as it likes to come.
pub trait Sink {
    /// Appends `bytes`.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Hasher {
    fn put(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

/// Writes into memory of the caller.
#[derive(Debug)]
pub struct SliceSink<'a> {
    bytes: &'a mut [u8],
    wanted: usize,
}

impl<'a> SliceSink<'a> {
    /// Starts at the front of `bytes`.
    pub const fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, wanted: 0 }
    }

    /// How many bytes were written, or what is missing.
    pub const fn finish(self) -> Result<usize, NoRoom> {
        if self.wanted <= self.bytes.len() {
            return Ok(self.wanted);
        }
        Err(NoRoom { expected: self.wanted, actual: self.bytes.len() })
    }
}

impl Sink for SliceSink<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let end = self.wanted.saturating_add(bytes.len());
        if let Some(room) = self.bytes.get_mut(self.wanted..end) {
            room.copy_from_slice(bytes);
        }
        self.wanted = end;
    }
}

/// The memory at hand does not hold the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the buffer is too small: {expected} bytes are needed, it has {actual}")]
pub struct NoRoom {
    /// Bytes of the value.
    pub expected: usize,
    /// Bytes of the buffer.
    pub actual: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_told_with_what_it_needs() {
        let mut memory = [9; 5];
        let mut sink = SliceSink::new(&mut memory);
        sink.put(&[1, 2]);
        sink.put(&[3, 4, 5]);
        assert_eq!(sink.finish(), Ok(5));
        assert_eq!(memory, [1, 2, 3, 4, 5]);
        let mut sink = SliceSink::new(&mut memory);
        sink.put(&[6; 4]);
        sink.put(&[7; 2]);
        // What comes after a gap must not close it.
        sink.put(&[8]);
        assert_eq!(sink.finish(), Err(NoRoom { expected: 7, actual: 5 }));
        assert_eq!(memory, [6, 6, 6, 6, 5]);
    }
}
