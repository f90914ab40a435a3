//! Who is connected, how each behaves, and where else there is somebody.
//!
//! Scores: a fault that no honest node can commit ends the connection at once; a lesser one costs
//! points that time gives back. Budgets: what one peer may fetch per second. Addresses: learned by
//! exchange, dialled while there are too few connections; the neighbours of a lost peer first,
//! since they have lost it too, and a chain broken there closes again.
//!
//! Invariant: peers, bans and addresses are bounded; the operator's own peers are never turned away
//! for want of room and never banned (`weft-net` redials them for ever).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::net::SocketAddr;

use rand_chacha::{ChaCha8Rng, rand_core::Rng as _};

use super::{DropReason, Event, Fault, Limits, Outbox, ToNet, wants::back_off};
use crate::{
    digest::NodeId,
    message::{Message, PeerAddress},
    params::ADDRESSES_MAX,
    time::Time,
};

/// One connection.
#[derive(Debug)]
struct Peer {
    address: Option<SocketAddr>,
    fixed: bool,
    /// Points lost, as of `scored`.
    blame: u64,
    scored: Time,
    /// Bytes it may still fetch, as of `served`.
    budget: u64,
    served: Time,
}

/// Where a node was said to be.
#[derive(Debug)]
struct Known {
    address: SocketAddr,
    /// A neighbour of this peer, if that peer said so itself.
    via: Option<NodeId>,
    failures: u32,
    not_before: Time,
    dialling: bool,
}

/// Everything known about other nodes.
#[derive(Debug)]
pub(super) struct Peers {
    own: NodeId,
    connected: BTreeMap<NodeId, Peer>,
    banned: BTreeMap<NodeId, Time>,
    addresses: BTreeMap<NodeId, Known>,
    /// Neighbours came or went since the others were told.
    neighbours_changed: bool,
    /// The address book differs from what was written last.
    book_changed: bool,
    limits: Limits,
}

/// Points at which a connection ends. One is given back per 100 ms.
const BLAME_MAX: u64 = 1_000;

impl Peers {
    pub(super) fn new(limits: &Limits, own: NodeId, addresses: Vec<PeerAddress>) -> Self {
        let mut peers = Self {
            own,
            connected: BTreeMap::new(),
            banned: BTreeMap::new(),
            addresses: BTreeMap::new(),
            neighbours_changed: false,
            book_changed: false,
            limits: limits.clone(),
        };
        for known in addresses {
            peers.learn(known, None);
        }
        peers.book_changed = false;
        peers
    }

    pub(super) fn is_connected(&self, peer: &NodeId) -> bool {
        self.connected.contains_key(peer)
    }

    pub(super) fn connected(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.connected.keys().copied()
    }

    pub(super) fn addresses_known(&self) -> usize {
        self.addresses.len()
    }

