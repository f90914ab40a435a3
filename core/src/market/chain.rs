//! The pay chain: a chain of hashes whose elements are shown one by one, each worth one tick.
//!
//! ```text
//! p[N] = secret        p[i-1] = H("weft.pay", salt | i | p[i])        i: u32, N <= 65,536
//! leaf k = H("weft.plf", salt | k | p[256 k]),  k = 0 .. ceil(N / 256) - 1,  k: u32
//! root = RFC 6962 tree over the leaves (`commit::merkle`)
//! ```
//!
//! Whoever shows `p[i]` proves that the chain's owner paid `i` ticks: nobody else can go up the
//! chain. A claim is hashed down to the next element that has a leaf, and from there the path leads
//! to the root, so it costs at most 256 steps and 8 nodes whatever its index. The salt and the index
//! in every step keep a table made for one chain useless for any other.
//!
//! Invariant: an element that [`claim_holds`] accepts is the chain's own, unless BLAKE2s breaks.
//! One secret makes one chain; it is never used for another.
//!
//! Left out on purpose: what a tick is worth (`terms`), and a source of secrets.

use alloc::vec::Vec;
use core::fmt;

use crate::{
    codec::{Decode, DecodeError, Encode, Reader},
    commit::{Path, merkle},
    digest::{DIGEST_BYTES, Domain, Hasher},
};

pub use crate::digest::{PayRoot, PayWord, Salt};

/// Longest chain, in ticks.
pub const CHAIN_MAX: u32 = 65_536;

/// Every so many elements one has a leaf in the tree.
pub const LEAF_EVERY: u32 = 256;

/// Most nodes in the path of a claim.
pub const CLAIM_NODES_MAX: usize = 8;

const _: () = assert!(CHAIN_MAX / LEAF_EVERY == 1 << CLAIM_NODES_MAX);

/// Whether a chain can have `length` ticks: 1 to [`CHAIN_MAX`].
pub const fn is_length(length: u32) -> bool {
    length >= 1 && length <= CHAIN_MAX
}

/// Leaves of a chain of `length` ticks: 1 to 256 for one that [`is_length`].
pub const fn leaf_count(length: u32) -> u32 {
    length.div_ceil(LEAF_EVERY)
}

/// The leaf that a claim at `index` is hashed down to. The last leaf takes what lies above it.
fn leaf_below(length: u32, index: u32) -> u32 {
    (index / LEAF_EVERY).min(leaf_count(length).saturating_sub(1))
}

/// `p[index - 1]`, from `p[index]`.
fn step(salt: &Salt, index: u32, word: &PayWord) -> PayWord {
    let hasher = Hasher::new(Domain::Pay).chain(salt.as_bytes());
    PayWord(hasher.chain(&index.to_le_bytes()).chain(word.as_bytes()).finish())
}

/// The element at `to`, from the element `word` at `from`: one hash for each index between. `None`
/// if `to` lies above, or `from` in no chain.
pub fn descend(salt: &Salt, from: u32, word: &PayWord, to: u32) -> Option<PayWord> {
    if to > from || from > CHAIN_MAX {
        return None;
    }
    Some((to..from).rev().fold(*word, |word, index| step(salt, index + 1, &word)))
}

/// Leaf `k` of the tree, over the element at 256 `k`. Hashed, so that a path shows no element.
pub fn leaf(salt: &Salt, k: u32, word: &PayWord) -> [u8; DIGEST_BYTES] {
    let hasher = Hasher::new(Domain::PayLeaf).chain(salt.as_bytes());
    hasher.chain(&k.to_le_bytes()).chain(word.as_bytes()).finish()
}

/// The root over all leaves of a chain.
pub fn root(leaves: &[[u8; DIGEST_BYTES]]) -> PayRoot {
    PayRoot(merkle::root(leaves))
}

/// What leads from a leaf of a chain to its root: at most [`CLAIM_NODES_MAX`] nodes, lowest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimPath(Path);

impl ClaimPath {
    /// The path of leaf `k`; `None` if there is no such leaf, or there are too many.
    pub fn to(leaves: &[[u8; DIGEST_BYTES]], k: u32) -> Option<Self> {
        let path = Path::to(leaves, usize::try_from(k).ok()?)?;
        (path.digests().len() <= CLAIM_NODES_MAX).then_some(Self(path))
    }

    /// The nodes, lowest first.
    pub fn nodes(&self) -> &[[u8; DIGEST_BYTES]] {
        self.0.digests()
    }
}

