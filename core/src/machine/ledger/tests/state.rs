//! Roots and proofs, whatever changes in whatever order.

use alloc::{collections::BTreeMap, vec::Vec};

use proptest::{collection::vec, prelude::*};

use super::{super::Ledger, Shelf, Table};
use crate::{
    codec::{Decode as _, Encode as _},
    machine::ledger::trie::changed,
    object::ObjectKey,
    trie::{EMPTY, TrieProof, branch, leaf},
};

type Objects = BTreeMap<[u8; 32], u8>;

/// One bit after the other, and nothing remembered.
fn naive(objects: &[([u8; 32], u8)], depth: u16) -> [u8; 32] {
    match objects {
        [] => EMPTY,
        [(key, value)] => leaf(&ObjectKey(*key), &[*value]),
        objects => {
            let is_right = |(key, _): &([u8; 32], u8)| ObjectKey(*key).bit(depth);
            let (right, left): (Vec<_>, Vec<_>) = objects.iter().copied().partition(is_right);
            match (left.as_slice(), right.as_slice()) {
                (one, []) | ([], one) => naive(one, depth + 1),
                (left, right) => branch(depth, &naive(left, depth + 1), &naive(right, depth + 1)),
            }
        }
    }
}

fn naive_root(objects: &Objects) -> [u8; 32] {
    let objects: Vec<_> = objects.iter().map(|(key, value)| (*key, *value)).collect();
    naive(&objects, 0)
}

impl Shelf {
    fn set(&mut self, key: [u8; 32], value: Option<u8>) {
        let mut tables = self.tables();
        changed(&ObjectKey(key), &mut tables);
        tables.pending.set(Table::Object, &key, value.map(|value| [value].to_vec().into()));
    }

    fn root(&mut self) -> [u8; 32] {
        Ledger::state_root(&mut self.tables())
    }

    fn proof(&mut self, key: [u8; 32]) -> Option<TrieProof> {
        Ledger::prove(&ObjectKey(key), &self.tables())
    }
}

/// Few keys, so that they meet; some part early, some at the last bits, some anywhere.
fn key() -> impl Strategy<Value = [u8; 32]> {
    let bent = |byte: u8| {
        move |at: usize| {
            let mut key = [0x5a; 32];
            key[at] ^= byte;
            key
        }
    };
    prop_oneof![
        (0_u8..8).prop_flat_map(move |byte| (0_usize..32).prop_map(bent(byte))),
        (0_u8..32).prop_map(|byte| [byte; 32]),
        any::<[u8; 32]>(),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Set([u8; 32], Option<u8>),
    Root,
    Flush,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let value = prop_oneof![2 => any::<u8>().prop_map(Some), 1 => Just(None)];
    let step = prop_oneof![
        12 => (key(), value).prop_map(|(key, value)| Step::Set(key, value)),
        2 => Just(Step::Root),
        1 => Just(Step::Flush),
    ];
    vec(step, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_root_is_that_of_the_objects_however_they_came(steps in steps()) {
        let (mut shelf, mut objects) = (Shelf::default(), Objects::new());
        for step in steps {
            match step {
                Step::Set(key, Some(value)) => {
                    objects.insert(key, value);
                    shelf.set(key, Some(value));
                    prop_assert_eq!(shelf.proof(key), None, "the root does not know it yet");
                }
                Step::Set(key, None) => {
                    objects.remove(&key);
                    shelf.set(key, None);
                }
                Step::Root => prop_assert_eq!(shelf.root(), naive_root(&objects)),
                Step::Flush => shelf.flush(),
            }
        }
        let root = shelf.root();
        prop_assert_eq!(root, naive_root(&objects));
        prop_assert_eq!(shelf.root(), root);
        prop_assert!(shelf.all(Table::Changed).is_empty());
        // A branch parts what is there; none is left behind.
        prop_assert_eq!(shelf.all(Table::Branch).len(), objects.len().saturating_sub(1));

        for (key, value) in &objects {
            let proof = shelf.proof(*key).unwrap();
            prop_assert!(proof.verify(&root, &ObjectKey(*key), &[*value]));
            prop_assert!(!proof.verify(&root, &ObjectKey(*key), &[value ^ 1]));
            prop_assert!(!proof.verify(&root, &ObjectKey(*key), &[*value, 0]));
            prop_assert_eq!(TrieProof::from_bytes(&proof.to_bytes()), Ok(proof));
        }
        let absent = objects.keys().map(|key| key.map(|byte| byte ^ 0x80));
        for key in absent.filter(|key| !objects.contains_key(key)).collect::<Vec<_>>() {
            prop_assert_eq!(shelf.proof(key), None);
        }
    }

    #[test]
    fn a_proof_with_any_byte_bent_fails(
        keys in prop::collection::btree_map(key(), any::<u8>(), 1..20),
        bend in 1_u8..,
    ) {
        let mut shelf = Shelf::default();
        keys.iter().for_each(|(key, value)| shelf.set(*key, Some(*value)));
        let root = shelf.root();
        let (key, value) = keys.iter().next().unwrap();
        let bytes = shelf.proof(*key).unwrap().to_bytes();
        let holds = |key: [u8; 32], bytes: &[u8]| {
            let proof = TrieProof::from_bytes(bytes);
            proof.is_ok_and(|proof| proof.verify(&root, &ObjectKey(key), &[*value]))
        };
        prop_assert!(holds(*key, &bytes));
        for at in 0..bytes.len() {
            let mut bent = bytes.clone();
            bent[at] ^= bend;
            prop_assert!(!holds(*key, &bent), "byte {}", at);
            prop_assert!(!holds(*key, &bytes[..at]), "cut to {}", at);
        }
        for at in 0..32 {
            let mut other = *key;
            other[at] ^= bend;
            prop_assert!(!holds(other, &bytes), "byte {} of the key", at);
        }
    }
}

/// More than are folded at once, half of them removed again.
#[test]
fn a_fold_in_parts_gives_the_same_root() {
    let (mut shelf, mut objects) = (Shelf::default(), Objects::new());
    let key = |number: u16| {
        let [high, low] = number.wrapping_mul(40_503).to_be_bytes();
        let mut key = [7; 32];
        (key[3], key[20]) = (high, low);
        key
    };
    for number in 0..9_000 {
        objects.insert(key(number), 1);
        shelf.set(key(number), Some(1));
    }
    assert_eq!(shelf.root(), naive_root(&objects));
    shelf.flush();
    for number in 0..4_500 {
        objects.remove(&key(number));
        shelf.set(key(number), None);
    }
    assert_eq!(shelf.root(), naive_root(&objects));
}
