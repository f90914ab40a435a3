//! Spreads transactions by a broadcast tree that heals itself: Plumtree (Leitão, Pereira,
//! Rodrigues, "Epidemic Broadcast Trees", SRDS 2007).
//!
//! Every link starts eager: it carries bytes. A link that brings bytes twice is superfluous and
//! becomes lazy on both ends (PRUNE): it carries only announcements. If something announced does
//! not come by itself in time, the tree is broken there: the announcing link becomes eager again
//! (GRAFT). So each transaction travels about once per node, and a dead node costs one delay.
//!
//! Invariant: only attached transactions are spread. Bounded: announcements remembered, and per
//! link those gathered.
//!
//! Left out on purpose: whatever a whole lost past needs (`wants`); announcements that are lost
//! for good are made good by the periodic frontier.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::mem;

use super::{Limits, Outbox};
use crate::{
    admit::Verified,
    digest::{NodeId, TxId},
    message::Message,
    params::IDS_MAX,
    time::{Span, Time},
};

#[derive(Debug)]
struct Link {
    eager: bool,
    /// It brought what was here already; from then on, doing so again makes it lazy.
    superfluous: Option<Time>,
    /// Announcements gathered for this link.
    gathered: Vec<TxId>,
    /// Transactions remembered because this link was the first to announce them.
    announced: usize,
}

#[derive(Debug)]
struct Announced {
    /// Who announced it, the next to graft in front.
    sources: Vec<NodeId>,
    /// Who announced it first.
    owner: NodeId,
    due: Time,
}

/// The broadcast tree, as this node sees it.
#[derive(Debug)]
pub(super) struct Gossip {
    links: BTreeMap<NodeId, Link>,
    announced: BTreeMap<TxId, Announced>,
    by_due: BTreeSet<(Time, TxId)>,
    /// Until then, what comes twice says nothing about the tree.
    calm_from: Time,
    announce_delay: Span,
    graft_delay: Span,
    announced_per_peer: usize,
    announced_max: usize,
}

/// Eager links up to which a superfluous one is given time.
const EAGER_FEW: usize = 3;

/// Most announcers remembered per transaction.
const SOURCES_MAX: usize = 4;

