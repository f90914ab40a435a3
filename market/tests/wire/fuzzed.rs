//! The fuzz bodies over what a fuzzer would begin with.

use proptest::{collection::vec, prelude::*};
use weft_market::fuzz::BODIES;

use crate::golden::samples;

fn all(data: &[u8]) {
    for (_, body) in BODIES {
        body(data);
    }
}

#[test]
fn golden_bytes_and_every_byte_of_them_bent() {
    for (_, bytes) in samples() {
        all(&bytes);
        for at in 0..bytes.len().min(300) {
            for bent in [bytes[at] ^ 1, bytes[at] ^ 0x80, 0, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] = bent;
                all(&bytes);
            }
        }
    }
}

/// What a length may not promise.
#[test]
fn a_splitter_refuses_before_it_takes() {
    use bytes::Bytes;
    use weft_market::frame::{CIPHERTEXT_BYTES_MAX, FRAME_BYTES_MAX, FrameError, Splitter};
    let split = |bytes: &[u8]| Splitter::new().split(&mut Bytes::copy_from_slice(bytes));
    assert_eq!(split(&[99]), Err(FrameError::UnknownTag { actual: 99 }));
    assert_eq!(split(&[0]), Err(FrameError::UnknownTag { actual: 0 }));
    for tag in [4, 19, 21] {
        let [a, b, c, d] = u32::MAX.to_le_bytes();
        let refused = split(&[tag, a, b, c, d]);
        assert!(matches!(refused, Err(FrameError::TooLong { .. })), "{refused:?}");
    }
    let fits = (CIPHERTEXT_BYTES_MAX + 72) as u32;
    assert_eq!(FRAME_BYTES_MAX, fits as usize + 5);
    for (length, is_refused) in [(fits, false), (fits + 1, true)] {
        let mut head = vec![19];
        head.extend_from_slice(&length.to_le_bytes());
        assert_eq!(split(&head).is_err(), is_refused);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes(data in vec(any::<u8>(), 0..300)) {
        all(&data);
    }

    /// A stream of frames, cut anywhere, is the same frames.
    #[test]
    fn streams(picks in vec(0_usize..11, 0..8), cut in any::<u8>(), end in 0_usize..40) {
        let samples = samples();
        let mut stream = vec![cut];
        picks.iter().for_each(|at| stream.extend_from_slice(&samples[*at].1));
        stream.truncate(stream.len() - end.min(stream.len() - 1));
        all(&stream);
    }
}
