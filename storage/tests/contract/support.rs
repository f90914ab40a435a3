//! Transactions to store, and a naive model of what a store holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, LazyLock},
};

use bytes::Bytes;
use weft_core::{
    address::Address,
    admit::{Rules, Verified, admit},
    codec::Encode as _,
    digest::{BodyId, NodeId, StreamId, TxId},
    genesis::Genesis,
    keys::{DeviceKey, DeviceVerifier, PublicKey, Scheme, Sign as _},
    machine::{Attached, Batch, LogEntry, Table},
    message::PeerAddress,
    params::Params,
    pow::Search,
    time::Time,
    tx::{Attachment, Body, CommitRef, ContentType, Data, Payload, Seal, SealedBody, StreamName},
    units::{Position, Sequence},
};
use weft_storage::{ATTACHMENTS_LISTED_MAX, Store};

/// Keys of records in each table are a byte below this.
pub(crate) const RECORD_KEYS: u8 = 4;
pub(crate) const ISSUERS: usize = 4;
pub(crate) const STREAMS: [&str; 3] = ["cold", "warm", "hot"];

static GENESIS: LazyLock<Genesis> =
    LazyLock::new(|| Genesis::without_finality("store", Params { work_bits: 0, ..Params::dev() }));

static KEYS: LazyLock<Vec<DeviceKey>> = LazyLock::new(|| {
    let key = |issuer| DeviceKey::from_seed(Scheme::MlDsa44, &[issuer; 32]).unwrap();
    (1..=ISSUERS as u8).map(key).collect()
});

pub(crate) fn key(issuer: usize) -> PublicKey {
    KEYS[issuer].public_key().clone()
}

pub(crate) fn address(issuer: usize) -> Address {
    Address::of(key(issuer).id())
}

pub(crate) fn stream(name: &str) -> StreamId {
    StreamName::parse(name).unwrap().id()
}

/// A reading, sealed by its device.
pub(crate) fn reading(issuer: usize, sequence: u64, stream: &str, content: Vec<u8>) -> SealedBody {
    let body = Body {
        network: GENESIS.network(),
        issuer: address(issuer),
        signer: None,
        sequence: Sequence(sequence),
        time: Time::ZERO,
        expires: Time::ZERO,
        beacon: CommitRef::NONE,
        payload: Payload::Data(Data {
            stream: StreamName::parse(stream).unwrap(),
            content_type: ContentType::RAW,
            bytes: Bytes::from(content),
        }),
    };
    let seal = Seal::new(&body, &KEYS[issuer]).unwrap();
    SealedBody { body, seal }
}

/// The reading hung below `parents`; another `turn` gives another attachment.
pub(crate) fn attach(sealed: SealedBody, parents: [TxId; 2], turn: u64) -> Arc<Verified> {
    let rules = Rules::new(&GENESIS);
    let issuer = sealed.body.issuer;
    let mut tx = sealed.attach(Attachment::new(parents, GENESIS.commit()));
    let prefix = tx.attachment.work_prefix(&tx.body_id());
    let mut search = Search::new(&prefix, rules.work_bits(&tx), turn);
    tx.attachment.nonce = search.step(1 << 20).unwrap();
    let known = |_| (0..ISSUERS).map(key).find(|key| Address::of(key.id()) == issuer);
    Arc::new(admit(tx.to_bytes().into(), &rules, known, &DeviceVerifier).unwrap().unwrap())
}

/// The first `count` transactions of a small world: readings of all issuers in all streams, every
/// sixth a further attachment of an earlier body and every twelfth one more of the same, every
/// eighth body an equivocation.
pub(crate) fn world(count: usize) -> Vec<Arc<Verified>> {
    let mut world: Vec<Arc<Verified>> = Vec::new();
    let mut sequences = [0_u64; ISSUERS];
    for n in 0..count {
        let parent = |back: usize| n.checked_sub(back).map_or(TxId::ZERO, |n| world[n].id());
        let parents = [parent(1), parent(2)];
        let again = match n % 12 {
            5 | 11 => n - 2,
            10 if n > 12 => n - 7,
            _ => n,
        };
        let tx = if let Some(again) = world.get(again) {
            attach(sealed(again), parents, n as u64)
        } else {
            let issuer = n % ISSUERS;
            let sequence = sequences[issuer];
            sequences[issuer] += u64::from(n % 8 != 1);
            let content = format!("reading {n}").into_bytes();
            attach(reading(issuer, sequence, STREAMS[n % STREAMS.len()], content), parents, 0)
        };
        world.push(tx);
    }
    world
}

