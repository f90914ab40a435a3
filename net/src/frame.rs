//! Frames: a `u32` length, little-endian, then that many bytes of one message.
//!
//! Sans-IO: bytes in, frames out. Invariant: a decoder never holds more than one frame, and refuses
//! a length over [`FRAME_BYTES_MAX`] before it takes a byte of what follows.

use bytes::{Buf as _, Bytes, BytesMut};
use weft_core::{
    codec::{Decode as _, Encode as _},
    machine::Fault,
    message::Message,
    params::FRAME_BYTES_MAX,
};

/// Bytes in front of each frame.
pub const FRAME_HEADER_BYTES: usize = 4;

/// A frame longer than any message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("frame too long: at most {FRAME_BYTES_MAX} bytes, actual {actual}")]
pub struct FrameTooLong {
    /// The length, in bytes.
    pub actual: usize,
}

impl From<FrameTooLong> for Fault {
    fn from(error: FrameTooLong) -> Self {
        Self::Oversized { limit: FRAME_BYTES_MAX, actual: error.actual }
    }
}

/// The frame of `message`, header included. Fails only on a message that breaks the limits of
/// [`params`](weft_core::params), which is our own fault.
pub fn encode_frame(message: &Message) -> Result<Bytes, FrameTooLong> {
    let mut frame = vec![0; FRAME_HEADER_BYTES];
    message.encode(&mut frame);
    let actual = frame.len().saturating_sub(FRAME_HEADER_BYTES);
    if actual > FRAME_BYTES_MAX {
        return Err(FrameTooLong { actual });
    }
    let length = u32::try_from(actual).expect("a frame is far below 4 GiB");
    if let Some(header) = frame.first_chunk_mut::<FRAME_HEADER_BYTES>() {
        *header = length.to_le_bytes();
    }
    Ok(frame.into())
}

/// Cuts a stream of bytes into frames.
#[derive(Debug, Default)]
pub struct FrameDecoder {
    /// The header, then the body; never both.
    held: BytesMut,
    /// Length of the body, once the header is whole.
    body: Option<usize>,
}

