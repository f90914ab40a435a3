//! What comes out of the tiny path is what the builder makes, byte for byte.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may panic")]

use weft_core::{
    codec::{Decode as _, Encode as _, NoRoom, Sink as _, SliceSink},
    digest::TxId,
    keys::{DeviceKey, SeedKey, Sign as _},
    tx::{Attachment, SealedBody},
};

use super::*;
use crate::{Attacher, Builder, Place};

const NETWORK: NetworkId = NetworkId([1, 2, 3, 4]);

struct Memory([[u8; RECORD_BYTES]; SLOTS]);

impl Flash for Memory {
    fn read(&mut self, slot: usize) -> Result<[u8; RECORD_BYTES], FlashError> {
        Ok(self.0[slot])
    }

    fn write(&mut self, slot: usize, record: &[u8; RECORD_BYTES]) -> Result<(), FlashError> {
        self.0[slot] = *record;
        Ok(())
    }
}

struct Stopped;

impl Clock for Stopped {
    fn now(&mut self) -> Time {
        Time::from_millis(11)
    }
}

fn device(scheme: Scheme) -> Device<SeedKey, Memory, Stopped> {
    let signer = SeedKey::new(scheme, &[7; 32]).unwrap();
    let flash = Memory([[0xff; RECORD_BYTES]; SLOTS]);
    Device::open(NETWORK, signer, flash, Stopped).unwrap()
}

/// A source that says these bytes, and whether it failed.
struct Says([u8; Scheme::SEED_BYTES], bool);

impl Random for Says {
    fn fill(&mut self, bytes: &mut [u8]) -> bool {
        bytes.copy_from_slice(&self.0);
        self.1
    }
}

fn text(bytes: &[u8]) -> Reading<'_> {
    Reading { stream: "hall/temp", content_type: ContentType::TEXT, bytes }
}

#[test]
fn both_paths_write_the_same_bytes() {
    for scheme in [Scheme::MlDsa44, Scheme::MlDsa65] {
        let key = DeviceKey::from_seed(scheme, &[7; 32]).unwrap();
        let mut device = device(scheme);
        let builder = Builder::new(NETWORK, device.address());
        let mut out = [0; 6_000];
        let registration = device.register(&mut out).unwrap();
        let draft = builder.reading(Sequence(0), REGISTRATION_STREAM, ContentType::RAW, []);
        let expected = draft.unwrap().seal(&key).unwrap();
        assert_eq!(out[..registration.bytes], expected.to_bytes());
        assert_eq!(registration.bytes, sealed_bytes(scheme, registration.content_bytes, true));

        for sequence in [1, 2] {
            let sealed = device.seal(&text(b"21.4"), &mut out).unwrap();
            let draft =
                builder.reading(Sequence(sequence), "hall/temp", ContentType::TEXT, b"21.4");
            let expected = draft.unwrap().time(Time::from_millis(11)).seal(&key).unwrap();
            assert_eq!(out[..sealed.bytes], expected.to_bytes());
            assert_eq!((sealed.body, sealed.sequence.0), (expected.body.id(), sequence));
            assert_eq!(sealed.bytes, sealed_bytes(scheme, sealed.content_bytes, false));
        }
        assert_eq!(key.public_key().id(), device.address().first_key());
    }
}

#[test]
fn a_refused_reading_costs_no_sequence() {
    let mut device = device(Scheme::MlDsa44);
    let mut out = [0; 3_000];
    let expected = sealed_bytes(Scheme::MlDsa44, text(b"1").content_bytes(), false);
    let short = device.seal(&text(b"1"), &mut out[..expected - 1]);
    assert_eq!(short, Err(SealError::Room(NoRoom { expected, actual: expected - 1 })));
    for stream in ["", "a\nb", &"x".repeat(65)] {
        let refused = device.seal(&Reading { stream, ..text(b"1") }, &mut out);
        assert!(matches!(refused, Err(SealError::Shape(_))), "{stream:?}");
    }
    let batch = Reading { content_type: ContentType::SEALED_BATCH, ..text(b"1") };
    assert!(matches!(device.seal(&batch, &mut out), Err(SealError::Shape(_))));
    let sealed = device.seal(&text(b"1"), &mut out[..expected]).unwrap();
    assert_eq!(sealed.sequence, Sequence(1));
    SealedBody::from_bytes(&out[..sealed.bytes]).unwrap();
}

#[test]
fn the_work_is_that_of_the_attacher() {
    let mut out = [0; 3_000];
    let sealed = device(Scheme::MlDsa44).seal(&text(b"21.4"), &mut out).unwrap();
    let place =
        Place { parents: [TxId([9; 32]), TxId([4; 32])], anchor: CommitRef::NONE, work_bits: 6 };
    let mut work = Work::new(&sealed, place, 5);
    let attachment = (0..).find_map(|_| work.step(16)).unwrap();
    let mut bytes = [0; Attachment::BYTES];
    let mut sink = SliceSink::new(&mut bytes);
    attachment.put(&mut sink);
    sink.put(&[]);
    assert_eq!(sink.finish(), Ok(Attachment::BYTES));

    let body = SealedBody::from_bytes(&out[..sealed.bytes]).unwrap();
    let mut attacher = Attacher::new(body, place, 5);
    let transaction = (0..).find_map(|_| attacher.step(1_000)).unwrap();
    assert_eq!([&bytes, &out[..sealed.bytes]].concat(), transaction.to_bytes());
}

#[test]
fn a_source_that_failed_or_is_stuck_makes_no_seed() {
    let mut drawn = [0xff; Scheme::SEED_BYTES];
    assert_eq!(Says(drawn, true).seed(), None);
    drawn[31] = 0xfe;
    assert_eq!(Says(drawn, true).seed(), Some(drawn));
    assert_eq!(Says(drawn, false).seed(), None);
}