fn sealed(tx: &Verified) -> SealedBody {
    let tx = tx.transaction();
    SealedBody { body: tx.body.clone(), seal: tx.seal.clone() }
}

/// Few bodies, each of them hung in many places: one after another, in turns.
pub(crate) fn tangle() -> &'static [Arc<Verified>] {
    static TANGLE: LazyLock<Vec<Arc<Verified>>> = LazyLock::new(|| {
        let body = |n: usize| reading(n % 2, n as u64 / 3, STREAMS[n % 2], vec![n as u8; n * 300]);
        let bodies: Vec<SealedBody> = (0..8).map(body).collect();
        let hung =
            |turn| bodies.iter().map(move |body| attach(body.clone(), [TxId::ZERO; 2], turn));
        (0..8).flat_map(hung).collect()
    });
    &TANGLE
}

/// [`world`], made once.
pub(crate) fn small_world() -> &'static [Arc<Verified>] {
    static WORLD: LazyLock<Vec<Arc<Verified>>> = LazyLock::new(|| world(120));
    &WORLD
}

pub(crate) fn peers(count: u8) -> Vec<PeerAddress> {
    let peer = |n: u8| PeerAddress {
        id: NodeId([n; 32]),
        address: SocketAddr::from(([10, 0, 0, n], 7_000 + u16::from(n))),
    };
    (0..count).map(peer).collect()
}

/// What a store should hold, as one list.
#[derive(Clone, Default)]
pub(crate) struct Model {
    /// All that ever came.
    pub(crate) log: Vec<Attached>,
    /// So many of them left.
    pub(crate) floor: usize,
    pub(crate) keys: Vec<PublicKey>,
    pub(crate) addresses: Vec<PeerAddress>,
    pub(crate) records: BTreeMap<(Table, Vec<u8>), Bytes>,
}

/// Neighbours on disk, so that a range that runs over its end is seen.
pub(crate) const TABLES: [Table; 3] = [Table::Commit, Table::Leaves, Table::Ordered];

impl Model {
    /// The batch that attaches `txs` next.
    pub(crate) fn batch(&self, txs: &[Arc<Verified>]) -> Batch {
        let mut bodies: BTreeSet<BodyId> = self.kept().iter().map(|a| a.tx.body_id()).collect();
        let positions = self.log.len() as u64..;
        let attached = positions.zip(txs).map(|(position, tx)| Attached {
            position: Position(position),
            first_of_body: bodies.insert(tx.body_id()),
            is_own: position % 3 == 0,
            tx: Arc::clone(tx),
        });
        Batch { attached: attached.collect(), ..Batch::default() }
    }

    pub(crate) fn apply(&mut self, batch: &Batch) {
        self.log.extend(batch.attached.iter().cloned());
        self.floor = batch.drop_below.map_or(self.floor, |below| self.floor.max(below.0 as usize));
        self.keys.extend(batch.keys.iter().cloned());
        if let Some(addresses) = &batch.addresses {
            self.addresses.clone_from(addresses);
        }
        for (table, key, value) in batch.records.iter() {
            match value {
                Some(value) => self.records.insert((table, key.to_vec()), value.clone()),
                None => self.records.remove(&(table, key.to_vec())),
            };
        }
    }

    pub(crate) fn next(&self) -> Position {
        Position(self.log.len() as u64)
    }

    /// The position below which so many in 255 of what is there lie.
    pub(crate) fn dropping(&self, part: u8) -> Position {
        let there = self.log.len() - self.floor;
        Position((self.floor + there * usize::from(part) / 255) as u64)
    }

