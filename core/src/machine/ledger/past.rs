//! The ledger as it was at the last snapshots, for whoever joins.
//!
//! Nothing is copied when a snapshot is taken. The first time an object changes after one, it is
//! written beside as it was; so the ledger at a snapshot is what was written beside since, the
//! earliest first, and for the rest what is there now. The cost is one record per object and
//! snapshot, however large the ledger is.
//!
//! It travels in [`PARTS`] parts: objects whose keys begin with one byte, each under a node of
//! the state trie, and those together under the state root. So a part is checked when it comes.
//!
//! Invariant: a part of a snapshot that is kept hashes to its node in the state root there.

use alloc::{collections::BTreeMap, vec, vec::Vec};

use bytes::Bytes;

use super::{Ledger, key_at, market::index::moved, trie};
use crate::{
    codec::Decode as _,
    digest::DIGEST_BYTES,
    machine::{
        Reads,
        records::{Table, Tables, scan},
    },
    object::{Object, ObjectKey},
    trie::{EMPTY, leaf, root},
    units::CommitIndex,
};

/// Parts of the ledger: one for each first byte of a key.
pub(in crate::machine) const PARTS: usize = 256;

/// The objects of a part, ascending by key.
pub(in crate::machine) type Part = Vec<(ObjectKey, Bytes)>;

/// Remembers an object as it is, before its first change since `snapshot`.
pub(super) fn remember(snapshot: Option<CommitIndex>, key: &ObjectKey, tables: &mut Tables<'_>) {
    let Some(snapshot) = snapshot else { return };
    let place = [snapshot.0.to_be_bytes().as_slice(), &key.0].concat();
    if tables.bytes(Table::Before, &place).is_none() {
        let before = tables.bytes(Table::Object, &key.0).unwrap_or_default();
        tables.pending.set(Table::Before, &place, Some(before));
    }
}

/// The node of the state trie over a part.
pub(in crate::machine) fn part_root(objects: &Part) -> [u8; DIGEST_BYTES] {
    let leaves: Vec<_> = objects.iter().map(|(key, value)| (*key, leaf(key, value))).collect();
    root(&leaves)
}

impl Ledger {
    /// From now on whatever changes is remembered as it is at this snapshot.
    pub(in crate::machine) const fn snapshot(&mut self, snapshot: CommitIndex) {
        self.snapshot = Some(snapshot);
    }

    /// The nodes over all parts, as of the last state root.
    pub(in crate::machine) fn parts(tables: &Tables<'_>) -> Vec<[u8; DIGEST_BYTES]> {
        let mut parts = vec![EMPTY; PARTS];
        trie::at_depth(8, tables, &mut |prefix, hash| {
            if let Some(part) = parts.get_mut(usize::from(prefix.0[0])) {
                *part = hash;
            }
        });
        parts
    }

    /// A part of the ledger at a snapshot. `later` are the snapshots taken since, itself included.
    pub(in crate::machine) fn part(
        part: u8,
        later: impl DoubleEndedIterator<Item = CommitIndex>,
        reads: &dyn Reads,
    ) -> Part {
        let mut found: BTreeMap<Vec<u8>, Bytes> =
            of_part(Table::Object, &[], part, reads).collect();
        for snapshot in later.rev() {
            let place = snapshot.0.to_be_bytes();
            for (key, before) in of_part(Table::Before, &place, part, reads) {
                let key = key.get(place.len()..).unwrap_or_default().to_vec();
                if before.is_empty() {
                    found.remove(&key);
                } else {
                    found.insert(key, before);
                }
            }
        }
        found.into_iter().map(|(key, value)| (key_at(&key), value)).collect()
    }

    /// Replaces a part of the ledger.
    pub(in crate::machine) fn replace_part(part: u8, objects: &Part, tables: &mut Tables<'_>) {
        let here: Vec<_> = of_part(Table::Object, &[], part, tables.store).collect();
        for (key, value) in here {
            let key = key_at(&key);
            moved(Some(&object(&value)), None, tables);
            if objects.binary_search_by_key(&key, |(key, _)| *key).is_err() {
                tables.remove(Table::Object, &key.0);
                trie::changed(&key, tables);
            }
        }
        for (key, value) in objects {
            moved(None, Some(&object(value)), tables);
            tables.pending.set(Table::Object, &key.0, Some(value.clone()));
            trie::changed(key, tables);
        }
    }
}

/// # Panics
/// On anything but an object: a part is replaced by one that hashes to what the committee certified.
fn object(value: &[u8]) -> Object {
    Object::from_bytes(value).expect("the committee certifies objects")
}

/// The records of `table` whose keys begin with `place` and the byte of a part.
fn of_part<'a>(
    table: Table,
    place: &[u8],
    part: u8,
    reads: &'a dyn Reads,
) -> impl Iterator<Item = (Vec<u8>, Bytes)> + use<'a> {
    let prefix = [place, &[part]].concat();
    scan(table, prefix.clone(), reads).take_while(move |(key, _)| key.starts_with(&prefix))
}
