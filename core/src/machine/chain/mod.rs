//! The chain of commits: records, one after the other, each over what its leader ordered.
//!
//! In: what a leader ordered, executed. Out: records, written with their leaves, the verdict on
//! every transaction, and the nodes that proofs of earlier commits need.
//!
//! Invariant: all nodes make the same records, to the byte (docs/PROTOCOL.md section 11), and a
//! record is written in the step that tells of it.
//!
//! Left out on purpose: the order (`consensus`), what bodies do (`ledger`).

mod kept;

use alloc::{collections::BTreeMap, vec::Vec};

pub(super) use self::kept::{Leaves, Node};
pub use self::kept::{Place, Verdict};

use super::records::{Table, Tables};
use crate::{
    checkpoint::{CheckpointRef, Vote},
    commit::{CommitRecord, Leaf, Mountain, Placed, merkle},
    digest::{CommitId, DIGEST_BYTES},
    genesis::Genesis,
    params::{LEAVES_MAX, ORDER_LAG, STATE_ROOT_EVERY},
    time::{Span, Time},
    tx::{CommitRef, NetworkId},
    units::CommitIndex,
};

/// Where the chain stands, in [`Table::Standing`].
const HEAD: [u8; 1] = *b"h";

/// Records whose anchors are looked up in memory: those whose leader lies this many rounds back at
/// most. Older ones are no anchors of anything that can still be ordered.
const ANCHOR_ROUNDS: u64 = ORDER_LAG + 1;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Head {
    last: CommitRef,
    id: CommitId,
    time: Time,
    mountain: Mountain,
    /// Index at or after which the next state root is due.
    state_root_from: CommitIndex,
    /// The same for window roots.
    window_root_from: CommitIndex,
}

/// The chain of commits of a node.
#[derive(Debug)]
pub(super) struct Chain {
    network: NetworkId,
    snapshot_every: u64,
    head: Head,
    anchors: BTreeMap<CommitIndex, CommitRef>,
}

/// What one record is made of, beside what the chain knows.
pub(super) struct Executed<'a> {
    pub(super) leader: CheckpointRef,
    /// The time that the references of the leader agree on.
    pub(super) time: Time,
    /// In order; at most [`LEAVES_MAX`].
    pub(super) leaves: &'a [Leaf],
    /// Whether the leader has no further records.
    pub(super) last: bool,
    pub(super) state_root: Option<[u8; DIGEST_BYTES]>,
    pub(super) window_root: Option<[u8; DIGEST_BYTES]>,
}

impl Chain {
    /// The chain as the tables hold it, or the genesis alone.
    pub(super) fn restore(genesis: &Genesis, tables: &Tables<'_>) -> Self {
        let commit = genesis.commit();
        let mut chain = Self {
            network: genesis.network(),
            snapshot_every: genesis.params.snapshot_every.into(),
            head: tables.read(Table::Standing, &HEAD).unwrap_or_else(|| Head::genesis(genesis)),
            anchors: [(commit.index, commit)].into(),
        };
        let mut index = chain.head.last.index;
        while let Some(record) = chain.record(index, tables) {
            chain.anchors.insert(index, record.reference());
            if record.leader.round.0 + ANCHOR_ROUNDS < chain.head.last.round.0 {
                break;
            }
            index = CommitIndex(index.0 - 1);
        }
        chain
    }

    /// What proofs need of the genesis, which is commit 0. To be written once.
    pub(super) fn write_genesis(genesis: &Genesis, tables: &mut Tables<'_>) {
        let placed = Mountain::default().append(&CommitId(genesis.id().0));
        write_nodes(&placed, tables);
    }

    /// The last commit: the anchor of new attachments.
    pub(super) const fn last(&self) -> CommitRef {
        self.head.last
    }

    /// The place of the next one.
    pub(super) const fn next(&self) -> CommitIndex {
        CommitIndex(self.head.last.index.0 + 1)
    }

    /// The committee's time of the last commit: the ledger's time.
    pub(super) const fn time(&self) -> Time {
        self.head.time
    }

    /// The id of the last commit.
    pub(super) const fn id(&self) -> CommitId {
        self.head.id
    }

    /// Whether an anchor names a commit of this chain that is recent enough.
    pub(super) fn has_anchor(&self, anchor: &CommitRef) -> bool {
        self.anchors.get(&anchor.index) == Some(anchor)
    }

    /// The time of the next record of a leader whose references agree on `time`.
    pub(super) fn next_time(&self, time: Time) -> Time {
        time.max(self.head.time + Span::from_millis(1))
    }

