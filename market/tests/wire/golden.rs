//! Frozen bytes. A change here is a new protocol version.
//!
//! `tests/data/golden.txt` has one value per line: name, length, BLAKE2s of all bytes, and the
//! bytes themselves up to the 200th.

use std::fmt::Write as _;

use weft_core::{
    codec::Encode as _,
    digest::{BodyId, Domain, PayWord, digest},
    keys::{Scheme, Signature},
    market::{
        batch::{Chunk, Reading, SealLevel},
        terms::Unit,
    },
    time::{Span, Time},
    tx::{ContentType, NetworkId},
    units::Amount,
};
use weft_market::{
    Paid, buyer,
    frame::{
        Again, Ask, Code, Hello, Key, Quote, Refusal, Sample, SealedChunk, Tick, ToBuyer, ToSeller,
        Welcome,
    },
    hello::hello_digest,
    seal::{StreamSecret, seal},
    seller,
};

const FROZEN: &str = include_str!("../data/golden.txt");

/// Bytes written out.
const SHOWN: usize = 200;

fn line(name: &str, bytes: &[u8]) -> String {
    let mut line = format!("{name} {} ", bytes.len());
    for byte in digest(Domain::Content, bytes) {
        write!(line, "{byte:02x}").unwrap();
    }
    line.push(' ');
    for byte in bytes.iter().take(SHOWN) {
        write!(line, "{byte:02x}").unwrap();
    }
    line
}

#[test]
fn everything_has_the_bytes_it_always_had() {
    let actual: Vec<String> = samples().iter().map(|(name, bytes)| line(name, bytes)).collect();
    let frozen: Vec<&str> = FROZEN.lines().collect();
    for (actual, frozen) in actual.iter().zip(&frozen) {
        assert_eq!(actual, frozen);
    }
    assert_eq!(actual.len(), frozen.len(), "a type is missing, here or in the file");
}

/// Writes the file anew: `cargo test -p weft-market --test wire -- --ignored freeze`.
#[test]
#[ignore = "changes the frozen bytes"]
fn freeze() {
    let lines: String = samples().iter().map(|(name, bytes)| line(name, bytes) + "\n").collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/golden.txt");
    std::fs::write(path, lines).unwrap();
}

#[test]
fn frames_are_as_long_as_their_table_says() {
    let lengths = [("tick", 41), ("ask", 34), ("again", 9), ("quote", 74), ("welcome", 49)];
    let others = [("key", 41), ("error", 14)];
    for (name, length) in lengths.into_iter().chain(others) {
        let (_, bytes) = samples().into_iter().find(|(sample, _)| *sample == name).unwrap();
        assert_eq!(bytes.len(), length, "{name}");
    }
}

#[test]
fn every_code_has_a_number_and_a_next_step() {
    use weft_core::codec::Decode as _;
    for (at, code) in Code::ALL.iter().enumerate() {
        assert_eq!(usize::from(code.number()), at + 1);
        let refusal = Refusal::until(*code, 7, Span::from_millis(9));
        assert_eq!(Refusal::from_bytes(&refusal.to_bytes()), Ok(refusal));
        let text = refusal.to_string();
        assert!(text.contains("expected: 7") && text.ends_with("in 9 ms"), "{text}");
        assert!(text.contains(code.next_step()));
    }
    assert!(Refusal::from_bytes(&[0; 13]).is_err());
    // What is too long for the wire stays within it.
    let far = Refusal::until(Code::Busy, 0, Span::from_secs(u64::MAX));
    let read = Refusal::from_bytes(&far.to_bytes()).unwrap();
    assert_eq!(read.retry_after, Span::from_millis(u32::MAX.into()));
}

const CHANNEL: BodyId = BodyId([0xc1; 32]);
const BATCH: BodyId = BodyId([0xba; 32]);

fn hello(leaves: usize, scheme: Scheme) -> ToSeller {
    let signature = vec![0x51; scheme.signature_bytes()];
    ToSeller::Hello(Hello {
        channel: CHANNEL,
        next: 6,
        paid: 5,
        keyed: 4,
        leaves: (0..leaves).map(|at| [at as u8; 32]).collect(),
        signature: Signature::new(scheme, signature.into()).unwrap(),
    })
}

/// One of everything, by name.
pub(crate) fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let (word, paid) =
        (PayWord([0x99; 32]), Paid { index: 9, sequence: 8, batch: BATCH, ticks: 2 });
    let refusal = Refusal::until(Code::BadTick, 300, Span::from_millis(1_500));
    let quote = Quote {
        offer: BodyId([0x0f; 32]),
        price: Amount(3),
        unit: Unit::Bytes24,
        first: 4,
        next: 9,
        lasting: Span::from_secs(900),
        grace: Span::from_secs(1_200),
    };
    let ciphertext = bytes::Bytes::from_static(b"sealed");
    let chunk =
        SealedChunk { sequence: 8, ticks: 2, end: 9, batch: BATCH, ciphertext: ciphertext.clone() };
    let sample = Sample { sequence: 8, batch: BATCH, key: [0x77; 32], ciphertext };
    let counter = seller::Counter { channel: CHANNEL, index: 9, word, paid: vec![paid; 2] };
    let opened = seller::Opened { channel: CHANNEL, leaves: vec![[1; 32], [2; 32]] };
    let kept = buyer::Counter { paid: 9, next: 9, unkeyed: vec![paid] };
    let reading = Reading {
        time: Time::from_millis(1_760_000_000_000),
        content_type: ContentType::TEXT,
        bytes: b"21.5".to_vec(),
    };
    let plain = Chunk::new(vec![reading]).unwrap();
    let secret = StreamSecret::new([0x5e; 32]);
    let sealed = seal(&secret, 7, SealLevel::Batch, &plain);
    let welcome = Welcome { paid: 9, word, next: 10 };
    vec![
        ("tick", ToSeller::Tick(Tick { index: 65_536, word }).to_bytes()),
        ("ask", ToSeller::Ask(Ask { offer: quote.offer, sample: true }).to_bytes()),
        ("again", ToSeller::Again(Again { keyed: 258 }).to_bytes()),
        ("hello", hello(2, Scheme::MlDsa44).to_bytes()),
        ("hello-longest", hello(256, Scheme::MlDsa65).to_bytes()),
        ("quote", ToBuyer::Quote(quote).to_bytes()),
        ("welcome", ToBuyer::Welcome(welcome).to_bytes()),
        ("chunk", ToBuyer::Chunk(chunk).to_bytes()),
        ("key", ToBuyer::Key(Key { index: 9, key: [0x77; 32] }).to_bytes()),
        ("sample", ToBuyer::Sample(sample).to_bytes()),
        ("error", ToSeller::Error(refusal).to_bytes()),
        ("opened", opened.to_bytes()),
        ("counter", counter.to_bytes()),
        ("kept", kept.to_bytes()),
        ("hello-digest", hello_digest(NetworkId(*b"weft"), &CHANNEL, &[0xee; 32]).to_vec()),
        ("chunk-key", secret.key(7).to_vec()),
        ("ciphertext", sealed.ciphertext.to_vec()),
        ("sealed-batch", sealed.batch.to_bytes()),
    ]
}
