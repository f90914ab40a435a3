//! What must hold, whatever happens.
//!
//! During a run: queues keep their bounds, and no machine wakes for nothing again and again. After
//! it: every store is in order, acknowledged submissions are in it, and all nodes hold the same.

pub mod finality;
pub mod ledger;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use weft_core::{
    codec::Decode as _,
    digest::{BodyId, NodeId, TxId},
    machine::{DropReason, LogEntry, Reads as _},
    params::ATTACHMENTS_MAX,
    time::{Span, Time},
    tx::Transaction,
    units::Position,
};
use weft_storage::Store as _;

use crate::world::{HELD_BYTES_MAX, Node};

/// What did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken(pub String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}

fn expect(holds: bool, what: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken(what())) }
}

/// How often a node woke, and for what.
#[derive(Clone, Debug, Default)]
pub struct Pulse {
    /// Steps in all.
    pub steps: u64,
    /// Steps that were only the deadline.
    pub ticks: u64,
    window: Time,
    idle: u64,
    inputs: u64,
    /// Most steps within a second that had no input and led to nothing, beyond those that inputs
    /// of the same second explain.
    pub idle_max: u64,
}

impl Pulse {
    pub(crate) fn step(&mut self, now: Time, inputs: usize, nothing: bool) {
        self.steps += 1;
        self.ticks += u64::from(inputs == 0);
        if now.since(self.window) >= Span::from_secs(1) {
            self.window = now;
            // What came in the last second may still ripple.
            self.inputs /= 2;
            self.idle = 0;
        }
        self.inputs += inputs as u64;
        self.idle += u64::from(inputs == 0 && nothing);
        self.idle_max = self.idle_max.max(self.idle.saturating_sub(self.inputs * 4));
    }
}

/// Deadlines within one second that may lead to nothing.
const IDLE_MAX: u64 = 40;

/// The bounds of a running node.
pub(crate) fn bounds(node: &Node) -> Result<(), Broken> {
    let (Some(status), limits) = (node.status(), node.limits()) else { return Ok(()) };
    // The oldest leave only when all that was attached is in the store.
    let live_max = limits.live_count_max as u64 + node.attached_last;
    let fixed = status.peers.iter().filter(|peer| peer.fixed).count();
    let within = [
        ("waiting bytes", status.waiting_bytes, limits.waiting_bytes_max),
        ("wanted", status.wanted as u64, limits.wants_max as u64),
        ("live", status.live_count as u64, live_max),
        ("live bytes", status.live_bytes, limits.live_bytes_max),
        ("tips", status.tip_count as u64, limits.tips_max as u64),
        ("shown tips", status.tips.len() as u64, limits.tips_shown as u64),
        ("peers", (status.peers.len() - fixed) as u64, limits.peers_max as u64),
        ("addresses", status.known_addresses as u64, limits.addresses_max as u64),
        ("held bytes", node.held_bytes() as u64, HELD_BYTES_MAX as u64),
        ("idle wake-ups in a second", node.pulse.idle_max, IDLE_MAX),
    ];
    for (what, actual, limit) in within {
        expect(actual <= limit, || format!("{what}: at most {limit}, actual {actual}"))?;
    }
    let (told, stored) = (status.next, node.store().next_position());
    expect(told == stored, || format!("next is {told}, but {stored} are stored"))
}

/// The log of a node: no gap, parents first, every transaction whole and under its id.
pub fn store_in_order(node: &Node) -> Result<(), Broken> {
    let store = node.store();
    let mut seen = BTreeSet::new();
    let (log, is_whole) = (log(node), finality::is_whole(node));
    let first = log.first().map_or(0, |first| first.position.0);
    expect(first == 0 || !is_whole, || format!("the log starts at {first}"))?;
    for (index, entry) in (first..).zip(log) {
        let LogEntry { position, id, attachment, body, bytes } = entry;
        expect(position.0 == index, || format!("{id} at {position}, not {index}"))?;
        for parent in attachment.transactions() {
            // Parents of the oldest may lie below the floor.
            let holds = seen.contains(&parent) || (!is_whole && store.entry(&parent).is_none());
            expect(holds, || format!("{id} before its parent {parent}"))?;
        }
        seen.insert(id);
        let found = store.transaction(&id).ok_or_else(|| Broken(format!("{id} has no bytes")))?;
        let tx = Transaction::from_bytes(&found).map_err(|error| Broken(error.to_string()))?;
        let same = tx.id() == id && tx.body_id() == body && found.len() == bytes as usize;
        expect(same, || format!("{id} has the bytes of {}", tx.id()))?;
    }
    Ok(())
}

/// Everything a node acknowledged is in its store.
pub fn acknowledged_kept(node: &Node) -> Result<(), Broken> {
    let leaves = node.told().commits.iter().flat_map(|commit| commit.leaves.iter());
    let is_final: BTreeSet<TxId> = leaves.map(|leaf| leaf.tx).collect();
    let may_be_dropped = |id: &TxId| is_final.contains(id) && !finality::is_whole(node);
    let is_lost = |id: &&TxId| node.store().entry(id).is_none() && !may_be_dropped(id);
    let lost = node.told().acknowledged.iter().find(is_lost);
    expect(lost.is_none(), || format!("{:?} was acknowledged and is lost", lost))
}

/// No node ever dropped an honest one for misbehaviour.
pub fn no_honest_peer_dropped(
    node: &Node,
    is_honest: &dyn Fn(&NodeId) -> bool,
) -> Result<(), Broken> {
    let wrong = node.told().dropped.iter().find(|(peer, reason)| {
        matches!(reason, DropReason::Misbehaved(_) | DropReason::Banned) && is_honest(peer)
    });
    expect(wrong.is_none(), || format!("{:?} dropped an honest peer: {wrong:?}", node.id()))
}

/// All nodes hold the same transactions. Of bodies with more attachments than are relayed unasked,
/// each holds at least as many as are.
pub fn same_transactions<'a>(nodes: impl Iterator<Item = &'a Node>) -> Result<(), Broken> {
    let holdings: Vec<BTreeMap<BodyId, BTreeSet<TxId>>> = nodes.map(holding).collect();
    let mut union: BTreeMap<BodyId, BTreeSet<TxId>> = BTreeMap::new();
    for (body, ids) in holdings.iter().flatten() {
        union.entry(*body).or_default().extend(ids);
    }
    for (number, holding) in holdings.iter().enumerate() {
        for (body, ids) in &union {
            let held = holding.get(body).map_or(0, BTreeSet::len);
            let expected = if ids.len() > ATTACHMENTS_MAX { ATTACHMENTS_MAX } else { ids.len() };
            expect(held >= expected, || {
                format!("node {number} of those that run holds {held} of {} of {body}", ids.len())
            })?;
        }
    }
    Ok(())
}

fn holding(node: &Node) -> BTreeMap<BodyId, BTreeSet<TxId>> {
    let mut holding: BTreeMap<BodyId, BTreeSet<TxId>> = BTreeMap::new();
    for entry in log(node) {
        holding.entry(entry.body).or_default().insert(entry.id);
    }
    holding
}

fn log(node: &Node) -> Vec<LogEntry> {
    node.store().log(Position::ZERO, usize::MAX)
}
