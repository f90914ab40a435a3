//! What peers say, ask and answer, and what follows from it.
//!
//! Invariant: nothing a peer says changes the Tangle; only admitted transactions do.

use alloc::vec::Vec;
use core::net::SocketAddr;

use rand_chacha::rand_core::Rng as _;

use super::{
    Archive, Fault, Machine, Outbox, Reads, Ticket, ToNet,
    catchup::Catchup,
    reads::View,
    serve::Server,
    sync::{Objects, Page},
    timers::Timer,
    wants::Want,
};
use crate::{
    digest::{NodeId, TxId},
    message::{End, GetCheckpoints, GetObjects, Message},
    params::IDS_MAX,
    time::{Span, Time},
    units::Round,
};

impl Machine {
    pub(super) fn repeated(&mut self, from: NodeId, id: TxId, reads: &dyn Reads, out: &mut Outbox) {
        if self.sync.is_active() {
            return;
        }
        let waits = self.solidifier.contains(&id) || self.scheduler.contains(&id);
        if waits || self.position(&id, reads).is_some() {
            self.gossip.repeated(self.now, from, self.random.next_u64(), out);
        } else if !self.tangle.is_surplus(&id) && !self.scheduler.has_turned_away(&id) {
            // Seen, but dropped while it waited: fetch it with whatever it lacked.
            self.want(Want::Past(id), from);
        }
    }

    pub(super) fn body_missing(&mut self, from: NodeId, id: TxId, reads: &dyn Reads) {
        // It may have come another way since that was noticed.
        if !self.sync.is_active()
            && !self.solidifier.contains(&id)
            && !self.unknown([id].into(), reads).is_empty()
        {
            self.want(Want::Transaction(id), from);
        }
    }

    pub(super) fn want(&mut self, want: Want, from: NodeId) {
        self.want_after(self.limits.ask_delay, want, from);
    }

    /// What checkpoints wait for and nobody is asked for, since it found no room among the wants or
    /// was given up, is wanted of `peer`, as far as there is room.
    pub(super) fn want_awaited(&mut self, peer: NodeId) {
        let Self { wants, consensus, solidifier, .. } = self;
        let is_lost =
            |tip: &&TxId| !wants.contains(&Want::Past(**tip)) && !solidifier.contains(tip);
        let lost = consensus.awaited_tips().filter(is_lost).take(wants.room(&peer));
        let lost = lost.map(|tip| (*tip, peer)).collect();
        self.want_again(lost);
    }

    pub(super) fn want_after(&mut self, delay: Span, want: Want, from: NodeId) {
        let due = self.wants.add(self.now, want, from, delay);
        self.ask_at(due);
    }

    pub(super) fn ask_at(&mut self, due: Option<Time>) {
        if let Some(due) = due {
            self.timers.set(Timer::Ask, due);
        }
    }

    pub(super) fn said(
        &mut self,
        from: NodeId,
        message: Message,
        reads: &dyn Reads,
        out: &mut Outbox,
    ) {
        match message {
            // Of no use before this node is where the others are.
            Message::Have(_) | Message::Frontier(_) if self.sync.is_active() => {}
            Message::Have(ids) => {
                let here =
                    |id: &TxId| self.solidifier.contains(id) || self.scheduler.has_turned_away(id);
                let ids: Vec<TxId> = ids.into_iter().filter(|id| !here(id)).collect();
                for id in self.unknown(ids, reads) {
                    if let Some(due) = self.gossip.announced(self.now, from, id) {
                        self.timers.set(Timer::Graft, due);
                    }
                }
            }
            Message::Frontier(ids) => {
                // Even if it waits here: whatever it waits for, this peer has it.
                for id in self.unknown(ids, reads) {
                    self.want_after(self.limits.ask_frontier_delay, Want::Past(id), from);
                }
            }
            Message::Prune => self.gossip.pruned(self.now, &from),
            Message::Graft(ids) => self.grafted(from, &ids, reads, out),
            Message::Peers(peers) => {
                for known in peers {
                    self.peers.learn(known, Some(from));
                }
                self.timers.set(Timer::Addresses, self.now + self.limits.addresses_delay);
                self.timers.set(Timer::Dial, self.now);
            }
            Message::Key(key) => {
                if self.wants.satisfied(Want::Key(key.id())) {
                    self.key_known(key, reads, out);
                } else if reads.key(&key.id()).is_none() {
                    // Where it is known, it came another way while this answer was under way.
                    self.peers.blame(self.now, from, Fault::UnwantedKey, out);
                }
            }
            other => {
                let fault = Fault::Misplaced { name: other.name() };
                self.peers.blame(self.now, from, fault, out);
            }
        }
    }

