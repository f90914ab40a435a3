//! The accepted checkpoints above the gc round, with what each of them says of leaders.
//!
//! `vote` and `cert` (Mysticeti, arXiv 2310.14821, section 3; docs/PROTOCOL.md section 10) follow
//! from direct references alone, of which a checkpoint has one per author: so both are unique, and
//! they are computed once, on acceptance.
//!
//! Invariant: every reference of a checkpoint in here is in here too, or at or below the gc round.
//! A slot (round, author) may hold several versions; its author counts once.
//!
//! Left out on purpose: whether a further version of a slot is let in (`mod`), what waits for
//! references (`pending`).

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use super::schedule::Schedule;
use crate::{
    checkpoint::{CheckpointRef, VerifiedCheckpoint},
    committee::{Author, Committee},
    digest::CheckpointId,
    time::Time,
    units::Round,
};

/// An accepted checkpoint.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) checkpoint: Arc<VerifiedCheckpoint>,
    /// What it references in the slot of the leader of the round before.
    pub(super) vote: Option<CheckpointId>,
    /// What a quorum of its references votes for in the slot of the leader two rounds before.
    pub(super) cert: Option<CheckpointId>,
    /// Whether it was the first of its slot: the version that this node references.
    is_first: bool,
    /// Whether it is in the past of the own last checkpoint.
    is_in_own_past: bool,
}

impl Node {
    pub(super) const fn is_first(&self) -> bool {
        self.is_first
    }
}

/// Accepted checkpoints, by round, author and id.
#[derive(Debug)]
pub(super) struct Dag {
    committee: Arc<Committee>,
    own: Option<Author>,
    nodes: BTreeMap<CheckpointRef, Node>,
    weights: BTreeMap<Round, u64>,
    quorum_round: Round,
    gc_round: Round,
    own_last: Option<(CheckpointRef, Time)>,
    /// The newest round of each author in the past of the own last checkpoint.
    covered: BTreeMap<Author, Round>,
}

impl Dag {
    pub(super) const fn new(
        committee: Arc<Committee>,
        own: Option<Author>,
        own_last: Option<(CheckpointRef, Time)>,
        gc_round: Round,
    ) -> Self {
        Self {
            committee,
            own,
            nodes: BTreeMap::new(),
            weights: BTreeMap::new(),
            quorum_round: Round::ZERO,
            gc_round,
            own_last,
            covered: BTreeMap::new(),
        }
    }

    pub(super) fn committee(&self) -> &Committee {
        &self.committee
    }

    pub(super) const fn own(&self) -> Option<Author> {
        self.own
    }

    pub(super) fn node(&self, reference: &CheckpointRef) -> Option<&Node> {
        self.nodes.get(reference)
    }

    pub(super) fn contains(&self, reference: &CheckpointRef) -> bool {
        self.nodes.contains_key(reference)
    }

    /// A checkpoint that the invariant says is here.
    ///
    /// # Panics
    /// If it is not: going on would order something else than other nodes.
    pub(super) fn present(&self, reference: &CheckpointRef) -> &Node {
        self.nodes.get(reference).expect("references of accepted checkpoints are accepted")
    }

    /// All of a round.
    pub(super) fn round(&self, round: Round) -> impl Iterator<Item = &Node> {
        let (from, to) = (first_of(round, Author(0)), last_of(round, Author(u16::MAX)));
        self.nodes.range(from..=to).map(|(_, node)| node)
    }

    /// All versions of a slot.
    pub(super) fn slot(&self, round: Round, author: Author) -> impl Iterator<Item = &Node> {
        let slot = first_of(round, author)..=last_of(round, author);
        self.nodes.range(slot).map(|(_, node)| node)
    }

    /// The version of a slot that this node references.
    pub(super) fn first(&self, round: Round, author: Author) -> Option<CheckpointRef> {
        self.slot(round, author).find(|node| node.is_first).map(|node| node.checkpoint.reference())
    }

    /// The weight of the authors of a round.
    pub(super) fn weight(&self, round: Round) -> u64 {
        self.weights.get(&round).copied().unwrap_or(0)
    }

    /// The weight of those authors of a round of whom some version passes.
    pub(super) fn weight_where(&self, round: Round, passes: impl Fn(&Node) -> bool) -> u64 {
        let mut authors: Vec<Author> =
            self.round(round).filter(|node| passes(node)).map(|n| n.checkpoint.author()).collect();
        authors.dedup();
        self.committee.weigh(authors)
    }

    /// Whether the authors of a round weigh a quorum.
    pub(super) fn has_quorum(&self, round: Round) -> bool {
        self.weight(round) >= self.committee.quorum()
    }

    /// The highest round of which a quorum was accepted.
    pub(super) const fn quorum_round(&self) -> Round {
        self.quorum_round
    }

    /// The highest round of which anything was accepted.
    pub(super) fn highest(&self) -> Round {
        self.nodes.last_key_value().map_or(Round::ZERO, |(reference, _)| reference.round)
    }

    /// Checkpoints at or below this round are forgotten.
    pub(super) const fn gc_round(&self) -> Round {
        self.gc_round
    }

