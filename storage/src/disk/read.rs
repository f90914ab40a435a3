//! What is read from disk.
//!
//! Whatever takes more than one read takes a snapshot, so that a batch is seen whole or not at all.
//! A failure stops the store and reads as "nothing there" (see the crate's first page).

use std::{iter, ops::Range};

use bytes::Bytes;
use fjall::{Guard, Readable as _, Snapshot};
use weft_core::{
    address::Address,
    codec::{Decode as _, DecodeError, Encode as _, Reader},
    digest::{BodyId, KeyId, StreamId, TxId},
    keys::PublicKey,
    machine::{Batch, LogEntry, Reads, Table},
    message::PeerAddress,
    units::{Position, Sequence},
};

use super::{FjallStore, lock};
use crate::{
    ATTACHMENTS_LISTED_MAX, Stats, Store, StoreError, Totals,
    record::{self, LogRecord},
};

/// Why a read has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("a read failed: {0}")]
    Database(#[from] fjall::Error),
    #[error("a record is not what was written: {0}")]
    Record(#[from] DecodeError),
    #[error("{0} names a record that is not there")]
    Missing(&'static str),
}

type Read<T> = Result<T, ReadError>;

impl FjallStore {
    /// The answer, or none and the end of all writing.
    fn answer<T: Default>(&self, read: Read<T>) -> T {
        if self.failure.get().is_some() {
            return T::default();
        }
        read.unwrap_or_else(|error| {
            self.stop(error.to_string());
            T::default()
        })
    }

    fn try_entry(&self, at: &Snapshot, id: &TxId) -> Read<Option<LogEntry>> {
        let Some(position) = at.get(&self.records, record::transaction(id))? else {
            return Ok(None);
        };
        let position = Position::from_bytes(&position)?;
        let record = self.log_record(at, position)?.ok_or(ReadError::Missing("a transaction"))?;
        self.entries.remember(record.entry);
        Ok(Some(record.entry))
    }

    pub(super) fn log_record(&self, at: &Snapshot, position: Position) -> Read<Option<LogRecord>> {
        let key = record::log(position);
        let Some(value) = at.get(&self.records, &key)? else { return Ok(None) };
        Ok(Some(LogRecord::parse(&key, &value)?))
    }

    /// A part of the log, from either end.
    pub(super) fn log_between<'a>(
        &self,
        at: &'a Snapshot,
        part: Range<Position>,
    ) -> impl DoubleEndedIterator<Item = Read<LogRecord>> + use<'a> {
        let part = record::log(part.start)..record::log(part.end);
        at.range(&self.records, part).map(log_record)
    }

    /// The log at and above `from`, from either end.
    pub(super) fn log_from<'a>(
        &self,
        at: &'a Snapshot,
        from: Position,
    ) -> impl DoubleEndedIterator<Item = Read<LogRecord>> + use<'a> {
        self.log_between(at, from..Position(u64::MAX))
    }

    fn try_sealed_body(&self, at: &Snapshot, id: &BodyId) -> Read<Option<Bytes>> {
        let Some(value) = at.get(&self.records, record::body(id))? else { return Ok(None) };
        let (_, sealed) = record::split_placed(&value)?;
        Ok(Some(Bytes::copy_from_slice(sealed)))
    }

    /// Where the log starts. Asked before a snapshot is taken, it is never above what that has.
    fn floor(&self) -> Position {
        lock(&self.extent).floor()
    }

    fn try_readings(
        &self,
        stream: &StreamId,
        after: Option<Position>,
        limit: usize,
    ) -> Read<Vec<LogEntry>> {
        let Some(from) = after.map_or(Some(Position::ZERO), |after| after.checked_add(1)) else {
            return Ok(Vec::new());
        };
        let from = from.max(self.floor());
        let range = record::reading(stream, from)..=record::reading(stream, Position(u64::MAX));
        let at = self.database.snapshot();
        let entry = |guard: Guard| {
            let position = record::last_position(&guard.key()?)?;
            let found = self.log_record(&at, position)?;
            Ok(found.ok_or(ReadError::Missing("a stream"))?.entry)
        };
        at.range(&self.records, range).take(limit).map(entry).collect()
    }

    fn try_attachments(&self, body: &BodyId) -> Read<Vec<TxId>> {
        let at = self.database.snapshot();
        let Some(value) = at.get(&self.records, record::body(body))? else {
            return Ok(Vec::new());
        };
        let (first, _) = record::split_placed(&value)?;
        let first = self.log_record(&at, first)?.ok_or(ReadError::Missing("a body"))?;
        let further = at.prefix(&self.records, record::hanging_of(body));
        let id = |guard: Guard| Ok(TxId::from_bytes(&guard.value()?)?);
        let ids = iter::once(Ok(first.entry.id)).chain(further.map(id));
        ids.take(ATTACHMENTS_LISTED_MAX).collect()
    }

    fn try_highest_sequence(&self, issuer: &Address) -> Read<Option<Sequence>> {
        let mut found = self.database.snapshot().prefix(&self.records, record::issued_by(issuer));
        let sequence = |guard: Guard| Ok(record::issued_sequence(&guard.key()?)?);
        found.next_back().map(sequence).transpose()
    }

    fn try_transaction(&self, id: &TxId) -> Read<Option<Bytes>> {
        let at = self.database.snapshot();
        let Some(entry) = self.try_entry(&at, id)? else { return Ok(None) };
        let body = self.try_sealed_body(&at, &entry.body)?;
        let mut bytes = entry.attachment.to_bytes();
        bytes.extend_from_slice(&body.ok_or(ReadError::Missing("a transaction"))?);
        Ok(Some(bytes.into()))
    }

    fn try_key(&self, id: &KeyId) -> Read<Option<PublicKey>> {
        let found = self.records.get(record::public_key(id))?;
        Ok(found.map(|value| PublicKey::from_bytes(&value)).transpose()?)
    }

    fn try_addresses(&self) -> Read<Vec<PeerAddress>> {
        let Some(value) = self.records.get(record::ADDRESSES)? else { return Ok(Vec::new()) };
        let mut reader = Reader::new(&value);
        let addresses = reader.list("addresses", usize::from(u16::MAX))?;
        reader.finish()?;
        Ok(addresses)
    }

    fn try_record(&self, table: Table, key: &[u8]) -> Read<Option<Bytes>> {
        let found = self.records.get(record::of_table(table, key))?;
        Ok(found.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn try_records(&self, table: Table, from: &[u8], limit: usize) -> Read<Vec<(Vec<u8>, Bytes)>> {
        let range = record::of_table(table, from)..record::behind_table(table);
        let at = self.database.snapshot();
        let entry = |guard: Guard| {
            let (key, value) = guard.into_inner()?;
            Ok((record::key_in_table(&key)?, Bytes::copy_from_slice(&value)))
        };
        at.range(&self.records, range).take(limit).map(entry).collect()
    }
}

fn log_record(guard: Guard) -> Read<LogRecord> {
    let (key, value) = guard.into_inner()?;
    Ok(LogRecord::parse(&key, &value)?)
}

impl Reads for FjallStore {
    fn entry(&self, id: &TxId) -> Option<LogEntry> {
        let remembered = self.entries.find(id, self.floor()).map(Some).map(Ok);
        self.answer(remembered.unwrap_or_else(|| self.try_entry(&self.database.snapshot(), id)))
    }

    fn sealed_body(&self, id: &BodyId) -> Option<Bytes> {
        self.answer(self.try_sealed_body(&self.database.snapshot(), id))
    }

    fn has_body(&self, id: &BodyId) -> bool {
        self.answer(self.records.contains_key(record::body(id)).map_err(ReadError::from))
    }

    fn key(&self, id: &KeyId) -> Option<PublicKey> {
        self.answer(self.try_key(id))
    }

    fn log(&self, from: Position, limit: usize) -> Vec<LogEntry> {
        let from = from.max(self.floor());
        let at = self.database.snapshot();
        let found = self.log_from(&at, from).take(limit);
        self.answer(found.map(|record| Ok(record?.entry)).collect())
    }

    fn newest(&self, limit: usize) -> Vec<LogEntry> {
        let from = self.floor();
        let at = self.database.snapshot();
        let found = self.log_from(&at, from).rev().take(limit);
        self.answer(found.map(|record| Ok(record?.entry)).collect())
    }

    fn addresses(&self) -> Vec<PeerAddress> {
        self.answer(self.try_addresses())
    }

    fn record(&self, table: Table, key: &[u8]) -> Option<Bytes> {
        self.answer(self.try_record(table, key))
    }

    fn records(&self, table: Table, from: &[u8], limit: usize) -> Vec<(Vec<u8>, Bytes)> {
        self.answer(self.try_records(table, from, limit))
    }
}

impl Store for FjallStore {
    fn commit(&self, batch: &Batch, durable: bool) -> Result<(), StoreError> {
        self.write(batch, durable)
    }

    fn health(&self) -> Result<(), StoreError> {
        self.stopped()
    }

    fn totals(&self) -> Totals {
        lock(&self.extent).totals
    }

    fn readings(&self, stream: &StreamId, after: Option<Position>, limit: usize) -> Vec<LogEntry> {
        self.answer(self.try_readings(stream, after, limit))
    }

    fn attachments(&self, body: &BodyId) -> Vec<TxId> {
        self.answer(self.try_attachments(body))
    }

    fn highest_sequence(&self, issuer: &Address) -> Option<Sequence> {
        self.answer(self.try_highest_sequence(issuer))
    }

    fn transaction(&self, id: &TxId) -> Option<Bytes> {
        self.answer(self.try_transaction(id))
    }

    fn stats(&self) -> Stats {
        Stats {
            disk_bytes: self.answer(self.database.disk_space().map_err(ReadError::from)),
            journals: self.database.journal_count() as u64,
        }
    }
}
