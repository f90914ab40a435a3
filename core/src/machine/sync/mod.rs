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
//! pass admission like any others. At most three times as many leaves as one commit has, and their
//! bodies, wait here. A crash leaves a mark, and the node starts again with what it has.
//!
//! Left out on purpose: a short absence. Whoever lacks fewer rounds than lie between two snapshots
//! fetches the checkpoints themselves (`catchup`) and decides like everybody else.

mod apply;
mod drive;
mod fetch;
mod page;
mod part;

use alloc::{
    boxed::Box,
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    vec::Vec,
};

pub(super) use self::{drive::SYNCING, page::Page, part::Objects};

use self::fetch::{Ask, Fetch};
use super::{
    Source, Ticket,
    status::{By, SyncStatus, WaitsFor},
};
use crate::{
    admit::Verified,
    checkpoint::VerifiedCheckpoint,
    committee::VALIDATORS_MAX,
    digest::{NodeId, TxId},
    params::GC_DEPTH,
    time::{Span, Time},
    units::CommitIndex,
};

/// Open requests to one peer.
const ASKS_PER_PEER: usize = 4;

/// Open requests in all. Each answer may be as long as the network takes (8 MiB).
const ASKS_MAX: usize = 16;

/// How long a peer is left alone that had nothing of what it was asked.
const REST: Span = Span::from_millis(300);

/// How often peers are asked what they offer.
const LOOK_EVERY: Span = Span::from_secs(2);

/// Checkpoints kept that came while consensus stood still.
const RECENT_MAX: usize = 256;

/// Checkpoints kept of the past of an offer's leader: all of a committee, and as many again.
const PAST_MAX: u64 = 2 * GC_DEPTH * VALIDATORS_MAX as u64;

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
    /// All is on its way to disk; consensus goes on from there. Holds what is told until then.
    Arrived(SyncStatus),
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
        matches!(self.stage, Stage::Arrived(_))
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
            && (fetch.past.len() as u64) < PAST_MAX
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
            Stage::Live | Stage::Lost | Stage::Arrived(_) | Stage::Broken => None,
        };
        ids.iter().filter(move |id| wanted.is_some_and(|wanted| wanted.contains_key(id)))
    }

    /// Whether there is more of the past of the offer's leaders than there was.
    fn past_has_grown(&self, had: usize) -> bool {
        matches!(&self.stage, Stage::Fetching(fetch) if fetch.past.len() > had)
    }

    /// What came while consensus stood still. From now on it does not.
    pub(super) fn finish(&mut self) -> VecDeque<(Source, Arc<VerifiedCheckpoint>)> {
        let recent = core::mem::take(&mut self.recent);
        *self = Self { asked: self.asked, look_at: self.look_at, ..Self::default() };
        recent
    }

    /// A connection is gone: what the peer was asked is asked of others. True if that is anything.
    pub(super) fn peer_down(&mut self, peer: &NodeId) -> bool {
        self.servers.remove(peer);
        let lost: Vec<Ticket> =
            self.open.iter().filter(|(_, open)| open.peer == *peer).map(|(at, _)| *at).collect();
        for ticket in &lost {
            let Some(open) = self.open.remove(ticket) else { continue };
            if let Stage::Fetching(fetch) = &mut self.stage {
                fetch.closed(&open.ask);
                fetch.again(open.ask);
            }
        }
        !lost.is_empty()
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
        match &self.stage {
            Stage::Live => None,
            Stage::Lost | Stage::Broken => Some(SyncStatus {
                by: By::Snapshot,
                from: at,
                at,
                to: at,
                parts: 0,
                since: Time::ZERO,
                waits_for: WaitsFor::Offer,
            }),
            Stage::Arrived(status) => Some(*status),
            Stage::Fetching(fetch) => Some(SyncStatus {
                by: fetch.by,
                from: fetch.from,
                at: if fetch.by == By::Commits || fetch.has_jumped { at } else { fetch.from },
                to: fetch.offer.record.index,
                parts: fetch.parts.len() + fetch.parts_open,
                since: fetch.since,
                waits_for: self.waits_for(fetch),
            }),
        }
    }

    fn waits_for(&self, fetch: &Fetch) -> WaitsFor {
        let target = fetch.offer.record.index;
        let next = fetch.stretches.first_key_value().map(|(from, _)| *from);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::snapshot::tests::offer;

    /// Two nodes that dial each other at once keep one of two connections: what was asked on the
    /// other one is never answered.
    #[test]
    fn what_a_lost_connection_was_asked_is_asked_of_others() {
        let (_, offer, _) = offer();
        let server =
            Server { snapshot: CommitIndex(4), lowest: CommitIndex(1), rests_until: Time::ZERO };
        let mut fetch = Fetch::new(By::Commits, offer, CommitIndex(0), Time::ZERO);
        let ask = fetch.next(&server, CommitIndex(0)).unwrap();
        let mut sync = Sync { stage: Stage::Fetching(Box::new(fetch)), ..Sync::default() };
        let (alice, bob) = (NodeId([1; 32]), NodeId([2; 32]));
        let ticket = sync.open(alice, ask.clone());
        assert!(!sync.peer_down(&bob), "it was asked nothing");
        assert!(sync.is_own(ticket));
        assert!(sync.peer_down(&alice));
        assert!(!sync.is_own(ticket), "an answer now would be of no use");
        let Stage::Fetching(fetch) = &mut sync.stage else { panic!("it goes on") };
        assert_eq!(fetch.next(&server, CommitIndex(0)), Some(ask));
    }
}
