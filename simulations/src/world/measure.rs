//! What is measured of a run: each submission on its way to finality, and each node by its traffic,
//! queues and steps.
//!
//! Plain data. A body counts once: from when it was first handed over, by its client's clock, to
//! when the node that is watched told of a commit with any attachment of it. Integers only: shares
//! are parts of a million, rates per thousand seconds, so that nothing depends on the order in
//! which things are added up.
//!
//! Left out on purpose: what a figure looks like.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use weft_core::{
    digest::{BodyId, TxId},
    machine::SubmitRefusal,
    outcome::Outcome,
    time::{Span, Time},
    tx::Transaction,
};

use super::{Happening, World, desk::Lengths, life, traffic::Traffic};
use crate::world::device::bytes_of;

/// Who issued a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Issuer {
    /// A client with an account, by number.
    Client(usize),
    /// A poster, by number.
    Poster(usize),
    /// Somebody who does not wait, by number.
    Stream(usize),
    /// Nobody who asks what became of it.
    Nobody,
}

/// A transaction that was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// By whom.
    pub issuer: Issuer,
    /// Its body.
    pub body: BodyId,
    /// To which node, by number.
    pub node: usize,
    /// Its length, in bytes.
    pub bytes: u64,
    /// When it was made; its work comes after that.
    pub submitted: Time,
    /// When that node acknowledged that it is attached.
    pub attached: Option<Time>,
    /// Whether the issuer was told what became of it.
    pub(crate) answered: bool,
}

/// A body on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Who issued it.
    pub issuer: Issuer,
    /// When its first attachment was handed over.
    pub submitted: Time,
    /// When the first one was acknowledged.
    pub attached: Option<Time>,
    /// When the node that is watched told that it is final, and what came of it.
    pub committed: Option<(Time, Outcome)>,
}

impl Passage {
    /// Time until it was final where it was watched.
    pub fn latency(&self) -> Option<Span> {
        self.committed.map(|(at, _)| at.since(self.submitted))
    }
}

/// One node in figures, of all its lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFigures {
    /// What reached it, by kind.
    pub received: Traffic,
    /// What it sent, by kind.
    pub sent: Traffic,
    /// Its queues now.
    pub queues: Lengths,
    /// Its queues when they were longest.
    pub queues_peak: Lengths,
    /// Bytes held for a key, of the peer that holds most.
    pub held_bytes: usize,
    /// Bytes that wait for a parent.
    pub waiting_bytes: u64,
    /// Steps of its machine, and those among them that were only a deadline.
    pub steps: [u64; 2],
    /// Commits to its store, and syncs among them.
    pub disk_commits: [u64; 2],
    /// How often it started.
    pub lives: u64,
}

/// What came out, watched at one node within some time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Bodies that were handed over within that time.
    pub submitted: u64,
    /// Of those, the ones that are final.
    pub finals: u64,
    /// Final ones of each issuer.
    pub by_issuer: BTreeMap<Issuer, u64>,
    /// Milliseconds until each was final, ascending.
    pub latencies_ms: Vec<u64>,
    /// The length of that time.
    pub span: Span,
    /// Bytes that all nodes sent, in all of the run, for each body that is final there.
    pub bytes_per_final: u64,
}

/// A whole, in parts of a million.
const WHOLE: u128 = 1_000_000;

impl Summary {
    /// Final bodies in a thousand seconds.
    pub const fn per_1000_s(&self) -> u64 {
        let ms = self.span.as_millis();
        self.finals.saturating_mul(1_000_000) / if ms == 0 { 1 } else { ms }
    }

    /// The latency that `percent` of the final ones did not exceed, in milliseconds.
    pub fn percentile_ms(&self, percent: usize) -> Option<u64> {
        let last = self.latencies_ms.len().checked_sub(1)?;
        self.latencies_ms.get(last * percent.min(100) / 100).copied()
    }

    /// The share of `issuers` in all that became final, in parts of a million.
    pub fn share_ppm(&self, issuers: &BTreeSet<Issuer>) -> u64 {
        let own = self.by_issuer.iter().filter(|(issuer, _)| issuers.contains(issuer));
        let own: u64 = own.map(|(_, count)| count).sum();
        let share = (u128::from(own) * WHOLE).checked_div(self.finals.into());
        u64::try_from(share.unwrap_or_default()).unwrap_or(u64::MAX)
    }
}

impl World {
    /// Hands a transaction to a node, once its work is done.
    pub(crate) fn hand_to(&mut self, issuer: Issuer, at: usize, tx: &Transaction) {
        let (id, bytes) = (tx.id(), bytes_of(tx));
        self.finals.handed.insert(id, (self.now, at));
        let submission = Submission {
            issuer,
            body: tx.body_id(),
            node: at,
            bytes: bytes.len() as u64,
            submitted: self.now,
            attached: None,
            answered: false,
        };
        self.submissions.entry(id).or_insert(submission);
        match self.settings.costs.work_us {
            0 => self.handed(issuer, at, id, bytes),
            mean => {
                // Tries are independent, so the time until one succeeds is exponential.
                let wait = Span::from_millis(self.works.exponential(mean) / 1_000);
                self.put(self.now + wait, Happening::Handed { issuer, at, id, bytes });
            }
        }
    }

