//! What is sealed opens to the same readings, and to nothing else.

use proptest::prelude::*;
use weft_core::{market::batch::Reading, time::Span, tx::ContentType};

use super::*;

fn reading(time: u64, bytes: &[u8]) -> Reading {
    let time = Time::from_millis(time);
    Reading { time, content_type: ContentType::RAW, bytes: bytes.to_vec() }
}

fn chunk() -> Chunk {
    Chunk::new(vec![reading(30, b"warm"), reading(10, b""), reading(20, b"cold")]).unwrap()
}

fn sealed() -> (StreamSecret, Sealed) {
    let secret = StreamSecret::new([7; 32]);
    let sealed = seal(&secret, 5, SealLevel::Batch, &chunk());
    (secret, sealed)
}

#[test]
fn the_cipher_is_that_of_rfc_8439() {
    // RFC 8439 section 2.8.2.
    let key = core::array::from_fn(|at| 0x80 + u8::try_from(at).unwrap());
    let nonce = [7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47];
    let data = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
    let mut text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip \
        for the future, sunscreen would be it."
        .to_vec();
    let nonce = Nonce::assume_unique_for_key(nonce);
    cipher(&key).seal_in_place_append_tag(nonce, Aad::from(data), &mut text).unwrap();
    assert_eq!(&text[..8], [0xd3, 0x1a, 0x8d, 0x34, 0x64, 0x8e, 0x60, 0xdb]);
    let tag = [0x1a, 0xe1, 0x0b, 0x59, 0x4f, 0x09, 0xe2, 0x6a];
    assert_eq!(&text[114..122], tag);
    assert_eq!(text.len(), 114 + TAG_BYTES);
}

#[test]
fn a_chunk_opens_to_what_was_sealed() {
    let (secret, sealed) = sealed();
    let Sealed { batch, ciphertext } = &sealed;
    assert_eq!((batch.first, batch.last), (Time::from_millis(10), Time::from_millis(30)));
    assert_eq!((batch.chunk, batch.count), (5, 3));
    assert_eq!(ciphertext.len(), chunk().to_bytes().len() + TAG_BYTES);
    assert_eq!(open(batch, &secret.key(5), ciphertext), Ok(chunk()));
}

#[test]
fn a_key_of_another_chunk_or_stream_is_refused_before_it_is_used() {
    let (secret, Sealed { batch, ciphertext }) = sealed();
    for key in [secret.key(4), secret.key(6), StreamSecret::new([8; 32]).key(5), [0; 32]] {
        assert_eq!(open(&batch, &key, &ciphertext), Err(OpenError::WrongKey));
    }
}

#[test]
fn a_chunk_opens_under_its_own_batch_alone() {
    let (secret, Sealed { batch, ciphertext }) = sealed();
    let key = secret.key(5);
    let others = [
        SealedBatch { level: SealLevel::Message, ..batch.clone() },
        SealedBatch { chunk: 6, ..batch.clone() },
        SealedBatch { first: Time::from_millis(11), ..batch.clone() },
        SealedBatch { last: Time::from_millis(29), ..batch.clone() },
        SealedBatch { count: 2, ..batch.clone() },
        SealedBatch { plain_root: [1; 32], ..batch },
    ];
    for other in others {
        let opened = open(&other, &key, &ciphertext);
        assert!(matches!(opened, Err(OpenError::Garbage(_))), "{opened:?}");
    }
}

/// A seller that lies in its batch about what it seals.
#[test]
fn a_batch_that_lies_about_its_readings_is_found_out() {
    let (secret, Sealed { batch, .. }) = sealed();
    let key = secret.key(5);
    let lies = [
        SealedBatch { count: 2, ..batch.clone() },
        SealedBatch { first: Time::from_millis(9), ..batch.clone() },
        SealedBatch { last: Time::from_millis(31), ..batch.clone() },
        SealedBatch { plain_root: [9; 32], ..batch.clone() },
    ];
    for lie in lies {
        let mut bytes = chunk().to_bytes();
        let data = Aad::from(sealed_with(&lie));
        cipher(&key).seal_in_place_append_tag(nonce(&lie), data, &mut bytes).unwrap();
        let opened = open(&lie, &key, &bytes);
        assert!(matches!(opened, Err(OpenError::Garbage(_))), "{opened:?}");
    }
    let mut bytes = b"no chunk".to_vec();
    let data = Aad::from(sealed_with(&batch));
    cipher(&key).seal_in_place_append_tag(nonce(&batch), data, &mut bytes).unwrap();
    assert_eq!(open(&batch, &key, &bytes), Err(OpenError::Garbage("not a chunk")));
}

