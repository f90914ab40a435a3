//! Question: what does the machine itself cost per transaction, without checks, disk and network?
//!
//! Sketch: three look-ups and four inserts in ordered maps, two buffers pushed. Expected: a few
//! microseconds, and the same after ten thousand as after one thousand.

use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use weft_benches::Load;
use weft_core::{
    admit::{Verified, admit},
    digest::NodeId,
    keys::HostVerifier,
    machine::{Input, Limits, Machine, Outbox, Setup, Source},
    time::Time,
    units::Position,
};
use weft_storage::MemoryStore;

fn attach(criterion: &mut Criterion) {
    for count in [1_000, 10_000] {
        let load = Load::new(16, count, 32);
        let admitted: Vec<Arc<Verified>> = load
            .all()
            .map(|bytes| {
                let known = |id| load.keys.get(&id).cloned();
                let admitted = admit(bytes.clone(), &load.rules, known, &HostVerifier);
                Arc::new(admitted.expect("valid").expect("the key is known"))
            })
            .collect();
        let mut group = criterion.benchmark_group("attach");
        group.throughput(Throughput::Elements(admitted.len() as u64)).sample_size(20);
        group.bench_function(format!("transactions/{count}"), |bench| {
            bench.iter_batched(
                || (admitted.clone(), machine(&load)),
                |(admitted, mut machine)| {
                    let store = MemoryStore::default();
                    let mut out = Outbox::default();
                    for tx in admitted {
                        let input = Input::Admitted {
                            source: Source::Local,
                            tx,
                            absent_below: Position::ZERO,
                        };
                        machine.handle(Time::from_millis(1), input, &store, &mut out);
                    }
                    assert_eq!(out.writes.attached.len(), load.all().count());
                    out
                },
                BatchSize::LargeInput,
            );
        });
        group.finish();
    }
}

fn machine(load: &Load) -> Machine {
    let store = MemoryStore::default();
    let (own, seed, now) = (NodeId::ZERO, [0; 32], Time::from_millis(1));
    let (genesis, limits) = (&load.genesis, Limits::default());
    let verify = Arc::new(HostVerifier);
    let setup = Setup { genesis, limits, own, key: None, verify, seed };
    Machine::restore(setup, now, &store)
}

criterion_group!(benches, attach);
criterion_main!(benches);
