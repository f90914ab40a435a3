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
pub(super) const COMMITS_MAX: usize = 64;

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
        for index in (request.from.0..=request.to.0).take(COMMITS_MAX) {
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

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::{
        checkpoint::CheckpointRef,
        commit::Mountain,
        committee::Author,
        digest::{BodyId, CheckpointId, CommitId, TxId},
        outcome::Outcome,
        time::Time,
        tx::NetworkId,
        units::Round,
    };

    /// A chain of `count` commits, and the ids of all but the last, the genesis first.
    fn chain(count: u8) -> (Vec<Commit>, Vec<CommitId>) {
        let (mut mountain, mut ids) = (Mountain::default(), vec![CommitId([1; 32])]);
        mountain.append(&ids[0]);
        let mut commits = Vec::new();
        for number in 1..=count {
            let leaf = |at| Leaf {
                tx: TxId([number; 32]),
                body: BodyId([at; 32]),
                outcome: Outcome::Applied,
            };
            let leaves: Vec<Leaf> = (0..number % 3).map(leaf).collect();
            let id = CheckpointId([number; 32]);
            let record = CommitRecord {
                network: NetworkId([1; 4]),
                index: CommitIndex(number.into()),
                previous: ids[usize::from(number) - 1],
                leader: CheckpointRef { round: Round(number.into()), author: Author(1), id },
                time: Time::from_millis(number.into()),
                last: true,
                leaves: u32::try_from(leaves.len()).unwrap(),
                order_root: merkle::root(&leaves),
                history_root: mountain.root(),
                state_root: None,
                window_root: None,
            };
            mountain.append(&record.id());
            ids.push(record.id());
            commits.push(Commit { record, leaves });
        }
        ids.pop();
        (commits, ids)
    }

    fn request(from: u64, to: u64) -> GetCommits {
        GetCommits { from: CommitIndex(from), to: CommitIndex(to), under: CommitIndex(9) }
    }

    #[test]
    fn no_byte_of_a_page_can_be_another() {
        let (commits, ids) = chain(9);
        let under = commits[8].record.clone();
        let page = |from: usize, to: usize| Page {
            path: if to == 9 { None } else { Some(Path::to(&ids, to).unwrap()) },
            commits: commits[from - 1..to].to_vec(),
        };
        for (from, to) in [(1, 4), (3, 3), (5, 8), (6, 9), (9, 9)] {
            let good = page(from, to);
            let bytes = good.to_bytes();
            assert_eq!(Page::from_bytes(&bytes).as_ref(), Ok(&good));
            let asked = request(from as u64, 9);
            assert!(good.answers(&asked, &under), "{from} to {to}");
            for at in 0..bytes.len() {
                let mut bent = bytes.clone();
                bent[at] ^= 1;
                let taken = Page::from_bytes(&bent).is_ok_and(|page| page.answers(&asked, &under));
                assert!(!taken, "byte {at} of {} from {from} to {to}", bytes.len());
            }
        }
        assert!(!page(3, 6).answers(&request(3, 5), &under), "more than was asked for");
        assert!(!page(3, 6).answers(&request(2, 6), &under), "it begins elsewhere");
        let gap =
            Page { path: Path::to(&ids, 4), commits: vec![commits[1].clone(), commits[3].clone()] };
        assert!(!gap.answers(&request(2, 4), &under));
    }
}
