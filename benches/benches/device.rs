//! Question: what does one reading cost a device: bytes on the wire, time to sign, time to work?
//!
//! Sketch: 104 bytes attachment, 99 + 39 body, 2,421 seal and 5 of framing. Signing repeats until
//! a candidate fits (FIPS 204, rejection sampling), so its time is spread geometrically; 2^12 tries
//! at about 0.2 us each are about a millisecond on a host. Both signers are measured: the portable
//! pure-Rust one is what a device runs, at its own clock.

use std::cell::Cell;

use criterion::{Criterion, criterion_group, criterion_main};
use weft_benches::{genesis, issuer, transaction};
use weft_core::{
    codec::Encode as _,
    digest::{BodyId, TxId},
    keys::{DeviceKey, Scheme, Sign as _},
    pow::Search,
    tx::Attachment,
};

/// Length and tag in front of a transaction on a gossip stream.
const FRAME_BYTES: usize = 5;

fn device(criterion: &mut Criterion) {
    let host = issuer(0);
    for (sequence, what) in [(1, "a reading"), (0, "the registration, once")] {
        let tx = transaction(&genesis(), &host, sequence, 32, [TxId::ZERO; 2]);
        let bytes = tx.to_bytes().len() + FRAME_BYTES;
        println!("device/wire: {what} of 32 bytes takes {bytes} bytes on the wire");
    }
    let device = DeviceKey::from_seed(Scheme::MlDsa44, &[1; 32]).expect("a seed makes a key");
    // Another message at each turn, or one lucky or unlucky rejection loop is all that is measured.
    let turn = Cell::new(0_u64);
    let message = || {
        turn.set(turn.get() + 1);
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(turn.get().to_le_bytes()).for_each(|(to, from)| *to = from);
        bytes
    };
    let mut group = criterion.benchmark_group("device");
    group.sample_size(30);
    group.bench_function("sign/host", |bench| bench.iter(|| host.sign(&message())));
    group.bench_function("sign/device", |bench| bench.iter(|| device.sign(&message())));
    group.bench_function("work/12 bits", |bench| {
        bench.iter(|| {
            let attachment = Attachment::new([TxId::ZERO; 2], genesis().commit());
            let mut search = Search::new(&attachment.work_prefix(&BodyId(message())), 12, 0);
            std::iter::repeat_with(|| search.step(1_024)).flatten().next()
        });
    });
    group.finish();
}

criterion_group!(benches, device);
criterion_main!(benches);