    /// What was announced and did not come by itself is fetched.
    pub(super) fn missed(&mut self, out: &mut Outbox) -> Option<Time> {
        let missed = self.gossip.missed(self.now, self.random.next_u64(), out);
        for (id, (sources, delay)) in missed {
            for source in sources {
                self.want_after(delay, Want::Transaction(id), source);
            }
        }
        self.gossip.next_due()
    }

    fn unknown(&self, ids: Vec<TxId>, reads: &dyn Reads) -> Vec<TxId> {
        let here = |id: &TxId| {
            self.scheduler.contains(id)
                || self.position(id, reads).is_some()
                || self.tangle.is_surplus(id)
        };
        ids.into_iter().filter(|id| !here(id)).collect()
    }

    fn grafted(&mut self, from: NodeId, ids: &[TxId], reads: &dyn Reads, out: &mut Outbox) {
        self.gossip.grafted(&from);
        for id in ids {
            let view = View { pending: &out.writes, store: reads };
            let Some(bytes) = view.transaction(id) else {
                continue;
            };
            let length = bytes.len() as u64;
            if !self.peers.spend(self.now, &from, length) {
                return;
            }
            out.send(from, Message::Transaction(bytes));
        }
    }

    pub(super) fn asked(
        &mut self,
        from: NodeId,
        ticket: Ticket,
        message: &Message,
        reads: &dyn Reads,
        out: &mut Outbox,
    ) {
        let (now, peers) = (self.now, &mut self.peers);
        let view = View { pending: &out.writes, store: reads };
        let server = Server { tangle: &self.tangle, view, limits: &self.limits };
        let mut spend = |bytes: u64| peers.spend(now, &from, bytes);
        let parts = match message {
            Message::GetCone(request) => server.cone(request, &mut spend),
            Message::GetTransactions(ids) => server.transactions(ids, &mut spend),
            Message::GetKey(id) => server.key(id),
            Message::GetCheckpoints(request) => server.checkpoints(request, &mut spend),
            Message::GetNewest(author) => server.newest(*author),
            Message::GetSnapshot => {
                server.whole(self.snapshots.offer(self.floor.commit, reads), &mut spend)
            }
            Message::GetObjects(GetObjects { snapshot, part }) => {
                let part = self.snapshots.part(*snapshot, *part, reads);
                server.whole(part.map(Objects), &mut spend)
            }
            Message::GetCommits(request) => {
                server.whole(Page::of(request, &Archive::new(reads)), &mut spend)
            }
            other => {
                let fault = Fault::Misplaced { name: other.name() };
                self.peers.blame(now, from, fault, out);
                return;
            }
        };
        out.answer(from, ticket, parts);
    }

    pub(super) fn answered(
        &mut self,
        from: NodeId,
        ticket: Ticket,
        end: Option<End>,
        reads: &dyn Reads,
        out: &mut Outbox,
    ) {
        if self.sync.is_own(ticket) {
            return self.sync_answered(ticket, end, reads, out);
        }
        if Catchup::is_own(ticket) {
            return self.stretch_ended(from, ticket, out);
        }
        if let Some(validator) = &mut self.validator
            && validator.answered(ticket, end.is_some(), &self.committee)
        {
            return self.progress(reads, out);
        }
        let ended = self.wants.answered(self.now, ticket, end, out);
        self.timers.set(Timer::Ask, self.now);
        let Some(ended) = ended else { return };
        if ended.empty {
            self.peers.blame(self.now, from, Fault::EmptyAnswer, out);
        }
        if ended.bulk {
            self.tell_of_past(from, out);
        }
    }

