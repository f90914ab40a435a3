//! Question: how many transactions pass all stateless checks per second, on one thread and on two?
//!
//! Sketch: decode and ids about 1 us, one ML-DSA-44 verification about 21 us. Expected: 45,000 per
//! second and core, twice that on two.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rayon::{ThreadPoolBuilder, prelude::*};
use weft_benches::Load;
use weft_core::{admit, keys::HostVerifier};

const BATCH: usize = 512;

fn admit(criterion: &mut Criterion) {
    let load = Load::new(16, BATCH, 32);
    let one = |bytes: &bytes::Bytes| {
        admit::admit(bytes.clone(), &load.rules, |id| load.keys.get(&id).cloned(), &HostVerifier)
            .expect("valid")
            .expect("the key is known")
    };
    let mut group = criterion.benchmark_group("admit");
    group.throughput(Throughput::Elements(BATCH as u64)).sample_size(20);
    for threads in [1, 2] {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        group.bench_function(format!("threads/{threads}"), |bench| {
            bench.iter(|| pool.install(|| load.readings.par_iter().map(one).count()));
        });
    }
    group.finish();
}

criterion_group!(benches, admit);
criterion_main!(benches);
