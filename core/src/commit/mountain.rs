//! A Merkle mountain range over commit ids: all earlier commits in one root, at little cost.
//!
//! Mountains are perfect trees, the highest first, one for each bit of the count. To append is to
//! join mountains of one height. Joined from right to left they give the tree of
//! [`merkle`](super::merkle) over all ids; the root is `H(0x02 | count | that)`. So paths are those
//! of such a tree, and nodes of mountains never change once made: a caller that keeps them can show
//! any commit under the root of any later one.
//!
//! Invariant: there are as many peaks as the count has bits that are one.
//!
//! Left out on purpose: where nodes are kept (`Table::Mountain` in the machine).

use alloc::vec::Vec;

use super::merkle::{Path, leaf, node};
use crate::{
    codec::{Decode, DecodeError, Encode, Reader},
    digest::{CommitId, DIGEST_BYTES, Domain, Hasher},
    units::CommitIndex,
};

/// A node of a mountain: the root over the commits from `number << height` on, `1 << height` many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Levels above the leaves.
    pub height: u8,
    /// Its place among the nodes of its height.
    pub number: u64,
    /// The node.
    pub digest: [u8; DIGEST_BYTES],
}

/// The peaks of a mountain range: all that is needed to append.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mountain {
    count: u64,
    /// Highest first.
    peaks: Vec<[u8; DIGEST_BYTES]>,
}

impl Mountain {
    /// How many commits it is over; also the index of the next, since the genesis is commit 0.
    pub const fn next(&self) -> CommitIndex {
        CommitIndex(self.count)
    }

    /// The range over the first `count` commits. `node` finds what [`Self::append`] returned, by
    /// height and number; `None` where it finds too little.
    pub fn at(
        count: CommitIndex,
        node: impl Fn(u8, u64) -> Option<[u8; DIGEST_BYTES]>,
    ) -> Option<Self> {
        let places = peaks(count.0);
        let peaks = places.map(|(height, number)| node(height, number)).collect::<Option<_>>()?;
        Some(Self { count: count.0, peaks })
    }

    /// Its peaks with their places: what paths of later commits need of the commits in here.
    pub fn placed(&self) -> impl Iterator<Item = Placed> {
        let placed = peaks(self.count).zip(&self.peaks);
        placed.map(|((height, number), digest)| Placed { height, number, digest: *digest })
    }

    /// Adds the next commit. Returns the nodes that are new: its leaf, and what was joined.
    pub fn append(&mut self, id: &CommitId) -> Vec<Placed> {
        let mut new = Placed { height: 0, number: self.count, digest: leaf(id.as_bytes()) };
        let mut placed = Vec::from([new]);
        while new.number % 2 == 1 {
            let left = self.peaks.pop().expect("a peak for each bit of the count");
            let digest = node(&left, &new.digest);
            new = Placed { height: new.height + 1, number: new.number / 2, digest };
            placed.push(new);
        }
        self.peaks.push(new.digest);
        self.count += 1;
        placed
    }

    /// The root: what the record of the next commit says of all before it.
    pub fn root(&self) -> [u8; DIGEST_BYTES] {
        let tree = join(self.peaks.iter().copied());
        with_count(self.count, &tree.unwrap_or_default())
    }
}

/// Heights and numbers of the mountains over `count` commits, the highest first.
fn peaks(count: u64) -> impl Iterator<Item = (u8, u64)> {
    let heights = (0..64_u8).rev().filter(move |height| count >> height & 1 == 1);
    // What stands before a mountain: all higher bits of the count.
    heights.map(move |height| (height, count >> height ^ 1))
}

/// Joins peaks, the highest first, from right to left.
fn join(peaks: impl DoubleEndedIterator<Item = [u8; DIGEST_BYTES]>) -> Option<[u8; DIGEST_BYTES]> {
    peaks.rev().reduce(|right, peak| node(&peak, &right))
}

fn with_count(count: u64, tree: &[u8; DIGEST_BYTES]) -> [u8; DIGEST_BYTES] {
    Hasher::new(Domain::Tree).chain(&[2]).chain(&count.to_le_bytes()).chain(tree).finish()
}

