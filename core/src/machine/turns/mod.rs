//! Whose turn it is, when there is more than can be taken: deficit round robin by issuer (Shreedhar
//! and Varghese, Efficient Fair Queuing using Deficit Round Robin, 1995), in classes.
//!
//! ```text
//! funded    4 parts of 5   by issuer, each with the weight of its balance
//! unfunded  1 part of 5    by the peer that brought it, then by issuer, all alike; what is handed
//!                          over here counts as a quarter of a peer
//! ```
//! What one class, peer or issuer does not use goes to the others. Identities are free, so all that
//! own nothing share one part, however many they are (docs/FAIRNESS.md).
//!
//! Turns are paid afterwards, as in surplus round robin (Adiseshu, Parulkar and Varghese, A
//! Reliable and Scalable Striping Protocol, 1996), which shares alike and serves at once who comes
//! seldom.
//!
//! Invariant: over any time, what two who both always have something waiting get for each part of
//! their weight differs by at most a turn and twice the longest transaction.
//!
//! Left out on purpose: what waits. The scheduler and the choice of tips bring their own.

mod ring;
#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;

use self::ring::Ring;
use crate::{address::Address, digest::NodeId, time::Span};

/// Whether an issuer owns enough to have a share of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Funded,
    Unfunded,
}

impl Class {
    const fn weight(self) -> u64 {
        match self {
            Self::Funded => 4 * ALIKE,
            Self::Unfunded => ALIKE,
        }
    }
}

/// The weight of those who are all alike: 2 KiB a turn, so that a ring of many does not go round
/// for nothing.
const ALIKE: u64 = 16;

/// The weight of a peer beside what is handed over here: others took that already, and it reaches
/// the rest of the network only when this node takes it too.
const RELAYED: u64 = 4 * ALIKE;

/// Where something waits: with what else of its issuer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lane {
    class: Class,
    /// Who brought it, of the unfunded; `None` if nobody did.
    peer: Option<NodeId>,
    issuer: Address,
}

impl Lane {
    /// The lane of an issuer of this weight. Whoever brought it counts for those without any.
    pub(super) fn of(issuer: Address, weight: u64, peer: Option<NodeId>) -> Self {
        match weight {
            0 => Self { class: Class::Unfunded, peer, issuer },
            _ => Self { class: Class::Funded, peer: None, issuer },
        }
    }

    pub(super) const fn issuer(&self) -> Address {
        self.issuer
    }

    /// Whether its issuer has a share of its own.
    pub(super) fn is_funded(&self) -> bool {
        self.class == Class::Funded
    }
}

/// Lanes that take turns.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    classes: Ring<Class>,
    peers: BTreeMap<Class, Ring<Option<NodeId>>>,
    issuers: BTreeMap<(Class, Option<NodeId>), Ring<Address>>,
}

impl Turns {
    pub(super) const fn new() -> Self {
        Self { classes: Ring::new(), peers: BTreeMap::new(), issuers: BTreeMap::new() }
    }

    /// Whether nothing waits in a lane.
    pub(super) fn is_idle(&self, lane: &Lane) -> bool {
        self.bytes(lane) == 0
    }

    fn bytes(&self, Lane { class, peer, issuer }: &Lane) -> u64 {
        self.issuers.get(&(*class, *peer)).map_or(0, |ring| ring.bytes(issuer))
    }

    /// What waits of those without a share, by the peer that brought it, in bytes.
    pub(super) fn unfunded(&self) -> impl Iterator<Item = (NodeId, u64)> {
        let ring = self.peers.get(&Class::Unfunded);
        let all = ring.into_iter().flat_map(Ring::all);
        all.filter_map(|(peer, bytes)| Some((peer?, bytes)))
    }

    /// So many bytes more wait in a lane.
    pub(super) fn put(&mut self, lane: &Lane, weight: u64, bytes: u64) {
        let Lane { class, peer, issuer } = *lane;
        let weight = if lane.is_funded() { weight } else { ALIKE };
        let of_peer = if peer.is_some() { RELAYED } else { ALIKE };
        self.classes.put(class, class.weight(), bytes);
        self.peers.entry(class).or_insert_with(Ring::new).put(peer, of_peer, bytes);
        self.issuers.entry((class, peer)).or_insert_with(Ring::new).put(issuer, weight, bytes);
    }

    /// So many bytes wait no more in a lane.
    pub(super) fn remove(&mut self, lane: &Lane, bytes: u64) {
        let Lane { class, peer, issuer } = *lane;
        self.classes.remove(&class, bytes);
        if let Some(ring) = self.peers.get_mut(&class) {
            ring.remove(&peer, bytes);
            if ring.is_empty() {
                self.peers.remove(&class);
            }
        }
        if let Some(ring) = self.issuers.get_mut(&(class, peer)) {
            ring.remove(&issuer, bytes);
            if ring.is_empty() {
                self.issuers.remove(&(class, peer));
            }
        }
    }

    /// A lane pays for something.
    pub(super) fn charge(&mut self, Lane { class, peer, issuer }: &Lane, cost: u64) {
        self.classes.charge(class, cost);
        if let Some(ring) = self.peers.get_mut(class) {
            ring.charge(peer, cost);
        }
        if let Some(ring) = self.issuers.get_mut(&(*class, *peer)) {
            ring.charge(issuer, cost);
        }
    }

    /// Whether a lane owes nothing to others of its kind.
    pub(super) fn is_even(&self, Lane { class, peer, issuer }: &Lane) -> bool {
        self.issuers.get(&(*class, *peer)).is_none_or(|ring| ring.is_even(issuer))
    }

    /// The lane that is at its turn, of those that can go on now.
    pub(super) fn next(&mut self, mut can_go_on: impl FnMut(&Lane) -> bool) -> Option<Lane> {
        let Self { classes, peers, issuers } = self;
        let class = classes.next(|class| {
            let next = peers.get_mut(class).and_then(|ring| {
                ring.next(|peer| {
                    let next = issuers.get_mut(&(*class, *peer)).and_then(|ring| {
                        ring.next(|issuer| {
                            can_go_on(&Lane { class: *class, peer: *peer, issuer: *issuer })
                        })
                    });
                    next.is_some()
                })
            });
            next.is_some()
        })?;
        // Who was found in each ring is still in front of it.
        let peer = self.peers.get(&class)?.front()?;
        let issuer = self.issuers.get(&(class, peer))?.front()?;
        Some(Lane { class, peer, issuer })
    }

    /// Where most waits for the share: in the class, of the peer, of the issuer.
    pub(super) fn longest(&self) -> Option<Lane> {
        let class = self.classes.longest()?;
        let peer = self.peers.get(&class)?.longest()?;
        let issuer = self.issuers.get(&(class, peer))?.longest()?;
        Some(Lane { class, peer, issuer })
    }

    /// How long what waits in a lane takes with all others there, at so many bytes per second.
    pub(super) fn time_of(&self, lane: &Lane, bytes_per_s: u64) -> Span {
        let Lane { class, peer, issuer } = lane;
        let rings = [
            Some(self.classes.weights(class)),
            self.peers.get(class).map(|ring| ring.weights(peer)),
            self.issuers.get(&(*class, *peer)).map(|ring| ring.weights(issuer)),
        ];
        let mut ms = u128::from(self.bytes(lane)) * 1_000 / u128::from(bytes_per_s.max(1));
        for [own, all] in rings.into_iter().flatten() {
            ms = ms * u128::from(all) / u128::from(own);
        }
        Span::from_millis(u64::try_from(ms).unwrap_or(u64::MAX))
    }
}
