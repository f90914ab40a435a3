//! Drops what nobody needs any more, a little with each commit.
//!
//! - **History** older than the operator keeps, by the ledger's time: commits with their leaves,
//!   places and the channels they ended, and transactions that no later commit can order. Never
//!   what the oldest snapshot that is offered needs.
//! - **Checkpoints** below the gc round of that snapshot: whoever is further behind starts from it.
//! - **The ledger as it was** at snapshots that are not offered any more.
//!
//! Invariant: what is dropped lies below the [`Floor`], which says so to whoever asks; and of each
//! validator the newest checkpoint stays, so that one that forgot what it signed is told.
//!
//! Left out on purpose: keys of accounts, and proof of equivocation. Both stay.

use alloc::vec::Vec;

use super::{
    Archive, History, Machine, Outbox, Reads,
    chain::{Node, Place},
    ledger::{consumed_key, market, received},
    records::{Table, Tables, newest_key},
};
use crate::{
    checkpoint::CheckpointRef,
    codec::{Decode, DecodeError, Encode, Reader},
    commit::Leaf,
    committee::Author,
    digest::TxId,
    params::{LEAVES_MAX, ORDER_LAG},
    time::Span,
    tx::SealedBody,
    units::{CommitIndex, Position, Round},
};

/// Where the floor is, in [`Table::Standing`].
const FLOOR: [u8; 1] = *b"p";

/// Commits dropped at once: more than are made at once.
const COMMITS_AT_ONCE: usize = 4;

/// Transactions, checkpoints and objects dropped at once, of each.
const ENTRIES_AT_ONCE: usize = 1_024;

/// Below what this node has nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Floor {
    /// The lowest commit that is kept.
    pub(super) commit: CommitIndex,
    /// Its leader's round.
    round: Round,
    /// Commits below this one are gone from the disk.
    swept: CommitIndex,
    /// Transactions below this position are.
    pub(super) position: Position,
    /// Checkpoints up to this round are.
    checkpoints: Round,
    /// What objects were at snapshots below this commit is.
    objects: CommitIndex,
}

impl Floor {
    pub(super) fn read(tables: &Tables<'_>) -> Self {
        tables.read(Table::Standing, &FLOOR).unwrap_or(Self {
            commit: CommitIndex(1),
            round: Round::ZERO,
            swept: CommitIndex(1),
            position: Position::ZERO,
            checkpoints: Round::ZERO,
            objects: CommitIndex::ZERO,
        })
    }

    /// Commits below `commit` are not here.
    pub(super) const fn raised_to(self, commit: CommitIndex) -> Self {
        Self { commit, ..self }
    }

    /// Whether checkpoints of a round are dropped.
    pub(super) fn is_below(&self, round: Round) -> bool {
        round <= self.checkpoints
    }

    pub(super) fn write(&self, tables: &mut Tables<'_>) {
        tables.write(Table::Standing, &FLOOR, self);
    }
}

impl Archive<'_> {
    /// The lowest commit that is kept: older ones were dropped, or never fetched.
    pub fn lowest(&self) -> CommitIndex {
        self.floor().commit
    }

    /// Whether a transaction that is still here was ordered, if ever, by a commit that is not.
    pub fn is_below(&self, id: &TxId) -> bool {
        let floor = self.floor().round.0;
        let is_old = |anchor: Round| anchor.0.saturating_add(ORDER_LAG) < floor;
        let entry = self.reads().entry(id);
        entry.is_some_and(|entry| is_old(entry.attachment.anchor.round)) && self.place(id).is_none()
    }

    fn floor(&self) -> Floor {
        let mut pending = super::Records::default();
        Floor::read(&Tables { pending: &mut pending, store: self.reads() })
    }
}

impl Machine {
    /// Drops a little of what nobody needs any more.
    pub(super) fn prune(&mut self, reads: &dyn Reads, out: &mut Outbox) {
        let Some((oldest, kept)) = self.snapshots.oldest() else { return };
        let (window, gc_round) = (kept.window, kept.standing.gc_round());
        let mut tables = Tables { pending: &mut out.writes.records, store: reads };
        let before = self.floor;
        let mut floor = before;
        if let History::For(span) = self.limits.history {
            self.raise(&mut floor, window, span, &tables);
        }
        sweep_commits(&mut floor, &mut tables);
        sweep_checkpoints(&mut floor, gc_round, &mut tables);
        sweep_objects(&mut floor, oldest, &mut tables);
        if floor.round > Round::ZERO {
            sweep_log(&mut floor, reads);
        }
        if floor != before {
            floor.write(&mut tables);
            self.floor = floor;
        }
        if floor.position > before.position {
            out.writes.drop_below = Some(floor.position);
            self.tangle.drop_below(floor.position);
        }
    }

    /// Raises the floor over commits that are old enough.
    fn raise(&self, floor: &mut Floor, window: CommitIndex, kept: Span, tables: &Tables<'_>) {
        for _ in 0..COMMITS_AT_ONCE {
            let Some(record) = self.chain.record(floor.commit, tables) else { return };
            if floor.commit >= window || record.time + kept >= self.chain.time() {
                return;
            }
            floor.round = record.leader.round;
            floor.commit = CommitIndex(floor.commit.0 + 1);
        }
    }
}

