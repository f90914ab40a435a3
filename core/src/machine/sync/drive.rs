//! What a node that is behind asks whom, and what becomes of the answers.
//!
//! Invariant: as long as something is missing and some peer has it, a request is open or due.

use alloc::{boxed::Box, vec::Vec};

use super::{
    ASKS_MAX, ASKS_PER_PEER, Ask, By, Fetch, LOOK_EVERY, Objects, Open, Page, REST, Server, Stage,
};
use crate::{
    codec::Decode as _,
    digest::NodeId,
    machine::{
        Fault, History, Ledger, Machine, Outbox, Reads, Ticket, Wants,
        ledger::part_root,
        records::{Table, Tables},
        snapshot::Offer,
        timers::Timer,
    },
    message::{End, GetCommits, GetObjects, Message},
    params::GC_DEPTH,
    time::Time,
    trie::EMPTY,
    units::{CommitIndex, Round},
};

/// Set while the ledger on disk is neither here nor there, in [`Table::Standing`].
pub(in crate::machine) const SYNCING: [u8; 1] = *b"y";

impl Machine {
    /// A checkpoint of `round` exists. If that is far from here, peers are asked what they offer.
    pub(in crate::machine) fn notice(&mut self, round: Round, out: &mut Outbox) {
        let every = u64::from(self.genesis.params.snapshot_every);
        if round.0 > self.consensus.quorum_round().0 + every {
            self.look(out);
        }
    }

    /// Asks peers what they offer, those whose offer is not known.
    pub(in crate::machine) fn look(&mut self, out: &mut Outbox) {
        if self.now < self.sync.look_at {
            return;
        }
        if !self.sync.is_active() {
            // What was offered before is old by now.
            self.sync.servers.clear();
        }
        self.sync.look_at = self.now + LOOK_EVERY;
        let unknown = |peer: &NodeId| !self.sync.servers.contains_key(peer);
        let peers: Vec<NodeId> = self.peers.connected().filter(unknown).collect();
        for peer in peers {
            let ticket = self.sync.open(peer, Ask::Offer);
            out.ask(peer, ticket, Message::GetSnapshot);
        }
    }

    /// One of these requests ended.
    pub(in crate::machine) fn sync_answered(
        &mut self,
        ticket: Ticket,
        end: Option<End>,
        reads: &dyn Reads,
        out: &mut Outbox,
    ) {
        let Some(Open { peer, ask, bytes }) = self.sync.open.remove(&ticket) else { return };
        if let Stage::Fetching(fetch) = &mut self.sync.stage {
            fetch.closed(&ask);
        }
        let is_whole = end.is_some() && !bytes.is_empty();
        let has_brought = match &ask {
            Ask::Offer => is_whole && self.offered(peer, &bytes, reads, out),
            Ask::Part(part) => is_whole && self.part_came(peer, *part, &bytes, reads, out),
            Ask::Commits(request) => is_whole && self.page_came(peer, request, &bytes, reads, out),
            Ask::Bodies(ids) => self.sync.still_wanted(ids).count() < ids.len(),
            Ask::Past { had } => self.sync.past_has_grown(*had),
        };
        let (is_offer, is_bodies) = (ask == Ask::Offer, matches!(ask, Ask::Bodies(_)));
        if let Stage::Fetching(fetch) = &mut self.sync.stage
            && (!has_brought || is_bodies)
        {
            fetch.again(ask);
        }
        if !has_brought && is_bodies {
            let server = self.sync.servers.get_mut(&peer);
            server.into_iter().for_each(|server| server.rests_until = self.now + REST);
        } else if !has_brought && !is_offer {
            // It has dropped what it offered, or has too much to do: it is asked anew what it has.
            self.sync.servers.remove(&peer);
        }
        self.sync_on(reads, out);
    }

    /// A peer says what it offers. Whoever is behind takes the first that leads on.
    fn offered(&mut self, peer: NodeId, bytes: &[u8], reads: &dyn Reads, out: &mut Outbox) -> bool {
        let offer = Offer::from_bytes(bytes).ok();
        let (committee, verify) = (&self.committee, &*self.verify);
        let Some(offer) = offer.filter(|offer| offer.holds(committee, self.network, verify)) else {
            self.peers.blame(self.now, peer, Fault::BadAnswer, out);
            return false;
        };
        let server =
            Server { snapshot: offer.record.index, lowest: offer.lowest, rests_until: Time::ZERO };
        self.sync.servers.insert(peer, server);
        let is_news = match &self.sync.stage {
            Stage::Live => {
                let here = self.consensus.last_leader_round();
                offer.record.leader.round.0 > here.0 + GC_DEPTH
            }
            Stage::Lost => true,
            // Nobody has the one that was begun any more.
            Stage::Fetching(fetch) => {
                let target = fetch.offer.record.index;
                offer.record.index > target
                    && self.sync.servers.values().all(|server| server.snapshot != target)
            }
            Stage::Arrived(_) | Stage::Broken => false,
        };
        if is_news {
            self.begin(offer, reads, out);
        }
        true
    }

