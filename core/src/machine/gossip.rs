//! Spreads transactions by a broadcast tree that heals itself: Plumtree (Leitão, Pereira,
//! Rodrigues, "Epidemic Broadcast Trees", SRDS 2007).
//!
//! Every link starts eager: it carries bytes. A link that brings bytes twice is superfluous and
//! becomes lazy on both ends (PRUNE): it carries only announcements. What was announced and does
//! not come by itself in time is fetched, and if that goes on the tree is broken there: one link
//! becomes eager again (GRAFT). So each transaction travels about once per node, and a dead node
//! costs one delay.
//!
//! Plumtree is made for one sender. Here everybody sends, transactions cross, and many nodes notice
//! the same cycle or the same cut at once. If each acts, a cut becomes cycles and the cycles become
//! cuts, without end. So who acts waits a random while first, and does not act if that ended it.
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
    /// Who announced it.
    sources: Vec<NodeId>,
    /// Who announced it first.
    owner: NodeId,
    due: Time,
}

/// The tree does not reach this node.
#[derive(Debug)]
struct Broken {
    /// From when on a link becomes eager, if that does not end.
    repair: Time,
    /// When something was missed last.
    missed: Time,
}

/// The broadcast tree, as this node sees it.
#[derive(Debug)]
pub(super) struct Gossip {
    links: BTreeMap<NodeId, Link>,
    announced: BTreeMap<TxId, Announced>,
    by_due: BTreeSet<(Time, TxId)>,
    /// Until then, what comes twice says nothing about the tree.
    calm_from: Time,
    broken: Option<Broken>,
    announce_delay: Span,
    graft_delay: Span,
    announced_per_peer: usize,
    announced_max: usize,
}

/// Eager links up to which a superfluous one is given time.
const EAGER_FEW: usize = 3;

/// Longest time that a superfluous link is given, and that a broken tree is given to be repaired by
/// another node; in graft delays. Much longer than bytes take through the tree, so that two nodes
/// seldom act on one cycle or one cut.
const PATIENCE: u64 = 8;

/// Most announcers remembered per transaction.
const SOURCES_MAX: usize = 4;

