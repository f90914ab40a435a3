//! Question: what does it cost to read a transaction, and to find its ids and its work?
//!
//! Sketch: a 32-byte reading has 2,663 bytes; one copy of the signature, two digests (body: two
//! compressions and a bit; id: three). Expected: well below 1 us against 21 us for the signature.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use weft_benches::Load;
use weft_core::{admit::Candidate, codec::Decode as _, tx::Transaction};

fn decode(criterion: &mut Criterion) {
    for content in [32, 1_024] {
        let load = Load::new(1, 1, content);
        let bytes = load.readings.first().expect("one reading").clone();
        let mut group = criterion.benchmark_group(format!("decode/{content}"));
        group.throughput(Throughput::Elements(1));
        group.bench_function("fields", |bench| {
            bench.iter(|| Transaction::from_bytes(&bytes).expect("valid"));
        });
        group.bench_function("candidate", |bench| {
            bench.iter(|| Candidate::parse(bytes.clone(), &load.rules).expect("valid"));
        });
        group.finish();
    }
}

criterion_group!(benches, decode);
criterion_main!(benches);
