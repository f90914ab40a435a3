//! The state trie in the tables: one record per branch, and a link to the topmost node.
//!
//! Objects that change are noted by key; [`Ledger::state_root`] folds all that were noted at once,
//! so a branch is read and written once however many leaves below it changed. What a set of objects
//! hashes to follows from the set alone, not from the order of changes nor from how often a root is
//! taken. Hashes and proofs are those of [`trie`](crate::trie).
//!
//! Invariant: between two roots the branches hold the trie of the last one, whole.

use alloc::vec::Vec;

use bytes::Bytes;

use super::{Ledger, key_at};
use crate::{
    codec::{Decode, DecodeError, Encode, Reader},
    digest::DIGEST_BYTES,
    machine::records::{Table, Tables},
    object::ObjectKey,
    trie::{EMPTY, KEY_BITS, Step, TrieProof, branch, leaf},
};

/// Names the link to the topmost node among what stands.
const TOP: &[u8] = b"T";

/// Changed objects folded at once: bounds the memory, not the root.
const FOLD_MAX: usize = 4_096;

/// The name of a node: all its leaves begin with the first `depth` bits of `prefix`. A leaf has all
/// bits of a key, a branch those by which it does not part.
#[derive(Clone, Copy, Debug)]
struct Link {
    hash: [u8; DIGEST_BYTES],
    depth: u16,
    prefix: ObjectKey,
}

impl Link {
    /// Where the branch is kept.
    fn place(&self) -> Vec<u8> {
        place(self.depth, &self.prefix)
    }
}

/// Depth first, so that what lies close together is read together.
fn place(depth: u16, prefix: &ObjectKey) -> Vec<u8> {
    [depth.to_be_bytes().as_slice(), &prefix.0].concat()
}

/// The children of a branch.
struct Branch {
    left: Link,
    right: Link,
}

/// What an object became: the hash of its leaf, or `None` if it is gone.
struct Change {
    key: ObjectKey,
    leaf: Option<[u8; DIGEST_BYTES]>,
}

/// Notes that an object changed.
pub(super) fn changed(key: &ObjectKey, tables: &mut Tables<'_>) {
    tables.pending.set(Table::Changed, &key.0, Some(Bytes::new()));
}

/// Shows the topmost nodes below which all leaves have their first `bits` bits in common.
pub(super) fn at_depth(
    bits: u16,
    tables: &Tables<'_>,
    show: &mut dyn FnMut(&ObjectKey, [u8; DIGEST_BYTES]),
) {
    let mut open: Vec<Link> = tables.read(Table::Standing, TOP).into_iter().collect();
    while let Some(link) = open.pop() {
        if link.depth >= bits {
            show(&link.prefix, link.hash);
        } else {
            let Branch { left, right } = children(&link, tables);
            open.extend([left, right]);
        }
    }
}

impl Ledger {
    /// The root over all objects as they are now.
    pub(in crate::machine) fn state_root(tables: &mut Tables<'_>) -> [u8; DIGEST_BYTES] {
        let mut top: Option<Link> = tables.read(Table::Standing, TOP);
        let mut from = Vec::new();
        loop {
            let noted = tables.range(Table::Changed, &from, FOLD_MAX);
            let Some((last, _)) = noted.last() else { break };
            // The least key above the last.
            from = [last.as_slice(), &[0]].concat();
            let changes: Vec<Change> = noted.iter().map(|(key, _)| now(key, tables)).collect();
            top = fold(top, &changes, tables);
            for (key, _) in &noted {
                tables.remove(Table::Changed, key);
            }
        }
        match &top {
            Some(top) => tables.write(Table::Standing, TOP, top),
            None => tables.remove(Table::Standing, TOP),
        }
        top.map_or(EMPTY, |top| top.hash)
    }

    /// The path of an object in the trie of the last root; `None` if it is not there, or changed
    /// since, so that what is proved is always what can be read.
    pub(in crate::machine) fn prove(key: &ObjectKey, tables: &Tables<'_>) -> Option<TrieProof> {
        if tables.bytes(Table::Changed, &key.0).is_some() {
            return None;
        }
        let mut node: Link = tables.read(Table::Standing, TOP)?;
        let mut steps = Vec::new();
        while node.depth < KEY_BITS {
            let Branch { left, right } = children(&node, tables);
            let (next, beside) = if key.bit(node.depth) { (right, left) } else { (left, right) };
            steps.push(Step { depth: node.depth, sibling: beside.hash });
            node = next;
        }
        steps.reverse();
        let proof = TrieProof::new(steps).expect("branches lie deeper than those above");
        (node.prefix == *key).then_some(proof)
    }
}

fn now(key: &[u8], tables: &Tables<'_>) -> Change {
    let key = key_at(key);
    let leaf = tables.bytes(Table::Object, &key.0).map(|value| leaf(&key, &value));
    Change { key, leaf }
}

/// The node with all `changes`, which ascend by key, made to it.
///
/// Each call goes on behind a later bit than its caller, so there are at most 256 within another.
fn fold(node: Option<Link>, changes: &[Change], tables: &mut Tables<'_>) -> Option<Link> {
    let (Some(first), Some(last)) = (changes.first(), changes.last()) else { return node };
    // The first bit in which any two of all these differ.
    let within = |node: &Link| {
        let common = |change: &Change| node.prefix.common_bits(&change.key);
        node.depth.min(common(first)).min(common(last))
    };
    let fork = first.key.common_bits(&last.key).min(node.as_ref().map_or(KEY_BITS, within));
    if fork == KEY_BITS {
        let leaf = |hash| Link { hash, depth: KEY_BITS, prefix: first.key };
        return first.leaf.map(leaf);
    }
    let here = node.filter(|node| node.depth == fork);
    let (left, right) = match (here, node) {
        (Some(here), _) => {
            let Branch { left, right } = children(&here, tables);
            (Some(left), Some(right))
        }
        (None, Some(node)) if node.prefix.bit(fork) => (None, Some(node)),
        (None, node) => (node, None),
    };
    let (lower, upper) = changes.split_at(changes.partition_point(|change| !change.key.bit(fork)));
    let left = fold(left, lower, tables);
    let right = fold(right, upper, tables);
    match (left, right) {
        (Some(left), Some(right)) => {
            let (hash, prefix) = (branch(fork, &left.hash, &right.hash), first.key.prefix(fork));
            let link = Link { hash, depth: fork, prefix };
            tables.write(Table::Branch, &link.place(), &Branch { left, right });
            Some(link)
        }
        // Nothing to part any more.
        (left, right) => {
            if let Some(here) = here {
                tables.remove(Table::Branch, &here.place());
            }
            left.or(right)
        }
    }
}

fn children(node: &Link, tables: &Tables<'_>) -> Branch {
    tables.read(Table::Branch, &node.place()).expect("a branch that is named was written")
}

impl Encode for Link {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.hash);
        out.extend_from_slice(&self.depth.to_le_bytes());
        out.extend_from_slice(&self.prefix.0);
    }
}

impl Decode for Link {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (hash, depth) = (reader.array()?, reader.u16()?);
        Ok(Self { hash, depth, prefix: ObjectKey(reader.array()?) })
    }
}

impl Encode for Branch {
    fn encode(&self, out: &mut Vec<u8>) {
        self.left.encode(out);
        self.right.encode(out);
    }
}

impl Decode for Branch {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { left: Link::decode(reader)?, right: Link::decode(reader)? })
    }
}
