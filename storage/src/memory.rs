//! A store in memory, for simulations and tests: the same contract, and a crash on demand.
//!
//! Invariant: what [`MemoryStore::crash`] leaves is what the disk could leave: all up to the last
//! durable commit, and of the batches after it the first few.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use weft_core::{
    address::Address,
    admit::Verified,
    codec::Encode as _,
    digest::{BodyId, KeyId, StreamId, TxId},
    keys::PublicKey,
    machine::{Attached, Batch, LogEntry, Reads, Table},
    message::PeerAddress,
    units::{Position, Sequence},
};

use crate::{ATTACHMENTS_LISTED_MAX, Stats, Store, StoreError, Totals};

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Contents>);

#[derive(Debug, Default)]
struct Contents {
    log: Vec<Attachment>,
    positions: BTreeMap<TxId, Position>,
    bodies: BTreeMap<BodyId, Bytes>,
    hanging: BTreeMap<BodyId, Vec<TxId>>,
    readings: BTreeSet<(StreamId, Position)>,
    issued: BTreeSet<(Address, Sequence, Position)>,
    keys: BTreeMap<KeyId, PublicKey>,
    addresses: Vec<PeerAddress>,
    records: BTreeMap<(Table, Vec<u8>), Bytes>,
    totals: Totals,
    /// How to take back each batch after the last durable commit, oldest first.
    buffered: Vec<Undo>,
}

#[derive(Debug)]
struct Attachment {
    entry: LogEntry,
    first_of_body: bool,
    tx: Arc<Verified>,
}

#[derive(Debug, Default)]
struct Undo {
    log_len: usize,
    keys: Vec<KeyId>,
    addresses: Option<Vec<PeerAddress>>,
    records: Vec<Before>,
}

/// What a record was before a batch.
#[derive(Debug)]
struct Before {
    key: (Table, Vec<u8>),
    value: Option<Bytes>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many batches came after the last durable commit.
    pub fn buffered(&self) -> usize {
        self.contents().buffered.len()
    }

    /// The machine loses power: of the batches after the last durable commit only the first `kept`
    /// stay. Everything that stays is durable from now on.
    pub fn crash(&self, kept: usize) {
        let mut contents = self.contents();
        let lost: Vec<Undo> = contents.buffered.drain(..).skip(kept).collect();
        for undo in lost.into_iter().rev() {
            contents.take_back(undo);
        }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().expect("a thread that panicked while it wrote has failed the run already")
    }
}

impl Contents {
    fn write(&mut self, batch: &Batch) {
        let mut undo = Undo { log_len: self.log.len(), ..Undo::default() };
        for attached in &batch.attached {
            self.attach(attached);
        }
        for key in &batch.keys {
            if self.keys.insert(key.id(), key.clone()).is_none() {
                undo.keys.push(key.id());
            }
        }
        if let Some(addresses) = &batch.addresses {
            undo.addresses = Some(std::mem::replace(&mut self.addresses, addresses.clone()));
        }
        for (table, key, value) in batch.records.iter() {
            let key = (table, key.to_vec());
            let value = self.set(key.clone(), value.cloned());
            undo.records.push(Before { key, value });
        }
        self.buffered.push(undo);
    }

    /// Sets or removes a record; returns what was there.
    fn set(&mut self, key: (Table, Vec<u8>), value: Option<Bytes>) -> Option<Bytes> {
        match value {
            Some(value) => self.records.insert(key, value),
            None => self.records.remove(&key),
        }
    }

    fn attach(&mut self, attached: &Attached) {
        let Attached { position, first_of_body, tx } = attached;
        let (id, body) = (tx.id(), tx.body_id());
        assert_eq!(position.0, self.log.len() as u64, "positions are without a gap");
        assert!(*first_of_body || self.bodies.contains_key(&body), "the body {body} is unknown");
        let before = self.positions.insert(id, *position);
        assert!(before.is_none(), "transaction {id} is attached already");
        if *first_of_body {
            let before = self.bodies.insert(body, tx.sealed_body());
            assert!(before.is_none(), "body {body} is there already");
            self.readings.extend(stream(tx).map(|stream| (stream, *position)));
            self.issued.insert(issued(tx, *position));
        }
        self.hanging.entry(body).or_default().push(id);
        self.totals = self.totals.with(tx);
        let entry = LogEntry {
            position: *position,
            id,
            attachment: tx.transaction().attachment,
            body,
            bytes: u32::try_from(tx.bytes().len()).expect("a transaction is below 4 GiB"),
        };
        self.log.push(Attachment { entry, first_of_body: *first_of_body, tx: Arc::clone(tx) });
    }