impl FrameDecoder {
    /// Starts at the front of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes from the front of `input` until a frame is whole or `input` is empty, and gives
    /// the frame without its header. After an error the stream is lost: drop the decoder.
    pub fn decode(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, FrameTooLong> {
        loop {
            let wanted = self.body.unwrap_or(FRAME_HEADER_BYTES);
            let missing = wanted.saturating_sub(self.held.len()).min(input.len());
            self.held.extend_from_slice(&input.split_to(missing));
            if self.held.len() < wanted {
                return Ok(None);
            }
            if self.body.take().is_some() {
                return Ok(Some(self.held.split().freeze()));
            }
            let actual = self.held.get_u32_le() as usize;
            if actual > FRAME_BYTES_MAX {
                return Err(FrameTooLong { actual });
            }
            self.held.reserve(actual);
            self.body = Some(actual);
        }
    }

    /// Whether the last byte taken was the last of a frame: the only place where a stream may end.
    pub fn is_between_frames(&self) -> bool {
        self.body.is_none() && self.held.is_empty()
    }
}

/// Fuzz body: decoding never panics, does not depend on how the bytes were cut, loses no byte, and
/// a frame that is a message is framed again to the very same bytes. The first byte is the cut.
///
/// # Panics
/// If any of this does not hold.
pub fn frame_round_trip(data: &[u8]) {
    let Some((cut, stream)) = data.split_first() else { return };
    let (whole, whole_error) = decode_in_pieces(stream, stream.len().max(1));
    let (pieces, pieces_error) = decode_in_pieces(stream, usize::from(*cut).max(1));
    assert_eq!(whole, pieces, "frames depend on how the bytes were cut");
    assert_eq!(whole_error, pieces_error, "errors depend on how the bytes were cut");

    let mut rest = stream;
    for frame in &whole {
        let (header, behind) = rest.split_at(FRAME_HEADER_BYTES);
        assert_eq!(header, (frame.len() as u64).to_le_bytes().split_at(FRAME_HEADER_BYTES).0);
        let (body, behind) = behind.split_at(frame.len());
        assert_eq!(body, frame);
        if let Ok(message) = Message::from_bytes(frame) {
            let again = encode_frame(&message).expect("what came in a frame fits a frame");
            assert_eq!(again, [header, body].concat());
        }
        rest = behind;
    }
}

fn decode_in_pieces(stream: &[u8], length: usize) -> (Vec<Bytes>, Option<FrameTooLong>) {
    let (mut decoder, mut frames) = (FrameDecoder::new(), Vec::new());
    for piece in stream.chunks(length) {
        let mut input = Bytes::copy_from_slice(piece);
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
        assert!(input.is_empty(), "bytes were left behind");
    }
    (frames, None)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use weft_core::digest::TxId;

    use super::*;

    fn frame(length: u32, body: &[u8]) -> Vec<u8> {
        [&length.to_le_bytes(), body].concat()
    }

    fn corpus() -> Vec<Vec<u8>> {
        let have = encode_frame(&Message::Have(vec![TxId([7; 32]); 3])).unwrap().to_vec();
        let prune = encode_frame(&Message::Prune).unwrap().to_vec();
        let longest = u32::try_from(FRAME_BYTES_MAX).unwrap();
        vec![
            vec![],
            vec![1],
            [&[1][..], &prune, &have, &prune].concat(),
            [&[3][..], &have, &have[..9]].concat(),
            [&[200][..], &frame(longest, &vec![2; FRAME_BYTES_MAX]), &prune].concat(),
            [&[5][..], &prune, &frame(longest + 1, &[0; 64])].concat(),
            [&[9][..], &frame(u32::MAX, &[])].concat(),
            [&[1][..], &frame(0, &[]), &frame(0, &[])].concat(),
        ]
    }

    #[test]
    fn corpus_holds() {
        corpus().iter().for_each(|data| frame_round_trip(data));
    }

    proptest! {
        #[test]
        fn any_bytes_hold(data in vec(any::<u8>(), 0..512)) {
            frame_round_trip(&data);
        }

        #[test]
        fn any_frames_hold(
            bodies in vec(vec(any::<u8>(), 0..300), 0..9),
            cut in any::<u8>(),
            lost in 0_usize..40,
        ) {
            let mut data = vec![cut];
            for body in &bodies {
                data.extend(frame(u32::try_from(body.len()).unwrap(), body));
            }
            data.truncate(data.len() - lost.min(data.len() - 1));
            frame_round_trip(&data);
        }
    }

    #[test]
    fn too_long_is_refused_before_any_of_it_is_held() {
        let mut decoder = FrameDecoder::new();
        let actual = FRAME_BYTES_MAX + 1;
        let mut input = Bytes::from(frame(u32::try_from(actual).unwrap(), &[1; 100]));
        assert_eq!(decoder.decode(&mut input), Err(FrameTooLong { actual }));
        assert_eq!(input.len(), 100);
        assert!(decoder.held.capacity() < 1_024);
    }

    #[test]
    fn a_stream_may_end_only_between_frames() {
        let mut decoder = FrameDecoder::new();
        assert!(decoder.is_between_frames());
        let bytes = Bytes::from(frame(2, &[1, 2]));
        for end in 1..bytes.len() {
            let mut decoder = FrameDecoder::new();
            assert_eq!(decoder.decode(&mut bytes.slice(..end)), Ok(None));
            assert!(!decoder.is_between_frames(), "{end}");
        }
        assert_eq!(decoder.decode(&mut bytes.clone()), Ok(Some(Bytes::from_static(&[1, 2]))));
        assert!(decoder.is_between_frames());
    }

    #[test]
    fn a_message_over_the_limits_is_not_framed() {
        let message = Message::Transaction(vec![0; FRAME_BYTES_MAX].into());
        let actual = FRAME_BYTES_MAX + 1;
        assert_eq!(encode_frame(&message), Err(FrameTooLong { actual }));
    }
}