    /// The own last checkpoint and the time it carries.
    pub(super) const fn own_last(&self) -> Option<(CheckpointRef, Time)> {
        self.own_last
    }

    /// The newest round of `author` in the past of the own last checkpoint.
    pub(super) fn covered(&self, author: Author) -> Round {
        self.covered.get(&author).copied().unwrap_or(Round::ZERO)
    }

    /// Every checkpoint, lower rounds first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<VerifiedCheckpoint>> {
        self.nodes.values().map(|node| &node.checkpoint)
    }

    /// Takes a checkpoint whose references are all here, or at or below the gc round.
    pub(super) fn accept(&mut self, checkpoint: Arc<VerifiedCheckpoint>, schedule: &Schedule) {
        let reference = checkpoint.reference();
        let complete = |to: &CheckpointRef| to.round <= self.gc_round || self.contains(to);
        assert!(checkpoint.checkpoint().refs.iter().all(complete), "references come first");
        let is_first = self.slot(reference.round, reference.author).next().is_none();
        if is_first {
            let weight = self.weights.entry(reference.round).or_default();
            *weight += self.committee.weight(reference.author);
            if *weight >= self.committee.quorum() {
                self.quorum_round = self.quorum_round.max(reference.round);
            }
        }
        let vote = self.vote(&checkpoint, schedule);
        let cert = self.cert(&checkpoint, schedule);
        let time = checkpoint.checkpoint().core.time;
        let node = Node { checkpoint, vote, cert, is_first, is_in_own_past: false };
        let before = self.nodes.insert(reference, node);
        assert!(before.is_none(), "a checkpoint is accepted once");
        let last = self.own_last.map_or(Round::ZERO, |(last, _)| last.round);
        if self.own == Some(reference.author) && reference.round > last {
            self.own_last = Some((reference, time));
        }
        if self.own_last.is_some_and(|(last, _)| last == reference) {
            self.cover(reference);
        }
    }

    fn vote(&self, of: &VerifiedCheckpoint, schedule: &Schedule) -> Option<CheckpointId> {
        let round = Round(of.round().0 - 1);
        let leader = schedule.leader(round)?;
        let mut refs = of.checkpoint().refs.iter();
        refs.find(|to| to.round == round && to.author == leader).map(|to| to.id)
    }

    /// Two quorums of one checkpoint's references share an author, of whom it has one reference: so
    /// at most one id has a quorum.
    fn cert(&self, of: &VerifiedCheckpoint, schedule: &Schedule) -> Option<CheckpointId> {
        let round = Round(of.round().0.checked_sub(2)?);
        schedule.leader(round)?;
        let mut votes: BTreeMap<CheckpointId, u64> = BTreeMap::new();
        for to in of.checkpoint().refs.iter().filter(|to| to.round.0 == round.0 + 1) {
            if let Some(vote) = self.nodes.get(to).and_then(|node| node.vote) {
                *votes.entry(vote).or_default() += self.committee.weight(to.author);
            }
        }
        votes.into_iter().find(|(_, weight)| *weight >= self.committee.quorum()).map(|(id, _)| id)
    }

    /// Marks the past of an own checkpoint, as far as it is not marked yet.
    fn cover(&mut self, own: CheckpointRef) {
        let mut open = Vec::from([own]);
        while let Some(reference) = open.pop() {
            let Some(node) = self.nodes.get_mut(&reference).filter(|node| !node.is_in_own_past)
            else {
                continue;
            };
            node.is_in_own_past = true;
            let covered = self.covered.entry(reference.author).or_default();
            *covered = reference.round.max(*covered);
            open.extend(&node.checkpoint.checkpoint().refs);
        }
    }

    /// Computes votes and certificates anew for leaders above `boundary`: others lead now.
    pub(super) fn recount(&mut self, boundary: Round, schedule: &Schedule) {
        let from = first_of(Round(boundary.0 + 1), Author(0));
        let above: Vec<CheckpointRef> = self.nodes.range(from..).map(|(key, _)| *key).collect();
        // Lower rounds first: a certificate reads the votes of the round below.
        for reference in above {
            let checkpoint = self.present(&reference).checkpoint.clone();
            let vote = self.vote(&checkpoint, schedule);
            let cert = self.cert(&checkpoint, schedule);
            if let Some(node) = self.nodes.get_mut(&reference) {
                (node.vote, node.cert) = (vote, cert);
            }
        }
    }

    /// Forgets what is at or below `gc_round`.
    pub(super) fn forget(&mut self, gc_round: Round) {
        self.gc_round = gc_round;
        let kept = Round(gc_round.0 + 1);
        self.nodes = self.nodes.split_off(&first_of(kept, Author(0)));
        self.weights = self.weights.split_off(&kept);
    }
}

/// Below all versions of a slot.
pub(super) const fn first_of(round: Round, author: Author) -> CheckpointRef {
    CheckpointRef { round, author, id: CheckpointId::ZERO }
}

/// Above all versions of a slot.
pub(super) const fn last_of(round: Round, author: Author) -> CheckpointRef {
    CheckpointRef { round, author, id: CheckpointId([u8::MAX; 32]) }
}
