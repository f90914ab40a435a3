//! A shelf in memory, for tests and for those who keep nothing.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;

use super::{Batch, Shelf, ShelfError, Table};

/// A shelf that forgets everything at the end of the process.
#[derive(Debug, Default)]
pub struct MemoryShelf(Mutex<BTreeMap<(Table, Vec<u8>), Bytes>>);

impl Shelf for MemoryShelf {
    fn write(&self, batch: &Batch) -> Result<(), ShelfError> {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (table, key, value) in batch.iter() {
            match value {
                Some(value) => records.insert((table, key.to_vec()), value.clone()),
                None => records.remove(&(table, key.to_vec())),
            };
        }
        Ok(())
    }

    fn read(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, ShelfError> {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(records.get(&(table, key.to_vec())).cloned())
    }

    fn list(
        &self,
        table: Table,
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, ShelfError> {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = records.range((table, from.to_vec())..);
        let found = found.take_while(|((other, _), _)| *other == table).take(limit);
        Ok(found.map(|((_, key), value)| (key.clone(), value.clone())).collect())
    }
}
