//! From a committed leader to commits: order, execute, record, tell.
//!
//! Invariant: whatever a commit changes is written in the step that tells of it, and that step is
//! synced. Leaves of one leader lie in as few records as they fit.
//!
//! Left out on purpose: which leader is committed (`consensus`), the rules of bodies (`ledger`).

use alloc::{boxed::Box, string::ToString as _, sync::Arc, vec::Vec};

use super::{
    Event, Ledger, Machine, Outbox, Reads,
    chain::Executed,
    consensus::{Ordered, Standing},
    ledger,
    records::{Table, Tables},
    snapshot,
    tangle::Orderable,
    timers::Timer,
};
use crate::{
    admit::Verified,
    checkpoint::CheckpointRef,
    codec::Decode as _,
    commit::{CommitRecord, Leaf},
    digest::{BodyId, DIGEST_BYTES, TxId},
    outcome::Outcome,
    params::LEAVES_MAX,
    time::Time,
    tx::{Body, CommitRef, SealedBody},
};

/// Where consensus stands, in [`Table::Standing`].
pub(super) const CONSENSUS: [u8; 1] = *b"c";

/// Everything in the log below this position is ordered or can never be, in [`Table::Standing`].
pub(super) const UNORDERED_FROM: [u8; 1] = *b"o";

/// A transaction whose turn has come.
pub(super) struct Turn {
    id: TxId,
    body_id: BodyId,
    said: Said,
    anchor: CommitRef,
}

/// What it says: shared with the live DAG, or read from the store.
enum Said {
    Live(Arc<Verified>),
    Stored(Box<Body>),
}

impl Turn {
    pub(super) fn of(tx: Arc<Verified>) -> Self {
        let anchor = tx.transaction().attachment.anchor;
        Self { id: tx.id(), body_id: tx.body_id(), said: Said::Live(tx), anchor }
    }

    pub(super) fn body(&self) -> &Body {
        match &self.said {
            Said::Live(tx) => &tx.transaction().body,
            Said::Stored(body) => body,
        }
    }
}

/// What the committee decided of a record, beside its leaves.
pub(super) struct Made {
    pub(super) leader: CheckpointRef,
    pub(super) time: Time,
    /// Whether the leader has no further records.
    pub(super) last: bool,
    pub(super) window_root: Option<[u8; DIGEST_BYTES]>,
}

impl Machine {
    /// Takes all leaders that are committed, one after the other.
    pub(super) fn settle(&mut self, reads: &dyn Reads, out: &mut Outbox) {
        loop {
            let leader = match self.consensus.next_leader() {
                Ok(Some(leader)) => leader,
                Ok(None) => return,
                Err(alarm) => return self.alarm(alarm.to_string(), out),
            };
            let ordered = {
                let Self { consensus, tangle, .. } = self;
                let tables = Tables { pending: &mut out.writes.records, store: reads };
                let stored = |id: &TxId| {
                    let attachment = reads.entry(id)?.attachment;
                    Some(Orderable {
                        parents: attachment.parents,
                        anchor_round: attachment.anchor.round,
                        ordered: tables.bytes(Table::Ordered, id.as_bytes()).is_some(),
                    })
                };
                consensus.sequence(&leader, &|id| tangle.vertex(id).or_else(|| stored(id)))
            };
            let accepted = self.commit(leader.reference(), ordered, reads, out);
            self.accepted(accepted, None, reads, out);
        }
    }

