//! The state trie: one digest over all objects of the ledger, and proofs of single ones.
//!
//! A binary Merkle trie over 32-byte keys, without nodes that have one child. Bit 0 of a key is the
//! most significant bit of byte 0, so keys in order are leaves in order.
//!
//! ```text
//! leaf   = H("weft.stt", 0 | key 32 | H("weft.stt", 2 | value) 32)
//! branch = H("weft.stt", 1 | depth 2 | left 32 | right 32)      depth: the bit that parts them
//! root   = the topmost node, or zero if there is none
//! ```
//!
//! Why a proof cannot lie: a root names its children, they name theirs, down to leaves, and a leaf
//! names key and value whole. So who leads from a root to the leaf of a key and a value, found it
//! in the trie. Tags and lengths part leaves, branches, values and keys of objects; and a branch
//! holds the bit by which it parts, so that one set of objects has one root and a path has one
//! reading.
//!
//! Left out on purpose: proofs that an object is not there, and the trie itself, which lives in a
//! node's store.

use alloc::vec::Vec;

use crate::{
    codec::{Decode, DecodeError, Encode, Reader, encode_list},
    digest::{DIGEST_BYTES, Domain, Hasher},
    object::ObjectKey,
};

/// Bits of a key.
pub const KEY_BITS: u16 = 256;

/// The root of the trie without objects.
pub const EMPTY: [u8; DIGEST_BYTES] = [0; DIGEST_BYTES];

const LEAF: u8 = 0;
const BRANCH: u8 = 1;
const VALUE: u8 = 2;

/// The digest of the leaf that holds `value` at `key`.
pub fn leaf(key: &ObjectKey, value: &[u8]) -> [u8; DIGEST_BYTES] {
    let value = Hasher::new(Domain::State).chain(&[VALUE]).chain(value).finish();
    Hasher::new(Domain::State).chain(&[LEAF]).chain(&key.0).chain(&value).finish()
}

/// The digest of the branch that parts its leaves by bit `depth`.
pub fn branch(
    depth: u16,
    left: &[u8; DIGEST_BYTES],
    right: &[u8; DIGEST_BYTES],
) -> [u8; DIGEST_BYTES] {
    Hasher::new(Domain::State)
        .chain(&[BRANCH])
        .chain(&depth.to_le_bytes())
        .chain(left)
        .chain(right)
        .finish()
}

/// The topmost node of the trie that holds just these leaves, which ascend by key.
pub fn root(leaves: &[(ObjectKey, [u8; DIGEST_BYTES])]) -> [u8; DIGEST_BYTES] {
    let (Some((first, digest)), Some((last, _))) = (leaves.first(), leaves.last()) else {
        return EMPTY;
    };
    let depth = first.common_bits(last);
    if depth == KEY_BITS {
        return *digest;
    }
    let (left, right) = leaves.split_at(leaves.partition_point(|(key, _)| !key.bit(depth)));
    branch(depth, &root(left), &root(right))
}

/// The topmost node over parts of a trie. Each is the topmost node of all leaves that begin with
/// the bits of its number, [`EMPTY`] if there are none; there are as many as those bits can say.
pub fn join(parts: &[[u8; DIGEST_BYTES]]) -> [u8; DIGEST_BYTES] {
    join_below(0, parts)
}

fn join_below(depth: u16, parts: &[[u8; DIGEST_BYTES]]) -> [u8; DIGEST_BYTES] {
    if let [one] = parts {
        return *one;
    }
    let (left, right) = parts.split_at(parts.len() / 2);
    if right.is_empty() {
        return EMPTY;
    }
    match (join_below(depth + 1, left), join_below(depth + 1, right)) {
        (EMPTY, node) | (node, EMPTY) => node,
        (left, right) => branch(depth, &left, &right),
    }
}

/// Keys as paths from the root.
impl ObjectKey {
    /// Whether bit `at` is set. Bits beyond the last are not.
    pub fn bit(&self, at: u16) -> bool {
        let byte = self.0.get(usize::from(at / 8)).copied().unwrap_or(0);
        byte & (0x80 >> (at % 8)) != 0
    }

    /// How many bits from the front both have in common.
    pub fn common_bits(&self, other: &Self) -> u16 {
        let mut common = 0;
        for (ours, theirs) in self.0.iter().zip(other.0) {
            let zeros = (ours ^ theirs).leading_zeros();
            common += u16::try_from(zeros).unwrap_or(8);
            if zeros < 8 {
                break;
            }
        }
        common
    }

