//! Takes a node that is new, or was away for long, to where the others are.
//!
//! ```text
//! offer (one quorum of signatures) -> parts of the ledger, commits, bodies (hashes alone)
//!     -> checkpoints of the last rounds -> consensus goes on from there
//! ```
//!
//! By a snapshot: the ledger at its commit, and of the history the keep window. By commits: from
//! where this node stands, each commit executed here. Both end at the commit of the offer, where
//! consensus stood as its record says.
//!
//! Invariant: nothing that came counts before it was checked under the certified record; bodies
//! pass admission like any others. At most [`LEAVES_AHEAD`] leaves and their bodies wait here, and
//! a page. A crash leaves a mark, and the node starts again with what it has.
//!
//! Left out on purpose: a short absence. Whoever lacks fewer rounds than lie between two snapshots
//! fetches the checkpoints themselves (`catchup`) and decides like everybody else.

mod apply;
mod drive;
mod page;
mod part;

use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    vec::Vec,
};

pub(super) use self::{drive::SYNCING, page::Page, part::Objects};

use self::page::{COMMITS_MAX, Commit};
use super::{Ticket, input::Source, snapshot::Offer};
use crate::{
    admit::Verified,
    checkpoint::{CheckpointRef, VerifiedCheckpoint},
    committee::VALIDATORS_MAX,
    digest::{NodeId, TxId},
    message::GetCommits,
    params::GC_DEPTH,
    time::{Span, Time},
    units::CommitIndex,
};

/// Leaves whose commits wait for their turn; beyond, no further commits are asked for.
const LEAVES_AHEAD: usize = 4_096;

/// Bodies asked for at once.
const BODIES_AT_ONCE: usize = 128;

/// Open requests to one peer.
const ASKS_PER_PEER: usize = 2;

/// How long a peer is left alone that had nothing of what it was asked.
const REST: Span = Span::from_millis(300);

/// How often peers are asked what they offer.
const LOOK_EVERY: Span = Span::from_secs(2);

/// Checkpoints kept that came while consensus stood still.
const RECENT_MAX: usize = 256;

/// Checkpoints kept of the past of an offer's leader: all of a committee, and as many again.
const PAST_MAX: usize = 2 * GC_DEPTH as usize * VALIDATORS_MAX;

/// Tickets of these requests, apart from those of others.
const TICKETS: u64 = 1 << 61;

/// How this node gets to where the others are.
#[derive(Debug, Default)]
pub(super) struct Sync {
    stage: Stage,
    servers: BTreeMap<NodeId, Server>,
    open: BTreeMap<Ticket, Open>,
    asked: u64,
    /// Peers are not asked before for what they offer.
    look_at: Time,
    /// What came while consensus stood still, the newest last.
    recent: VecDeque<(Source, Arc<VerifiedCheckpoint>)>,
}

#[derive(Debug, Default)]
enum Stage {
    /// This node is where the others are, or near.
    #[default]
    Live,
    /// What is on disk is neither here nor there, and no offer came yet.
    Lost,
    Fetching(Box<Fetch>),
    /// All is on its way to disk; consensus goes on from there.
    Arrived,
    /// This node executes otherwise than the committee: people must look at it.
    Broken,
}

/// What a peer offers.
#[derive(Clone, Copy, Debug)]
struct Server {
    snapshot: CommitIndex,
    lowest: CommitIndex,
    rests_until: Time,
}

/// An open request.
#[derive(Debug)]
struct Open {
    peer: NodeId,
    ask: Ask,
    bytes: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Ask {
    Offer,
    Part(u8),
    Commits(GetCommits),
    Bodies(Vec<TxId>),
    Past,
}

/// How the ledger comes to be that of the offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Every commit is executed here.
    Commits,
    /// It is fetched as it was.
    Snapshot,
}

/// All that is under way.
#[derive(Debug)]
struct Fetch {
    by: By,
    offer: Offer,
    /// Parts of the ledger that are neither here nor under way.
    parts: Vec<u8>,
    parts_open: usize,
    /// Commits that are neither here nor under way, in stretches.
    stretches: VecDeque<(CommitIndex, CommitIndex)>,
    /// Commits that wait for bodies, or for those before them.
    commits: BTreeMap<CommitIndex, Waiting>,
    leaves: usize,
    /// In whose commit a body is missing.
    wanted: BTreeMap<TxId, CommitIndex>,
    /// Those of them that nobody is being asked for.
    to_ask: VecDeque<TxId>,
    /// Whether the chain was led to where the window begins.
    has_jumped: bool,
    /// Checkpoints in the past of the offer's leader, as far as they came.
    past: BTreeMap<CheckpointRef, Arc<VerifiedCheckpoint>>,
    past_open: bool,
    /// Where it began, and when.
    from: CommitIndex,
    since: Time,
}

#[derive(Debug)]
struct Waiting {
    commit: Commit,
    /// Bodies that came, with who brought each.
    held: BTreeMap<TxId, (Arc<Verified>, Source)>,
    missing: usize,
}

