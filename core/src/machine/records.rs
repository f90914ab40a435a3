//! Records: what consensus and the ledger keep, as tables of canonical bytes.
//!
//! A store moves them as they are; what they say is known here alone. Invariant: within one group
//! of inputs whoever reads sees what was written before, in the batch first, then in the store.
//!
//! Left out on purpose: transactions. They have a log of their own, `Batch::attached`, which stores
//! index in more ways than one.

use alloc::{collections::BTreeMap, vec::Vec};
use core::iter;

use bytes::Bytes;

use super::Reads;
use crate::{
    checkpoint::CheckpointRef,
    codec::{Decode, Encode},
    committee::Author,
};

/// A table. The number is its tag on disk and is never used again for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Where consensus and the ledger stand: a byte that names it -> its value.
    Standing = 1,
    /// Accepted checkpoints: round 8, author 2, id 32 (big-endian) -> all its bytes.
    Checkpoint = 2,
    /// Commit records: index 8 (big-endian) -> record.
    Commit = 3,
    /// What a commit ordered: index 8 (big-endian) -> its leaves.
    Leaves = 4,
    /// Where a transaction was ordered, and its outcome: `TxId` -> index 8, leaf 4, outcome 1.
    Ordered = 5,
    /// Who consumed a sequence: address 32, sequence 8 (big-endian) -> `TxId`.
    Consumed = 6,
    /// Ledger objects: their key in the state trie -> object.
    Object = 7,
    /// Inner nodes of the state trie: depth 2 (big-endian), prefix 32 -> branch.
    Branch = 8,
    /// Objects changed since the last state root: their key in the state trie -> nothing.
    Changed = 9,
    /// Peaks and nodes of the mountain range over commits: height 1, number 8 -> digest.
    Mountain = 10,
    /// Certificates: index 8 (big-endian) -> certificate.
    Certificate = 11,
    /// Evidence against validators: author 2 (big-endian), kind 1 -> what it signed twice.
    Evidence = 12,
    /// Snapshots that are offered to others: index 8 (big-endian) -> what is kept of it.
    Snapshot = 13,
    /// The ledger at the last snapshots, where it changed since: index 8 (big-endian), object 32 ->
    /// the object before its first change, nothing if there was none.
    Before = 14,
    /// Offers and channels by the last instant at which they count: ms 8 (big-endian), id 32 -> key
    /// of the object.
    Due = 15,
    /// Offers that are listed: stream 32, id 32 -> nothing.
    Offers = 16,
    /// Open channels by payer and by payee: address 32, id 32 -> nothing.
    Channels = 17,
    /// How channels ended: id 32 -> settlement.
    Settled = 18,
    /// Channels that a commit ended: index 8 (big-endian), id 32 -> nothing.
    Settling = 19,
    /// Transfers by receiver: address 32, commit 8, leaf 4 (big-endian) -> `TxId`.
    Received = 20,
}

/// Writes that are on their way to the store. `None` removes.
#[derive(Clone, Debug, Default)]
pub struct Records(BTreeMap<(Table, Vec<u8>), Option<Bytes>>);

impl Records {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets or removes one record. The last word counts.
    pub fn set(&mut self, table: Table, key: &[u8], value: Option<Bytes>) {
        self.0.insert((table, key.to_vec()), value);
    }

    /// Takes over all of `others`.
    pub(super) fn join(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// All of them, by table and key.
    pub fn iter(&self) -> impl Iterator<Item = (Table, &[u8], Option<&Bytes>)> {
        self.0.iter().map(|((table, key), value)| (*table, key.as_slice(), value.as_ref()))
    }

    fn pending(&self, table: Table, key: &[u8]) -> Option<&Option<Bytes>> {
        self.0.get(&(table, key.to_vec()))
    }
}

/// The tables as they are, with what is on its way.
pub(super) struct Tables<'a> {
    pub(super) pending: &'a mut Records,
    pub(super) store: &'a dyn Reads,
}

impl Tables<'_> {
    /// A record's bytes.
    pub(super) fn bytes(&self, table: Table, key: &[u8]) -> Option<Bytes> {
        match self.pending.pending(table, key) {
            Some(pending) => pending.clone(),
            None => self.store.record(table, key),
        }
    }

    /// A record.
    ///
    /// # Panics
    /// On a record that is not what this code wrote: the store's checksums passed, so it is a bug,
    /// and going on would spread it.
    pub(super) fn read<T: Decode>(&self, table: Table, key: &[u8]) -> Option<T> {
        let bytes = self.bytes(table, key)?;
        Some(T::from_bytes(&bytes).expect("a record is what was written"))
    }

    /// Sets a record.
    pub(super) fn write(&mut self, table: Table, key: &[u8], value: &impl Encode) {
        self.pending.set(table, key, Some(value.to_bytes().into()));
    }

    /// Removes a record.
    pub(super) fn remove(&mut self, table: Table, key: &[u8]) {
        self.pending.set(table, key, None);
    }

    /// At most `limit` records at or above `from`, ascending by key.
    pub(super) fn range(&self, table: Table, from: &[u8], limit: usize) -> Vec<(Vec<u8>, Bytes)> {
        let pending = self.pending.0.range((table, from.to_vec())..);
        let pending = pending.take_while(|((other, _), _)| *other == table);
        // Each record that is on its way out hides one that is still in the store.
        let hidden = pending.clone().filter(|(_, value)| value.is_none()).count();
        let mut found: BTreeMap<Vec<u8>, Bytes> =
            self.store.records(table, from, limit.saturating_add(hidden)).into_iter().collect();
        for ((_, key), value) in pending {
            match value {
                Some(value) => found.insert(key.clone(), value.clone()),
                None => found.remove(key),
            };
        }
        found.into_iter().take(limit).collect()
    }
}

/// Records read at once by [`scan`].
const PAGE: usize = 1_024;

/// The records of a table at or above `from` as the store has them, ascending, read in pages.
pub(super) fn scan(
    table: Table,
    from: Vec<u8>,
    reads: &dyn Reads,
) -> impl Iterator<Item = (Vec<u8>, Bytes)> {
    let mut next = Some(from);
    iter::from_fn(move || {
        let page = reads.records(table, &next.take()?, PAGE);
        // The least key above the last.
        next = page.last().map(|(last, _)| [last.as_slice(), &[0]].concat());
        Some(page)
    })
    .flatten()
}

/// The key of a checkpoint in [`Table::Checkpoint`].
pub(super) fn checkpoint_key(reference: &CheckpointRef) -> Vec<u8> {
    let (round, author) = (reference.round.0.to_be_bytes(), reference.author.0.to_be_bytes());
    [round.as_slice(), &author, reference.id.as_bytes()].concat()
}

/// The key of the newest accepted checkpoint of an author, in [`Table::Standing`].
pub(super) fn newest_key(author: Author) -> [u8; 3] {
    let [high, low] = author.0.to_be_bytes();
    [b'n', high, low]
}
