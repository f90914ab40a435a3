//! Question: how many payments a second does a seller take on one core, with all that it does
//! between a payment and its key, and what does an open session cost it in memory?
//!
//! Sketch: a payment of one tick is one BLAKE2s to verify, one digest for the key, a write of 166
//! to 800 bytes and some lookups in ordered maps: 2 to 3 us, so some 400,000 a second. 64 ticks a
//! payment cost 64 hashes more, about 15 us. A session holds the leaves of its chain, 8 KiB for the
//! longest of 65,536 ticks, and about one KiB beside.
//!
//! Not in it: the wire, the disk, and posting claims. Each write is taken as synced at once.

use std::{hint::black_box, sync::Arc};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use weft_benches::issuer;
use weft_core::{
    address::Address,
    digest::{BodyId, KeyId, NodeId},
    keys::{HostVerifier, Sign as _},
    market::{
        chain::{PayChain, Salt},
        objects::{Channel, Listing},
        terms::{Sample, Unit},
    },
    time::{Span, Time},
    tx::{ChannelOpen, NetworkId, Offer, StreamName, Title},
    units::Amount,
};
use weft_market::{
    frame::{Hello, Tick, ToSeller},
    hello::hello_digest,
    ledger::Found,
    seal::StreamSecret,
    seller::{Connection, Input, Limits, Listed, Out, Seller, Settings},
};

const NETWORK: NetworkId = NetworkId(*b"bnch");
const NOW: Time = Time::from_millis(1_000_000);
const PAYMENTS: u32 = 512;
const SESSIONS: u64 = 1_000;

fn listing() -> Listing {
    let seller = Address::of(KeyId([1; 32]));
    let offer = Offer {
        stream: StreamName::parse("bench").expect("a short name"),
        source: seller,
        title: Title::parse("A bench").expect("a short title"),
        unit: Unit::Reading,
        price: Amount(1),
        sample: Sample::default(),
        endpoint: NodeId([1; 32]),
        addresses: vec![([127, 0, 0, 1], 1).into()],
        terms: [0; 32],
        expiry: NOW + Span::from_secs(1_000_000),
    };
    Listing { id: BodyId([2; 32]), seller, bond: Amount(1), offer }
}

/// A seller with this many chunks of so many ticks each.
fn seller(chunks: u32, ticks: u32) -> Seller {
    let listed = (0..chunks).map(|number| Listed {
        sequence: number.into(),
        batch: BodyId([3; 32]),
        ticks,
        readings: 1,
        last: NOW,
    });
    let settings = Settings {
        network: NETWORK,
        listing: listing(),
        secret: StreamSecret::new([4; 32]),
        limits: Limits::default(),
    };
    let (opened, counters) = (Vec::new(), Vec::new());
    let verify = Arc::new(HostVerifier);
    let mut seller = Seller::new(settings, verify, opened, counters, listed.collect());
    seller.handle(NOW, Input::Committed { time: NOW }, &mut Out::default());
    seller
}

/// Opens a session on a channel of this chain.
fn open(seller: &mut Seller, number: u64, chain: &PayChain, leaves: Vec<[u8; 32]>) {
    let (key, connection, exporter) = (issuer(0), Connection(number), [5; 32]);
    let mut id = BodyId([6; 32]);
    id.0[..8].copy_from_slice(&number.to_le_bytes());
    let signature = key.sign(&hello_digest(NETWORK, &id, &exporter)).expect("a whole key signs");
    let channel = Channel {
        id,
        payer: Address::of(key.public_key().id()),
        terms: ChannelOpen {
            offer: listing().id,
            payee: listing().seller,
            salt: *chain.salt(),
            deposit: Amount(u64::MAX),
            price: Amount(1),
            length: chain.length(),
            root: chain.root(),
            expiry: NOW + Span::from_secs(100_000),
            grace: Span::from_secs(3_600),
        },
        claimed: 0,
    };
    let found = Found { channel, payer_key: key.public_key().clone() };
    let hello = Hello { channel: id, next: 0, paid: 0, keyed: 0, leaves, signature };
    let mut out = Out::default();
    for input in [
        Input::Up { connection, exporter },
        Input::Frame { connection, frame: ToSeller::Hello(hello) },
        Input::Channel { id, found: Some(Box::new(found)) },
    ] {
        seller.handle(NOW, input, &mut out);
    }
    sync(seller, &mut out);
}

fn sync(seller: &mut Seller, out: &mut Out) {
    while let Some(writes) = out.writes.take() {
        seller.handle(NOW, Input::Synced { ticket: writes.ticket }, out);
    }
}

fn pay(seller: &mut Seller, number: u64, tick: Tick, out: &mut Out) {
    let (connection, frame) = (Connection(number), ToSeller::Tick(tick));
    seller.handle(NOW, Input::Frame { connection, frame }, out);
}

fn ticks(chain: &mut PayChain, step: u32, count: u32) -> Vec<Tick> {
    let mut tick = |index| Some(Tick { index, word: chain.word(index)? });
    (1..=count).filter_map(|number| tick(number * step)).collect()
}

fn one_session(criterion: &mut Criterion) {
    let mut chain = PayChain::new(Salt([7; 28]), [8; 32], 65_536).expect("a whole length");
    let leaves = chain.leaves();
    let mut group = criterion.benchmark_group("session");
    group.sample_size(20).throughput(Throughput::Elements(PAYMENTS.into()));
    for step in [1, 64] {
        let ticks = ticks(&mut chain, step, PAYMENTS);
        let make = || {
            let mut seller = seller(PAYMENTS + 1, step);
            open(&mut seller, 0, &chain, leaves.clone());
            seller
        };
        group.bench_function(format!("payments of {step} ticks, a sync for each"), |bench| {
            let routine = |seller: &mut Seller| {
                let mut keys = 0;
                for tick in &ticks {
                    let mut out = Out::default();
                    pay(seller, 0, *tick, &mut out);
                    sync(seller, &mut out);
                    keys += out.frames.len();
                }
                assert!(keys >= ticks.len(), "a key for each");
            };
            bench.iter_batched_ref(make, routine, BatchSize::LargeInput);
        });
    }
    group.finish();
}

fn many_sessions(criterion: &mut Criterion) {
    let mut chain = PayChain::new(Salt([7; 28]), [8; 32], 65_536).expect("a whole length");
    let (leaves, rounds) = (chain.leaves(), 2_000);
    let ticks = ticks(&mut chain, 1, rounds);
    let mut seller = seller(rounds + 1, 1);
    let before = resident_kib();
    for number in 0..SESSIONS {
        open(&mut seller, number, &chain, leaves.clone());
    }
    let each = (resident_kib().saturating_sub(before)) * 1_024 / SESSIONS;
    println!("an open session: {each} bytes, of which {} are leaves", leaves.len() * 32);
    let mut group = criterion.benchmark_group("session");
    group.sample_size(10).throughput(Throughput::Elements(SESSIONS));
    let mut round = ticks.iter().cycle();
    group.bench_function("payments of 1,000 sessions, one sync for all", |bench| {
        bench.iter(|| {
            let mut out = Out::default();
            let Some(tick) = round.next() else { return };
            for number in 0..SESSIONS {
                pay(&mut seller, number, *tick, &mut out);
            }
            sync(&mut seller, &mut out);
            black_box(out.frames.len());
        });
    });
    group.finish();
}

/// What this process holds in memory, in KiB; 0 where the system does not say.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

criterion_group!(benches, one_session, many_sessions);
criterion_main!(benches);
