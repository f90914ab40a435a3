//! Question: how many ticks a second does one core check, does a claim cost more than the check of
//! a signature, at worst, and how many bytes does a paid reading take?
//!
//! Sketch: a tick is one BLAKE2s of a block of 64 bytes: one compression of some 0.14 us, so 7
//! million a second. The worst claim, at the end of the longest chain, goes down 256 ticks and up 8
//! nodes, with a leaf: some 275 compressions, about 40 us, where a signature of ML-DSA-44 is
//! checked in 28 us (host) or 44 us (portable). A buyer that walks its chain upwards pays some 9
//! hashes per tick (pebbles), not 65,536. A paid chunk takes 49 bytes beside its ciphertext, and 82
//! for tick and key; a reading in it 14 and itself.

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use weft_benches::{cpu::ThreadTime, issuer};
use weft_core::{
    codec::Encode as _,
    digest::{BodyId, PayWord},
    keys::{DeviceVerifier, HostVerifier, Sign as _, Verify},
    market::{
        batch::{Chunk, Reading, SealLevel},
        chain::{CHAIN_MAX, PayChain, Salt, claim_holds, descend},
    },
    time::Time,
    tx::ContentType,
};
use weft_market::{
    frame::{Key, SealedChunk, Tick, ToBuyer, ToSeller},
    seal::{StreamSecret, seal},
};

/// Bytes of a reading: a time and two values as text.
const READING_BYTES: usize = 24;

/// Ticks in one go.
const TICKS: u32 = 4_096;

fn market(criterion: &mut Criterion) {
    let make = || PayChain::new(Salt([1; 28]), [2; 32], CHAIN_MAX).expect("a whole length");
    let mut chain = make();
    let mut group = criterion.benchmark_group("market");
    group.sample_size(20).throughput(Throughput::Elements(TICKS.into()));
    let (salt, top) = (*chain.salt(), chain.word(TICKS).expect("inside"));
    let words: Vec<PayWord> = (0..=TICKS).filter_map(|index| chain.word(index)).collect();
    // As a session pays: one tick after the other, each down to the one before.
    let check_all = || {
        for (index, pair) in (1..).zip(words.windows(2)) {
            let [before, word] = pair else { continue };
            assert_eq!(descend(&salt, index, black_box(word), index - 1).as_ref(), Some(before));
        }
    };
    let each = cpu_of(100, check_all) / TICKS;
    println!("ticks checked per second of one core: {}", per_second(each));
    group.bench_function("ticks checked by a seller", |bench| bench.iter(check_all));
    group.bench_function("ticks passed over by a payment", |bench| {
        bench.iter(|| descend(&salt, TICKS, black_box(&top), 0));
    });
    group.bench_function("ticks made by a buyer", |bench| {
        bench.iter(|| {
            (1..=TICKS)
                .map(|index| chain.word(index))
                .fold(0, |n, word| n + u32::from(word.is_some()))
        });
    });
    group.throughput(Throughput::Elements(1));
    // The last of the longest chain: no leaf stands for it, so it is the longest way down, and the
    // whole path up.
    let index = CHAIN_MAX;
    let (word, path, root) = (chain.word(index), chain.path(index), chain.root());
    let (word, path) = (word.expect("inside"), path.expect("inside"));
    assert!(claim_holds(&root, &salt, CHAIN_MAX, index, &word, &path));
    group.bench_function("the worst claim", |bench| {
        bench.iter(|| claim_holds(&root, &salt, CHAIN_MAX, index, black_box(&word), &path));
    });
    let (key, message) = (issuer(0), [3; 32]);
    let signature = key.sign(&message).expect("a whole key signs");
    let claim = cpu_of(2_000, || {
        assert!(claim_holds(&root, &salt, CHAIN_MAX, index, black_box(&word), &path));
    });
    let public = key.public_key();
    let checks: [(&str, &dyn Verify); 2] = [("host", &HostVerifier), ("device", &DeviceVerifier)];
    for (name, verifier) in checks {
        let check = cpu_of(2_000, || {
            assert!(verifier.verify(public, black_box(&message), &signature).is_ok());
        });
        let ratio = claim.as_secs_f64() / check.as_secs_f64();
        println!("the worst claim {claim:?}, a signature/{name} {check:?}: {ratio:.2} to 1");
    }
    group.bench_function("a signature/host", |bench| {
        bench.iter(|| HostVerifier.verify(key.public_key(), black_box(&message), &signature));
    });
    group.bench_function("a signature/device", |bench| {
        bench.iter(|| DeviceVerifier.verify(key.public_key(), black_box(&message), &signature));
    });
    group.bench_function("a chain of 65,536 ticks", |bench| bench.iter(make));
    group.finish();
}

/// What one call takes of one core, of so many in a row.
fn cpu_of(calls: u32, mut call: impl FnMut()) -> Duration {
    call();
    let begun = ThreadTime::now();
    (0..calls).for_each(|_| call());
    begun.elapsed() / calls
}

fn per_second(each: Duration) -> u64 {
    1_000_000_000 / u64::try_from(each.as_nanos()).unwrap_or(u64::MAX).max(1)
}

/// What both sides say on their stream for each reading that is paid, above QUIC.
fn bytes_per_reading(_: &mut Criterion) {
    let secret = StreamSecret::new([1; 32]);
    for readings in [1_u16, 16, 256] {
        let reading = |number: u16| Reading {
            time: Time::from_millis(number.into()),
            content_type: ContentType::TEXT,
            bytes: vec![b'1'; READING_BYTES],
        };
        let chunk = Chunk::new((0..readings).map(reading).collect()).expect("a length of a chunk");
        let sealed = seal(&secret, 0, SealLevel::Gateway, &chunk);
        let (batch, end) = (BodyId([2; 32]), readings.into());
        let chunk =
            SealedChunk { sequence: 0, ticks: end, end, batch, ciphertext: sealed.ciphertext };
        let tick = ToSeller::Tick(Tick { index: end, word: PayWord([3; 32]) }).to_bytes().len();
        let key = ToBuyer::Key(Key { index: end, key: [4; 32] }).to_bytes().len();
        let all = ToBuyer::Chunk(chunk).to_bytes().len() + tick + key;
        let each = all as f64 / f64::from(readings);
        println!("a paid reading of {READING_BYTES} bytes, {readings} a chunk: {each:.1} bytes");
    }
}

criterion_group!(benches, bytes_per_reading, market);
criterion_main!(benches);