    /// The same with all bits from `depth` on cleared.
    #[must_use]
    pub fn prefix(&self, depth: u16) -> Self {
        let mut prefix = *self;
        for (byte, start) in prefix.0.iter_mut().zip((0_u16..).step_by(8)) {
            let kept = depth.saturating_sub(start);
            *byte &= !0xff_u8.checked_shr(kept.into()).unwrap_or(0);
        }
        prefix
    }
}

/// One node of a path: what lies beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The bit by which the branch above parts the path from the sibling.
    pub depth: u16,
    /// The digest of the sibling.
    pub sibling: [u8; DIGEST_BYTES],
}

/// The path from one leaf to the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrieProof {
    steps: Vec<Step>,
}

impl TrieProof {
    /// A path from the leaf upwards: depths descend.
    pub fn new(steps: Vec<Step>) -> Result<Self, DecodeError> {
        let descending = steps.is_sorted_by(|below, above| below.depth > above.depth);
        if !descending || steps.first().is_some_and(|step| step.depth >= KEY_BITS) {
            let rule = "depths descend from below 256";
            return Err(DecodeError::NotCanonical { field: "steps", rule });
        }
        Ok(Self { steps })
    }

    /// The root of a trie that holds `value` at `key`, if this is its path there.
    pub fn root(&self, key: &ObjectKey, value: &[u8]) -> [u8; DIGEST_BYTES] {
        self.steps.iter().fold(leaf(key, value), |node, Step { depth, sibling }| {
            if key.bit(*depth) {
                branch(*depth, sibling, &node)
            } else {
                branch(*depth, &node, sibling)
            }
        })
    }

    /// Whether the trie with this root holds `value` at `key`.
    pub fn verify(&self, root: &[u8; DIGEST_BYTES], key: &ObjectKey, value: &[u8]) -> bool {
        self.root(key, value) == *root
    }
}

impl Encode for Step {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.depth.to_le_bytes());
        out.extend_from_slice(&self.sibling);
    }
}

impl Decode for Step {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { depth: reader.u16()?, sibling: reader.array()? })
    }
}

impl Encode for TrieProof {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(&self.steps, out);
    }
}

impl Decode for TrieProof {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::new(reader.list("steps", KEY_BITS.into())?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_are_counted_from_the_front(one in any::<[u8; 32]>(), at in 0_u16..256) {
            let one = ObjectKey(one);
            let mut other = one;
            other.0[usize::from(at / 8)] ^= 0x80 >> (at % 8);
            prop_assert_eq!(one.common_bits(&other), at);
            prop_assert_eq!(one.common_bits(&one), KEY_BITS);
            prop_assert_ne!(one.bit(at), other.bit(at));
            prop_assert_eq!(one.bit(at), other < one);
            prop_assert_eq!(one.prefix(at), other.prefix(at));
            prop_assert_ne!(one.prefix(at + 1), other.prefix(at + 1));
            prop_assert_eq!((one.prefix(KEY_BITS), one.prefix(0)), (one, ObjectKey([0; 32])));
            prop_assert!((at..256).all(|bit| !one.prefix(at).bit(bit)));
        }
    }

    proptest! {
        #[test]
        fn parts_join_to_the_whole(
            keys in proptest::collection::btree_set(any::<[u8; 32]>(), 0..40),
        ) {
            let leaves: Vec<_> = keys.into_iter().map(|key| (ObjectKey(key), key)).collect();
            let whole = root(&leaves);
            for bits in 0..=4_u32 {
                let of_part = |part: usize| {
                    let begins = |(key, _): &&(ObjectKey, [u8; 32])| {
                        usize::from(key.0[0]) >> (8 - bits) == part
                    };
                    root(&leaves.iter().filter(begins).copied().collect::<Vec<_>>())
                };
                let parts: Vec<_> = (0..1 << bits).map(of_part).collect();
                prop_assert_eq!(join(&parts), whole);
            }
        }
    }

    #[test]
    fn a_path_leads_upwards() {
        let step = |depth| Step { depth, sibling: [1; 32] };
        assert!(TrieProof::new([step(255), step(3), step(0)].into()).is_ok());
        assert!(TrieProof::new([step(256)].into()).is_err());
        assert!(TrieProof::new([step(3), step(3)].into()).is_err());
        assert!(TrieProof::new([step(0), step(3)].into()).is_err());
    }
}
