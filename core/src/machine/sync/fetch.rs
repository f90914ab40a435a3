//! All that is under way from an offer to what it offers: what is here, and what to ask for next.
//!
//! Invariant: each part, stretch of commits and body is in one place: to be asked for, being asked
//! for, or here.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    vec,
    vec::Vec,
};

use super::{
    Server,
    page::{COMMITS_MAX, Commit, Page},
};
use crate::{
    admit::Verified,
    checkpoint::{CheckpointRef, VerifiedCheckpoint},
    digest::TxId,
    machine::{By, Source, snapshot::Offer},
    message::{GetCheckpoints, GetCommits},
    time::Time,
    units::{CommitIndex, Round},
};

/// Leaves whose commits wait for their turn; beyond, no further commits are asked for.
const LEAVES_AHEAD: usize = 4_096;

/// Pages asked for at once: what they bring counts when it comes.
const PAGES_OPEN: usize = 2;

/// Bodies asked for at once.
const BODIES_AT_ONCE: usize = 256;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Offer,
    Part(u8),
    Commits(GetCommits),
    Bodies(Vec<TxId>),
    /// Checkpoints of the past; so many were here when they were asked for.
    Past {
        had: usize,
    },
}

/// All that is under way.
#[derive(Debug)]
pub(super) struct Fetch {
    pub(super) by: By,
    pub(super) offer: Offer,
    /// Parts of the ledger that are neither here nor under way.
    pub(super) parts: Vec<u8>,
    pub(super) parts_open: usize,
    /// Commits that are neither here nor under way: the first and the last of each stretch.
    pub(super) stretches: BTreeMap<CommitIndex, CommitIndex>,
    pub(super) pages_open: usize,
    /// Commits that wait for bodies, or for those before them.
    pub(super) commits: BTreeMap<CommitIndex, Waiting>,
    pub(super) leaves: usize,
    /// In whose commit a body is missing.
    pub(super) wanted: BTreeMap<TxId, CommitIndex>,
    /// Those of them that nobody is being asked for.
    pub(super) to_ask: VecDeque<TxId>,
    /// Whether the chain was led to where the window begins.
    pub(super) has_jumped: bool,
    /// Checkpoints in the past of the offer's leaders, as far as they came.
    pub(super) past: BTreeMap<CheckpointRef, Arc<VerifiedCheckpoint>>,
    pub(super) past_open: bool,
    /// Where it began, and when.
    pub(super) from: CommitIndex,
    pub(super) since: Time,
}

/// A commit that waits for its turn.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) commit: Commit,
    /// Bodies that came, with who brought each.
    pub(super) held: BTreeMap<TxId, (Arc<Verified>, Source)>,
    pub(super) missing: usize,
}

impl Fetch {
    pub(super) fn new(by: By, offer: Offer, at: CommitIndex, since: Time) -> Self {
        let to = offer.record.index;
        let first = if by == By::Commits { CommitIndex(at.0 + 1) } else { offer.kept.window };
        let parts = if by == By::Commits { Vec::new() } else { (0..=u8::MAX).rev().collect() };
        let starts = (first.0..=to.0).step_by(COMMITS_MAX);
        let stretches = starts
            .map(|from| (CommitIndex(from), CommitIndex(to.0.min(from + COMMITS_MAX as u64 - 1))))
            .collect();
        Self {
            by,
            offer,
            parts,
            parts_open: 0,
            stretches,
            pages_open: 0,
            commits: BTreeMap::new(),
            leaves: 0,
            wanted: BTreeMap::new(),
            to_ask: VecDeque::new(),
            has_jumped: by == By::Commits,
            past: BTreeMap::new(),
            past_open: false,
            from: first,
            since,
        }
    }

    /// Goes on with checkpoints that came under an earlier offer: fetching them may take longer
    /// than from one snapshot to the next.
    pub(super) fn inherit(&mut self, past: BTreeMap<CheckpointRef, Arc<VerifiedCheckpoint>>) {
        let above = self.offer.kept.standing.gc_round();
        self.past.extend(past.into_iter().filter(|(reference, _)| reference.round > above));
    }