    /// A transaction reaches the node that it is handed to.
    pub(crate) fn handed(&mut self, issuer: Issuer, at: usize, id: TxId, bytes: Bytes) {
        let now = self.now;
        let turned = self.honest(at).and_then(|node| node.submit(now, bytes).err());
        if let Some(outcome) = turned {
            self.answer(issuer, &id, &outcome);
        }
        self.plan(at);
    }

    /// An issuer is told what became of a transaction.
    pub(crate) fn answer(&mut self, issuer: Issuer, id: &TxId, outcome: &life::Outcome) {
        let now = self.now;
        let Some(submission) = self.submissions.get_mut(id) else { return };
        let is_first = !std::mem::replace(&mut submission.answered, true);
        match issuer {
            Issuer::Poster(number) if is_first => self.told(number, outcome),
            Issuer::Client(number) => {
                if let Some(client) = self.clients.get_mut(number) {
                    client.told(now, id, outcome);
                }
            }
            Issuer::Stream(number) => self.stream_told(number, outcome),
            Issuer::Nobody => {
                let valid = !matches!(
                    outcome,
                    life::Outcome::Refused(
                        SubmitRefusal::Refused(_) | SubmitRefusal::UnknownKey { .. }
                    )
                );
                assert!(valid, "{id}: {outcome:?}");
            }
            Issuer::Poster(_) => {}
        }
    }

    /// All transactions that were handed over.
    pub const fn submissions(&self) -> &BTreeMap<TxId, Submission> {
        &self.submissions
    }

    /// Every body that was handed over, as `watch` saw it become final.
    ///
    /// # Panics
    /// If `watch` is not an honest node.
    pub fn passages(&self, watch: usize) -> BTreeMap<BodyId, Passage> {
        let mut passages: BTreeMap<BodyId, Passage> = BTreeMap::new();
        for submission in self.submissions.values() {
            let passage = passages.entry(submission.body).or_insert_with(|| Passage {
                issuer: submission.issuer,
                submitted: submission.submitted,
                attached: None,
                committed: None,
            });
            passage.submitted = passage.submitted.min(submission.submitted);
            let acknowledged = [passage.attached, submission.attached].into_iter().flatten();
            passage.attached = acknowledged.min();
        }
        for commit in &self.node(watch).told().commits {
            for leaf in &*commit.leaves {
                let is_end = !matches!(leaf.outcome, Outcome::BadAnchor | Outcome::NoAccount);
                if let Some(passage) = passages.get_mut(&leaf.body).filter(|_| is_end) {
                    passage.committed.get_or_insert((commit.at, leaf.outcome));
                }
            }
        }
        passages
    }

    /// What came out of all that was handed over from `from` on and before `to`, as `watch` saw it.
    ///
    /// # Panics
    /// If `watch` is not an honest node.
    pub fn summary(&self, watch: usize, from: Time, to: Time) -> Summary {
        let passages = self.passages(watch);
        let all_final = passages.values().filter(|passage| passage.committed.is_some()).count();
        let sent: u64 = self.sent.iter().map(|sent| sent.total().bytes).sum();
        let mut summary = Summary {
            span: to.since(from),
            bytes_per_final: sent / (all_final as u64).max(1),
            ..Summary::default()
        };
        let within = |passage: &&Passage| (from..to).contains(&passage.submitted);
        for passage in passages.values().filter(within) {
            summary.submitted += 1;
            if let Some(latency) = passage.latency() {
                summary.finals += 1;
                *summary.by_issuer.entry(passage.issuer).or_default() += 1;
                summary.latencies_ms.push(latency.as_millis());
            }
        }
        summary.latencies_ms.sort_unstable();
        summary
    }

    /// One node in figures.
    ///
    /// # Panics
    /// If `number` is not an honest node.
    pub fn node_figures(&self, number: usize) -> NodeFigures {
        let node = self.node(number);
        let (queues, queues_peak) = node.queues();
        NodeFigures {
            received: self.traffic(number).clone(),
            sent: self.sent(number).clone(),
            queues,
            queues_peak,
            held_bytes: node.held_bytes(),
            waiting_bytes: node.status().map_or(0, |status| status.waiting_bytes),
            steps: [node.pulse().steps, node.pulse().ticks],
            disk_commits: node.disk_commits(),
            lives: node.lives(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_all_that_became_final() {
        let issuers: BTreeSet<Issuer> = (0..4).map(Issuer::Poster).collect();
        let of = |counts: [u64; 4]| Summary {
            finals: counts.iter().sum(),
            by_issuer: issuers.iter().copied().zip(counts).collect(),
            ..Summary::default()
        };
        let two = [Issuer::Poster(0), Issuer::Poster(1)].into();
        assert_eq!(of([1, 2, 3, 4]).share_ppm(&two), 300_000);
        assert_eq!(Summary::default().share_ppm(&two), 0, "nobody got anything");
    }
}
