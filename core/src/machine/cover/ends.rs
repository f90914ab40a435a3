//! Ends that may be cited: the oldest first where there is room for all, else in turns by issuer.
//!
//! Invariant: an end is held once, under its issuer.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::{Cover, Place};
use crate::{
    address::Address,
    digest::TxId,
    machine::turns::{Lane, Turns},
    units::Round,
};

/// Ends of one kind of share.
#[derive(Debug)]
pub(super) struct Ends {
    all: BTreeSet<Place>,
    by_issuer: BTreeMap<Address, BTreeSet<Place>>,
}

impl Ends {
    pub(super) const fn new() -> Self {
        Self { all: BTreeSet::new(), by_issuer: BTreeMap::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn insert(&mut self, place: Place, issuer: Address) {
        self.all.insert(place);
        self.by_issuer.entry(issuer).or_default().insert(place);
    }

    pub(super) fn remove(&mut self, place: &Place, issuer: &Address) {
        self.all.remove(place);
        if let Some(places) = self.by_issuer.get_mut(issuer) {
            places.remove(place);
            if places.is_empty() {
                self.by_issuer.remove(issuer);
            }
        }
    }

    /// Whether there are some since before `below`.
    pub(super) fn has_before(&self, below: Round) -> bool {
        self.before(below).next().is_some()
    }

    /// Those since before `below`, the oldest first.
    pub(super) fn before(&self, below: Round) -> impl Iterator<Item = TxId> {
        before(&self.all, below)
    }

    /// Those of each issuer, whose oldest end is oldest first.
    fn lines(&self, below: Round) -> Vec<(Address, Vec<TxId>)> {
        let mut lines: Vec<_> = self
            .by_issuer
            .iter()
            .filter_map(|(issuer, places)| Some((*places.first()?, *issuer, places)))
            .filter(|((since, _, _), _, _)| *since < below)
            .collect();
        lines.sort_unstable_by_key(|(oldest, issuer, _)| (*oldest, *issuer));
        let line = |(_, issuer, places)| {
            let mut line: Vec<TxId> = before(places, below).collect();
            line.reverse();
            (issuer, line)
        };
        lines.into_iter().map(line).collect()
    }
}

fn before(places: &BTreeSet<Place>, below: Round) -> impl Iterator<Item = TxId> {
    places.range(..(below, 0, TxId::ZERO)).map(|(_, _, id)| *id)
}

impl Cover {
    /// At most `max` of `ends` since before `below`.
    pub(super) fn choose(
        &self,
        ends: &Ends,
        below: Round,
        max: usize,
        weigh: &dyn Fn(&Address) -> u64,
    ) -> Vec<TxId> {
        let oldest: Vec<TxId> = ends.before(below).take(max.saturating_add(1)).collect();
        if oldest.len() <= max {
            return oldest;
        }
        let mut turns = Turns::new();
        let mut lines: BTreeMap<Lane, Vec<TxId>> = BTreeMap::new();
        for (issuer, line) in ends.lines(below) {
            let weight = weigh(&issuer);
            let lane = Lane::of(issuer, weight, None);
            turns.put(&lane, weight, line.len() as u64);
            lines.insert(lane, line);
        }
        let (mut chosen, mut covered) = (Vec::new(), BTreeSet::new());
        while chosen.len() < max {
            let Some(lane) = turns.next(|lane| lines.contains_key(lane)) else { break };
            let Some(id) = lines.get_mut(&lane).and_then(Vec::pop) else { break };
            for (payer, cost) in self.newly_covered(id, &mut covered) {
                let payer = if payer == lane.issuer() { lane } else { self.lane(payer, weigh) };
                turns.charge(&payer, cost);
            }
            turns.remove(&lane, 1);
            chosen.push(id);
        }
        chosen
    }

    fn lane(&self, issuer: Address, weigh: &dyn Fn(&Address) -> u64) -> Lane {
        Lane::of(issuer, weigh(&issuer), None)
    }

    /// Whose bytes a citation of `id` covers, beyond what is `covered` already.
    fn newly_covered(&self, id: TxId, covered: &mut BTreeSet<TxId>) -> BTreeMap<Address, u64> {
        let mut bytes: BTreeMap<Address, u64> = BTreeMap::new();
        let mut ahead: Vec<TxId> = [id].into();
        while let Some(id) = ahead.pop() {
            let Some(entry) = self.entries.get(&id).filter(|entry| entry.covered.is_none()) else {
                continue;
            };
            if covered.insert(id) {
                *bytes.entry(entry.issuer).or_default() += u64::from(entry.bytes);
                ahead.extend(entry.parents);
            }
        }
        bytes
    }
}
