//! A stream of bytes, cut into frames.
//!
//! Sans-IO: bytes in, frames out. Invariant: a splitter holds less than one frame beside what it is
//! given, and refuses a tag or a length before it takes a byte of what follows.

use bytes::{Bytes, BytesMut};

use super::{Extent, HEAD_BYTES, extent};

/// Bytes that are the beginning of no frame. The stream is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// No frame has this tag.
    #[error("unknown frame tag: {actual}")]
    UnknownTag {
        /// The tag.
        actual: u8,
    },
    /// Longer than a frame of this tag can be.
    #[error("frame {tag} too long: at most {limit} bytes, actual {actual}")]
    TooLong {
        /// The tag.
        tag: u8,
        /// The limit, in bytes behind the length.
        limit: usize,
        /// The length found.
        actual: usize,
    },
}

/// Cuts a stream of bytes into frames.
#[derive(Debug, Default)]
pub struct Splitter {
    held: BytesMut,
}

impl Splitter {
    /// Starts at the front of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes from the front of `input` until a frame is whole or `input` is empty, and gives
    /// the frame, tag and length included: what [`ToSeller`](super::ToSeller) and
    /// [`ToBuyer`](super::ToBuyer) decode. After an error drop the splitter.
    pub fn split(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, FrameError> {
        loop {
            let (wanted, is_whole) = wanted(&self.held)?;
            let missing = wanted.saturating_sub(self.held.len()).min(input.len());
            self.held.extend_from_slice(&input.split_to(missing));
            if self.held.len() < wanted {
                return Ok(None);
            }
            if is_whole {
                return Ok(Some(self.held.split().freeze()));
            }
        }
    }

    /// Whether the last byte taken was the last of a frame: the only place where a stream may end.
    pub fn is_between_frames(&self) -> bool {
        self.held.is_empty()
    }
}

/// How many bytes of a frame that begins with `held` are needed next, and whether that is all.
fn wanted(held: &[u8]) -> Result<(usize, bool), FrameError> {
    let Some(tag) = held.first() else { return Ok((1, false)) };
    let limit = match extent(*tag).ok_or(FrameError::UnknownTag { actual: *tag })? {
        Extent::Whole(length) => return Ok((length, true)),
        Extent::Upto(limit) => limit,
    };
    let Some([_, length @ ..]) = held.first_chunk::<HEAD_BYTES>() else {
        return Ok((HEAD_BYTES, false));
    };
    let actual = u32::from_le_bytes(*length) as usize;
    if actual > limit {
        return Err(FrameError::TooLong { tag: *tag, limit, actual });
    }
    Ok((HEAD_BYTES + actual, true))
}