/// How far it is, for queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncStatus {
    /// By what.
    pub by: By,
    /// The commit at which it began.
    pub from: CommitIndex,
    /// The last commit that is here.
    pub at: CommitIndex,
    /// The commit that it leads to.
    pub to: CommitIndex,
    /// Parts of the ledger that are still to come, of 256.
    pub parts: usize,
    /// When it began.
    pub since: Time,
    /// What it waits for.
    pub waits_for: WaitsFor,
}

/// What a node that is not where the others are waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// A peer that offers a snapshot.
    Offer,
    /// A peer that still has commits from this one on.
    Commits(CommitIndex),
    /// A peer that still has the snapshot of this commit.
    Snapshot(CommitIndex),
    /// Answers that are under way.
    Answers,
}

impl Sync {
    /// A node whose disk holds a ledger that is neither here nor there if `is_lost`.
    pub(super) fn new(is_lost: bool) -> Self {
        let stage = if is_lost { Stage::Lost } else { Stage::Live };
        Self { stage, ..Self::default() }
    }

    /// Whether consensus stands still and gossip is of no use.
    pub(super) const fn is_active(&self) -> bool {
        !matches!(self.stage, Stage::Live)
    }

    /// Whether all is on disk.
    pub(super) const fn has_arrived(&self) -> bool {
        matches!(self.stage, Stage::Arrived)
    }

    /// Whether a ticket is of these requests.
    pub(super) fn is_own(&self, ticket: Ticket) -> bool {
        self.open.contains_key(&ticket)
    }

    /// Takes the next bytes of an answer. How long that may be is bounded where it comes in.
    pub(super) fn part(&mut self, ticket: Ticket, bytes: &[u8]) {
        if let Some(open) = self.open.get_mut(&ticket) {
            open.bytes.extend_from_slice(bytes);
        }
    }

    /// Takes a body, if it is one that is wanted. Whether its commit is complete with it.
    pub(super) fn body(&mut self, tx: &Arc<Verified>, source: Source) -> bool {
        let Stage::Fetching(fetch) = &mut self.stage else { return false };
        let Some(index) = fetch.wanted.remove(&tx.id()) else { return false };
        let Some(waiting) = fetch.commits.get_mut(&index) else { return false };
        waiting.held.insert(tx.id(), (tx.clone(), source));
        waiting.missing -= 1;
        waiting.missing == 0
    }

    /// Takes a checkpoint while consensus stands still.
    pub(super) fn checkpoint(&mut self, source: Source, checkpoint: Arc<VerifiedCheckpoint>) {
        let reference = checkpoint.reference();
        if let Stage::Fetching(fetch) = &mut self.stage
            && reference.round > fetch.offer.kept.standing.gc_round()
            && reference.round <= fetch.offer.record.leader.round
            && fetch.past.len() < PAST_MAX
        {
            fetch.past.insert(reference, checkpoint);
            return;
        }
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((source, checkpoint));
    }

    /// Those of some bodies that have not come.
    fn still_wanted<'a>(&self, ids: &'a [TxId]) -> impl Iterator<Item = &'a TxId> {
        let wanted = match &self.stage {
            Stage::Fetching(fetch) => Some(&fetch.wanted),
            Stage::Live | Stage::Lost | Stage::Arrived | Stage::Broken => None,
        };
        ids.iter().filter(move |id| wanted.is_some_and(|wanted| wanted.contains_key(id)))
    }

    /// Whether all of the past of the offer's leader came.
    fn is_past_here(&self) -> bool {
        matches!(&self.stage, Stage::Fetching(fetch) if fetch.missing().is_empty())
    }

    /// What came while consensus stood still. From now on it does not.
    pub(super) fn finish(&mut self) -> VecDeque<(Source, Arc<VerifiedCheckpoint>)> {
        let recent = core::mem::take(&mut self.recent);
        *self = Self { asked: self.asked, look_at: self.look_at, ..Self::default() };
        recent
    }

    /// A connection is gone. What the peer was asked ends by itself.
    pub(super) fn peer_down(&mut self, peer: &NodeId) {
        self.servers.remove(peer);
    }

    /// Puts a request on the list of open ones.
    fn open(&mut self, peer: NodeId, ask: Ask) -> Ticket {
        let ticket = Ticket(TICKETS | self.asked);
        self.asked += 1;
        self.open.insert(ticket, Open { peer, ask, bytes: Vec::new() });
        ticket
    }

    /// How far it is, where the last commit here is `at`.
    pub(super) fn status(&self, at: CommitIndex) -> Option<SyncStatus> {
        let Stage::Fetching(fetch) = &self.stage else {
            let lost = SyncStatus {
                by: By::Snapshot,
                from: at,
                at,
                to: at,
                parts: 0,
                since: Time::ZERO,
                waits_for: WaitsFor::Offer,
            };
            return matches!(self.stage, Stage::Lost | Stage::Broken).then_some(lost);
        };
        Some(SyncStatus {
            by: fetch.by,
            from: fetch.from,
            at: if fetch.by == By::Commits || fetch.has_jumped { at } else { fetch.from },
            to: fetch.offer.record.index,
            parts: fetch.parts.len() + fetch.parts_open,
            since: fetch.since,
            waits_for: self.waits_for(fetch),
        })
    }

    fn waits_for(&self, fetch: &Fetch) -> WaitsFor {
        let target = fetch.offer.record.index;
        let next = fetch.stretches.front().map(|(from, _)| *from);
        if !self.open.is_empty() {
            WaitsFor::Answers
        } else if !fetch.parts.is_empty() && self.servers.values().all(|s| s.snapshot != target) {
            WaitsFor::Snapshot(target)
        } else if let Some(next) =
            next.filter(|next| self.servers.values().all(|s| s.lowest > *next))
        {
            WaitsFor::Commits(next)
        } else {
            WaitsFor::Answers
        }
    }
}

