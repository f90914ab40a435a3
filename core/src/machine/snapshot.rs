//! Snapshots: what a node keeps of a commit so that others can start from it.
//!
//! A snapshot lies at a commit record with a state root and a window root. It is the ledger at that
//! commit (`ledger/past`), where consensus stood, and the commits of the keep window before it. An
//! [`Offer`] names it and shows that the committee certified it: one quorum of signatures, and all
//! that is fetched after that is checked with hashes.
//!
//! Invariant: of a snapshot that is kept, everything a joiner needs is kept: its part of the
//! ledger, the commits from `window` on with their contents, and the checkpoints above its gc
//! round.
//!
//! Left out on purpose: fetching (`sync`), and what else is dropped (`prune`).

use alloc::{sync::Arc, vec::Vec};

use super::{
    Archive, Ledger, Reads, Table,
    chain::Chain,
    consensus::Standing,
    ledger::PARTS,
    records::{Tables, scan},
};
use crate::{
    codec::{Decode, DecodeError, Encode, Reader, encode_list},
    commit::{Certificate, CommitRecord, Mountain},
    committee::Committee,
    digest::DIGEST_BYTES,
    keys::Verify,
    params::KEEP_ROUNDS,
    proof::{Linked, decode_linked, encode_linked},
    trie,
    tx::NetworkId,
    units::{CommitIndex, Round},
};

/// Snapshots that are offered: who fetches one has as long as it takes to make another.
const KEPT: usize = 2;

/// A node of the state trie over a part of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PartRoot([u8; DIGEST_BYTES]);

/// What is kept of a snapshot, beside what is there anyway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// Where consensus stood, as far as all nodes agree.
    pub(super) standing: Standing,
    /// The nodes of the state trie over the parts of the ledger.
    parts: Vec<PartRoot>,
    /// The first commit of the keep window: of those before it, none can matter to what comes.
    pub(super) window: CommitIndex,
}

impl Kept {
    pub(super) fn part_root(&self, part: u8) -> [u8; DIGEST_BYTES] {
        self.parts.get(usize::from(part)).map_or(trie::EMPTY, |root| root.0)
    }
}

/// The snapshots that this node offers.
#[derive(Debug, Default)]
pub(super) struct Snapshots(Vec<(CommitIndex, Arc<Kept>)>);

impl Snapshots {
    pub(super) fn restore(reads: &dyn Reads) -> Self {
        let kept = scan(Table::Snapshot, Vec::new(), reads).filter_map(|(key, bytes)| {
            let index = CommitIndex(u64::from_be_bytes(key.as_slice().try_into().ok()?));
            let kept = Kept::from_bytes(&bytes).expect("a record is what was written");
            Some((index, Arc::new(kept)))
        });
        Self(kept.collect())
    }

    /// The commits at which they lie, ascending.
    pub(super) fn indexes(&self) -> impl DoubleEndedIterator<Item = CommitIndex> {
        self.0.iter().map(|(index, _)| *index)
    }

    /// The one below which nothing is needed.
    pub(super) fn oldest(&self) -> Option<(CommitIndex, &Kept)> {
        self.0.first().map(|(index, kept)| (*index, &**kept))
    }

    /// Keeps a snapshot; the oldest leaves when there are enough.
    pub(super) fn keep(&mut self, index: CommitIndex, kept: Kept, tables: &mut Tables<'_>) {
        tables.write(Table::Snapshot, &index.0.to_be_bytes(), &kept);
        self.0.push((index, Arc::new(kept)));
        while self.0.len() > KEPT {
            let (oldest, _) = self.0.remove(0);
            tables.remove(Table::Snapshot, &oldest.0.to_be_bytes());
        }
    }

    /// Offers none any more: the ledger is about to become another.
    pub(super) fn clear(&mut self, tables: &mut Tables<'_>) {
        for (index, _) in self.0.drain(..) {
            tables.remove(Table::Snapshot, &index.0.to_be_bytes());
        }
    }

    /// The newest that is certified, as far as the store has that.
    pub(super) fn offer(&self, lowest: CommitIndex, reads: &dyn Reads) -> Option<Offer> {
        self.0.iter().rev().find_map(|(index, kept)| {
            let archive = Archive::new(reads);
            let record = archive.record(*index)?;
            let certificate = archive.certificate(*index)?;
            let later = if certificate.vote.index == *index {
                None
            } else {
                let path = archive.path(*index, certificate.vote.index)?;
                Some(Linked { record: archive.record(certificate.vote.index)?, path })
            };
            let mountain = Mountain::at(kept.window, |at, number| archive.mountain(at, number))?;
            let kept = Kept::clone(kept);
            Some(Offer { lowest, record, later, certificate, kept, mountain })
        })
    }