    /// Whether the next record, as the last of its leader, carries a state root.
    pub(super) fn is_state_root_due(&self) -> bool {
        self.head.last.index.0 + 1 >= self.head.state_root_from.0
    }

    /// Whether a snapshot lies at the next record, as the last of its leader.
    pub(super) fn is_window_root_due(&self) -> bool {
        self.head.last.index.0 + 1 >= self.head.window_root_from.0
    }

    /// Appends a record.
    pub(super) fn append(&mut self, made: &Executed<'_>, tables: &mut Tables<'_>) -> CommitRecord {
        let leaves = u32::try_from(made.leaves.len()).expect("at most LEAVES_MAX");
        assert!(made.leaves.len() <= LEAVES_MAX, "a leader's output is cut before");
        let index = CommitIndex(self.head.last.index.0 + 1);
        let record = CommitRecord {
            network: self.network,
            index,
            previous: self.head.id,
            leader: made.leader,
            time: self.next_time(made.time),
            last: made.last,
            leaves,
            order_root: merkle::root(made.leaves),
            history_root: self.head.mountain.root(),
            state_root: made.state_root,
            window_root: made.window_root,
        };
        self.adopt(&record, made.leaves, tables);
        record
    }

    /// Appends the next record as others made it.
    pub(super) fn adopt(
        &mut self,
        record: &CommitRecord,
        leaves: &[Leaf],
        tables: &mut Tables<'_>,
    ) {
        let after = |every: u64| CommitIndex((record.index.0 / every + 1) * every);
        if record.state_root.is_some() {
            self.head.state_root_from = after(STATE_ROOT_EVERY);
        }
        if record.window_root.is_some() {
            self.head.window_root_from = after(self.snapshot_every);
        }
        self.head.last = record.reference();
        self.head.id = record.id();
        self.head.time = record.time;
        self.write(record, leaves, tables);
        self.anchors.insert(record.index, self.head.last);
        let oldest = self.head.last.round.0.saturating_sub(ANCHOR_ROUNDS);
        while let Some(first) = self.anchors.first_entry().filter(|a| a.get().round.0 < oldest) {
            first.remove();
        }
    }

    /// Goes on with `first` as the next record, whose past is `mountain`: whatever was before is
    /// forgotten.
    pub(super) fn jump(
        &mut self,
        first: &CommitRecord,
        mountain: Mountain,
        tables: &mut Tables<'_>,
    ) {
        let placed: Vec<Placed> = mountain.placed().collect();
        write_nodes(&placed, tables);
        self.head.mountain = mountain;
        self.head.id = first.previous;
        self.head.last.index = CommitIndex(first.index.0 - 1);
        self.anchors.clear();
    }

    fn write(&mut self, record: &CommitRecord, leaves: &[Leaf], tables: &mut Tables<'_>) {
        let index = record.index.0.to_be_bytes();
        write_nodes(&self.head.mountain.append(&self.head.id), tables);
        for (number, leaf) in (0..).zip(leaves) {
            let place = Place { index: record.index, number };
            let verdict = Verdict { place, outcome: leaf.outcome };
            tables.write(Table::Ordered, leaf.tx.as_bytes(), &verdict);
        }
        tables.write(Table::Leaves, &index, &Leaves(leaves.to_vec()));
        tables.write(Table::Commit, &index, record);
        tables.write(Table::Standing, &HEAD, &self.head);
    }

    /// A record of this chain, if it is kept.
    pub(super) fn record(&self, index: CommitIndex, tables: &Tables<'_>) -> Option<CommitRecord> {
        tables.read(Table::Commit, &index.0.to_be_bytes())
    }

    /// What to vote for from `from` on, at most `count` commits.
    pub(super) fn votes(&self, from: CommitIndex, count: usize, tables: &Tables<'_>) -> Vec<Vote> {
        let indexes = (from.0..=self.head.last.index.0).take(count).map(CommitIndex);
        indexes.filter_map(|index| self.record(index, tables)).map(|one| one.vote()).collect()
    }
}

fn write_nodes(placed: &[Placed], tables: &mut Tables<'_>) {
    for Placed { height, number, digest } in placed {
        tables.write(Table::Mountain, &Node::key(*height, *number), &Node(*digest));
    }
}

impl Head {
    fn genesis(genesis: &Genesis) -> Self {
        let window_root_from = CommitIndex(genesis.params.snapshot_every.into());
        let id = CommitId(genesis.id().0);
        let mut mountain = Mountain::default();
        mountain.append(&id);
        let state_root_from = CommitIndex(STATE_ROOT_EVERY);
        let (last, time) = (genesis.commit(), genesis.created);
        Self { last, id, time, mountain, state_root_from, window_root_from }
    }
}
