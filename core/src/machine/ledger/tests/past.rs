//! The ledger at its last snapshots, beside plain copies of it.

use alloc::{collections::BTreeMap, vec::Vec};

use bytes::Bytes;
use proptest::{collection::vec, prelude::*};

use super::{
    super::{Ledger, PARTS, Part, part_root, past::remember, trie::changed},
    Shelf, Table,
};
use crate::{
    codec::Encode as _,
    object::{Object, ObjectKey},
    trie::join,
    units::{Amount, CommitIndex},
};

type Objects = BTreeMap<[u8; 32], u8>;

/// Some keys of few parts, so that they meet.
fn key() -> impl Strategy<Value = [u8; 32]> {
    (0_u8..4, 0_u8..4).prop_map(|(part, rest)| {
        let mut key = [rest; 32];
        key[0] = part * 85;
        key
    })
}

/// An object that says `value`.
fn bytes(value: u8) -> Bytes {
    Object::Supply(Amount(value.into())).to_bytes().into()
}

fn set(shelf: &mut Shelf, since: Option<CommitIndex>, key: [u8; 32], value: Option<u8>) {
    let mut tables = shelf.tables();
    remember(since, &ObjectKey(key), &mut tables);
    changed(&ObjectKey(key), &mut tables);
    tables.pending.set(Table::Object, &key, value.map(bytes));
}

fn part_of(objects: &Objects, part: u8) -> Part {
    let of_part = objects.iter().filter(|(key, _)| key[0] == part);
    of_part.map(|(key, value)| (ObjectKey(*key), bytes(*value))).collect()
}

/// What a snapshot is: where it lies, the ledger there, and the nodes over its parts.
type Snapshot = (CommitIndex, Objects, Vec<[u8; 32]>);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Snapshots now and then between changes; each is what the ledger was, part by part, and the
    /// parts are under its state root.
    #[test]
    fn a_snapshot_is_what_the_ledger_was(
        steps in vec(vec((key(), proptest::option::of(any::<u8>())), 0..6), 1..6),
    ) {
        let (mut shelf, mut objects) = (Shelf::default(), Objects::new());
        let mut snapshots: Vec<Snapshot> = Vec::new();
        for (index, changes) in (1..).map(CommitIndex).zip(steps) {
            let since = snapshots.last().map(|(index, ..)| *index);
            for (key, value) in changes {
                set(&mut shelf, since, key, value);
                match value {
                    Some(value) => objects.insert(key, value),
                    None => objects.remove(&key),
                };
            }
            let root = Ledger::state_root(&mut shelf.tables());
            let parts = Ledger::parts(&shelf.tables());
            prop_assert_eq!((parts.len(), join(&parts)), (PARTS, root));
            snapshots.push((index, objects.clone(), parts));
            shelf.flush();
        }
        for (index, objects, parts) in &snapshots {
            let since = snapshots.iter().map(|(index, ..)| *index).filter(|later| later >= index);
            let since: Vec<CommitIndex> = since.collect();
            for part in 0..=u8::MAX {
                let here = Ledger::part(part, since.iter().copied(), &shelf.written);
                prop_assert_eq!(part_root(&here), parts[usize::from(part)]);
                prop_assert_eq!(here, part_of(objects, part));
            }
        }
    }

    /// Part after part is replaced by that of another ledger, and in the end its root is the
    /// other's.
    #[test]
    fn replaced_parts_make_the_other_ledger(
        own in proptest::collection::btree_map(key(), any::<u8>(), 0..10),
        other in proptest::collection::btree_map(key(), any::<u8>(), 0..10),
    ) {
        let roots = [&own, &other].map(|objects| {
            let mut shelf = Shelf::default();
            objects.iter().for_each(|(key, value)| set(&mut shelf, None, *key, Some(*value)));
            (Ledger::state_root(&mut shelf.tables()), shelf)
        });
        let [(_, mut shelf), (expected, _)] = roots;
        shelf.flush();
        let mut root = [0; 32];
        for part in 0..=u8::MAX {
            Ledger::replace_part(part, &part_of(&other, part), &mut shelf.tables());
            root = Ledger::state_root(&mut shelf.tables());
            shelf.flush();
        }
        prop_assert_eq!(root, expected);
        prop_assert_eq!(shelf.all(Table::Object).len(), other.len());
    }
}
