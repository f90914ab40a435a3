//! A store in memory, for simulations and tests: the same contract, and a crash on demand.
//!
//! Invariant: what [`MemoryStore::crash`] leaves is what the disk could leave: all up to the last
//! durable commit, and of the batches after it the first few.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
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
    /// What is still there.
    log: VecDeque<Attachment>,
    positions: BTreeMap<TxId, Position>,
    bodies: BTreeMap<BodyId, Hanging>,
    readings: BTreeSet<(StreamId, Position)>,
    issued: BTreeSet<(Address, Sequence, Position)>,
    keys: BTreeMap<KeyId, PublicKey>,
    addresses: Vec<PeerAddress>,
    records: BTreeMap<(Table, Vec<u8>), Bytes>,
    /// Of all that ever came.
    totals: Totals,
    /// How to take back each batch after the last durable commit, oldest first.
    buffered: Vec<Undo>,
}

#[derive(Debug)]
struct Attachment {
    entry: LogEntry,
    tx: Arc<Verified>,
}

/// A body, and where it hangs: never nowhere. It is listed where it hangs first.
#[derive(Debug)]
struct Hanging {
    sealed: Bytes,
    at: VecDeque<Position>,
}

#[derive(Debug, Default)]
struct Undo {
    next: Position,
    dropped: Vec<Dropped>,
    keys: Vec<KeyId>,
    addresses: Option<Vec<PeerAddress>>,
    records: Vec<Before>,
}

/// What left, and the body that left with it if it was the last that hung there.
#[derive(Debug)]
struct Dropped {
    attachment: Attachment,
    sealed: Bytes,
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
        let mut undo = Undo { next: self.next(), ..Undo::default() };
        for attached in &batch.attached {
            self.attach(attached);
        }
        if let Some(below) = batch.drop_below {
            let next = undo.next;
            assert!(below <= next, "all below {below} shall leave, but the log ends at {next}");
            undo.dropped = self.drop_below(below);
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
        let Attached { position, first_of_body, tx, .. } = attached;
        let (id, body) = (tx.id(), tx.body_id());
        assert_eq!(*position, self.next(), "positions are without a gap");
        let known = self.bodies.contains_key(&body);
        assert!(*first_of_body || known, "the body {body} is unknown");
        assert!(!first_of_body || !known, "body {body} is there already");
        let before = self.positions.insert(id, *position);
        assert!(before.is_none(), "transaction {id} is attached already");
        if *first_of_body {
            self.list(tx, *position);
        }
        let hanging = self.bodies.entry(body);
        hanging.or_insert_with(|| Hanging::new(tx.sealed_body())).at.push_back(*position);
        self.totals = self.totals.with(tx);
        let entry = LogEntry::of(attached);
        self.log.push_back(Attachment { entry, tx: Arc::clone(tx) });
    }

    /// Takes the newest attachment back.
    fn detach(&mut self) {
        let Some(Attachment { entry, tx }) = self.log.pop_back() else { return };
        self.positions.remove(&entry.id);
        let hanging = self.hanging(&entry.body);
        hanging.at.pop_back();
        if hanging.at.is_empty() {
            self.bodies.remove(&entry.body);
            self.unlist(&tx, entry.position);
        }
        self.totals = self.totals.without(&tx);
    }

    /// Lets all below `below` go, lowest first.
    fn drop_below(&mut self, below: Position) -> Vec<Dropped> {
        let mut dropped = Vec::new();
        while self.floor() < below {
            let Some(attachment) = self.log.pop_front() else { break };
            let Attachment { entry, tx } = &attachment;
            self.positions.remove(&entry.id);
            self.unlist(tx, entry.position);
            let hanging = self.hanging(&entry.body);
            let sealed = hanging.sealed.clone();
            hanging.at.pop_front();
            match hanging.at.front().copied() {
                Some(first) => self.list(tx, first),
                None => drop(self.bodies.remove(&entry.body)),
            }
            dropped.push(Dropped { attachment, sealed });
        }
        dropped
    }

    /// Takes back what [`Self::drop_below`] let go last.
    fn put_back(&mut self, dropped: Dropped) {
        let Dropped { attachment, sealed } = dropped;
        let Attachment { entry, tx } = &attachment;
        let hanging = self.bodies.entry(entry.body).or_insert_with(|| Hanging::new(sealed));
        let first = hanging.at.front().copied();
        hanging.at.push_front(entry.position);
        if let Some(first) = first {
            self.unlist(tx, first);
        }
        self.list(tx, entry.position);
        self.positions.insert(entry.id, entry.position);
        self.log.push_front(attachment);
    }

    fn take_back(&mut self, undo: Undo) {
        for dropped in undo.dropped.into_iter().rev() {
            self.put_back(dropped);
        }
        while self.next() > undo.next {
            self.detach();
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

    fn list(&mut self, tx: &Verified, position: Position) {
        self.readings.extend(stream(tx).map(|stream| (stream, position)));
        self.issued.insert(issued(tx, position));
    }

    fn unlist(&mut self, tx: &Verified, position: Position) {
        if let Some(stream) = stream(tx) {
            self.readings.remove(&(stream, position));
        }
        self.issued.remove(&issued(tx, position));
    }

    fn hanging(&mut self, body: &BodyId) -> &mut Hanging {
        self.bodies.get_mut(body).expect("a body is there as long as an attachment of it")
    }

    fn next(&self) -> Position {
        Position(self.totals.transactions())
    }

    /// Where the log starts.
    fn floor(&self) -> Position {
        Position(self.totals.transactions() - self.log.len() as u64)
    }

    fn entry(&self, id: &TxId) -> Option<LogEntry> {
        self.at(*self.positions.get(id)?)
    }

    fn at(&self, position: Position) -> Option<LogEntry> {
        let index = position.0.checked_sub(self.floor().0)?;
        self.log.get(usize::try_from(index).ok()?).map(|attachment| attachment.entry)
    }
}

impl Hanging {
    const fn new(sealed: Bytes) -> Self {
        Self { sealed, at: VecDeque::new() }
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
        self.contents().bodies.get(id).map(|hanging| hanging.sealed.clone())
    }

    fn key(&self, id: &KeyId) -> Option<PublicKey> {
        self.contents().keys.get(id).cloned()
    }

    fn log(&self, from: Position, limit: usize) -> Vec<LogEntry> {
        let contents = self.contents();
        let left_out = from.0.saturating_sub(contents.floor().0);
        let left_out = usize::try_from(left_out).unwrap_or(usize::MAX);
        contents.log.iter().skip(left_out).take(limit).map(|found| found.entry).collect()
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
        let Some(hanging) = contents.bodies.get(body) else { return Vec::new() };
        let positions = hanging.at.iter().take(ATTACHMENTS_LISTED_MAX);
        positions.filter_map(|position| Some(contents.at(*position)?.id)).collect()
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
        bytes.extend_from_slice(&contents.bodies.get(&entry.body)?.sealed);
        Some(bytes.into())
    }

    fn stats(&self) -> Stats {
        Stats::default()
    }
}