    fn stretch_ended(&mut self, from: NodeId, ticket: Ticket, out: &mut Outbox) {
        let (moved, highest) = (self.consensus.quorum_round(), &mut self.stretch_from);
        let has_moved = moved > *highest;
        *highest = moved;
        if let Some(due) = self.catchup.answered(self.now, ticket, has_moved) {
            self.timers.set(Timer::Catchup, due);
        }
        if has_moved && self.validator.is_none() {
            // Validators are sent checkpoints whatever the tree looks like.
            self.gossip.mend(from, out);
        } else if !has_moved {
            // Perhaps nobody has what is missing any more.
            self.look(out);
        }
    }

    /// Asks for a stretch of checkpoints, from where this node has all to the highest that is
    /// missing.
    pub(super) fn ask_stretch(&mut self, out: &mut Outbox) -> Option<Time> {
        let anyone = self.peers.anyone(&mut self.random);
        let Self { consensus, committee, peers, .. } = self;
        let request = || {
            let missing = consensus.missing();
            let to = missing.iter().map(|reference| reference.round).max()?;
            let mut above: Vec<Round> = committee.authors().map(|_| consensus.gc_round()).collect();
            let accepted = consensus.accepted().map(|one| one.reference());
            for reference in accepted {
                if let Some(round) = above.get_mut(reference.author.index()) {
                    *round = reference.round.max(*round);
                }
            }
            // Of a slot with two versions, the other one may be missing.
            for reference in missing {
                if let Some(round) = above.get_mut(reference.author.index()) {
                    *round = (*round).min(Round(reference.round.0 - 1));
                }
            }
            Some(GetCheckpoints { above, to })
        };
        let connected = |peer: &NodeId| peers.is_connected(peer);
        self.catchup.ask_due(self.now, request, &connected, anyone, out)
    }

    /// A long past was not announced: whoever lacks it sees so in the frontier.
    fn tell_of_past(&mut self, from: NodeId, out: &mut Outbox) {
        let peers: Vec<NodeId> = self.peers.connected().filter(|peer| *peer != from).collect();
        self.show_frontier(&peers, out);
    }

    pub(super) fn peer_up(
        &mut self,
        peer: NodeId,
        address: Option<SocketAddr>,
        fixed: bool,
        out: &mut Outbox,
    ) {
        if let Err(reason) = self.peers.up(self.now, peer, address, fixed) {
            out.messages.push(ToNet::Drop { peer, reason });
            return;
        }
        self.gossip.peer_up(peer);
        self.show_frontier(&[peer], out);
        self.greet(peer, out);
        self.timers.set(Timer::Catchup, self.now);
        self.timers.set(Timer::Ask, self.now);
        self.timers.set(Timer::Addresses, self.now + self.limits.addresses_delay);
    }

    pub(super) fn peer_down(&mut self, peer: &NodeId, out: &mut Outbox) {
        self.gossip.peer_down(peer);
        self.peers.down(self.now, peer);
        if self.sync.peer_down(peer) {
            self.timers.set(Timer::Sync, self.now);
        }
        if let Some(due) = self.catchup.peer_down(self.now, peer) {
            self.timers.set(Timer::Catchup, due);
        }
        if self.wants.peer_down(self.now, peer) {
            self.tell_of_past(*peer, out);
        }
        self.timers.set(Timer::Ask, self.now);
        self.timers.set(Timer::Addresses, self.now + self.limits.addresses_delay);
        self.timers.set(Timer::Dial, self.now);
    }

    /// Shows what this node has, and what waits in vain for a place in the order: the live DAG may
    /// have let go of that, and others may never have heard of it. While this node is not where the
    /// others are, that is of an old time, of which they may have nothing any more: they would
    /// fetch all of its past.
    pub(super) fn show_frontier(&mut self, to: &[NodeId], out: &mut Outbox) {
        if to.is_empty() || self.sync.is_active() {
            return;
        }
        self.frontier_turn = self.frontier_turn.wrapping_add(1);
        let mut frontier = self.tangle.frontier(self.frontier_turn);
        let mut overdue = self.cover.overdue(IDS_MAX / 4);
        overdue.retain(|id| !frontier.contains(id));
        frontier.truncate(IDS_MAX - overdue.len());
        frontier.extend(overdue);
        for peer in to {
            out.send(*peer, Message::Frontier(frontier.clone()));
        }
    }
}
