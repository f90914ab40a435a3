//! Question: what does it cost to write transactions to disk in one batch, with and without a sync?
//!
//! Sketch: per transaction one body record of 2.5 kB in the journal and again in a table, and four
//! records of about 150 bytes; one sync per batch. Expected: about 20 us of CPU per transaction,
//! and the sync spread over the batch.

use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use weft_benches::Load;
use weft_core::{
    admit::admit,
    keys::HostVerifier,
    machine::{Attached, Batch},
    units::Position,
};
use weft_storage::{Config, FjallStore, Store as _};

const BATCHES: usize = 8;

fn commit(criterion: &mut Criterion) {
    let batch_size = 256;
    let batches = batches(&Load::new(16, BATCHES * batch_size, 32), batch_size);
    let mut group = criterion.benchmark_group("commit");
    group.throughput(Throughput::Elements((BATCHES * batch_size) as u64)).sample_size(10);
    for durable in [false, true] {
        let name = format!("{BATCHES} batches of {batch_size}, synced: {durable}");
        group.bench_function(name, |bench| {
            bench.iter_batched(
                || {
                    let dir = tempfile::tempdir().expect("a temporary directory");
                    let opened = FjallStore::open(dir.path(), Config::default());
                    (opened.expect("an empty directory becomes a store").store, dir)
                },
                |(store, dir)| {
                    for batch in &batches {
                        store.commit(batch, durable).expect("the disk takes a batch");
                    }
                    (store, dir)
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// The readings of `load`; their registrations are not needed to store them.
fn batches(load: &Load, size: usize) -> Vec<Batch> {
    let attached: Vec<Attached> = load
        .readings
        .iter()
        .zip(0..)
        .map(|(bytes, position)| {
            let known = |id| load.keys.get(&id).cloned();
            let admitted = admit(bytes.clone(), &load.rules, known, &HostVerifier);
            let tx = Arc::new(admitted.expect("valid").expect("the key is known"));
            Attached { position: Position(position), first_of_body: true, is_own: false, tx }
        })
        .collect();
    attached
        .chunks(size)
        .map(|chunk| Batch { attached: chunk.to_vec(), ..Batch::default() })
        .collect()
}

criterion_group!(benches, commit);
criterion_main!(benches);