    /// What to ask `server` for next. The past comes last, when all else is here.
    pub(super) fn next(&mut self, server: &Server, at: CommitIndex) -> Option<Ask> {
        let target = self.offer.record.index;
        if server.snapshot == target
            && let Some(part) = self.parts.pop()
        {
            self.parts_open += 1;
            return Some(Ask::Part(part));
        }
        if self.oldest_to_ask().is_some_and(|index| index >= server.lowest) {
            let count = self.to_ask.len().min(BODIES_AT_ONCE);
            return Some(Ask::Bodies(self.to_ask.drain(..count).collect()));
        }
        // The lowest first; what all others wait for is asked for however many those are.
        let lowest = self.stretches.first_key_value().map(|(from, to)| (*from, *to));
        let is_next = |from: CommitIndex| !self.has_jumped || from.0 == at.0 + 1;
        let has_room = self.leaves < LEAVES_AHEAD && self.pages_open < PAGES_OPEN;
        if let Some((from, to)) = lowest.filter(|(from, _)| *from >= server.lowest)
            && (has_room || is_next(from))
        {
            self.stretches.remove(&from);
            self.pages_open += 1;
            return Some(Ask::Commits(GetCommits { from, to, under: target }));
        }
        if self.is_ledger_here(at) && !self.past_open {
            self.past_open = true;
            return Some(Ask::Past { had: self.past.len() });
        }
        None
    }

    /// The commit of the first body to ask for. What came unasked is passed over.
    fn oldest_to_ask(&mut self) -> Option<CommitIndex> {
        while let Some(id) = self.to_ask.front() {
            if let Some(index) = self.wanted.get(id) {
                return Some(*index);
            }
            self.to_ask.pop_front();
        }
        None
    }

    /// A request is not open any more.
    pub(super) const fn closed(&mut self, ask: &Ask) {
        match ask {
            Ask::Part(_) => self.parts_open -= 1,
            Ask::Commits(_) => self.pages_open -= 1,
            Ask::Past { .. } => self.past_open = false,
            Ask::Offer | Ask::Bodies(_) => {}
        }
    }

    /// A request brought nothing, or not all: what is missing is asked for again.
    pub(super) fn again(&mut self, ask: Ask) {
        match ask {
            Ask::Offer | Ask::Past { .. } => {}
            Ask::Part(part) => self.parts.push(part),
            Ask::Commits(GetCommits { from, to, .. }) => {
                self.stretches.insert(from, to);
            }
            Ask::Bodies(ids) => {
                let missing = ids.into_iter().rev().filter(|id| self.wanted.contains_key(id));
                missing.for_each(|id| self.to_ask.push_front(id));
            }
        }
    }

    /// Where the window begins, its first commit must be one that it may begin with.
    pub(super) fn may_begin_with(&self, page: &Page) -> bool {
        let first = page.commits.first().map(|commit| &commit.record);
        let window = first.filter(|first| first.index == self.offer.kept.window);
        self.by == By::Commits || window.is_none_or(|first| self.offer.begins_at(first))
    }

    /// Takes a page. `is_here` tells which transactions are attached already.
    pub(super) fn page(&mut self, page: Page, is_here: impl Fn(&TxId) -> bool) {
        for commit in page.commits {
            let index = commit.record.index;
            let missing = commit.leaves.iter().map(|leaf| leaf.tx).filter(|id| !is_here(id));
            let missing: Vec<TxId> = missing.collect();
            self.leaves += commit.leaves.len();
            self.wanted.extend(missing.iter().map(|id| (*id, index)));
            let waiting = Waiting { commit, held: BTreeMap::new(), missing: missing.len() };
            self.to_ask.extend(missing);
            self.commits.insert(index, waiting);
        }
    }

    /// The commit at `index`, if all its bodies are here.
    pub(super) fn ready(&mut self, index: CommitIndex) -> Option<Waiting> {
        let first = self.commits.first_entry()?;
        if *first.key() != index || first.get().missing > 0 {
            return None;
        }
        let waiting = first.remove();
        self.leaves -= waiting.commit.leaves.len();
        Some(waiting)
    }

    /// Whether all commits are applied, of which the last one here is `at`, and all parts of the
    /// ledger are here.
    pub(super) fn is_ledger_here(&self, at: CommitIndex) -> bool {
        self.has_jumped
            && at == self.offer.record.index
            && self.parts.is_empty()
            && self.parts_open == 0
    }

