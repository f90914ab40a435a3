//! A Merkle tree in the shape of RFC 6962 section 2.1.
//!
//! `leaf = H(0x00 | bytes)`, `node = H(0x01 | left | right)`, both in the domain of trees. A node
//! that is alone at the right end of its level is the node above, unchanged: the same shape, made
//! level by level. The byte in front keeps leaves and nodes apart.
//!
//! Invariant: a path fits one place in a tree of one size (RFC 9162 section 2.1.3.2), so whoever
//! knows the root and the size knows the place too.
//!
//! Left out on purpose: proofs between two sizes. Commits use [`mountain`](super::mountain).

use alloc::vec::Vec;

use crate::{
    codec::{Decode, DecodeError, Encode, Reader},
    digest::{DIGEST_BYTES, Domain, Hasher},
};

/// Most digests in a path: a tree of 2^64 leaves has 64 levels above them.
pub const PATH_MAX: usize = 64;

/// The digest of a leaf.
pub fn leaf(bytes: &[u8]) -> [u8; DIGEST_BYTES] {
    Hasher::new(Domain::Tree).chain(&[0]).chain(bytes).finish()
}

/// The digest of a node over two others.
pub fn node(left: &[u8; DIGEST_BYTES], right: &[u8; DIGEST_BYTES]) -> [u8; DIGEST_BYTES] {
    Hasher::new(Domain::Tree).chain(&[1]).chain(left).chain(right).finish()
}

/// The root over `items`; over none, the digest of nothing.
pub fn root<T: Encode>(items: &[T]) -> [u8; DIGEST_BYTES] {
    let mut level = leaves(items);
    while level.len() > 1 {
        level = above(&level);
    }
    level.pop().unwrap_or_else(|| Hasher::new(Domain::Tree).finish())
}

fn leaves<T: Encode>(items: &[T]) -> Vec<[u8; DIGEST_BYTES]> {
    items.iter().map(|item| leaf(&item.to_bytes())).collect()
}

/// The level above `level`.
fn above(level: &[[u8; DIGEST_BYTES]]) -> Vec<[u8; DIGEST_BYTES]> {
    let (pairs, alone) = level.as_chunks::<2>();
    pairs.iter().map(|[left, right]| node(left, right)).chain(alone.iter().copied()).collect()
}

/// What a leaf is joined with on its way up to the root, lowest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(Vec<[u8; DIGEST_BYTES]>);

impl Path {
    /// The path of the item at `index`, if there is one.
    pub fn to<T: Encode>(items: &[T], index: usize) -> Option<Self> {
        items.get(index)?;
        let (mut level, mut at) = (leaves(items), index);
        let mut path = Vec::new();
        while level.len() > 1 {
            path.extend(level.get(at ^ 1));
            level = above(&level);
            at /= 2;
        }
        Some(Self(path))
    }

    /// A path of known digests, lowest first.
    pub(super) const fn of(digests: Vec<[u8; DIGEST_BYTES]>) -> Self {
        Self(digests)
    }

    /// The digests, lowest first.
    pub fn digests(&self) -> &[[u8; DIGEST_BYTES]] {
        &self.0
    }

    /// The root of the tree of `count` leaves in which this path leads up from `leaf` at `index`;
    /// `None` where no such path has this length.
    pub fn root(
        &self,
        leaf: [u8; DIGEST_BYTES],
        index: u64,
        count: u64,
    ) -> Option<[u8; DIGEST_BYTES]> {
        let (mut at, mut last) = (index, count.checked_sub(1)?);
        if at > last {
            return None;
        }
        let (mut reached, mut rest) = (leaf, self.0.iter());
        while last > 0 {
            if at % 2 == 1 {
                reached = node(rest.next()?, &reached);
            } else if at < last {
                reached = node(&reached, rest.next()?);
            }
            at /= 2;
            last /= 2;
        }
        rest.next().is_none().then_some(reached)
    }
}

impl Encode for Path {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::try_from(self.0.len()).expect("no tree has more than PATH_MAX levels"));
        self.0.iter().for_each(|digest| out.extend_from_slice(digest));
    }
}

impl Decode for Path {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let actual = usize::from(reader.u8()?);
        if actual > PATH_MAX {
            return Err(DecodeError::TooLong { field: "path", limit: PATH_MAX, actual });
        }
        (0..actual).map(|_| reader.array()).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::CommitIndex;

    fn place(number: u64) -> usize {
        usize::try_from(number).unwrap()
    }

    fn items(count: u64) -> Vec<CommitIndex> {
        (0..count).map(|number| CommitIndex(1_000 + number)).collect()
    }

    /// MTH of RFC 6962 section 2.1, word for word.
    fn naive(items: &[CommitIndex]) -> [u8; DIGEST_BYTES] {
        match items {
            [] => Hasher::new(Domain::Tree).finish(),
            [one] => leaf(&one.to_bytes()),
            many => {
                let split = many.len().next_power_of_two() / 2;
                node(&naive(&many[..split]), &naive(&many[split..]))
            }
        }
    }

    #[test]
    fn the_shape_is_that_of_rfc_6962() {
        for count in 0..=70 {
            assert_eq!(root(&items(count)), naive(&items(count)), "{count} leaves");
        }
        let [a, b, c] = [0, 1, 2].map(|at| leaf(&items(3)[at].to_bytes()));
        assert_eq!(root(&items(3)), node(&node(&a, &b), &c));
    }

    #[test]
    fn a_path_fits_one_place_in_a_tree_of_one_size() {
        for count in 1..=40 {
            let items = items(count);
            for index in 0..count {
                let path = Path::to(&items, place(index)).unwrap();
                let start = leaf(&items[place(index)].to_bytes());
                assert_eq!(path.root(start, index, count), Some(root(&items)));
                for other in (0..=count).filter(|other| *other != index) {
                    assert_ne!(path.root(start, other, count), Some(root(&items)));
                }
                let longer = Path([&path.0[..], &[[0; 32]]].concat());
                assert_eq!(longer.root(start, index, count), None);
                if let Some((_, shorter)) = path.0.split_last() {
                    assert_eq!(Path(shorter.to_vec()).root(start, index, count), None);
                }
                assert_eq!(Path::from_bytes(&path.to_bytes()), Ok(path));
            }
            assert_eq!(Path::to(&items, place(count)), None);
        }
        assert_eq!(Path::default().root([0; 32], 0, 0), None);
    }

    #[test]
    fn the_largest_tree_has_64_levels() {
        let path = Path(alloc::vec![[7; 32]; PATH_MAX]);
        assert!(path.root([0; 32], 0, u64::MAX).is_some());
        assert_eq!(Path::from_bytes(&path.to_bytes()), Ok(path));
        assert!(Path::from_bytes(&[65; 1 + 65 * 32]).is_err());
    }
}
