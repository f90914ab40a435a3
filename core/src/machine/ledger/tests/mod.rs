//! The ledger beside a naive one, and its trie beside a naive root.

mod acts;
mod bodies;
mod due;
mod market;
mod naive;
mod pair;
mod past;
mod received;
mod state;

use alloc::{collections::BTreeMap, vec::Vec};

use bytes::Bytes;

use super::{Records, Table, Tables};
use crate::{
    digest::{BodyId, KeyId, TxId},
    keys::PublicKey,
    machine::{LogEntry, Reads},
    message::PeerAddress,
    units::Position,
};

/// A store that holds nothing but records, and the batch before it.
#[derive(Default)]
struct Shelf {
    written: Written,
    pending: Records,
}

#[derive(Default)]
struct Written(BTreeMap<(Table, Vec<u8>), Bytes>);

impl Shelf {
    fn tables(&mut self) -> Tables<'_> {
        Tables { pending: &mut self.pending, store: &self.written }
    }

    /// Writes the batch.
    fn flush(&mut self) {
        let pending = core::mem::take(&mut self.pending);
        for (table, key, value) in pending.iter() {
            match value {
                Some(value) => self.written.0.insert((table, key.to_vec()), value.clone()),
                None => self.written.0.remove(&(table, key.to_vec())),
            };
        }
    }

    /// All records of a table.
    fn all(&mut self, table: Table) -> Vec<(Vec<u8>, Bytes)> {
        self.tables().range(table, &[], usize::MAX)
    }
}

impl Reads for Written {
    fn entry(&self, _: &TxId) -> Option<LogEntry> {
        None
    }

    fn sealed_body(&self, _: &BodyId) -> Option<Bytes> {
        None
    }

    fn key(&self, _: &KeyId) -> Option<PublicKey> {
        None
    }

    fn log(&self, _: Position, _: usize) -> Vec<LogEntry> {
        Vec::new()
    }

    fn newest(&self, _: usize) -> Vec<LogEntry> {
        Vec::new()
    }

    fn addresses(&self) -> Vec<PeerAddress> {
        Vec::new()
    }

    fn record(&self, table: Table, key: &[u8]) -> Option<Bytes> {
        self.0.get(&(table, key.to_vec())).cloned()
    }

    fn records(&self, table: Table, from: &[u8], limit: usize) -> Vec<(Vec<u8>, Bytes)> {
        let above = self.0.range((table, from.to_vec())..);
        let here = above.take_while(|((other, _), _)| *other == table).take(limit);
        here.map(|((_, key), value)| (key.clone(), value.clone())).collect()
    }
}