    fn kept(&self) -> &[Attached] {
        &self.log[self.floor..]
    }

    pub(crate) fn entries(&self) -> Vec<LogEntry> {
        self.kept().iter().map(entry).collect()
    }

    /// Of each body the lowest attachment.
    fn bodies(&self) -> impl Iterator<Item = &Attached> {
        let mut seen = BTreeSet::new();
        self.kept().iter().filter(move |attached| seen.insert(attached.tx.body_id()))
    }

    fn readings(&self, id: StreamId) -> Vec<LogEntry> {
        let of_stream = |attached: &&Attached| {
            let reading = attached.tx.transaction().body.payload.reading();
            reading.is_some_and(|data| data.stream.id() == id)
        };
        self.bodies().filter(of_stream).map(entry).collect()
    }

    /// Asks `store` everything about all of the small world, there or not.
    pub(crate) fn check(&self, store: &dyn Store) {
        self.check_of(store, small_world());
    }

    pub(crate) fn check_of(&self, store: &dyn Store, world: &[Arc<Verified>]) {
        store.health().unwrap();
        let entries = self.entries();
        assert_eq!(store.next_position(), self.next());
        assert_eq!(store.log(Position::ZERO, usize::MAX), entries);
        let down: Vec<LogEntry> = entries.iter().rev().copied().collect();
        assert_eq!(store.newest(usize::MAX), down);

        let here: BTreeMap<TxId, LogEntry> = entries.iter().map(|e| (e.id, *e)).collect();
        let bodies: BTreeMap<BodyId, &Attached> =
            self.bodies().map(|attached| (attached.tx.body_id(), attached)).collect();
        for tx in world {
            let (id, body) = (tx.id(), tx.body_id());
            assert_eq!(store.entry(&id), here.get(&id).copied());
            assert_eq!(store.transaction(&id), here.get(&id).map(|_| tx.bytes().clone()));
            let first = bodies.get(&body);
            assert_eq!(store.sealed_body(&body), first.map(|first| first.tx.sealed_body()));
            let hanging = entries.iter().filter(|entry| entry.body == body).map(|entry| entry.id);
            let hanging: Vec<TxId> = hanging.take(ATTACHMENTS_LISTED_MAX).collect();
            assert_eq!(store.attachments(&body), hanging);
        }
        for name in STREAMS.iter().chain(&["none"]) {
            let id = stream(name);
            assert_eq!(store.readings(&id, None, usize::MAX), self.readings(id));
        }
        for issuer in 0..ISSUERS {
            let (key, address) = (key(issuer), address(issuer));
            let bodies = self.bodies().map(|attached| &attached.tx.transaction().body);
            let own = bodies.filter(|body| body.issuer == address);
            assert_eq!(store.highest_sequence(&address), own.map(|body| body.sequence).max());
            let known = self.keys.contains(&key).then_some(key.clone());
            assert_eq!(store.key(&key.id()), known);
        }
        assert_eq!(store.addresses(), self.addresses);
        for table in TABLES {
            let of_table = self.records.iter().filter(|((other, _), _)| *other == table);
            let all: Vec<(Vec<u8>, Bytes)> =
                of_table.map(|((_, key), value)| (key.clone(), value.clone())).collect();
            assert_eq!(store.records(table, &[], usize::MAX), all);
            let above = all.iter().filter(|(key, _)| *key >= vec![1]).take(2).cloned();
            assert_eq!(store.records(table, &[1], 2), above.collect::<Vec<_>>());
            for byte in 0..RECORD_KEYS {
                let here = self.records.get(&(table, vec![byte]));
                assert_eq!(store.record(table, &[byte]).as_ref(), here);
            }
        }
    }
}

fn entry(attached: &Attached) -> LogEntry {
    let tx = &attached.tx;
    LogEntry {
        position: attached.position,
        id: tx.id(),
        attachment: tx.transaction().attachment,
        body: tx.body_id(),
        bytes: tx.bytes().len() as u32,
        is_own: attached.is_own,
    }
}