    fn begin(&mut self, offer: Offer, reads: &dyn Reads, out: &mut Outbox) {
        let mut tables = Tables { pending: &mut out.writes.records, store: reads };
        let at = self.chain.last().index;
        let is_mixed = tables.bytes(Table::Standing, &SYNCING).is_some_and(|mark| mark[..] == [1]);
        let executes = self.limits.history == History::All || at.0 + 1 >= offer.kept.window.0;
        let by = if executes && !is_mixed { By::Commits } else { By::Snapshot };
        let mark = [u8::from(by == By::Snapshot)];
        tables.pending.set(Table::Standing, &SYNCING, Some(mark.to_vec().into()));
        self.snapshots.clear(&mut tables);
        // What is under way was asked for another offer, or is of no use for now.
        self.sync.open.clear();
        self.wants = Wants::new(&self.limits);
        let mut fetch = Fetch::new(by, offer, at, self.now);
        if let Stage::Fetching(before) = core::mem::take(&mut self.sync.stage) {
            fetch.inherit(before.past);
        }
        self.sync.stage = Stage::Fetching(Box::new(fetch));
    }

    fn part_came(
        &mut self,
        peer: NodeId,
        part: u8,
        bytes: &[u8],
        reads: &dyn Reads,
        out: &mut Outbox,
    ) -> bool {
        let Stage::Fetching(fetch) = &self.sync.stage else { return false };
        let expected = fetch.offer.kept.part_root(part);
        let objects = Objects::from_bytes(bytes).ok();
        let Some(objects) = objects.filter(|objects| part_root(&objects.0) == expected) else {
            self.peers.blame(self.now, peer, Fault::BadAnswer, out);
            return false;
        };
        let mut tables = Tables { pending: &mut out.writes.records, store: reads };
        Ledger::replace_part(part, &objects.0, &mut tables);
        Ledger::state_root(&mut tables);
        true
    }

    fn page_came(
        &mut self,
        peer: NodeId,
        request: &GetCommits,
        bytes: &[u8],
        reads: &dyn Reads,
        out: &mut Outbox,
    ) -> bool {
        let Stage::Fetching(fetch) = &mut self.sync.stage else { return false };
        let page = Page::from_bytes(bytes).ok();
        let under = &fetch.offer.record;
        let page = page.filter(|page| page.answers(request, under) && fetch.may_begin_with(page));
        let Some(page) = page else {
            self.peers.blame(self.now, peer, Fault::BadAnswer, out);
            return false;
        };
        let last = page.commits.last().map_or(request.from, |commit| commit.record.index);
        if last < request.to {
            fetch.stretches.insert(CommitIndex(last.0 + 1), request.to);
        }
        let tangle = &self.tangle;
        fetch.page(page, |id| tangle.position(id).is_some() || reads.entry(id).is_some());
        true
    }

    /// Applies what is complete, and asks for what is missing.
    pub(in crate::machine) fn sync_on(&mut self, reads: &dyn Reads, out: &mut Outbox) {
        if !self.sync.is_active() || self.sync.has_arrived() {
            return;
        }
        self.apply_ready(reads, out);
        self.skip_parts(reads, out);
        if self.install_if_complete(reads, out) {
            return;
        }
        if self.peers.connected().any(|peer| !self.sync.servers.contains_key(&peer)) {
            self.look(out);
        }
        self.ask_on(reads, out);
        self.timers.set(Timer::Sync, self.now + REST);
    }

    fn ask_on(&mut self, reads: &dyn Reads, out: &mut Outbox) {
        let at = self.chain.last().index;
        let peers: Vec<NodeId> = self.peers.connected().collect();
        for turn in 0..ASKS_PER_PEER {
            for peer in &peers {
                if self.sync.open.len() >= ASKS_MAX {
                    return;
                }
                let busy = self.sync.open.values().filter(|open| open.peer == *peer).count();
                let server = self.sync.servers.get(peer).copied();
                let Some(server) = server.filter(|s| s.rests_until <= self.now && busy <= turn)
                else {
                    continue;
                };
                self.skip_parts(reads, out);
                let Stage::Fetching(fetch) = &mut self.sync.stage else { return };
                let Some(ask) = fetch.next(&server, at) else { continue };
                let message = match &ask {
                    Ask::Offer => Message::GetSnapshot,
                    Ask::Part(part) => Message::GetObjects(GetObjects {
                        snapshot: fetch.offer.record.index,
                        part: *part,
                    }),
                    Ask::Commits(request) => Message::GetCommits(*request),
                    Ask::Bodies(ids) => Message::GetTransactions(ids.clone()),
                    Ask::Past { .. } => {
                        Message::GetCheckpoints(fetch.past_request(self.committee.len()))
                    }
                };
                let ticket = self.sync.open(*peer, ask);
                out.ask(*peer, ticket, message);
            }
        }
    }

    /// Parts that are here as they should be are not fetched.
    fn skip_parts(&mut self, reads: &dyn Reads, out: &mut Outbox) {
        let Stage::Fetching(fetch) = &mut self.sync.stage else { return };
        let mut tables = Tables { pending: &mut out.writes.records, store: reads };
        while let Some(part) = fetch.parts.last().copied() {
            let expected = fetch.offer.kept.part_root(part);
            let here = Ledger::part(part, [].into_iter(), reads);
            if part_root(&here) != expected {
                if expected != EMPTY {
                    return;
                }
                Ledger::replace_part(part, &Vec::new(), &mut tables);
                Ledger::state_root(&mut tables);
            }
            fetch.parts.pop();
        }
    }
}