/// Drops commits below the floor, with what they ordered.
fn sweep_commits(floor: &mut Floor, tables: &mut Tables<'_>) {
    let mut room = LEAVES_MAX;
    for _ in 0..COMMITS_AT_ONCE {
        if floor.swept >= floor.commit {
            return;
        }
        let from = floor.swept.0.to_be_bytes();
        let next = tables.range(Table::Commit, &from, 1);
        let next = next.first().and_then(|(key, _)| key.as_slice().try_into().ok());
        let index = next.map_or(floor.commit, |key| CommitIndex(u64::from_be_bytes(key)));
        if index >= floor.commit {
            floor.swept = floor.commit;
            return;
        }
        let leaves = Archive::new(tables.store).leaves(index).unwrap_or_default();
        room = room.saturating_sub(leaves.len());
        sweep_commit(index, &leaves, tables);
        floor.swept = CommitIndex(index.0 + 1);
        if room == 0 {
            return;
        }
    }
}

fn sweep_commit(index: CommitIndex, leaves: &[Leaf], tables: &mut Tables<'_>) {
    for (number, leaf) in (0..).zip(leaves) {
        tables.remove(Table::Ordered, leaf.tx.as_bytes());
        let sealed = tables.store.sealed_body(&leaf.body);
        if let Some(sealed) = sealed.filter(|_| leaf.outcome.consumes_sequence()) {
            let body = SealedBody::from_bytes(&sealed).expect("a body is what was written").body;
            tables.remove(Table::Consumed, &consumed_key(&body.issuer, body.sequence));
            received::forget(Place { index, number }, leaf, &body, tables);
        }
    }
    let key = index.0.to_be_bytes();
    for table in [Table::Commit, Table::Leaves, Table::Certificate] {
        tables.remove(table, &key);
    }
    market::forget(index, tables);
    // Of the mountain range, whatever lies below a node that is below the floor as a whole.
    let count = index.0 + 1;
    for height in 0..63_u8 {
        let width = 2_u64 << height;
        if !count.is_multiple_of(width) {
            return;
        }
        let right = (count >> height) - 1;
        for number in [right - 1, right] {
            tables.remove(Table::Mountain, &Node::key(height, number));
        }
    }
}

/// Drops checkpoints up to `gc_round`, but for the newest of each validator.
fn sweep_checkpoints(floor: &mut Floor, gc_round: Round, tables: &mut Tables<'_>) {
    if floor.checkpoints >= gc_round {
        return;
    }
    let from = (floor.checkpoints.0 + 1).to_be_bytes();
    let found = tables.range(Table::Checkpoint, &from, ENTRIES_AT_ONCE);
    let mut done = gc_round;
    for (at, (key, _)) in found.iter().enumerate() {
        let Some(round) = key.first_chunk::<8>().map(|round| Round(u64::from_be_bytes(*round)))
        else {
            continue;
        };
        if round > gc_round {
            break;
        }
        if at + 1 == ENTRIES_AT_ONCE {
            // More of this round may follow.
            done = Round(round.0 - 1);
        }
        if !is_newest(key, tables) {
            tables.remove(Table::Checkpoint, key);
        }
    }
    floor.checkpoints = floor.checkpoints.max(done);
}

fn is_newest(key: &[u8], tables: &Tables<'_>) -> bool {
    let author = key.get(8..10).and_then(|bytes| Some(u16::from_be_bytes(bytes.try_into().ok()?)));
    let newest = author.and_then(|author| {
        tables.read::<CheckpointRef>(Table::Standing, &newest_key(Author(author)))
    });
    newest.is_some_and(|newest| super::records::checkpoint_key(&newest) == key)
}

/// Drops what objects were at snapshots older than `oldest`.
fn sweep_objects(floor: &mut Floor, oldest: CommitIndex, tables: &mut Tables<'_>) {
    if floor.objects >= oldest {
        return;
    }
    let (from, to) = (floor.objects.0.to_be_bytes(), oldest.0.to_be_bytes());
    let found = tables.range(Table::Before, &from, ENTRIES_AT_ONCE);
    let old: Vec<_> = found.iter().filter(|(key, _)| key.as_slice() < to.as_slice()).collect();
    for (key, _) in &old {
        tables.remove(Table::Before, key);
    }
    if old.len() < ENTRIES_AT_ONCE {
        floor.objects = oldest;
    }
}

/// Raises the position below which transactions are dropped: over those whose anchor lies so far
/// back that they were ordered below the floor, or never can be.
fn sweep_log(floor: &mut Floor, reads: &dyn Reads) {
    let first = reads.log(floor.position, 1);
    let is_old = |anchor: Round| anchor.0.saturating_add(ORDER_LAG) < floor.round.0;
    if !first.first().is_some_and(|entry| is_old(entry.attachment.anchor.round)) {
        return;
    }
    let page = reads.log(floor.position, ENTRIES_AT_ONCE);
    let old = page.iter().take_while(|entry| is_old(entry.attachment.anchor.round));
    if let Some(last) = old.last() {
        floor.position = Position(last.position.0 + 1);
    }
}

impl Encode for Floor {
    fn encode(&self, out: &mut Vec<u8>) {
        self.commit.encode(out);
        self.round.encode(out);
        self.swept.encode(out);
        self.position.encode(out);
        self.checkpoints.encode(out);
        self.objects.encode(out);
    }
}

impl Decode for Floor {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            commit: CommitIndex::decode(reader)?,
            round: Round::decode(reader)?,
            swept: CommitIndex::decode(reader)?,
            position: Position::decode(reader)?,
            checkpoints: Round::decode(reader)?,
            objects: CommitIndex::decode(reader)?,
        })
    }
}