impl Gossip {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self {
            links: BTreeMap::new(),
            announced: BTreeMap::new(),
            by_due: BTreeSet::new(),
            calm_from: Time::ZERO,
            announce_delay: limits.announce_delay,
            graft_delay: limits.graft_delay,
            announced_per_peer: limits.announced_per_peer,
            announced_max: limits.announced_max,
        }
    }

    pub(super) fn is_eager(&self, peer: &NodeId) -> bool {
        self.links.get(peer).is_some_and(|link| link.eager)
    }

    pub(super) fn peer_up(&mut self, peer: NodeId) {
        self.links.insert(
            peer,
            Link { eager: true, superfluous: None, gathered: Vec::new(), announced: 0 },
        );
    }

    pub(super) fn peer_down(&mut self, peer: &NodeId) {
        self.links.remove(peer);
    }

    /// A transaction was attached: bytes to eager links if it is news, announcements to all others.
    /// Returns when to flush.
    pub(super) fn spread(
        &mut self,
        now: Time,
        from: Option<NodeId>,
        news: bool,
        tx: &Verified,
        first_of_body: bool,
        out: &mut Outbox,
    ) -> Time {
        self.arrived(&tx.id());
        for (peer, link) in &mut self.links {
            if from == Some(*peer) {
                continue;
            }
            if link.eager && news {
                out.send(*peer, bytes_of(tx, first_of_body));
                continue;
            }
            link.gathered.push(tx.id());
            if link.gathered.len() == IDS_MAX {
                out.send(*peer, Message::Have(mem::take(&mut link.gathered)));
            }
        }
        now + self.announce_delay
    }

    /// `id` is here, whoever brought it, or nobody is left to bring it.
    pub(super) fn arrived(&mut self, id: &TxId) {
        if let Some(announced) = self.announced.remove(id) {
            self.by_due.remove(&(announced.due, *id));
            if let Some(link) = self.links.get_mut(&announced.owner) {
                // A link that broke since counts anew.
                link.announced = link.announced.saturating_sub(1);
            }
        }
    }

    /// Sends what was gathered.
    pub(super) fn flush(&mut self, out: &mut Outbox) {
        for (peer, link) in self.links.iter_mut().filter(|(_, link)| !link.gathered.is_empty()) {
            out.send(*peer, Message::Have(mem::take(&mut link.gathered)));
        }
    }

    /// `from` brought bytes that were here already: somewhere there is a cycle, and the link is
    /// superfluous. With many eager links it becomes lazy at once. With few that would cut nodes
    /// off: transactions of several nodes cross, and each cuts the same cycle elsewhere. So it has
    /// to stay superfluous for a while, `patience` of up to 1,024 parts of the longest, without any
    /// other link being cut here; and the last one stays.
    pub(super) fn repeated(&mut self, now: Time, from: NodeId, patience: u64, out: &mut Outbox) {
        let eager = self.links.values().filter(|link| link.eager).count();
        let Some(link) = self.links.get_mut(&from).filter(|link| link.eager) else { return };
        if eager < 2 || (eager <= EAGER_FEW && now < self.calm_from) {
            return;
        }
        if eager <= EAGER_FEW {
            let longest = 2 * self.graft_delay.as_millis();
            let wait = Span::from_millis(longest * (patience % 1_024) / 1_024);
            if *link.superfluous.get_or_insert(now + wait) > now {
                return;
            }
        }
        out.send(from, Message::Prune);
        self.pruned(now, &from);
    }

    /// `from` gets its bytes elsewhere, or brings what comes from elsewhere.
    pub(super) fn pruned(&mut self, now: Time, from: &NodeId) {
        for link in self.links.values_mut() {
            link.superfluous = None;
        }
        // What is under way may still come twice.
        self.calm_from = now + self.graft_delay;
        if let Some(link) = self.links.get_mut(from) {
            link.eager = false;
        }
    }

    /// `from` announces `id`, which is not here. Returns when to graft.
    pub(super) fn announced(&mut self, now: Time, from: NodeId, id: TxId) -> Option<Time> {
        if let Some(known) = self.announced.get_mut(&id) {
            if known.sources.len() < SOURCES_MAX && !known.sources.contains(&from) {
                known.sources.push(from);
            }
            return Some(known.due);
        }
        let link = self.links.get_mut(&from)?;
        if self.announced.len() >= self.announced_max || link.announced >= self.announced_per_peer {
            return None;
        }
        link.announced += 1;
        let due = now + self.graft_delay;
        self.announced.insert(id, Announced { sources: [from].into(), owner: from, due });
        self.by_due.insert((due, id));
        Some(due)
    }

    /// Grafts what did not come in time, onto as few links as possible: each one more closes a
    /// cycle. Returns when to come back.
    pub(super) fn graft_due(&mut self, now: Time, out: &mut Outbox) -> Option<Time> {
        let mut due: BTreeSet<TxId> = BTreeSet::new();
        while let Some((at, id)) = self.by_due.first().copied().filter(|(at, _)| *at <= now) {
            let Some(announced) = self.announced.get_mut(&id) else { break };
            announced.sources.retain(|source| self.links.contains_key(source));
            if announced.sources.is_empty() {
                self.arrived(&id);
                continue;
            }
            announced.due = now + self.graft_delay;
            let again = announced.due;
            self.by_due.remove(&(at, id));
            self.by_due.insert((again, id));
            due.insert(id);
        }
        while let Some(peer) = self.announcer_of_most(&due) {
            let ids: Vec<TxId> = due.extract_if(.., |id| self.take_source(id, &peer)).collect();
            if let Some(link) = self.links.get_mut(&peer) {
                link.eager = true;
            }
            for ids in ids.chunks(IDS_MAX) {
                out.send(peer, Message::Graft(ids.into()));
            }
        }
        self.by_due.first().map(|(due, _)| *due)
    }

    fn announcer_of_most(&self, ids: &BTreeSet<TxId>) -> Option<NodeId> {
        let mut count: BTreeMap<NodeId, usize> = BTreeMap::new();
        for source in ids.iter().filter_map(|id| self.announced.get(id)).flat_map(|a| &a.sources) {
            *count.entry(*source).or_default() += 1;
        }
        count.into_iter().max_by_key(|(_, count)| *count).map(|(peer, _)| peer)
    }

    /// Whether `peer` announced `id`; it is not asked for it again.
    fn take_source(&mut self, id: &TxId, peer: &NodeId) -> bool {
        let Some(announced) = self.announced.get_mut(id) else { return false };
        let before = announced.sources.len();
        announced.sources.retain(|source| source != peer);
        announced.sources.len() < before
    }

    /// `from` wants bytes from now on.
    pub(super) fn grafted(&mut self, from: &NodeId) {
        if let Some(link) = self.links.get_mut(from) {
            link.eager = true;
        }
    }
}

/// How a transaction travels as gossip: whole, or as its attachment alone where the body went
/// before.
fn bytes_of(tx: &Verified, first_of_body: bool) -> Message {
    if first_of_body {
        return Message::Transaction(tx.bytes().clone());
    }
    Message::Attachment { attachment: tx.transaction().attachment, body: tx.body_id() }
}
