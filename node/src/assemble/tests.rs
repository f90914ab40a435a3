//! A node whose disk fails.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use serde_json::Value;
use weft_core::{
    address::Address,
    codec::Encode as _,
    digest::{BodyId, KeyId, StreamId, TxId},
    keys::{HostKey, PublicKey, Sign as _},
    machine::{Batch, LogEntry, Reads, Table},
    params::Params,
    time::Time,
    tx::{Body, CommitRef, ContentType, Data, Payload, Seal, SealedBody, StreamName},
    units::{Position, Sequence},
};
use weft_storage::{MemoryStore, Stats, StoreError, Totals};

use super::*;

/// A store in memory whose next write fails when told to, and everything after it.
#[derive(Default)]
struct Failing {
    store: MemoryStore,
    full: AtomicBool,
    failed: AtomicBool,
}

impl Reads for Failing {
    fn entry(&self, id: &TxId) -> Option<LogEntry> {
        self.store.entry(id)
    }
    fn sealed_body(&self, id: &BodyId) -> Option<Bytes> {
        self.store.sealed_body(id)
    }
    fn key(&self, id: &KeyId) -> Option<PublicKey> {
        self.store.key(id)
    }
    fn log(&self, from: Position, limit: usize) -> Vec<LogEntry> {
        self.store.log(from, limit)
    }
    fn newest(&self, limit: usize) -> Vec<LogEntry> {
        self.store.newest(limit)
    }
    fn addresses(&self) -> Vec<PeerAddress> {
        self.store.addresses()
    }
    fn record(&self, table: Table, key: &[u8]) -> Option<Bytes> {
        self.store.record(table, key)
    }
    fn records(&self, table: Table, from: &[u8], limit: usize) -> Vec<(Vec<u8>, Bytes)> {
        self.store.records(table, from, limit)
    }
}

impl Store for Failing {
    fn commit(&self, batch: &Batch, durable: bool) -> Result<(), StoreError> {
        self.failed.fetch_or(self.full.load(Ordering::Relaxed), Ordering::Relaxed);
        self.health()?;
        self.store.commit(batch, durable)
    }
    fn health(&self) -> Result<(), StoreError> {
        if self.failed.load(Ordering::Relaxed) {
            return Err(StoreError::Stopped { cause: "no space left on device".into() });
        }
        Ok(())
    }
    fn totals(&self) -> Totals {
        self.store.totals()
    }
    fn readings(&self, stream: &StreamId, after: Option<Position>, limit: usize) -> Vec<LogEntry> {
        self.store.readings(stream, after, limit)
    }
    fn attachments(&self, body: &BodyId) -> Vec<TxId> {
        self.store.attachments(body)
    }
    fn highest_sequence(&self, issuer: &Address) -> Option<Sequence> {
        self.store.highest_sequence(issuer)
    }
    fn transaction(&self, id: &TxId) -> Option<Bytes> {
        self.store.transaction(id)
    }
    fn stats(&self) -> Stats {
        self.store.stats()
    }
}

fn genesis() -> Genesis {
    Genesis::without_finality("test", Params { work_bits: 0, ..Params::dev() })
}

fn registration(seed: u8) -> SealedBody {
    let key = HostKey::from_seed(Scheme::MlDsa44, &[seed; 32]).unwrap();
    let body = Body {
        network: genesis().network(),
        issuer: Address::of(key.public_key().id()),
        signer: None,
        sequence: Sequence(0),
        time: Time::ZERO,
        expires: Time::ZERO,
        beacon: CommitRef::NONE,
        payload: Payload::Data(Data {
            stream: StreamName::parse("s").unwrap(),
            content_type: ContentType::TEXT,
            bytes: Bytes::new(),
        }),
    };
    let seal = Seal::new(&body, &key).unwrap();
    SealedBody { body, seal }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_store_stops_the_node_for_good_and_it_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.node.data_dir = dir.path().into();
    config.api.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.p2p.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let seed = Seed { scheme: Scheme::MlDsa44, bytes: [1; 32] };
    let mut parts = Parts::gather(config, genesis(), &seed).await.unwrap();
    let store = Arc::new(Failing::default());
    parts.store = store.clone();
    let url = format!("http://{}", parts.api);
    let (stop, stopping) = Stopper::new();
    let (told, mut cause) = watch::channel(None);
    let (supervisor, _) = parts.run(Clock::start(), stopping, told).await.unwrap();

    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = async |seed| {
        let body = registration(seed).to_bytes();
        http.post(format!("{url}/v1/bodies")).body(body).send().await.unwrap().status()
    };
    assert_eq!(post(1).await, 201);
    store.full.store(true, Ordering::Relaxed);
    assert_eq!(post(2).await, 503, "never acknowledged");
    let cause = cause.wait_for(Option::is_some).await.unwrap().clone();
    assert!(matches!(cause, Some(StopCause::Store { .. })), "{cause:?}");
    // The API stays, to say why.
    let ready = http.get(format!("{url}/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    let ready: Value = ready.json().await.unwrap();
    for (name, check) in [("store", 0), ("machine", 1)] {
        assert_eq!(ready["checks"][check]["name"], name);
        assert_eq!(ready["checks"][check]["ok"], false);
        let detail = ready["checks"][check]["detail"].as_str().unwrap();
        assert!(detail.contains("no space left on device"), "{detail}");
    }
    assert_eq!(post(3).await, 503);
    stop.stop();
    supervisor.await.unwrap();
    assert!(http.get(format!("{url}/healthz")).send().await.is_err(), "then it is gone");
}

#[tokio::test]
async fn a_panic_is_told_with_its_words_unless_the_store_failed() {
    let store = Arc::new(Failing::default());
    let trips = |store: &Arc<Failing>| {
        spawn("test", store.clone(), || panic!("at the {}", "disco")).unwrap()
    };
    let expected = StopCause::Panic { thread: "test", message: "at the disco".into() };
    assert_eq!(trips(&store).await, Ok(Err(expected)));
    store.failed.store(true, Ordering::Relaxed);
    let Ok(Err(StopCause::Store { cause })) = trips(&store).await else { panic!("not the store") };
    assert!(cause.contains("no space left on device"), "{cause}");
}