    /// Address, whether fixed, and points lost at `now`, of each connected peer.
    pub(super) fn picture(
        &self,
        now: Time,
    ) -> impl Iterator<Item = (NodeId, Option<SocketAddr>, bool, u64)> + '_ {
        self.connected
            .iter()
            .map(move |(id, peer)| (*id, peer.address, peer.fixed, peer.blame_at(now)))
    }

    /// A connected peer at random.
    pub(super) fn anyone(&self, random: &mut ChaCha8Rng) -> Option<NodeId> {
        let count = self.connected.len() as u64;
        let pick = random.next_u64().checked_rem(count)?;
        self.connected.keys().nth(usize::try_from(pick).ok()?).copied()
    }

    /// Takes a new connection, or says why not.
    pub(super) fn up(
        &mut self,
        now: Time,
        id: NodeId,
        address: Option<SocketAddr>,
        fixed: bool,
    ) -> Result<(), DropReason> {
        if !fixed {
            if self.banned.get(&id).is_some_and(|until| *until > now) {
                return Err(DropReason::Banned);
            }
            let limit = self.limits.peers_max;
            if self.connected.len() >= limit && !self.connected.contains_key(&id) {
                return Err(DropReason::Full { limit });
            }
        }
        if let Some(address) = address {
            self.learn(PeerAddress { id, address }, None);
        }
        if let Some(known) = self.addresses.get_mut(&id) {
            known.failures = 0;
            known.dialling = false;
        }
        let budget = self.limits.serve_bytes_burst;
        self.connected
            .insert(id, Peer { address, fixed, blame: 0, scored: now, budget, served: now });
        self.neighbours_changed = true;
        Ok(())
    }

    /// A connection is gone. Its neighbours may be dialled at once: they lost it too.
    pub(super) fn down(&mut self, now: Time, id: &NodeId) {
        self.connected.remove(id);
        self.neighbours_changed = true;
        for known in self.addresses.values_mut().filter(|known| known.via == Some(*id)) {
            known.not_before = known.not_before.min(now);
        }
        if let Some(known) = self.addresses.get_mut(id) {
            known.failures += 1;
            known.not_before = now + back_off(self.limits.dial_again, known.failures);
        }
    }

    /// A dial came to nothing.
    pub(super) fn dial_failed(&mut self, now: Time, id: &NodeId) {
        if let Some(known) = self.addresses.get_mut(id) {
            known.dialling = false;
            known.failures += 1;
            known.not_before = now + back_off(self.limits.dial_again, known.failures);
        }
    }

    /// Blames `id` for `fault`; the connection ends if that was too much.
    pub(super) fn blame(&mut self, now: Time, id: NodeId, fault: Fault, out: &mut Outbox) {
        out.events.push(Event::Blamed { peer: id, fault: fault.clone() });
        let Some(peer) = self.connected.get_mut(&id) else {
            return;
        };
        peer.blame = peer.blame_at(now) + weight(&fault);
        peer.scored = now;
        if peer.blame < BLAME_MAX {
            return;
        }
        if !peer.fixed {
            self.banned.insert(id, now + self.limits.ban);
            if self.banned.len() > self.limits.bans_max {
                let soonest = self.banned.iter().min_by_key(|(_, until)| **until);
                if let Some(soonest) = soonest.map(|(id, _)| *id) {
                    self.banned.remove(&soonest);
                }
            }
        }
        out.messages.push(ToNet::Drop { peer: id, reason: DropReason::Misbehaved(fault) });
    }

    /// Takes `bytes` from what `id` may fetch now, if there is that much.
    pub(super) fn spend(&mut self, now: Time, id: &NodeId, bytes: u64) -> bool {
        let Some(peer) = self.connected.get_mut(id) else { return false };
        let earned = now.since(peer.served).as_millis() * self.limits.serve_bytes_per_s / 1_000;
        peer.budget = (peer.budget + earned).min(self.limits.serve_bytes_burst);
        peer.served = now;
        let left = peer.budget.checked_sub(bytes);
        peer.budget = left.unwrap_or(peer.budget);
        left.is_some()
    }

    /// Remembers where a node is. `via` is the peer that named it its neighbour.
    pub(super) fn learn(&mut self, known: PeerAddress, via: Option<NodeId>) {
        let PeerAddress { id, address } = known;
        if id == self.own || address.port() == 0 || address.ip().is_unspecified() {
            return;
        }
        if let Some(known) = self.addresses.get_mut(&id) {
            if known.address != address && !self.connected.contains_key(&id) {
                known.address = address;
                known.failures = 0;
                self.book_changed = true;
            }
            known.via = via.or(known.via);
            return;
        }
        if self.addresses.len() >= self.limits.addresses_max {
            let worst = self
                .addresses
                .iter()
                .filter(|(id, _)| !self.connected.contains_key(*id))
                .max_by_key(|(_, known)| known.failures)
                .map(|(id, _)| *id);
            let Some(worst) = worst else { return };
            self.addresses.remove(&worst);
        }
        let not_before = Time::ZERO;
        let known = Known { address, via, failures: 0, not_before, dialling: false };
        self.addresses.insert(id, known);
        self.book_changed = true;
    }

    /// The address book, for the store, if it changed.
    pub(super) fn take_changed_book(&mut self) -> Option<Vec<PeerAddress>> {
        let entry =
            |(id, known): (&NodeId, &Known)| PeerAddress { id: *id, address: known.address };
        let changed = core::mem::take(&mut self.book_changed);
        changed.then(|| self.addresses.iter().map(entry).collect())
    }

    /// Tells every peer who the own neighbours are, if that changed, and nobody further off: so a
    /// listener knows who else lost a link when this node is gone.
    pub(super) fn tell(&mut self, out: &mut Outbox) {
        if !core::mem::take(&mut self.neighbours_changed) {
            return;
        }
        let neighbours: Vec<PeerAddress> = self
            .connected
            .iter()
            .filter_map(|(id, peer)| peer.address.map(|address| PeerAddress { id: *id, address }))
            .collect();
        for peer in self.connected.keys() {
            let for_peer = neighbours.iter().filter(|known| known.id != *peer);
            let list: Vec<PeerAddress> = for_peer.take(ADDRESSES_MAX).copied().collect();
            if !list.is_empty() {
                out.send(*peer, Message::Peers(list));
            }
        }
    }

    /// Dials while there are too few connections. Returns when to come back.
    pub(super) fn dial(
        &mut self,
        now: Time,
        random: &mut ChaCha8Rng,
        out: &mut Outbox,
    ) -> Option<Time> {
        let dialling = self.addresses.values().filter(|known| known.dialling).count();
        let mut lacking = self.limits.peers_target.saturating_sub(self.connected.len() + dialling);
        while lacking > 0 {
            let Some(id) = self.candidate(now, random) else {
                break;
            };
            let known = self.addresses.get_mut(&id)?;
            known.dialling = true;
            out.messages.push(ToNet::Dial(PeerAddress { id, address: known.address }));
            lacking -= 1;
        }
        (lacking > 0).then(|| now + self.limits.dial_again)
    }

    fn candidate(&self, now: Time, random: &mut ChaCha8Rng) -> Option<NodeId> {
        let free: Vec<(&NodeId, &Known)> = self
            .addresses
            .iter()
            .filter(|(id, known)| {
                !self.connected.contains_key(*id)
                    && !known.dialling
                    && known.not_before <= now
                    && self.banned.get(*id).is_none_or(|until| *until <= now)
            })
            .collect();
        // A neighbour of somebody who is gone: both lost the same link.
        let gone = |known: &Known| known.via.is_some_and(|via| !self.connected.contains_key(&via));
        let orphans: BTreeSet<&NodeId> =
            free.iter().filter(|(_, known)| gone(known)).map(|(id, _)| *id).collect();
        let pool: Vec<&NodeId> = if orphans.is_empty() {
            free.iter().map(|(id, _)| *id).collect()
        } else {
            orphans.into_iter().collect()
        };
        let pick = random.next_u64().checked_rem(pool.len() as u64)?;
        pool.get(usize::try_from(pick).ok()?).map(|id| **id)
    }
}

impl Peer {
    /// Points lost that time has not given back yet.
    fn blame_at(&self, now: Time) -> u64 {
        self.blame.saturating_sub(now.since(self.scored).as_millis() / 100)
    }
}

/// What a fault costs. Those that no honest node can commit end the connection at once.
const fn weight(fault: &Fault) -> u64 {
    match fault {
        Fault::Malformed(_)
        | Fault::Oversized { .. }
        | Fault::Misplaced { .. }
        | Fault::Refused(_) => BLAME_MAX,
        Fault::TooManyRequests { .. } => BLAME_MAX / 5,
        // Honest if the request was given up just before.
        Fault::UnwantedKey | Fault::EmptyAnswer => BLAME_MAX / 20,
    }
}