impl Gossip {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self {
            links: BTreeMap::new(),
            announced: BTreeMap::new(),
            by_due: BTreeSet::new(),
            calm_from: Time::ZERO,
            broken: None,
            announce_delay: limits.announce_delay,
            graft_delay: limits.graft_delay,
            announced_per_peer: limits.announced_per_peer,
            announced_max: limits.announced_max,
        }
    }

    pub(super) fn is_eager(&self, peer: &NodeId) -> bool {
        self.links.get(peer).is_some_and(|link| link.eager)
    }

    /// Peers that get bytes.
    pub(super) fn eager(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.links.iter().filter(|(_, link)| link.eager).map(|(peer, _)| *peer)
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

    /// `id` is here, whoever brought it.
    pub(super) fn arrived(&mut self, id: &TxId) {
        if let Some(announced) = self.forget(id) {
            self.by_due.remove(&(announced.due, *id));
        }
    }

    fn forget(&mut self, id: &TxId) -> Option<Announced> {
        let announced = self.announced.remove(id)?;
        if let Some(link) = self.links.get_mut(&announced.owner) {
            // A link that broke since counts anew.
            link.announced = link.announced.saturating_sub(1);
        }
        Some(announced)
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
    /// to stay superfluous for a random while, without any other link being cut here; and the last
    /// one stays. `chance` is random.
    pub(super) fn repeated(&mut self, now: Time, from: NodeId, chance: u64, out: &mut Outbox) {
        let eager = self.links.values().filter(|link| link.eager).count();
        let longest = self.longest();
        let Some(link) = self.links.get_mut(&from).filter(|link| link.eager) else { return };
        if eager < 2 || (eager <= EAGER_FEW && now < self.calm_from) {
            return;
        }
        if eager <= EAGER_FEW && *link.superfluous.get_or_insert(now + part(longest, chance)) > now
        {
            return;
        }
        out.send(from, Message::Prune);
        self.pruned(now, &from);
    }

    /// Longest time that whoever notices a cycle or a cut leaves it to others.
    const fn longest(&self) -> Span {
        Span::from_millis(PATIENCE * self.graft_delay.as_millis())
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

    /// `from` announces `id`, which is not here. Returns when it must have come.
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

    /// What was announced and did not come in time, with who has it: to be fetched, unless it comes
    /// within a delay. Where such misses go on, the tree is broken, and a link becomes eager again:
    /// just one, and at another time on each node, since one is enough for all that were cut off
    /// together and each further one closes a cycle. `chance` is random.
    pub(super) fn missed(
        &mut self,
        now: Time,
        chance: u64,
        out: &mut Outbox,
    ) -> BTreeMap<TxId, (Vec<NodeId>, Span)> {
        let mut missed = BTreeMap::new();
        while let Some((due, id)) = self.by_due.first().copied().filter(|(due, _)| *due <= now) {
            self.by_due.remove(&(due, id));
            let Some(announced) = self.forget(&id) else { continue };
            let links = &self.links;
            let here = announced.sources.into_iter().filter(|source| links.contains_key(source));
            missed.insert(id, (here.collect(), Span::default()));
        }
        if !missed.is_empty() && self.must_repair(now, chance) {
            self.graft(&mut missed, out);
        }
        missed
    }

    /// When the next announced transaction must have come.
    pub(super) fn next_due(&self) -> Option<Time> {
        self.by_due.first().map(|(due, _)| *due)
    }

    fn must_repair(&mut self, now: Time, chance: u64) -> bool {
        let longest = self.longest();
        match &mut self.broken {
            Some(broken) if now.since(broken.missed) <= longest => {
                broken.missed = now;
                if now < broken.repair {
                    return false;
                }
                self.broken = None;
                true
            }
            broken => {
                *broken = Some(Broken { repair: now + part(longest, chance), missed: now });
                false
            }
        }
    }

    /// Makes the link eager that announced most of what was missed, and has it bring that.
    fn graft(&mut self, missed: &mut BTreeMap<TxId, (Vec<NodeId>, Span)>, out: &mut Outbox) {
        let Some(peer) = announcer_of_most(missed) else { return };
        let mut ids = Vec::new();
        for (id, (_, delay)) in missed.iter_mut().filter(|(_, (has, _))| has.contains(&peer)) {
            *delay = self.graft_delay;
            ids.push(*id);
        }
        if let Some(link) = self.links.get_mut(&peer) {
            link.eager = true;
        }
        for ids in ids.chunks(IDS_MAX) {
            out.send(peer, Message::Graft(ids.into()));
        }
    }

    /// `peer` has what the tree should have brought: its link becomes eager.
    pub(super) fn mend(&mut self, peer: NodeId, out: &mut Outbox) {
        if let Some(link) = self.links.get_mut(&peer) {
            link.eager = true;
            out.send(peer, Message::Graft(Vec::new()));
        }
    }

    /// `from` wants bytes from now on.
    pub(super) fn grafted(&mut self, from: &NodeId) {
        if let Some(link) = self.links.get_mut(from) {
            link.eager = true;
        }
    }
}

fn announcer_of_most(missed: &BTreeMap<TxId, (Vec<NodeId>, Span)>) -> Option<NodeId> {
    let mut count: BTreeMap<NodeId, usize> = BTreeMap::new();
    for source in missed.values().flat_map(|(sources, _)| sources) {
        *count.entry(*source).or_default() += 1;
    }
    count.into_iter().max_by_key(|(_, count)| *count).map(|(peer, _)| peer)
}

/// A random part of `longest`.
fn part(longest: Span, chance: u64) -> Span {
    Span::from_millis(longest.as_millis() * (chance % 1_024) / 1_024)
}

/// How a transaction travels as gossip: whole, or as its attachment alone where the body went
/// before.
fn bytes_of(tx: &Verified, first_of_body: bool) -> Message {
    if first_of_body {
        return Message::Transaction(tx.bytes().clone());
    }
    Message::Attachment { attachment: tx.transaction().attachment, body: tx.body_id() }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::machine::ToNet;

    const ALICE: NodeId = NodeId([1; 32]);
    const BOB: NodeId = NodeId([2; 32]);

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    fn between_alice_and_bob() -> Gossip {
        let mut gossip = Gossip::new(&Limits::default());
        gossip.peer_up(ALICE);
        gossip.peer_up(BOB);
        gossip
    }

    fn said(out: Outbox) -> Vec<(NodeId, &'static str)> {
        let said = out.messages.into_iter().map(|message| match message {
            ToNet::Send { to, message } => (to, message.name()),
            other => panic!("{other:?}"),
        });
        said.collect()
    }

    #[test]
    fn a_superfluous_link_is_cut_after_a_while_and_the_last_one_stays() {
        let mut gossip = between_alice_and_bob();
        let mut out = Outbox::default();
        // Half of the longest patience, which is 2 s.
        gossip.repeated(at(0), ALICE, 512, &mut out);
        gossip.repeated(at(999), ALICE, 0, &mut out);
        assert!(out.is_empty() && gossip.is_eager(&ALICE));
        gossip.repeated(at(1_000), ALICE, 0, &mut out);
        assert!(!gossip.is_eager(&ALICE));
        for ms in 2_000..9_000 {
            gossip.repeated(at(ms), BOB, 0, &mut out);
        }
        assert_eq!(said(out), [(ALICE, "prune")]);
        assert!(gossip.is_eager(&BOB));
    }

    #[test]
    fn a_cycle_that_somebody_else_cut_is_not_cut_again() {
        let mut gossip = between_alice_and_bob();
        gossip.peer_up(NodeId([3; 32]));
        let mut out = Outbox::default();
        gossip.repeated(at(0), ALICE, 512, &mut out);
        gossip.pruned(at(900), &BOB);
        // Under way since before the cut, and then a new doubt with a new wait.
        gossip.repeated(at(1_000), ALICE, 512, &mut out);
        gossip.repeated(at(1_200), ALICE, 512, &mut out);
        assert!(out.is_empty() && gossip.is_eager(&ALICE));
    }

    #[test]
    fn what_was_missed_is_fetched_and_a_broken_tree_grows_one_link() {
        let mut gossip = between_alice_and_bob();
        gossip.pruned(at(0), &ALICE);
        gossip.pruned(at(0), &BOB);
        let mut grafts = Vec::new();
        for second in 1..=3 {
            let (now, id) = (second * 1_000, TxId([u8::try_from(second).unwrap(); 32]));
            gossip.announced(at(now), BOB, id);
            gossip.announced(at(now), ALICE, id);
            let mut out = Outbox::default();
            assert!(gossip.missed(at(now + 249), 512, &mut out).is_empty());
            // Half of the longest patience, which is 2 s.
            let missed = gossip.missed(at(now + 250), 512, &mut out);
            assert_eq!(missed[&id].0, [BOB, ALICE]);
            grafts.push(said(out));
        }
        let [first, second, third] = &grafts[..] else { panic!("three seconds") };
        assert_eq!((first, third), (&vec![], &vec![]));
        let [(peer, "graft")] = second[..] else { panic!("{second:?}") };
        assert!(gossip.is_eager(&peer));
    }

    #[test]
    fn announcements_are_bounded_per_peer() {
        let limits = Limits { announced_per_peer: 2, announced_max: 3, ..Limits::default() };
        let mut gossip = Gossip::new(&limits);
        gossip.peer_up(ALICE);
        gossip.peer_up(BOB);
        let mut taken = |from, byte| gossip.announced(at(0), from, TxId([byte; 32])).is_some();
        assert_eq!([1, 2, 3].map(|byte| taken(ALICE, byte)), [true, true, false]);
        assert_eq!([4, 5].map(|byte| taken(BOB, byte)), [true, false]);
        gossip.arrived(&TxId([1; 32]));
        assert!(gossip.announced(at(0), ALICE, TxId([6; 32])).is_some());
    }
}
