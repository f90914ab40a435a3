//! Keeps proof that a validator signed two things that exclude each other, and tells of it.
//!
//! Invariant: of each validator at most one proof of each kind is kept, the first: one is enough,
//! and a cheat cannot fill the disk.
//!
//! Left out on purpose: references. `consensus` stops referencing whoever is convicted.

use alloc::{sync::Arc, vec::Vec};

use super::{
    Archive, Event, Machine, Outbox, Reads,
    certify::DoubleVote,
    records::{Table, Tables, scan},
};
use crate::{
    checkpoint::CheckpointRef,
    codec::Decode as _,
    commit::{Evidence, Offence, Signer},
};

impl Machine {
    /// A validator made two checkpoints of one round.
    pub(super) fn equivocated(
        &self,
        pair: [CheckpointRef; 2],
        reads: &dyn Reads,
        out: &mut Outbox,
    ) {
        let CheckpointRef { round, author, .. } = pair[1];
        let signer = |reference| {
            let found = self.consensus.checkpoint(&reference)?;
            Some(Signer::from(found.checkpoint()))
        };
        if let [Some(first), Some(second)] = pair.map(signer) {
            keep(Evidence::new(first, second), reads, out);
        }
        out.events.push(Event::Equivocated { author, round });
    }

    /// A validator voted for two commits of one index.
    pub(super) fn voted_twice(&self, double: DoubleVote, reads: &dyn Reads, out: &mut Outbox) {
        let (first, second) =
            (Arc::unwrap_or_clone(double.first), Arc::unwrap_or_clone(double.second));
        let (author, round) = (second.core.author, second.core.round);
        keep(Evidence::new(first, second), reads, out);
        out.events.push(Event::Equivocated { author, round });
    }
}

fn keep(evidence: Option<Evidence>, reads: &dyn Reads, out: &mut Outbox) {
    let Some(evidence) = evidence else { return };
    let kind = match evidence.offence() {
        Offence::TwoCheckpoints(_) => 0,
        Offence::TwoVotes(_) => 1,
    };
    let [high, low] = evidence.author().0.to_be_bytes();
    let mut tables = Tables { pending: &mut out.writes.records, store: reads };
    if tables.bytes(Table::Evidence, &[high, low, kind]).is_none() {
        tables.write(Table::Evidence, &[high, low, kind], &evidence);
    }
}

impl Archive<'_> {
    /// What validators did that none may do.
    pub fn evidence(&self) -> Vec<Evidence> {
        let all = scan(Table::Evidence, Vec::new(), self.reads());
        let kept = |(_, bytes): (_, bytes::Bytes)| Evidence::from_bytes(&bytes);
        all.map(|record| kept(record).expect("a record is what was written")).collect()
    }
}