/// Whether `word` is the element at `index` of the chain of `length` ticks with this root. Costs at
/// most 256 steps and 8 nodes.
pub fn claim_holds(
    root: &PayRoot,
    salt: &Salt,
    length: u32,
    index: u32,
    word: &PayWord,
    path: &ClaimPath,
) -> bool {
    if !is_length(length) || index > length {
        return false;
    }
    let k = leaf_below(length, index);
    let reached = descend(salt, index, word, k * LEAF_EVERY).and_then(|word| {
        let leaf = merkle::leaf(&leaf(salt, k, &word));
        path.0.root(leaf, k.into(), leaf_count(length).into())
    });
    reached == Some(root.0)
}

/// Elements kept of the part that is being paid: one in so many.
const FINE: u32 = 16;

const _: () = assert!(LEAF_EVERY.is_multiple_of(FINE));

/// A chain as its owner keeps it: pebbles instead of all elements.
///
/// Every 256th element (8 KiB at most), and every 16th of the part that was asked for last. So in
/// ascending order an element costs some 8 hashes, in any other at most 271; making a chain costs
/// one hash for each tick.
#[derive(Clone)]
pub struct PayChain {
    salt: Salt,
    length: u32,
    /// The elements that have leaves, then the last of the chain, which is the secret.
    coarse: Vec<PayWord>,
    /// Of the elements above the leaf `part`, those at each multiple of [`FINE`], ascending.
    fine: Vec<PayWord>,
    part: Option<u32>,
}

impl PayChain {
    /// The chain of `length` ticks that ends in `secret`; `None` if no chain has this length.
    pub fn new(salt: Salt, secret: [u8; DIGEST_BYTES], length: u32) -> Option<Self> {
        if !is_length(length) {
            return None;
        }
        let mut word = PayWord(secret);
        let mut coarse = Vec::from([word]);
        for index in (0..length).rev() {
            word = step(&salt, index + 1, &word);
            if index.is_multiple_of(LEAF_EVERY) {
                coarse.push(word);
            }
        }
        coarse.reverse();
        Some(Self { salt, length, coarse, fine: Vec::new(), part: None })
    }

    /// Its salt.
    pub const fn salt(&self) -> &Salt {
        &self.salt
    }

    /// How many ticks it has.
    pub const fn length(&self) -> u32 {
        self.length
    }

    /// The element at `index`: 0 pays nothing, [`Self::length`] everything. `None` above.
    pub fn word(&mut self, index: u32) -> Option<PayWord> {
        if index > self.length {
            return None;
        }
        let k = leaf_below(self.length, index);
        let bottom = k * LEAF_EVERY;
        let top = (bottom + LEAF_EVERY).min(self.length);
        let last = self.coarse.get(k as usize + 1)?;
        if self.part != Some(k) {
            self.fine = fine(&self.salt, bottom, top, last);
            self.part = Some(k);
        }
        let above = (index - bottom).div_ceil(FINE);
        match self.fine.get(above as usize) {
            Some(word) => descend(&self.salt, bottom + above * FINE, word, index),
            None => descend(&self.salt, top, last, index),
        }
    }

    /// All leaves, in order.
    pub fn leaves(&self) -> Vec<[u8; DIGEST_BYTES]> {
        let pebbles = self.coarse.iter().take(leaf_count(self.length) as usize);
        (0_u32..).zip(pebbles).map(|(k, word)| leaf(&self.salt, k, word)).collect()
    }

    /// The root over them.
    pub fn root(&self) -> PayRoot {
        root(&self.leaves())
    }

    /// What a claim at `index` shows beside the element. `None` above the end.
    pub fn path(&self, index: u32) -> Option<ClaimPath> {
        let is_inside = index <= self.length;
        ClaimPath::to(&self.leaves(), leaf_below(self.length, index)).filter(|_| is_inside)
    }
}

/// The elements at `bottom` and each multiple of [`FINE`] above it, below `top`, whose element is
/// `last`.
fn fine(salt: &Salt, bottom: u32, top: u32, last: &PayWord) -> Vec<PayWord> {
    let mut word = *last;
    let mut kept = Vec::new();
    for index in (bottom..top).rev() {
        word = step(salt, index + 1, &word);
        if (index - bottom).is_multiple_of(FINE) {
            kept.push(word);
        }
    }
    kept.reverse();
    kept
}

impl fmt::Debug for PayChain {
    /// Without its elements: whoever has one can spend it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayChain")
            .field("salt", &self.salt)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

impl Encode for ClaimPath {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
}

impl Decode for ClaimPath {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let path = Path::decode(reader)?;
        match path.digests().len() {
            0..=CLAIM_NODES_MAX => Ok(Self(path)),
            actual => {
                let limit = CLAIM_NODES_MAX;
                Err(DecodeError::TooLong { field: "claim path", limit, actual })
            }
        }
    }
}

#[cfg(test)]
mod tests;