/// The path from commit `index` to the root that the record of commit `later` has. `node` finds
/// what [`Mountain::append`] returned, by height and number; `None` where it finds too little, or
/// where `later` is not later.
pub fn path(
    index: CommitIndex,
    later: CommitIndex,
    node: impl Fn(u8, u64) -> Option<[u8; DIGEST_BYTES]>,
) -> Option<Path> {
    let count = later.0;
    let (mut at, mut last) = (index.0, count.checked_sub(1)?);
    if at > last {
        return None;
    }
    let mut digests = Vec::new();
    let mut height = 0;
    while last > 0 {
        let beside = at ^ 1;
        if beside <= last {
            digests.push(subtree(height, beside, count, &node)?);
        }
        at /= 2;
        last /= 2;
        height += 1;
    }
    Some(Path::of(digests))
}

/// The root over the commits from `number << height` on, at most `1 << height` and below `count`.
fn subtree(
    height: u8,
    number: u64,
    count: u64,
    node: &impl Fn(u8, u64) -> Option<[u8; DIGEST_BYTES]>,
) -> Option<[u8; DIGEST_BYTES]> {
    let start = number << height;
    let present = count - start;
    if present >> height > 0 {
        return node(height, number);
    }
    // The right end of the range: mountains lower than the subtree is high.
    let heights = (0..height).rev().filter(|bit| present >> bit & 1 == 1);
    let peaks: Option<Vec<_>> = heights
        .map(|low| {
            // What stands before this mountain: all higher bits of the count.
            let before = count >> low ^ 1;
            node(low, before)
        })
        .collect();
    join(peaks?.into_iter())
}

/// The root that the record of commit `later` has, if `path` leads to it from commit `index`.
pub fn root(
    path: &Path,
    (index, id): (CommitIndex, &CommitId),
    later: CommitIndex,
) -> Option<[u8; DIGEST_BYTES]> {
    let tree = path.root(leaf(id.as_bytes()), index.0, later.0)?;
    Some(with_count(later.0, &tree))
}

impl Encode for Mountain {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.count.to_le_bytes());
        self.peaks.iter().for_each(|peak| out.extend_from_slice(peak));
    }
}

impl Decode for Mountain {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.u64()?;
        let peaks = (0..count.count_ones()).map(|_| reader.array()).collect::<Result<_, _>>()?;
        Ok(Self { count, peaks })
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use super::*;
    use crate::commit::merkle;

    fn id(number: u64) -> CommitId {
        let mut bytes = [9; DIGEST_BYTES];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        CommitId(bytes)
    }

    #[test]
    fn every_earlier_commit_is_shown_under_every_later_root() {
        let mut mountain = Mountain::default();
        let mut kept = BTreeMap::new();
        let mut ids = Vec::new();
        let mut roots = BTreeMap::from([(0, mountain.root())]);
        for number in 0..40 {
            for new in mountain.append(&id(number)) {
                assert_eq!(kept.insert((new.height, new.number), new.digest), None);
            }
            ids.push(id(number));
            roots.insert(number + 1, mountain.root());
            let find = |height, number| kept.get(&(height, number)).copied();
            assert_eq!(Mountain::at(mountain.next(), find).as_ref(), Some(&mountain));
            for Placed { height, number, digest } in mountain.placed() {
                assert_eq!(find(height, number), Some(digest));
            }
            assert_eq!(mountain.next(), CommitIndex(number + 1));
            assert_eq!(mountain.root(), with_count(number + 1, &merkle::root(&ids)));
            assert_eq!(Mountain::from_bytes(&mountain.to_bytes()).as_ref(), Ok(&mountain));
        }
        let find = |height, number| kept.get(&(height, number)).copied();
        for later in 0..=40 {
            for index in 0..later {
                let path = path(CommitIndex(index), CommitIndex(later), find).unwrap();
                let place = |number| usize::try_from(number).unwrap();
                assert_eq!(Path::to(&ids[..place(later)], place(index)), Some(path.clone()));
                let shown = |at, id| root(&path, (CommitIndex(at), &id), CommitIndex(later));
                assert_eq!(shown(index, id(index)).as_ref(), roots.get(&later));
                for other in (0..=later).filter(|other| *other != index) {
                    assert_ne!(shown(other, id(index)).as_ref(), roots.get(&later));
                    assert_ne!(shown(index, id(other)).as_ref(), roots.get(&later));
                }
                for count in (0..=41).filter(|count| *count != later) {
                    let shown = root(&path, (CommitIndex(index), &id(index)), CommitIndex(count));
                    assert_ne!(shown.as_ref(), roots.get(&later), "the count is bound");
                }
            }
            assert_eq!(path(CommitIndex(later), CommitIndex(later), find), None);
        }
        assert_eq!(path(CommitIndex(0), CommitIndex(40), |_, _| None), None);
    }
}
