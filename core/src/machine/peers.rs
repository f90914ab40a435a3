//! Who is connected, how each behaves, and where else there is somebody.
//!
//! Scores: a fault that no honest node can commit ends the connection at once; a lesser one costs
//! points that time gives back. Budgets: what one peer may fetch per second. Addresses: learned by
//! exchange, dialled while there are too few connections.
//!
//! A lost peer leaves a hole: it and its neighbours are dialled, each again after longer and longer
//! waits, until one of them is reached, even if there are connections enough. So a chain broken at
//! one node closes again, and a network that was parted and made do on both sides grows together.
//!
//! Invariant: peers, bans and addresses are bounded; the operator's own peers are never turned away
//! for want of room and never banned (`weft-net` redials them for ever).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::{net::SocketAddr, ops::Bound};

use rand_chacha::{ChaCha8Rng, rand_core::Rng as _};

use super::{DropReason, Event, Fault, Limits, Outbox, ToNet, wants::back_off};
use crate::{
    digest::NodeId,
    message::{Message, PeerAddress},
    params::ADDRESSES_MAX,
    time::{Span, Time},
};

/// One connection.
#[derive(Debug)]
struct Peer {
    address: Option<SocketAddr>,
    fixed: bool,
    since: Time,
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
    /// The lost peer in whose hole it lies: itself, or one whose neighbour it was.
    hole: Option<NodeId>,
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
    /// Whom this node connects to wherever it learns of them: as a validator, all others.
    sought: BTreeSet<NodeId>,
    /// Neighbours came or went since the others were told.
    neighbours_changed: bool,
    /// The address book differs from what was written last.
    book_changed: bool,
    limits: Limits,
}

/// Points at which a connection ends. One is given back per 100 ms.
const BLAME_MAX: u64 = 1_000;

/// One peer may name at most this part of all addresses, so that nobody fills the book alone.
const TOLD_SHARE: usize = 8;

/// How long a connection must have stood until its loss leaves a hole, and earlier failures are
/// forgotten.
const STEADY: Span = Span::from_secs(10);

