//! What must hold of any bytes at all, as plain functions: a fuzzer calls them, and the tests call
//! them over a small corpus. Each panics if it does not hold.

use bytes::Bytes;
use weft_core::codec::{Decode, Encode};

use crate::{
    buyer,
    frame::{FrameError, Splitter, ToBuyer, ToSeller},
    seller,
};

/// What decodes encodes to the very same bytes.
fn round_trip<T: Decode + Encode>(data: &[u8]) {
    if let Ok(value) = T::from_bytes(data) {
        assert_eq!(value.to_bytes(), data, "one value, one byte string");
    }
}

/// Frames: decoding never panics, what decodes is one frame to the splitter, and no bytes are
/// frames of both sides but for errors.
pub fn frame_round_trip(data: &[u8]) {
    round_trip::<ToSeller>(data);
    round_trip::<ToBuyer>(data);
    let (buyer, seller) = (ToSeller::from_bytes(data), ToBuyer::from_bytes(data));
    if buyer.is_ok() || seller.is_ok() {
        let (frames, error) = split(data, data.len());
        assert_eq!((frames, error), (Vec::from([Bytes::copy_from_slice(data)]), None));
    }
    if let (Ok(buyer), Ok(seller)) = (buyer, seller) {
        assert!(matches!((buyer, seller), (ToSeller::Error(_), ToBuyer::Error(_))));
    }
}

/// Splitting never panics, does not depend on how the bytes were cut, and loses none. The first
/// byte is the cut.
pub fn split_anywhere(data: &[u8]) {
    let Some((cut, stream)) = data.split_first() else { return };
    let (whole, error) = split(stream, stream.len().max(1));
    assert_eq!((&whole, error), (&split(stream, usize::from(*cut).max(1)).0, error));
    assert!(stream.starts_with(&whole.concat()), "a byte was lost");
}

/// What both sides keep.
pub fn kept_round_trip(data: &[u8]) {
    round_trip::<seller::Opened>(data);
    round_trip::<seller::Counter>(data);
    round_trip::<buyer::Counter>(data);
}

fn split(stream: &[u8], length: usize) -> (Vec<Bytes>, Option<FrameError>) {
    let (mut splitter, mut frames) = (Splitter::new(), Vec::new());
    for piece in stream.chunks(length.max(1)) {
        let mut input = Bytes::copy_from_slice(piece);
        loop {
            match splitter.split(&mut input) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

/// What must hold of some bytes.
pub type Body = fn(&[u8]);

/// All of them, by name.
pub const BODIES: [(&str, Body); 3] =
    [("frame", frame_round_trip), ("split", split_anywhere), ("kept", kept_round_trip)];