    /// A part of the ledger at a snapshot, if that is kept.
    pub(super) fn part(
        &self,
        snapshot: CommitIndex,
        part: u8,
        reads: &dyn Reads,
    ) -> Option<super::ledger::Part> {
        self.indexes().any(|index| index == snapshot).then(|| {
            let since = self.indexes().filter(|index| *index >= snapshot);
            Ledger::part(part, since.collect::<Vec<_>>().into_iter(), reads)
        })
    }
}

/// What is to be kept at `record`, which is the last of the chain and carries both roots.
pub(super) fn at(
    record: &CommitRecord,
    standing: &Standing,
    lowest: CommitIndex,
    chain: &Chain,
    tables: &Tables<'_>,
) -> Kept {
    let parts = Ledger::parts(tables).into_iter().map(PartRoot).collect();
    let window = window(record, lowest, chain, tables);
    Kept { standing: standing.shared(), parts, window }
}

/// The last commit that lies before the keep window of `record`; the lowest if there is none.
fn window(
    record: &CommitRecord,
    lowest: CommitIndex,
    chain: &Chain,
    tables: &Tables<'_>,
) -> CommitIndex {
    let is_before = |index: u64| {
        let round = chain.record(CommitIndex(index), tables).map(|record| record.leader.round);
        round.is_some_and(|round| is_before_window(round, record.leader.round))
    };
    let (mut low, mut high) = (lowest.0, record.index.0);
    while low + 1 < high {
        let middle = low.midpoint(high);
        if is_before(middle) { low = middle } else { high = middle }
    }
    CommitIndex(low)
}

fn is_before_window(round: Round, last: Round) -> bool {
    round.0.saturating_add(KEEP_ROUNDS) < last.0
}

/// A snapshot, as one node offers it to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// The lowest commit that the node has.
    pub(super) lowest: CommitIndex,
    /// The commit of the snapshot.
    pub(super) record: CommitRecord,
    later: Option<Linked>,
    pub(super) certificate: Certificate,
    pub(super) kept: Kept,
    /// The mountain range over all commits before the window.
    pub(super) mountain: Mountain,
}

impl Offer {
    /// Whether the committee stands behind all of it but `lowest` and where the window begins,
    /// which [`Self::begins_at`] tells when that commit is here.
    pub(super) fn holds(
        &self,
        committee: &Committee,
        network: NetworkId,
        verify: &dyn Verify,
    ) -> bool {
        let Self { record, kept, certificate, .. } = self;
        let certified = match &self.later {
            None => record.vote() == certificate.vote,
            Some(Linked { record: later, path }) => {
                later.vote() == certificate.vote && later.follows(record.vote(), path)
            }
        };
        let parts: Vec<_> = kept.parts.iter().map(|part| part.0).collect();
        certified
            && record.network == network
            && parts.len() == PARTS
            && record.state_root == Some(trie::join(&parts))
            && kept.standing == kept.standing.shared()
            && record.window_root == Some(kept.standing.window_root())
            && kept.standing.leaders.last() == Some(&record.leader)
            && kept.window.0 > 0
            && kept.window < record.index
            && self.mountain.next() == kept.window
            && certificate.verify(committee, network, verify).is_ok()
    }

    /// Whether the window may begin with `first`: nothing before it can matter any more.
    pub(super) fn begins_at(&self, first: &CommitRecord) -> bool {
        let is_long = is_before_window(first.leader.round, self.record.leader.round);
        first.index == self.kept.window
            && first.history_root == self.mountain.root()
            && (is_long || first.index == CommitIndex(1))
    }
}

impl Encode for PartRoot {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

impl Decode for PartRoot {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.array().map(Self)
    }
}

impl Encode for Kept {
    fn encode(&self, out: &mut Vec<u8>) {
        self.standing.encode(out);
        encode_list(&self.parts, out);
        self.window.encode(out);
    }
}

impl Decode for Kept {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            standing: Standing::decode(reader)?,
            parts: reader.list("parts", PARTS)?,
            window: CommitIndex::decode(reader)?,
        })
    }
}

impl Encode for Offer {
    fn encode(&self, out: &mut Vec<u8>) {
        self.lowest.encode(out);
        self.record.encode(out);
        encode_linked(self.later.as_ref(), out);
        self.certificate.encode(out);
        self.kept.encode(out);
        self.mountain.encode(out);
    }
}

impl Decode for Offer {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            lowest: CommitIndex::decode(reader)?,
            record: CommitRecord::decode(reader)?,
            later: decode_linked(reader)?,
            certificate: Certificate::decode(reader)?,
            kept: Kept::decode(reader)?,
            mountain: Mountain::decode(reader)?,
        })
    }
}

#[cfg(test)]
pub(super) mod tests;