#[test]
fn the_same_number_with_other_readings_never_shares_a_key_stream() {
    let secret = StreamSecret::new([7; 32]);
    let other = Chunk::new(vec![reading(30, b"hot!")]).unwrap();
    let [one, two] = [chunk(), other].map(|chunk| seal(&secret, 5, SealLevel::Gateway, &chunk));
    assert_ne!(one.batch.plain_root[..NONCE_LEN], two.batch.plain_root[..NONCE_LEN]);
    assert_eq!(one, seal(&secret, 5, SealLevel::Gateway, &chunk()));
}

proptest! {
    #[test]
    fn a_bent_ciphertext_never_opens(at in any::<usize>(), bit in 0_u8..8) {
        let (secret, Sealed { batch, ciphertext }) = sealed();
        let mut bent = ciphertext.to_vec();
        let at = at % bent.len();
        bent[at] ^= 1 << bit;
        prop_assert!(ciphertext_digest(&bent) != batch.ciphertext);
        prop_assert!(open(&batch, &secret.key(5), &bent).is_err());
    }

    /// Whatever is pushed comes out once, in order, within its time and its limits.
    #[test]
    fn a_cutter_loses_nothing(
        count in 1_usize..6,
        pushes in prop::collection::vec((0_u64..40, 0_usize..9), 0..60),
    ) {
        let within = Span::from_millis(50);
        let mut cutter = Cutter::new(Cut { count, within }).unwrap();
        let (mut now, mut went_in, mut came_out) = (Time::ZERO, Vec::new(), Vec::new());
        for (wait, length) in pushes {
            now = now + Span::from_millis(wait);
            came_out.extend(cutter.cut_due(now));
            let reading = reading(now.as_millis(), &vec![1; length]);
            went_in.push(reading.clone());
            came_out.extend(cutter.push(now, reading).unwrap());
            if let Some(due) = cutter.deadline() {
                prop_assert!(due > now && due <= now + within);
            }
        }
        came_out.extend(cutter.take());
        prop_assert!(came_out.iter().all(|chunk| chunk.readings().len() <= count));
        let all: Vec<_> = came_out.into_iter().flat_map(Chunk::into_readings).collect();
        prop_assert_eq!(all, went_in);
        prop_assert_eq!(cutter.deadline(), None);
    }
}

#[test]
fn a_chunk_is_cut_before_it_grows_too_long() {
    use weft_core::market::batch::{CHUNK_BYTES_MAX, READING_BYTES_MAX};
    let mut cutter = Cutter::new(Cut { count: 4_096, within: Span::from_secs(9) }).unwrap();
    let long = || reading(1, &vec![1; READING_BYTES_MAX]);
    let cut = (0..17).filter_map(|_| cutter.push(Time::ZERO, long()).unwrap()).collect::<Vec<_>>();
    assert_eq!(cut.len(), 1);
    assert!(cut[0].to_bytes().len() <= CHUNK_BYTES_MAX);
    assert_eq!(cutter.take().unwrap().readings().len(), 17 - cut[0].readings().len());
    let longer = reading(1, &vec![1; READING_BYTES_MAX + 1]);
    let actual = READING_BYTES_MAX + 1;
    assert_eq!(cutter.push(Time::ZERO, longer), Err(CutterError::ReadingTooLong { actual }));
    assert!(Cutter::new(Cut { count: 0, ..Cut::default() }).is_err());
    assert!(Cutter::new(Cut { count: 4_097, ..Cut::default() }).is_err());
}
