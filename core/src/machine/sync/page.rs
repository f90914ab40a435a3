//! Some commits in a row, as one node shows them to another: records and leaves, not bodies.
//!
//! Invariant of a checked one: each record is the one before the next, the leaves are those of
//! their record, and the last record comes before a commit that is certified, or is that commit. So
//! pages may come from several peers, in any order.

use alloc::vec::Vec;

use crate::{
    codec::{Decode, DecodeError, Encode, Reader, encode_list},
    commit::{CommitRecord, Leaf, Path, merkle},
    machine::Archive,
    message::GetCommits,
    params::LEAVES_MAX,
    units::CommitIndex,
};

/// Most commits in a page.
pub(super) const COMMITS_MAX: u64 = 64;

/// Length beyond which a page ends, in bytes. One commit is always in it.
const BYTES_MAX: usize = 256 * 1024;

/// Commits in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::machine) struct Page {
    /// From the last commit to the certified one, unless it is that.
    path: Option<Path>,
    /// Ascending, at least one.
    pub(super) commits: Vec<Commit>,
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) record: CommitRecord,
    pub(super) leaves: Vec<Leaf>,
}

impl Page {
    /// What is here of what `request` asks for; none if not even the first.
    pub(in crate::machine) fn of(request: &GetCommits, archive: &Archive<'_>) -> Option<Self> {
        let (mut commits, mut bytes) = (Vec::new(), 0);
        for index in (request.from.0..=request.to.0).take(COMMITS_MAX as usize) {
            let index = CommitIndex(index);
            let Some((record, leaves)) = archive.record(index).zip(archive.leaves(index)) else {
                break;
            };
            bytes += record.to_bytes().len() + leaves.len() * Leaf::BYTES;
            if bytes > BYTES_MAX && !commits.is_empty() {
                break;
            }
            commits.push(Commit { record, leaves });
        }
        let last = commits.last()?.record.index;
        let path =
            if last == request.under { None } else { Some(archive.path(last, request.under)?) };
        Some(Self { path, commits })
    }

    /// Whether this answers `request`; `under` is the record of the certified commit it names.
    pub(super) fn answers(&self, request: &GetCommits, under: &CommitRecord) -> bool {
        let (Some(first), Some(Commit { record: last, .. })) =
            (self.commits.first(), self.commits.last())
        else {
            return false;
        };
        let is_under = match &self.path {
            None => last.vote() == under.vote(),
            Some(path) => under.follows(last.vote(), path),
        };
        let follow = |pair: &[Commit]| match pair {
            [one, next] => {
                next.record.index.0 == one.record.index.0 + 1
                    && next.record.previous == one.record.id()
            }
            _ => true,
        };
        let whole = |Commit { record, leaves }: &Commit| {
            record.leaves as usize == leaves.len() && record.order_root == merkle::root(leaves)
        };
        first.record.index == request.from
            && last.index <= request.to
            && is_under
            && self.commits.windows(2).all(follow)
            && self.commits.iter().all(whole)
    }
}

impl Encode for Page {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.path.is_some().into());
        self.path.iter().for_each(|path| path.encode(out));
        out.push(u8::try_from(self.commits.len()).expect("at most 64"));
        for Commit { record, leaves } in &self.commits {
            record.encode(out);
            encode_list(leaves, out);
        }
    }
}

impl Decode for Page {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let path = match reader.u8()? {
            0 => None,
            1 => Some(Path::decode(reader)?),
            tag => return Err(DecodeError::UnknownTag { field: "path", actual: tag.into() }),
        };
        let commits = (0..reader.u8()?).map(|_| {
            let record = CommitRecord::decode(reader)?;
            Ok(Commit { record, leaves: reader.list("leaves", LEAVES_MAX)? })
        });
        Ok(Self { path, commits: commits.collect::<Result<_, _>>()? })
    }
}