impl Peers {
    pub(super) fn new(limits: &Limits, own: NodeId, addresses: Vec<PeerAddress>) -> Self {
        let mut peers = Self {
            own,
            connected: BTreeMap::new(),
            banned: BTreeMap::new(),
            addresses: BTreeMap::new(),
            sought: BTreeSet::new(),
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

    /// Connects to `nodes` wherever it learns where they are, and never turns them away for want of
    /// room.
    pub(super) fn seek(&mut self, nodes: impl Iterator<Item = NodeId>) {
        self.sought = nodes.filter(|node| *node != self.own).collect();
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

    /// The connected peer whose turn comes after that of `last`.
    pub(super) fn after(&self, last: NodeId) -> Option<NodeId> {
        let next = self.connected.range((Bound::Excluded(last), Bound::Unbounded)).next();
        next.or_else(|| self.connected.first_key_value()).map(|(id, _)| *id)
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
            let is_known = self.connected.contains_key(&id) || self.sought.contains(&id);
            if self.connected.len() >= limit && !is_known {
                return Err(DropReason::Full { limit });
            }
        }
        if let Some(address) = address {
            self.learn(PeerAddress { id, address }, None);
        }
        let hole = self.addresses.get_mut(&id).and_then(|known| {
            known.dialling = false;
            known.hole.take()
        });
        if hole.is_some() {
            let rest = self.addresses.values_mut().filter(|known| known.hole == hole);
            rest.for_each(|known| known.hole = None);
        }
        let budget = self.limits.serve_bytes_burst;
        let peer = Peer { address, fixed, since: now, blame: 0, scored: now, budget, served: now };
        self.connected.insert(id, peer);
        self.neighbours_changed = true;
        Ok(())
    }

    /// A connection is gone. Its neighbours may be dialled at once: they lost it too.
    pub(super) fn down(&mut self, now: Time, id: &NodeId) {
        let Some(peer) = self.connected.remove(id) else {
            // Turned away, here or there.
            return self.dial_failed(now, id);
        };
        self.neighbours_changed = true;
        let banned = self.banned.get(id).is_some_and(|until| *until > now);
        if now.since(peer.since) >= STEADY && !banned {
            let connected = &self.connected;
            let lost_it_too = |other: &NodeId, known: &Known| {
                other == id || (known.via == Some(*id) && !connected.contains_key(other))
            };
            let hole = self.addresses.iter_mut().filter(|(other, known)| lost_it_too(other, known));
            for (_, known) in hole {
                known.hole = Some(*id);
                known.failures = 0;
                known.not_before = known.not_before.min(now);
            }
        }
        self.dial_failed(now, id);
    }

    /// A dial came to nothing, or to a connection that did not last.
    pub(super) fn dial_failed(&mut self, now: Time, id: &NodeId) {
        if let Some(known) = self.addresses.get_mut(id) {
            known.dialling = false;
            known.failures = known.failures.saturating_add(1);
            known.not_before = now + back_off(self.limits.dial_again, known.failures);
        }
    }

    /// Blames `id` for `fault`; the connection ends if that was too much. What else comes over it
    /// until then is not told: it may be hundreds of the same.
    pub(super) fn blame(&mut self, now: Time, id: NodeId, fault: Fault, out: &mut Outbox) {
        if self.connected.get(&id).is_some_and(|peer| peer.blame_at(now) >= BLAME_MAX) {
            return;
        }
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
        let told = self.addresses.values().filter(|known| via.is_some() && known.via == via);
        if told.count() >= self.limits.addresses_max / TOLD_SHARE {
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
        let known = Known { address, via, hole: None, failures: 0, not_before, dialling: false };
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

    /// Dials while there are too few connections, a hole is open, or somebody sought is not
    /// connected. Returns when to come back.
    pub(super) fn dial(
        &mut self,
        now: Time,
        random: &mut ChaCha8Rng,
        out: &mut Outbox,
    ) -> Option<Time> {
        let sought = core::mem::take(&mut self.sought);
        while self.dial_one(now, &|id, _| sought.contains(id), random, out) {}
        let is_missing =
            |id: &NodeId| self.addresses.contains_key(id) && !self.connected.contains_key(id);
        let missing = sought.iter().any(is_missing);
        self.sought = sought;
        let dialling = self.addresses.values().filter(|known| known.dialling).count();
        let count = self.connected.len() + dialling;
        let mut lacking = self.limits.peers_target.saturating_sub(count);
        while lacking > 0 && self.dial_one(now, &|_, _| true, random, out) {
            lacking -= 1;
        }
        let in_hole = |_: &NodeId, known: &Known| known.hole.is_some();
        let hole = self.addresses.iter().any(|(id, known)| in_hole(id, known));
        let hole = hole && count < self.limits.peers_max;
        if hole && !self.addresses.values().any(|known| known.dialling) {
            self.dial_one(now, &in_hole, random, out);
        }
        (lacking > 0 || hole || missing).then(|| now + self.limits.dial_again)
    }

    /// Dials somebody among `whom`, those in a hole first. False if nobody is left.
    fn dial_one(
        &mut self,
        now: Time,
        whom: &dyn Fn(&NodeId, &Known) -> bool,
        random: &mut ChaCha8Rng,
        out: &mut Outbox,
    ) -> bool {
        let free = |id: &NodeId, known: &Known| {
            !self.connected.contains_key(id)
                && !known.dialling
                && known.not_before <= now
                && self.banned.get(id).is_none_or(|until| *until <= now)
                && whom(id, known)
        };
        let free = self.addresses.iter().filter(|(id, known)| free(id, known));
        let (hole, others): (Vec<_>, Vec<_>) = free.partition(|(_, known)| known.hole.is_some());
        let pool = if hole.is_empty() { others } else { hole };
        let pick = random.next_u64().checked_rem(pool.len() as u64).unwrap_or(0);
        let picked = usize::try_from(pick).ok().and_then(|pick| pool.get(pick));
        let Some(id) = picked.map(|(id, _)| **id) else { return false };
        if let Some(known) = self.addresses.get_mut(&id) {
            known.dialling = true;
            out.messages.push(ToNet::Dial(PeerAddress { id, address: known.address }));
        }
        true
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
        | Fault::Refused(_)
        | Fault::BadAnswer
        | Fault::BadCheckpoint(_) => BLAME_MAX,
        Fault::TooManyRequests { .. } => BLAME_MAX / 5,
        // Honest if the request was given up just before.
        Fault::UnwantedKey | Fault::EmptyAnswer => BLAME_MAX / 20,
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng as _;

    use super::*;

    const OWN: NodeId = NodeId([0xff; 32]);

    const fn id(byte: u8) -> NodeId {
        NodeId([byte; 32])
    }

    fn address(byte: u8) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, byte], 4_810))
    }

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    fn peers(limits: Limits) -> Peers {
        Peers::new(&limits, OWN, Vec::new())
    }

    fn dialled(peers: &mut Peers, now: u64) -> Vec<NodeId> {
        let (mut random, mut out) = (ChaCha8Rng::seed_from_u64(1), Outbox::default());
        peers.dial(at(now), &mut random, &mut out);
        let dials = out.messages.into_iter().filter_map(|message| match message {
            ToNet::Dial(peer) => Some(peer.id),
            _ => None,
        });
        dials.collect()
    }

    /// `own - 1 - 2`: when 1 is lost, 2 is dialled though there are connections enough; once it is
    /// reached, nobody else is.
    #[test]
    fn a_lost_peer_leaves_a_hole_until_somebody_behind_it_is_reached() {
        let mut peers = peers(Limits { peers_target: 1, ..Limits::default() });
        peers.up(at(0), id(1), Some(address(1)), false).unwrap();
        peers.up(at(0), id(9), Some(address(9)), false).unwrap();
        peers.learn(PeerAddress { id: id(2), address: address(2) }, Some(id(1)));
        peers.learn(PeerAddress { id: id(3), address: address(3) }, Some(id(1)));
        assert_eq!(dialled(&mut peers, 20_000), []);
        peers.down(at(20_000), &id(1));
        let first = dialled(&mut peers, 20_000);
        assert!(first == [id(2)] || first == [id(3)], "{first:?}");
        assert_eq!(dialled(&mut peers, 20_000), [], "one at a time");
        peers.dial_failed(at(20_100), &first[0]);
        let second = dialled(&mut peers, 20_100);
        assert!(second != first && second.len() == 1);
        peers.up(at(20_200), second[0], None, false).unwrap();
        assert_eq!(dialled(&mut peers, 3_600_000), []);
    }

    #[test]
    fn who_turns_away_again_and_again_is_dialled_less_and_less() {
        let mut peers = peers(Limits::default());
        peers.learn(PeerAddress { id: id(1), address: address(1) }, None);
        let (mut now, mut waits) = (0, Vec::new());
        for _ in 0..4 {
            let dialled_at = (now..).find(|now| dialled(&mut peers, *now) == [id(1)]).unwrap();
            waits.push(dialled_at - now);
            now = dialled_at;
            peers.up(at(now), id(1), Some(address(1)), false).unwrap();
            peers.down(at(now), &id(1));
        }
        assert_eq!(waits, [0, 2_000, 4_000, 8_000]);
    }

    #[test]
    fn one_peer_fills_an_eighth_of_the_book_at_most() {
        let mut peers = peers(Limits { addresses_max: 80, ..Limits::default() });
        for byte in 1..=100 {
            peers.learn(PeerAddress { id: id(byte), address: address(byte) }, Some(id(200)));
        }
        assert_eq!(peers.addresses_known(), 10);
    }

    #[test]
    fn a_named_peer_is_dropped_for_a_fault_but_never_banned() {
        let mut peers = peers(Limits::default());
        for (peer, fixed) in [(id(1), true), (id(2), false)] {
            peers.up(at(0), peer, None, fixed).unwrap();
            let mut out = Outbox::default();
            peers.blame(at(0), peer, Fault::Misplaced { name: "hello" }, &mut out);
            assert!(matches!(out.messages[..], [ToNet::Drop { .. }]));
            peers.blame(at(0), peer, Fault::Misplaced { name: "hello" }, &mut out);
            assert_eq!((out.events.len(), out.messages.len()), (1, 1), "what follows is not told");
            peers.down(at(0), &peer);
            assert_eq!(peers.up(at(1), peer, None, fixed).is_ok(), fixed);
        }
    }
}
