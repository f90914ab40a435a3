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

use super::{Limits, Outbox, Source};
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
    /// Announcements gathered for this link.
    gathered: Vec<TxId>,
}

#[derive(Debug)]
struct Announced {
    /// Who announced it, the next to graft in front.
    sources: Vec<NodeId>,
    due: Time,
}

/// The broadcast tree, as this node sees it.
#[derive(Debug)]
pub(super) struct Gossip {
    links: BTreeMap<NodeId, Link>,
    announced: BTreeMap<TxId, Announced>,
    by_due: BTreeSet<(Time, TxId)>,
    announce_delay: Span,
    graft_delay: Span,
    announced_max: usize,
}

/// Most announcers remembered per transaction.
const SOURCES_MAX: usize = 4;

impl Gossip {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self {
            links: BTreeMap::new(),
            announced: BTreeMap::new(),
            by_due: BTreeSet::new(),
            announce_delay: limits.announce_delay,
            graft_delay: limits.graft_delay,
            announced_max: limits.announced_max,
        }
    }

    pub(super) fn is_eager(&self, peer: &NodeId) -> bool {
        self.links.get(peer).is_some_and(|link| link.eager)
    }

    pub(super) fn peer_up(&mut self, peer: NodeId) {
        self.links.insert(peer, Link { eager: true, gathered: Vec::new() });
    }

    pub(super) fn peer_down(&mut self, peer: &NodeId) {
        self.links.remove(peer);
    }

    /// A transaction was attached: bytes to eager links, announcements to lazy ones. What an
    /// answer brought is old news to most: it is only announced. Returns when to flush.
    pub(super) fn spread(
        &mut self,
        now: Time,
        source: Source,
        tx: &Verified,
        first_of_body: bool,
        out: &mut Outbox,
    ) -> Time {
        self.arrived(&tx.id());
        let news = !matches!(source, Source::Answer(_));
        for (peer, link) in &mut self.links {
            if source.peer() == Some(*peer) {
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

    /// `id` is here, whoever brought it.
    pub(super) fn arrived(&mut self, id: &TxId) {
        if let Some(announced) = self.announced.remove(id) {
            self.by_due.remove(&(announced.due, *id));
        }
    }

    /// Sends what was gathered.
    pub(super) fn flush(&mut self, out: &mut Outbox) {
        for (peer, link) in self.links.iter_mut().filter(|(_, link)| !link.gathered.is_empty()) {
            out.send(*peer, Message::Have(mem::take(&mut link.gathered)));
        }
    }

    /// `from` brought bytes that were here already: the link is superfluous.
    pub(super) fn repeated(&mut self, from: NodeId, out: &mut Outbox) {
        if let Some(link) = self.links.get_mut(&from).filter(|link| link.eager) {
            link.eager = false;
            out.send(from, Message::Prune);
        }
    }

    /// `from` gets its bytes elsewhere.
    pub(super) fn pruned(&mut self, from: &NodeId) {
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
        if self.announced.len() >= self.announced_max {
            return None;
        }
        let due = now + self.graft_delay;
        self.announced.insert(id, Announced { sources: [from].into(), due });
        self.by_due.insert((due, id));
        Some(due)
    }

    /// Grafts what did not come in time. Returns when to come back.
    pub(super) fn graft_due(&mut self, now: Time, out: &mut Outbox) -> Option<Time> {
        let mut grafts: BTreeMap<NodeId, Vec<TxId>> = BTreeMap::new();
        while let Some((due, id)) = self.by_due.first().copied().filter(|(due, _)| *due <= now) {
            self.by_due.remove(&(due, id));
            let Some(mut announced) = self.announced.remove(&id) else {
                continue;
            };
            announced.sources.retain(|source| self.links.contains_key(source));
            if announced.sources.is_empty() {
                continue;
            }
            grafts.entry(announced.sources.remove(0)).or_default().push(id);
            announced.due = now + self.graft_delay;
            self.by_due.insert((announced.due, id));
            self.announced.insert(id, announced);
        }
        for (peer, ids) in grafts {
            if let Some(link) = self.links.get_mut(&peer) {
                link.eager = true;
            }
            for ids in ids.chunks(IDS_MAX) {
                out.send(peer, Message::Graft(ids.into()));
            }
        }
        self.by_due.first().map(|(due, _)| *due)
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
