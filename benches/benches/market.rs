//! Question: how many ticks a second does one core hash, and does a claim cost more than the check
//! of a signature, at worst?
//!
//! Sketch: a tick is one BLAKE2s of 68 bytes, two compressions of some 0.14 us. The worst claim
//! goes down 256 ticks and up 8 nodes: some 530 compressions, about 75 us, where a signature of
//! ML-DSA-44 is checked in 28 us (host) or 44 us (portable). A buyer that walks its chain upwards
//! pays some 9 hashes per tick (pebbles), not 65,536.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use weft_benches::issuer;
use weft_core::{
    keys::{DeviceVerifier, HostVerifier, Sign as _, Verify as _},
    market::chain::{CHAIN_MAX, LEAF_EVERY, PayChain, Salt, claim_holds, descend},
};

/// Ticks in one go.
const TICKS: u32 = 4_096;

fn market(criterion: &mut Criterion) {
    let make = || PayChain::new(Salt([1; 28]), [2; 32], CHAIN_MAX).expect("a whole length");
    let mut chain = make();
    let mut group = criterion.benchmark_group("market");
    group.sample_size(20).throughput(Throughput::Elements(TICKS.into()));
    let (salt, top) = (*chain.salt(), chain.word(TICKS).expect("inside"));
    group.bench_function("ticks checked by a seller", |bench| {
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
    // One below the next leaf: the longest way down, and the whole path up.
    let index = CHAIN_MAX / 2 + LEAF_EVERY - 1;
    let (word, path, root) = (chain.word(index), chain.path(index), chain.root());
    let (word, path) = (word.expect("inside"), path.expect("inside"));
    assert!(claim_holds(&root, &salt, CHAIN_MAX, index, &word, &path));
    group.bench_function("the worst claim", |bench| {
        bench.iter(|| claim_holds(&root, &salt, CHAIN_MAX, index, black_box(&word), &path));
    });
    let (key, message) = (issuer(0), [3; 32]);
    let signature = key.sign(&message).expect("a whole key signs");
    group.bench_function("a signature/host", |bench| {
        bench.iter(|| HostVerifier.verify(key.public_key(), black_box(&message), &signature));
    });
    group.bench_function("a signature/device", |bench| {
        bench.iter(|| DeviceVerifier.verify(key.public_key(), black_box(&message), &signature));
    });
    group.bench_function("a chain of 65,536 ticks", |bench| bench.iter(make));
    group.finish();
}

criterion_group!(benches, market);
criterion_main!(benches);