    fn take_back(&mut self, undo: Undo) {
        while self.log.len() > undo.log_len {
            let Some(last) = self.log.pop() else { break };
            self.detach(&last);
        }
        for key in undo.keys {
            self.keys.remove(&key);
        }
        if let Some(addresses) = undo.addresses {
            self.addresses = addresses;
        }
        for Before { key, value } in undo.records {
            self.set(key, value);
        }
    }

    fn detach(&mut self, last: &Attachment) {
        let Attachment { entry: LogEntry { position, id, body, .. }, first_of_body, tx } = last;
        self.positions.remove(id);
        if *first_of_body {
            self.bodies.remove(body);
            self.hanging.remove(body);
            if let Some(stream) = stream(tx) {
                self.readings.remove(&(stream, *position));
            }
            self.issued.remove(&issued(tx, *position));
        } else if let Some(ids) = self.hanging.get_mut(body) {
            ids.pop();
        }
        self.totals = self.totals.without(tx);
    }

    fn entry(&self, id: &TxId) -> Option<LogEntry> {
        self.at(*self.positions.get(id)?)
    }

    fn at(&self, position: Position) -> Option<LogEntry> {
        let index = usize::try_from(position.0).ok()?;
        self.log.get(index).map(|attachment| attachment.entry)
    }
}

fn stream(tx: &Verified) -> Option<StreamId> {
    tx.transaction().body.payload.reading().map(|data| data.stream.id())
}

fn issued(tx: &Verified, position: Position) -> (Address, Sequence, Position) {
    let body = &tx.transaction().body;
    (body.issuer, body.sequence, position)
}

impl Reads for MemoryStore {
    fn entry(&self, id: &TxId) -> Option<LogEntry> {
        self.contents().entry(id)
    }

    fn sealed_body(&self, id: &BodyId) -> Option<Bytes> {
        self.contents().bodies.get(id).cloned()
    }

    fn key(&self, id: &KeyId) -> Option<PublicKey> {
        self.contents().keys.get(id).cloned()
    }

    fn log(&self, from: Position, limit: usize) -> Vec<LogEntry> {
        let from = usize::try_from(from.0).unwrap_or(usize::MAX);
        self.contents().log.iter().skip(from).take(limit).map(|found| found.entry).collect()
    }

    fn newest(&self, limit: usize) -> Vec<LogEntry> {
        self.contents().log.iter().rev().take(limit).map(|found| found.entry).collect()
    }

    fn addresses(&self) -> Vec<PeerAddress> {
        self.contents().addresses.clone()
    }

    fn record(&self, table: Table, key: &[u8]) -> Option<Bytes> {
        self.contents().records.get(&(table, key.to_vec())).cloned()
    }

    fn records(&self, table: Table, from: &[u8], limit: usize) -> Vec<(Vec<u8>, Bytes)> {
        let contents = self.contents();
        let found = contents.records.range((table, from.to_vec())..);
        let found = found.take_while(|((other, _), _)| *other == table).take(limit);
        found.map(|((_, key), value)| (key.clone(), value.clone())).collect()
    }
}

impl Store for MemoryStore {
    fn commit(&self, batch: &Batch, durable: bool) -> Result<(), StoreError> {
        let mut contents = self.contents();
        if !batch.is_empty() {
            contents.write(batch);
        }
        if durable {
            contents.buffered.clear();
        }
        Ok(())
    }

    fn health(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn totals(&self) -> Totals {
        self.contents().totals
    }

    fn readings(&self, stream: &StreamId, after: Option<Position>, limit: usize) -> Vec<LogEntry> {
        let contents = self.contents();
        let above = after.map_or(Bound::Included((*stream, Position::ZERO)), |position| {
            Bound::Excluded((*stream, position))
        });
        let below = Bound::Included((*stream, Position(u64::MAX)));
        let positions = contents.readings.range((above, below)).take(limit);
        positions.filter_map(|(_, position)| contents.at(*position)).collect()
    }

    fn attachments(&self, body: &BodyId) -> Vec<TxId> {
        let contents = self.contents();
        let ids = contents.hanging.get(body).map_or(&[][..], Vec::as_slice);
        ids.iter().take(ATTACHMENTS_LISTED_MAX).copied().collect()
    }

    fn highest_sequence(&self, issuer: &Address) -> Option<Sequence> {
        let contents = self.contents();
        let from = (*issuer, Sequence::ZERO, Position::ZERO);
        let to = (*issuer, Sequence(u64::MAX), Position(u64::MAX));
        contents.issued.range(from..=to).next_back().map(|(_, sequence, _)| *sequence)
    }

    fn transaction(&self, id: &TxId) -> Option<Bytes> {
        let contents = self.contents();
        let entry = contents.entry(id)?;
        let mut bytes = entry.attachment.to_bytes();
        bytes.extend_from_slice(contents.bodies.get(&entry.body)?);
        Some(bytes.into())
    }

    fn stats(&self) -> Stats {
        Stats::default()
    }
}
