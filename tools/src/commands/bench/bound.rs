//! The bound: what the same bytes cost with bare libraries and nothing between them, by stage.
//!
//! CPU time of this process, on one core after the other: what waits or runs elsewhere does not
//! count. The store is a bare fjall that is given what any node has to keep of a transaction, its
//! bytes, a place for its issuer and sequence, and a link from each parent. It is the middle one of
//! three: when a database merges is its own affair, and one alone tells 6 us or 20.

use std::{collections::HashMap, path::Path, time::Duration};

use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode};
use rustix::time::{ClockId, clock_gettime};
use weft_core::{
    codec::Decode as _,
    digest::{Domain, Hasher, KeyId, TxId, digest},
    keys::{HostVerifier, PublicKey, Scheme, Signature, Verify as _},
    pow::trailing_zero_bits,
    tx::{Attachment, Transaction},
};

use super::report::median;
use crate::failure::Failure;

/// Stores that are measured, an odd number.
const STORES: usize = 3;

/// Transactions written in one batch, and in how many batches one is synced.
const BATCH: usize = 256;
const SYNC_EVERY: usize = 4;

/// What is done with a transaction, in that order.
pub(super) const STAGES: [&str; 5] = ["parse", "hash", "work", "verify", "store"];

/// Microseconds of CPU per transaction, by stage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Split(pub(super) [f64; STAGES.len()]);

impl Split {
    /// All stages together.
    pub(super) fn sum(&self) -> f64 {
        self.0.iter().sum()
    }
}

/// Measures all stages on `readings`, signed by `keys` and with so much work; the stores in new
/// folders in `dir`.
pub(super) fn measure(
    readings: &[Bytes],
    keys: &HashMap<KeyId, PublicKey>,
    work_bits: u8,
    dir: &Path,
) -> Result<Split, Failure> {
    let stores = (0..STORES)
        .map(|number| Bare::open(&dir.join(number.to_string()))?.store(readings))
        .collect::<Result<Vec<f64>, _>>()?;
    measure_with(median(stores), readings, keys, work_bits)
}

/// The same where what the store took is known, in microseconds.
pub(super) fn measure_with(
    store: f64,
    readings: &[Bytes],
    keys: &HashMap<KeyId, PublicKey>,
    work_bits: u8,
) -> Result<Split, Failure> {
    let count = readings.len();
    let parse = cpu(count, || {
        readings.iter().try_for_each(|bytes| Transaction::from_bytes(bytes).map(drop))
    })
    .map_err(Failure::failed)?;
    let pieces: Vec<Pieces<'_>> = readings.iter().map(Pieces::of).collect();
    let mut ids = Vec::with_capacity(count);
    let hash = cpu(count, || {
        ids.extend(pieces.iter().map(Pieces::ids));
        Ok::<(), Failure>(())
    })?;
    let work = cpu(count, || {
        let all = ids.iter().all(|(_, id)| trailing_zero_bits(id) >= work_bits);
        all.then_some(()).ok_or_else(|| Failure::failed("the readings lack work"))
    })?;
    let verify = cpu(count, || {
        let mut both = pieces.iter().zip(&ids);
        both.try_for_each(|(pieces, (body, _))| pieces.verify(keys, body))
    })?;
    Ok(Split([parse, hash, work, verify, store]))
}

/// The microseconds of CPU that each of `count` took of `work`.
fn cpu<E>(count: usize, work: impl FnOnce() -> Result<(), E>) -> Result<f64, E> {
    let before = cpu_time();
    work()?;
    let took = cpu_time().saturating_sub(before);
    Ok(took.as_secs_f64() * 1e6 / count as f64)
}

/// CPU time of this process, all its threads together.
pub(super) fn cpu_time() -> Duration {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let whole = Duration::from_secs(u64::try_from(used.tv_sec).unwrap_or(0));
    whole + Duration::from_nanos(u64::try_from(used.tv_nsec).unwrap_or(0))
}

/// A bare fjall that holds what any node has to keep of the transactions it was given.
pub(super) struct Bare {
    database: Database,
    bodies: Keyspace,
    links: Keyspace,
}