    /// Checkpoints that are missing in the past of the offer's leaders.
    pub(super) fn missing(&self) -> Vec<CheckpointRef> {
        let of_past = self.walk_past().into_iter();
        of_past.filter(|reference| !self.past.contains_key(reference)).collect()
    }

    /// The past of the offer's leaders, as far as it is here.
    pub(super) fn past(&self) -> Vec<Arc<VerifiedCheckpoint>> {
        self.walk_past().iter().filter_map(|reference| self.past.get(reference)).cloned().collect()
    }

    /// The past of the offer's leaders above the gc round, down to what is missing. Of all of them:
    /// a leader can be committed that the next one had not seen.
    pub(super) fn walk_past(&self) -> BTreeSet<CheckpointRef> {
        let standing = &self.offer.kept.standing;
        let gc_round = standing.gc_round();
        let mut open = standing.leaders.to_vec();
        open.push(self.offer.record.leader);
        let mut seen = BTreeSet::new();
        while let Some(reference) = open.pop() {
            if reference.round > gc_round && seen.insert(reference) {
                let found = self.past.get(&reference);
                open.extend(found.iter().flat_map(|found| &found.checkpoint().refs));
            }
        }
        seen
    }

    /// Of each author what lies above the highest that is here, and whatever is missing below.
    pub(super) fn past_request(&self, validators: usize) -> GetCheckpoints {
        let gc_round = self.offer.kept.standing.gc_round();
        let mut above = vec![gc_round; validators];
        for reference in self.past.keys() {
            if let Some(round) = above.get_mut(reference.author.index()) {
                *round = reference.round.max(*round);
            }
        }
        for reference in self.missing() {
            if let Some(round) = above.get_mut(reference.author.index()) {
                *round = (*round).min(Round(reference.round.0 - 1));
            }
        }
        GetCheckpoints { above, to: self.offer.record.leader.round }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::snapshot::tests::offer;

    const SERVER: Server =
        Server { snapshot: CommitIndex(4), lowest: CommitIndex(1), rests_until: Time::ZERO };

    /// Pages come cut, the rests in any order, while later ones fill all the room there is: what
    /// all of them wait for is asked for first.
    #[test]
    fn what_the_others_wait_for_is_asked_for_though_there_is_no_room() {
        let (_, offer, _) = offer();
        let mut fetch = Fetch::new(By::Commits, offer, CommitIndex(0), Time::ZERO);
        let asked = fetch.next(&SERVER, CommitIndex(0));
        let Some(Ask::Commits(request)) = asked else { panic!("{asked:?}") };
        assert_eq!((request.from, request.to), (CommitIndex(1), CommitIndex(4)));
        let rest = |from, to| {
            Ask::Commits(GetCommits { from: CommitIndex(from), to: CommitIndex(to), ..request })
        };
        fetch.leaves = LEAVES_AHEAD;
        fetch.again(rest(2, 2));
        fetch.again(rest(4, 4));
        assert_eq!(fetch.next(&SERVER, CommitIndex(0)), None, "there is no room");
        assert_eq!(fetch.next(&SERVER, CommitIndex(1)), Some(rest(2, 2)), "but for the next one");
        assert_eq!(fetch.next(&SERVER, CommitIndex(1)), None, "and that is under way");
        assert_eq!(fetch.next(&SERVER, CommitIndex(3)), Some(rest(4, 4)));
    }

    #[test]
    fn what_did_not_come_is_asked_for_again() {
        let (_, offer, _) = offer();
        let mut fetch = Fetch::new(By::Snapshot, offer, CommitIndex(0), Time::ZERO);
        let mut asked = Vec::new();
        while let Some(ask) = fetch.next(&SERVER, CommitIndex(0)) {
            asked.push(ask);
        }
        assert_eq!(asked.len(), 257, "256 parts and one stretch");
        for ask in asked {
            fetch.closed(&ask);
            fetch.again(ask.clone());
            assert_eq!(fetch.next(&SERVER, CommitIndex(0)).as_ref(), Some(&ask));
        }
    }
}
