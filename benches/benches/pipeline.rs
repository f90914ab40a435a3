//! Question: how much of what this machine can do at all does a node reach, from bytes to durable?
//!
//! The bound, measured in the same run: hash, work check and ML-DSA-44 verification on all cores,
//! and one thread that writes each transaction, an index entry and two links to a bare fjall,
//! synced every 1,024. The node: the same bytes through admission, machine, store and feed, synced
//! for each group, each submission acknowledged. No network on either side.
//!
//! Sketch per transaction: 25 us checks, 20 us store on both sides; the node adds the DAG, indexes,
//! a channel hop and an acknowledgement. Expected: at least 0.6 of the bound.

use std::{
    fs,
    pin::pin,
    sync::mpsc::sync_channel,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use fjall::{Database, KeyspaceCreateOptions, KvSeparationOptions, PersistMode};
use futures_util::{StreamExt as _, stream};
use rayon::prelude::*;
use weft_benches::{Load, SplitTransaction, genesis};
use weft_core::{
    digest::{Domain, Hasher, TxId, digest},
    keys::{HostVerifier, PublicKey, Scheme, Signature, Verify as _},
    pow::trailing_zero_bits,
};
use weft_node::{Config, Node, Seed, Submitter};

const READINGS: usize = 60_000;
const ROUNDS: usize = 3;
/// Submissions on their way at once.
const IN_FLIGHT: usize = 1_024;

fn main() {
    // `cargo test --benches` runs this too: there a small load shows that it works.
    let readings = if std::env::args().any(|arg| arg == "--bench") { READINGS } else { 200 };
    for content in [32, 1_024] {
        let load = Load::new(16, readings, content);
        println!("pipeline: {readings} readings of {content} bytes, {ROUNDS} rounds in turn");
        let mut ratios = Vec::new();
        for round in 0..ROUNDS {
            let bound = measured(|| raw(&load));
            let node = measured(|| pipeline(&load));
            let ratio = bound.wall.as_secs_f64() / node.wall.as_secs_f64();
            let cpu_ratio = bound.cpu.as_secs_f64() / node.cpu.as_secs_f64();
            println!(
                "  round {round}: bound {}, node {}, ratio {ratio:.2} by time, {cpu_ratio:.2} \
                 by cpu",
                bound.per_transaction(readings),
                node.per_transaction(readings)
            );
            ratios.push(ratio);
        }
        ratios.sort_by(f64::total_cmp);
        let median = ratios.get(ROUNDS / 2).copied().unwrap_or_default();
        println!("  median ratio {median:.2}");
    }
}

/// What a run took.
struct Cost {
    wall: Duration,
    cpu: Duration,
}

impl Cost {
    fn per_transaction(&self, count: usize) -> String {
        let count = count as f64;
        format!(
            "{:.0} tx/s at {:.1} us of cpu each",
            count / self.wall.as_secs_f64(),
            self.cpu.as_secs_f64() * 1e6 / count
        )
    }
}

/// Times `run`, which returns when the clock shall stop; its return value is dropped after that.
fn measured<T>(run: impl FnOnce() -> (Instant, T)) -> Cost {
    let cpu = cpu_time();
    let (began, kept) = run();
    let cost = Cost { wall: began.elapsed(), cpu: cpu_time().saturating_sub(cpu) };
    drop(kept);
    cost
}

/// CPU time of this process, user and system. Zero where the system does not tell.
fn cpu_time() -> Duration {
    const TICK: Duration = Duration::from_millis(10);
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u32 = behind_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u32>().ok())
        .sum();
    TICK * ticks
}

/// Hash, work, verify and store, with nothing of ours but the digests.
fn raw(load: &Load) -> (Instant, tempfile::TempDir) {
    const BATCH: usize = 256;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let database = Database::builder(dir.path()).open().expect("an empty directory");
    let separated = || {
        let separation = KvSeparationOptions::default().compression(fjall::CompressionType::None);
        KeyspaceCreateOptions::default().with_kv_separation(Some(separation))
    };
    let bodies = database.keyspace("tx", separated).expect("a keyspace");
    let links = database.keyspace("links", KeyspaceCreateOptions::default).expect("a keyspace");
    let began = Instant::now();
    let (checked_in, checked) = sync_channel::<Vec<(TxId, &Bytes)>>(4);
    thread::scope(|scope| {
        scope.spawn(move || {
            for (number, batch) in checked.into_iter().enumerate() {
                let mut writes = database.batch();
                for (id, bytes) in batch {
                    let split = SplitTransaction::of(bytes);
                    writes.insert(&bodies, id.as_bytes(), &bytes[..]);
                    writes.insert(&links, [split.issuer, split.sequence].concat(), id.as_bytes());
                    for parent in split.parents {
                        writes.insert(&links, [parent, id.as_bytes()].concat(), []);
                    }
                }
                writes.commit().expect("the disk takes a batch");
                if number % 4 == 3 {
                    database.persist(PersistMode::SyncAll).expect("the disk syncs");
                }
            }
            database.persist(PersistMode::SyncAll).expect("the disk syncs");
        });
        for batch in load.readings.chunks(BATCH) {
            let checked: Vec<_> =
                batch.par_iter().map(|bytes| (check(load, bytes), bytes)).collect();
            checked_in.send(checked).expect("the writer lives");
        }
        drop(checked_in);
    });
    (began, dir)
}

fn check(load: &Load, bytes: &Bytes) -> TxId {
    let split = SplitTransaction::of(bytes);
    let body = digest(Domain::Body, split.body);
    let hasher = Hasher::new(Domain::Transaction).chain(split.before_nonce).chain(&body);
    let id = TxId(hasher.chain(split.nonce).finish());
    assert!(trailing_zero_bits(&id) >= genesis().params.work_bits);
    let key: &PublicKey = load.key_of(split.issuer).expect("the load's own issuers");
    let signature = Signature::new(Scheme::MlDsa44, Bytes::copy_from_slice(split.signature));
    let verdict = HostVerifier.verify(key, &body, &signature.expect("of the right length"));
    verdict.expect("the load is signed");
    id
}

/// The same bytes through a node: every one acknowledged, so every one durable.
fn pipeline(load: &Load) -> (Instant, tempfile::TempDir) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let began = runtime.block_on(async {
        let mut config = Config::default();
        config.node.data_dir = dir.path().into();
        let any = "127.0.0.1:0".parse().expect("an address");
        config.api.listen = any;
        config.p2p.listen = any;
        let seed = Seed { scheme: Scheme::MlDsa44, bytes: [9; Scheme::SEED_BYTES] };
        let node = Node::start(config, load.genesis.clone(), &seed).await.expect("a node");
        let submitter = node.submitter();
        submit_all(&submitter, &load.registrations).await;
        let began = Instant::now();
        submit_all(&submitter, &load.readings).await;
        let took = began.elapsed();
        node.shutdown().await;
        // The node's end is not part of the question.
        Instant::now().checked_sub(took).unwrap_or(began)
    });
    (began, dir)
}

async fn submit_all(submitter: &Submitter, load: &[Bytes]) {
    let submissions = stream::iter(load).then(|bytes| submitter.hand_in(bytes.clone()));
    let mut placed = pin!(
        submissions
            .map(|handed_in| handed_in.expect("the load is valid").placed())
            .buffered(IN_FLIGHT)
    );
    while let Some(outcome) = placed.next().await {
        outcome.expect("the load is valid");
    }
}