impl Fetch {
    fn new(by: By, offer: Offer, at: CommitIndex, since: Time) -> Self {
        let to = offer.record.index;
        let first = if by == By::Commits { CommitIndex(at.0 + 1) } else { offer.kept.window };
        let parts = if by == By::Commits { Vec::new() } else { (0..=u8::MAX).rev().collect() };
        let starts = (first.0..=to.0).step_by(COMMITS_MAX as usize);
        let stretches = starts
            .map(|from| (CommitIndex(from), CommitIndex(to.0.min(from + COMMITS_MAX - 1))))
            .collect();
        Self {
            by,
            offer,
            parts,
            parts_open: 0,
            stretches,
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

    /// What to ask `server` for next. The past comes last, when all else is here.
    fn next(&mut self, server: &Server, at: CommitIndex) -> Option<Ask> {
        let target = self.offer.record.index;
        if server.snapshot == target
            && let Some(part) = self.parts.pop()
        {
            self.parts_open += 1;
            return Some(Ask::Part(part));
        }
        if !self.to_ask.is_empty() {
            let count = self.to_ask.len().min(BODIES_AT_ONCE);
            return Some(Ask::Bodies(self.to_ask.drain(..count).collect()));
        }
        let front = self.stretches.front().copied();
        if let Some((from, to)) = front.filter(|(from, _)| *from >= server.lowest)
            && self.leaves < LEAVES_AHEAD
        {
            self.stretches.pop_front();
            return Some(Ask::Commits(GetCommits { from, to, under: target }));
        }
        if self.is_ledger_here(at) && !self.past_open {
            self.past_open = true;
            return Some(Ask::Past);
        }
        None
    }

    /// A request is not open any more.
    const fn closed(&mut self, ask: &Ask) {
        match ask {
            Ask::Part(_) => self.parts_open -= 1,
            Ask::Past => self.past_open = false,
            Ask::Offer | Ask::Commits(_) | Ask::Bodies(_) => {}
        }
    }

    /// A request brought nothing, or not all: what is missing is asked for again.
    fn again(&mut self, ask: Ask) {
        match ask {
            Ask::Offer | Ask::Past => {}
            Ask::Part(part) => self.parts.push(part),
            Ask::Commits(GetCommits { from, to, .. }) => self.stretches.push_front((from, to)),
            Ask::Bodies(ids) => {
                let missing = ids.into_iter().rev().filter(|id| self.wanted.contains_key(id));
                missing.for_each(|id| self.to_ask.push_front(id));
            }
        }
    }

    /// Where the window begins, its first commit must be one that it may begin with.
    fn may_begin_with(&self, page: &Page) -> bool {
        let first = page.commits.first().map(|commit| &commit.record);
        let window = first.filter(|first| first.index == self.offer.kept.window);
        self.by == By::Commits || window.is_none_or(|first| self.offer.begins_at(first))
    }

    /// Takes a page. `is_here` tells which transactions are attached already.
    fn page(&mut self, page: Page, is_here: impl Fn(&TxId) -> bool) {
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
    fn ready(&mut self, index: CommitIndex) -> Option<Waiting> {
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
    fn is_ledger_here(&self, at: CommitIndex) -> bool {
        self.has_jumped
            && at == self.offer.record.index
            && self.parts.is_empty()
            && self.parts_open == 0
    }

    /// Checkpoints that are missing in the past of the offer's leader.
    fn missing(&self) -> Vec<CheckpointRef> {
        let of_past = self.walk_past().into_iter();
        of_past.filter(|reference| !self.past.contains_key(reference)).collect()
    }

    /// The past of the offer's leader, as far as it is here.
    fn past(&self) -> Vec<Arc<VerifiedCheckpoint>> {
        self.walk_past().iter().filter_map(|reference| self.past.get(reference)).cloned().collect()
    }

    /// The past of the offer's leader above the gc round, down to what is missing.
    fn walk_past(&self) -> BTreeSet<CheckpointRef> {
        let gc_round = self.offer.kept.standing.gc_round();
        let mut open = Vec::from([self.offer.record.leader]);
        let mut seen = BTreeSet::new();
        while let Some(reference) = open.pop() {
            if reference.round > gc_round && seen.insert(reference) {
                let found = self.past.get(&reference);
                open.extend(found.iter().flat_map(|found| &found.checkpoint().refs));
            }
        }
        seen
    }
}