    /// Executes what a leader ordered and records it. Returns what is accepted since.
    fn commit(
        &mut self,
        leader: CheckpointRef,
        ordered: Ordered,
        reads: &dyn Reads,
        out: &mut Outbox,
    ) -> Vec<Arc<crate::checkpoint::VerifiedCheckpoint>> {
        let turns = ordered.transactions.iter().map(|id| self.turn(id, reads));
        let turns = ledger::fill_positions(turns.collect(), |turn: &Turn| {
            (turn.body().issuer, turn.body().sequence)
        });
        let mut parts: Vec<&[Turn]> = turns.chunks(LEAVES_MAX).collect();
        if parts.is_empty() {
            parts.push(&[]);
        }
        let count = parts.len();
        let standing = self.consensus.standing();
        for (number, part) in parts.into_iter().enumerate() {
            let last = number + 1 == count;
            let is_due = last && self.chain.is_window_root_due();
            let window_root = is_due.then(|| standing.window_root());
            let made = Made { leader, time: ordered.time, last, window_root };
            let record = self.record(&made, part, reads, out);
            if is_due {
                self.keep_snapshot(&record, &standing, reads, out);
            }
        }
        // A validator that is alone waits for nobody's checkpoints: nothing can be in their way.
        if self.committee.len() > 1 {
            self.scheduler.ordered(self.now, turns.iter().map(|turn| turn.id));
        }
        if !self.scheduler.is_idle() {
            self.timers.set(Timer::Turn, self.now);
        }
        for turn in &turns {
            self.cover.ordered(&turn.id);
            self.tangle.ordered(&turn.id, reads);
        }
        self.anchor = self.chain.last();
        let stale = self.cover.drop_stale(leader.round);
        for id in &stale {
            self.tangle.ordered(id, reads);
            self.tangle.spent(id);
        }
        if !stale.is_empty() {
            out.events.push(Event::Stale { ids: stale });
        }
        self.spread.forget(self.consensus.gc_round());
        self.tangle.show_from(self.consensus.oldest_of_use(), reads);
        let mut tables = Tables { pending: &mut out.writes.records, store: reads };
        tables.write(Table::Standing, &CONSENSUS, &standing);
        tables.write(Table::Standing, &UNORDERED_FROM, &self.tangle.unordered_from());
        out.durable = true;
        self.prune(reads, out);
        ordered.accepted
    }

    /// From now on others may start from `record`, the last of the chain.
    fn keep_snapshot(
        &mut self,
        record: &CommitRecord,
        standing: &Standing,
        reads: &dyn Reads,
        out: &mut Outbox,
    ) {
        let mut tables = Tables { pending: &mut out.writes.records, store: reads };
        let lowest = self.floor.commit;
        let kept = snapshot::at(record, standing, lowest, &self.chain, &tables);
        self.snapshots.keep(record.index, kept, &mut tables);
        self.ledger.snapshot(record.index);
    }

    /// One record: settles what is due, executes its bodies, then appends it to the chain.
    pub(super) fn record(
        &mut self,
        made: &Made,
        part: &[Turn],
        reads: &dyn Reads,
        out: &mut Outbox,
    ) -> Arc<CommitRecord> {
        let mut tables = Tables { pending: &mut out.writes.records, store: reads };
        let at = ledger::Moment { index: self.chain.next(), time: self.chain.next_time(made.time) };
        self.ledger.settle_due(at, &mut tables);
        let mut leaves = Vec::with_capacity(part.len());
        for turn in part {
            let executed = ledger::Executed {
                id: turn.id,
                body_id: turn.body_id,
                body: turn.body(),
                anchor_ok: self.chain.has_anchor(&turn.anchor),
            };
            let outcome = self.ledger.execute(at, executed, &mut tables);
            if matches!(outcome, Outcome::BadAnchor | Outcome::NoAccount) {
                self.tangle.spent(&turn.id);
            }
            leaves.push(Leaf { tx: turn.id, body: turn.body_id, outcome });
        }
        ledger::received::note_all(at.index, &leaves, part.iter().map(Turn::body), &mut tables);
        self.ledger.assert_supply();
        let Made { leader, time, last, window_root } = *made;
        let is_due = last && self.chain.is_state_root_due();
        let state_root = is_due.then(|| Ledger::state_root(&mut tables));
        let made = Executed { leader, time, leaves: &leaves, last, state_root, window_root };
        let record = Arc::new(self.chain.append(&made, &mut tables));
        if !leaves.is_empty() {
            self.last_filled = record.index;
        }
        let divergence = self.certifier.executed(record.vote());
        out.events.push(Event::Committed { record: record.clone(), leaves: leaves.into() });
        if let Some(divergence) = divergence {
            self.alarm(divergence.to_string(), out);
        }
        record
    }

    /// A transaction with its body: in memory as long as it is live, else in the store.
    pub(super) fn turn(&self, id: &TxId, reads: &dyn Reads) -> Turn {
        if let Some(tx) = self.tangle.transaction(id) {
            return Turn::of(tx.clone());
        }
        let entry = reads.entry(id).expect("what is ordered is attached");
        let sealed = reads.sealed_body(&entry.body).expect("what is attached has its body");
        let sealed = SealedBody::from_bytes(&sealed).expect("a body is what was written");
        let anchor = entry.attachment.anchor;
        Turn { id: *id, body_id: entry.body, said: Said::Stored(sealed.body.into()), anchor }
    }
}
