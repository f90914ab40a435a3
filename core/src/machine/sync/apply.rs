//! From checked commits, bodies and parts of the ledger to a node that goes on like any other.
//!
//! Invariant: a commit is written with its bodies, in one step, in the order of commits. Consensus
//! goes on only from a store that holds all of the offer.

use alloc::{collections::BTreeMap, string::ToString as _, sync::Arc, vec::Vec};

use super::{By, Stage, fetch::Waiting, page::Commit};
use crate::{
    admit::Verified,
    commit::Leaf,
    digest::TxId,
    machine::{
        Archive, Event, Ledger, Machine, Outbox, Reads, Source, SyncStatus, WaitsFor,
        certify::Divergence,
        checkpoints::NEXT_VOTE,
        ledger::{consumed_key, received},
        records::{Table, Tables},
        settle::{CONSENSUS, Made, Turn},
        sync::drive::SYNCING,
        timers::Timer,
    },
    time::Span,
    units::CommitIndex,
};

impl Machine {
    /// Applies all commits whose turn has come and whose bodies are here.
    pub(super) fn apply_ready(&mut self, reads: &dyn Reads, out: &mut Outbox) {
        loop {
            let Stage::Fetching(fetch) = &mut self.sync.stage else { return };
            let next = if fetch.has_jumped {
                CommitIndex(self.chain.last().index.0 + 1)
            } else {
                fetch.offer.kept.window
            };
            let by = fetch.by;
            let Some(Waiting { commit, held, .. }) = fetch.ready(next) else { return };
            if !fetch.has_jumped {
                fetch.has_jumped = true;
                let mountain = fetch.offer.mountain.clone();
                let mut tables = Tables { pending: &mut out.writes.records, store: reads };
                self.chain.jump(&commit.record, mountain, &mut tables);
            }
            // A commit is told of once it is on disk.
            out.durable = true;
            let turns = self.take_bodies(&commit, held, reads, out);
            for leaf in &commit.leaves {
                self.cover.ordered(&leaf.tx);
            }
            match by {
                By::Commits => self.execute(&commit, &turns, reads, out),
                By::Snapshot => self.adopt(commit, &turns, reads, out),
            }
        }
    }

    /// Attaches the bodies of a commit that are not attached yet, parents first: the order of a
    /// commit puts an issuer's bodies by sequence. Returns all of them in the order of the commit.
    fn take_bodies(
        &mut self,
        commit: &Commit,
        mut held: BTreeMap<TxId, (Arc<Verified>, Source)>,
        reads: &dyn Reads,
        out: &mut Outbox,
    ) -> Vec<Turn> {
        let turn = |leaf: &Leaf| match held.get(&leaf.tx) {
            Some((tx, _)) => Turn::of(tx.clone()),
            None => self.turn(&leaf.tx, reads),
        };
        let turns = commit.leaves.iter().map(turn).collect();
        for leaf in &commit.leaves {
            // Twice on the stack: first to open its parents, then to take its place behind them.
            let mut stack = Vec::from([(leaf.tx, false)]);
            while let Some((id, has_parents)) = stack.pop() {
                if has_parents {
                    if let Some((tx, source)) = held.remove(&id) {
                        self.attach_closed(source, tx, reads, out);
                    }
                } else if let Some((tx, _)) = held.get(&id) {
                    stack.push((id, true));
                    let parents = tx.transaction().attachment.transactions();
                    stack.extend(parents.map(|parent| (parent, false)));
                }
            }
        }
        turns
    }

    /// Executes a commit, and compares it with what the committee certified.
    fn execute(&mut self, commit: &Commit, turns: &[Turn], reads: &dyn Reads, out: &mut Outbox) {
        let record = &commit.record;
        let made = Made {
            leader: record.leader,
            time: record.time,
            last: record.last,
            window_root: record.window_root,
        };
        let own = self.record(&made, turns, reads, out);
        if own.id() != record.id() {
            let cause = Divergence { index: record.index, own: own.id(), certified: record.id() };
            self.alarm(cause.to_string(), out);
            self.sync.stage = Stage::Broken;
        }
    }

    /// Takes a commit of the window, whose effects are in the ledger that is fetched.
    fn adopt(&mut self, commit: Commit, turns: &[Turn], reads: &dyn Reads, out: &mut Outbox) {
        let Commit { record, leaves } = commit;
        // One that was taken before a crash was told of then.
        let is_news = Archive::new(reads).record(record.index).is_none();
        let mut tables = Tables { pending: &mut out.writes.records, store: reads };
        self.chain.adopt(&record, &leaves, &mut tables);
        for (turn, leaf) in turns.iter().zip(&leaves) {
            if leaf.outcome.consumes_sequence() {
                let key = consumed_key(&turn.body().issuer, turn.body().sequence);
                tables.write(Table::Consumed, &key, &leaf.tx);
            }
        }
        received::note_all(record.index, &leaves, turns.iter().map(Turn::body), &mut tables);
        if is_news {
            out.events.push(Event::Committed { record: Arc::new(record), leaves: leaves.into() });
        }
    }

    /// If all of the offer is here, writes where consensus goes on. True if so.
    pub(super) fn install_if_complete(&mut self, reads: &dyn Reads, out: &mut Outbox) -> bool {
        let at = self.chain.last().index;
        let Stage::Fetching(fetch) = &mut self.sync.stage else { return false };
        if !fetch.is_ledger_here(at) || !fetch.missing().is_empty() {
            return false;
        }
        let mut tables = Tables { pending: &mut out.writes.records, store: reads };
        let offer = &fetch.offer;
        let index = offer.record.index;
        let (by, from, since) = (fetch.by, fetch.from, fetch.since);
        let waits_for = WaitsFor::Disk;
        let status = SyncStatus { by, from, at: index, to: index, parts: 0, since, waits_for };
        let root = Some(Ledger::state_root(&mut tables));
        assert_eq!(root, offer.record.state_root, "every part was checked");
        let mut standing = offer.kept.standing.clone();
        standing.convicted = self.consensus.standing().convicted;
        tables.write(Table::Standing, &CONSENSUS, &standing);
        tables.write(Table::Standing, &NEXT_VOTE, &CommitIndex(index.0 + 1));
        tables.write(
            Table::Certificate,
            &offer.certificate.vote.index.0.to_be_bytes(),
            &offer.certificate,
        );
        tables.remove(Table::Standing, &SYNCING);
        if by == By::Snapshot {
            self.floor.raised_to(offer.kept.window).write(&mut tables);
        }
        let (past, kept) = (fetch.past(), offer.kept.clone());
        for checkpoint in past {
            self.keep_checkpoint(&checkpoint, &mut tables);
        }
        self.snapshots.keep(index, kept, &mut tables);
        out.durable = true;
        self.sync.stage = Stage::Arrived(status);
        self.timers.set(Timer::Sync, self.now + Span::from_millis(1));
        true
    }

    /// All is on disk: goes on from there.
    pub(in crate::machine) fn arrive(&mut self, reads: &dyn Reads, out: &mut Outbox) {
        let is_ordered = |id: &TxId| reads.record(Table::Ordered, id.as_bytes()).is_some();
        let mut stale = self.cover.drop_stale(self.chain.last().round);
        stale.retain(|id| !is_ordered(id));
        self.rebuild(reads);
        if !stale.is_empty() {
            out.events.push(Event::Stale { ids: stale });
        }
        for (source, checkpoint) in self.sync.finish() {
            self.checkpoint(source, checkpoint, reads, out);
        }
        self.timers.set(Timer::Catchup, self.now);
        self.timers.set(Timer::Pace, self.now);
    }
}
