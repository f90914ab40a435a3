//! Holds transactions until all their parents are known.
//!
//! In: admitted transactions with a parent missing. Out: those whose parents all came, parents
//! first.
//!
//! Invariant: nothing held here is visible to the tangle, to tips or to gossip. Bounded in bytes,
//! per peer and in all, and in age: who waits longest leaves first.
//!
//! Left out on purpose: asking peers for the missing (`wants`), checking signatures (`admit`).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};

use super::{Limits, Source, scheduler::Solid};
use crate::{
    admit::Verified,
    digest::{NodeId, TxId},
    time::{Span, Time},
};

#[derive(Debug)]
struct Waiting {
    tx: Arc<Verified>,
    source: Source,
    missing: usize,
    since: Time,
}

impl Waiting {
    fn solid(self) -> Solid {
        Solid::new(self.tx, self.source, self.since)
    }
}

/// How many of those that wait for something are looked at for somebody.
const LOOK_MAX: usize = 64;

/// Transactions whose past is not complete.
#[derive(Debug)]
pub(super) struct Solidifier {
    waiting: BTreeMap<TxId, Waiting>,
    /// Who waits for a missing parent.
    children: BTreeMap<TxId, Vec<TxId>>,
    by_age: BTreeSet<(Time, TxId)>,
    bytes: u64,
    bytes_by_peer: BTreeMap<NodeId, u64>,
    bytes_max: u64,
    bytes_per_peer: u64,
    age_max: Span,
}

impl Solidifier {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self {
            waiting: BTreeMap::new(),
            children: BTreeMap::new(),
            by_age: BTreeSet::new(),
            bytes: 0,
            bytes_by_peer: BTreeMap::new(),
            bytes_max: limits.waiting_bytes_max,
            bytes_per_peer: limits.waiting_bytes_per_peer,
            age_max: limits.waiting_age_max,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.waiting.len()
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn contains(&self, id: &TxId) -> bool {
        self.waiting.contains_key(id)
    }

    /// Whether something here waits for `id`.
    pub(super) fn awaits(&self, id: &TxId) -> bool {
        self.children.contains_key(id)
    }

    /// Holds `tx` until all of `missing` came. Returns what had to leave for it although others
    /// here wait for it, with who brought it, and when `tx` itself must leave.
    pub(super) fn hold(
        &mut self,
        now: Time,
        tx: Arc<Verified>,
        source: Source,
        missing: &[TxId],
    ) -> (Vec<(TxId, NodeId)>, Time) {
        assert!(!missing.is_empty(), "a transaction with a complete past does not wait");
        let (id, bytes) = (tx.id(), tx.bytes().len() as u64);
        for parent in missing {
            self.children.entry(*parent).or_default().push(id);
        }
        self.bytes += bytes;
        if let Some(peer) = source.peer() {
            *self.bytes_by_peer.entry(peer).or_default() += bytes;
        }
        self.by_age.insert((now, id));
        self.waiting.insert(id, Waiting { tx, source, missing: missing.len(), since: now });
        (self.keep_bounds(source), now + self.age_max)
    }

    fn keep_bounds(&mut self, source: Source) -> Vec<(TxId, NodeId)> {
        let mut awaited = Vec::new();
        let used = |held: &Self| {
            source.peer().and_then(|peer| held.bytes_by_peer.get(&peer)).copied().unwrap_or(0)
        };
        while used(self) > self.bytes_per_peer {
            let oldest = self.by_age.iter().find(|(_, id)| {
                self.waiting.get(id).is_some_and(|held| held.source.peer() == source.peer())
            });
            let Some((_, id)) = oldest.copied() else {
                break;
            };
            awaited.extend(self.drop_waiting(&id));
        }
        while self.bytes > self.bytes_max {
            let Some((_, id)) = self.by_age.first().copied() else {
                break;
            };
            awaited.extend(self.drop_waiting(&id));
        }
        awaited
    }

    /// Forgets `id`. Returns it, with who brought it, if something here waits for it.
    fn drop_waiting(&mut self, id: &TxId) -> Option<(TxId, NodeId)> {
        let peer = self.remove(id)?.source.peer()?;
        self.awaits(id).then_some((*id, peer))
    }

    fn remove(&mut self, id: &TxId) -> Option<Waiting> {
        let held = self.waiting.remove(id)?;
        let bytes = held.tx.bytes().len() as u64;
        self.by_age.remove(&(held.since, *id));
        self.bytes -= bytes;
        if let Some(peer) = held.source.peer() {
            let of_peer = self.bytes_by_peer.entry(peer).or_default();
            *of_peer -= bytes;
            if *of_peer == 0 {
                self.bytes_by_peer.remove(&peer);
            }
        }
        for parent in held.tx.transaction().attachment.transactions() {
            if let Some(children) = self.children.get_mut(&parent) {
                children.retain(|child| child != id);
                if children.is_empty() {
                    self.children.remove(&parent);
                }
            }
        }
        Some(held)
    }

    /// Whether some of what waits for `id`, directly or not, is meant by `wanted`: as far as a
    /// short look shows.
    pub(super) fn leads_to(&self, id: &TxId, wanted: &dyn Fn(&TxId) -> bool) -> bool {
        let mut ahead: Vec<TxId> = self.children.get(id).cloned().unwrap_or_default();
        for _ in 0..LOOK_MAX {
            let Some(child) = ahead.pop() else { return false };
            if wanted(&child) {
                return true;
            }
            ahead.extend(self.children.get(&child).into_iter().flatten());
        }
        false
    }

    /// `parent` came: returns those that now have all their parents.
    pub(super) fn resolve(&mut self, parent: &TxId) -> Vec<Solid> {
        let children = self.children.remove(parent).unwrap_or_default();
        let mut solid = Vec::new();
        for child in children {
            let Some(held) = self.waiting.get_mut(&child) else {
                continue;
            };
            held.missing -= 1;
            if held.missing == 0 {
                solid.extend(self.remove(&child).map(Waiting::solid));
            }
        }
        solid
    }

    /// Forgets those that waited too long. Returns which of them others here wait for, with who
    /// brought each, and when the next one must leave.
    pub(super) fn expire(&mut self, now: Time) -> (Vec<(TxId, NodeId)>, Option<Time>) {
        let mut awaited = Vec::new();
        while let Some((since, id)) = self.by_age.first().copied() {
            if since + self.age_max > now {
                return (awaited, Some(since + self.age_max));
            }
            awaited.extend(self.drop_waiting(&id));
        }
        (awaited, None)
    }
}