impl Bare {
    /// A new one in `dir`.
    pub(super) fn open(dir: &Path) -> Result<Self, Failure> {
        Self::try_open(dir).map_err(Failure::failed)
    }

    fn try_open(dir: &Path) -> fjall::Result<Self> {
        // One worker, as a node has (docs/decisions/0005-store.md).
        let database = Database::builder(dir).worker_threads(1).open()?;
        let separated = || {
            let separation =
                KvSeparationOptions::default().compression(fjall::CompressionType::None);
            KeyspaceCreateOptions::default().with_kv_separation(Some(separation))
        };
        let bodies = database.keyspace("tx", separated)?;
        let links = database.keyspace("links", KeyspaceCreateOptions::default)?;
        Ok(Self { database, bodies, links })
    }

    /// Stores `readings`; the microseconds of CPU that each took.
    pub(super) fn store(&self, readings: &[Bytes]) -> Result<f64, Failure> {
        let pieces: Vec<Pieces<'_>> = readings.iter().map(Pieces::of).collect();
        let ids: Vec<TxId> = pieces.iter().map(|pieces| pieces.ids().1).collect();
        cpu(readings.len(), || self.try_store(&pieces, &ids)).map_err(Failure::failed)
    }

    fn try_store(&self, pieces: &[Pieces<'_>], ids: &[TxId]) -> fjall::Result<()> {
        for (number, (pieces, ids)) in pieces.chunks(BATCH).zip(ids.chunks(BATCH)).enumerate() {
            let mut writes = self.database.batch();
            for (pieces, id) in pieces.iter().zip(ids) {
                writes.insert(&self.bodies, id.as_bytes(), pieces.all);
                let place = [pieces.issuer, pieces.sequence].concat();
                writes.insert(&self.links, place, id.as_bytes());
                for parent in pieces.parents {
                    writes.insert(&self.links, [parent, id.as_bytes()].concat(), []);
                }
            }
            writes.commit()?;
            if number % SYNC_EVERY == SYNC_EVERY - 1 {
                self.database.persist(PersistMode::SyncAll)?;
            }
        }
        self.database.persist(PersistMode::SyncAll)
    }
}

/// The fields of a reading under an issuer's first key, cut at the offsets of docs/PROTOCOL.md
/// section 2 and not decoded.
struct Pieces<'a> {
    all: &'a [u8],
    parents: [&'a [u8]; 2],
    before_nonce: &'a [u8],
    nonce: &'a [u8],
    body: &'a [u8],
    issuer: &'a [u8],
    sequence: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Pieces<'a> {
    /// # Panics
    /// On bytes that are shorter than any transaction, which this command does not make.
    fn of(bytes: &'a Bytes) -> Self {
        let (attachment, sealed) = bytes.split_at(Attachment::BYTES);
        let (before_nonce, nonce) = attachment.split_at(96);
        let (first, second) = before_nonce.split_at(32);
        let seal = 1 + Scheme::MlDsa44.signature_bytes();
        let (body, seal) = sealed.split_at(sealed.len() - seal);
        Self {
            all: bytes,
            parents: [first, second.split_at(32).0],
            before_nonce,
            nonce,
            body,
            issuer: body.split_at(5).1.split_at(32).0,
            sequence: body.split_at(38).1.split_at(8).0,
            signature: seal.split_at(1).1,
        }
    }

    /// The ids of its body and of itself.
    fn ids(&self) -> ([u8; 32], TxId) {
        let body = digest(Domain::Body, self.body);
        let hasher = Hasher::new(Domain::Transaction).chain(self.before_nonce).chain(&body);
        (body, TxId(hasher.chain(self.nonce).finish()))
    }

    fn verify(&self, keys: &HashMap<KeyId, PublicKey>, body: &[u8; 32]) -> Result<(), Failure> {
        let signature = Bytes::copy_from_slice(self.signature);
        let signature = Signature::new(Scheme::MlDsa44, signature).map_err(Failure::failed)?;
        let key = self.issuer.try_into().ok().and_then(|id| keys.get(&KeyId(id)));
        let key: &PublicKey =
            key.ok_or_else(|| Failure::failed("the readings have another issuer"))?;
        HostVerifier.verify(key, body, &signature).map_err(Failure::failed)
    }
}
