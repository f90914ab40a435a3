//! The checks before the machine, in the order of a node: bytes seen, decode, id known, key, seal.
//!
//! Plays the part of `weft-node`'s checks, without threads. When they happen, and what they cost,
//! is the matter of `desk`.
//!
//! Invariant: filters and pool are bounded; the oldest leave.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use weft_core::{
    admit::{self, Candidate, Refusal, Rules, Verified},
    checkpoint::CheckpointCandidate,
    committee::Committee,
    digest::{BodyId, Domain, KeyId, NodeId, TxId, digest},
    machine::{Fault, Input, Reads, Source, SubmitRefusal},
    message::Message,
    tx::Attachment,
    units::Position,
};

use crate::world::{costs::Costs, desk::Arrival, signer::Verifier};

/// The checks of one node.
#[derive(Debug)]
pub(crate) struct Ingest {
    rules: Rules,
    committee: Committee,
    verifier: Verifier,
    seen: Seen<TxId>,
    checkpoints: Seen<()>,
    held: VecDeque<Held>,
}

/// Bytes held from one peer until their key is known.
pub(crate) const HELD_BYTES_MAX: usize = 4 << 20;

/// The same, from all.
const HELD_BYTES_IN_ALL: usize = 32 << 20;

#[derive(Debug)]
struct Held {
    key: KeyId,
    source: Source,
    bytes: Bytes,
}

/// Why a candidate is no transaction yet.
enum Unsigned {
    NoKey(KeyId),
    Refused(Refusal),
}

impl Ingest {
    /// Remembers `seen_max` byte strings of transactions, and of checkpoints.
    pub(crate) fn new(
        rules: Rules,
        committee: Committee,
        verifier: Verifier,
        seen_max: usize,
    ) -> Self {
        let (seen, checkpoints) = (Seen::new(seen_max), Seen::new(seen_max));
        Self { rules, committee, verifier, seen, checkpoints, held: VecDeque::new() }
    }

    /// What checking something that came costs, in microseconds.
    pub(crate) fn cost_us(&self, costs: &Costs, arrival: &Arrival) -> u64 {
        let is_new = match arrival {
            Arrival::Plain(_) => return 0,
            Arrival::Submitted(_) | Arrival::Released { .. } => true,
            Arrival::Said { message: Message::Transaction(bytes), .. } => {
                self.seen.find(&tag_of(bytes)).is_none()
            }
            Arrival::Said { message: Message::Checkpoint(bytes), .. } => {
                self.checkpoints.find(&tag_of(bytes)).is_none()
            }
            Arrival::Said { .. } => false,
        };
        costs.hash_us + if is_new { costs.verify_us } else { 0 }
    }

    /// Bytes held for their keys, of the peer that holds most.
    pub(crate) fn held_bytes(&self) -> usize {
        let mut by_peer: BTreeMap<Option<NodeId>, usize> = BTreeMap::new();
        for held in &self.held {
            *by_peer.entry(held.source.peer()).or_default() += held.bytes.len();
        }
        by_peer.into_values().max().unwrap_or(0)
    }

    /// What a peer said, unasked or in an answer.
    pub(crate) fn hear(
        &mut self,
        from: NodeId,
        source: Source,
        message: Message,
        reads: &dyn Reads,
    ) -> Option<Input> {
        match message {
            Message::Transaction(bytes) => self.transaction(from, source, bytes, reads),
            Message::Checkpoint(bytes) => self.checkpoint(from, source, bytes),
            Message::Attachment { attachment, body } => {
                self.attachment(from, source, &attachment, &body, reads)
            }
            message => Some(Input::Message { from, message }),
        }
    }

    fn checkpoint(&mut self, from: NodeId, source: Source, bytes: Bytes) -> Option<Input> {
        // An answer brings what was asked for; it may have been dropped here since it was seen.
        let asked_for = matches!(source, Source::Answer(_));
        let tag = tag_of(&bytes);
        if !asked_for && self.checkpoints.find(&tag).is_some() {
            return None;
        }
        let network = self.rules.network();
        let checked = CheckpointCandidate::parse(bytes.clone(), network, &self.committee)
            .and_then(|candidate| candidate.verify(&self.verifier));
        Some(match checked {
            Ok(checkpoint) => {
                self.checkpoints.insert(tag, ());
                Input::Checkpoint { source, checkpoint: Arc::new(checkpoint) }
            }
            Err(refusal) => Input::Misbehaved { from, fault: Fault::BadCheckpoint(refusal) },
        })
    }

    fn transaction(
        &mut self,
        from: NodeId,
        source: Source,
        bytes: Bytes,
        reads: &dyn Reads,
    ) -> Option<Input> {
        let tag = tag_of(&bytes);
        if let Some(id) = self.seen.find(&tag) {
            match source {
                Source::Gossip(_) => return Some(Input::Repeated { from, id }),
                // It may have been lost here since it was seen.
                _ if reads.entry(&id).is_some() => return None,
                _ => {}
            }
        }
        self.admit(from, source, bytes, tag, reads)
    }

    /// Bytes of a peer that are checked whether or not they were seen.
    pub(crate) fn unseen(
        &mut self,
        from: NodeId,
        source: Source,
        bytes: Bytes,
        reads: &dyn Reads,
    ) -> Option<Input> {
        let tag = tag_of(&bytes);
        self.admit(from, source, bytes, tag, reads)
    }

    fn admit(
        &mut self,
        from: NodeId,
        source: Source,
        bytes: Bytes,
        tag: Tag,
        reads: &dyn Reads,
    ) -> Option<Input> {
        let candidate = match Candidate::parse(bytes.clone(), &self.rules) {
            Ok(candidate) => candidate,
            Err(refusal) => return Some(misbehaved(from, refusal)),
        };
        let id = candidate.id();
        // Before the look: whatever is attached from then on has another place.
        let next = reads.newest(1).first().and_then(|newest| newest.position.checked_add(1));
        let is_new = !reads.has_body(&candidate.body_id());
        if !is_new && reads.entry(&id).is_some() {
            return None;
        }
        let absent_below = next.filter(|_| is_new).unwrap_or(Position::ZERO);
        match self.signed(candidate, reads) {
            Ok(tx) => {
                self.seen.insert(tag, id);
                Some(Input::Admitted { source, tx, absent_below })
            }
            Err(Unsigned::Refused(refusal)) => Some(misbehaved(from, refusal)),
            Err(Unsigned::NoKey(key)) => {
                self.seen.insert(tag, id);
                self.hold(Held { key, source, bytes });
                Some(Input::KeyMissing { from, key })
            }
        }
    }

    fn attachment(
        &self,
        from: NodeId,
        source: Source,
        attachment: &Attachment,
        body: &BodyId,
        reads: &dyn Reads,
    ) -> Option<Input> {
        let id = attachment.id(body);
        if reads.entry(&id).is_some() {
            return Some(Input::Repeated { from, id });
        }
        let Some(sealed) = reads.sealed_body(body) else {
            return Some(Input::BodyMissing { from, id });
        };
        Some(match admit::reattached(attachment, &sealed, &self.rules) {
            Ok(tx) => {
                let absent_below = Position::ZERO;
                Input::Admitted { source, tx: Arc::new(tx), absent_below }
            }
            Err(refusal) => misbehaved(from, refusal),
        })
    }

    /// All checks of a transaction that someone hands over which need no key.
    pub(crate) fn parse(&self, bytes: Bytes) -> Result<Candidate, SubmitRefusal> {
        Ok(Candidate::parse(bytes, &self.rules)?)
    }

    /// The last check of it.
    pub(crate) fn submitted(
        &self,
        candidate: Candidate,
        reads: &dyn Reads,
    ) -> Result<Input, SubmitRefusal> {
        match self.signed(candidate, reads) {
            Ok(tx) => {
                let absent_below = Position::ZERO;
                Ok(Input::Admitted { source: Source::Local, tx, absent_below })
            }
            Err(Unsigned::NoKey(key)) => Err(SubmitRefusal::UnknownKey { key }),
            Err(Unsigned::Refused(refusal)) => Err(refusal.into()),
        }
    }

    fn signed(&self, candidate: Candidate, reads: &dyn Reads) -> Result<Arc<Verified>, Unsigned> {
        let id = candidate.signing_key();
        let own = candidate.own_key().cloned();
        let key = own.or_else(|| reads.key(&id)).ok_or(Unsigned::NoKey(id))?;
        candidate.verify(&key, &self.verifier).map(Arc::new).map_err(Unsigned::Refused)
    }

    /// What waited for a key that the store holds now, to be checked again.
    pub(crate) fn released(&mut self, reads: &dyn Reads) -> Vec<Arrival> {
        let keys: BTreeSet<KeyId> = self.held.iter().map(|held| held.key).collect();
        let known: BTreeSet<KeyId> =
            keys.into_iter().filter(|key| reads.key(key).is_some()).collect();
        if known.is_empty() {
            return Vec::new();
        }
        let (ready, held): (Vec<Held>, Vec<Held>) =
            self.held.drain(..).partition(|held| known.contains(&held.key));
        self.held = held.into();
        let released = ready.into_iter().filter_map(|Held { source, bytes, .. }| {
            Some(Arrival::Released { from: source.peer()?, source, bytes })
        });
        released.collect()
    }

    fn hold(&mut self, held: Held) {
        let peer = held.source.peer();
        self.held.push_back(held);
        let of_peer = |held: &Held| held.source.peer() == peer;
        let mut bytes: usize =
            self.held.iter().filter(|held| of_peer(held)).map(|held| held.bytes.len()).sum();
        while bytes > HELD_BYTES_MAX {
            let Some(oldest) = self.held.iter().position(of_peer) else { break };
            bytes -= self.held.remove(oldest).map_or(0, |held| held.bytes.len());
        }
        let mut bytes: usize = self.held.iter().map(|held| held.bytes.len()).sum();
        while bytes > HELD_BYTES_IN_ALL {
            bytes -= self.held.pop_front().map_or(0, |held| held.bytes.len());
        }
    }
}

fn misbehaved(from: NodeId, refusal: Refusal) -> Input {
    Input::Misbehaved { from, fault: Fault::Refused(refusal) }
}

/// What tells byte strings apart.
type Tag = [u8; 32];

fn tag_of(bytes: &[u8]) -> Tag {
    digest(Domain::Content, bytes)
}

/// Byte strings that came before, and what they are.
#[derive(Debug)]
struct Seen<T> {
    ids: BTreeMap<Tag, T>,
    order: VecDeque<Tag>,
    max: usize,
}

impl<T: Copy> Seen<T> {
    const fn new(max: usize) -> Self {
        Self { ids: BTreeMap::new(), order: VecDeque::new(), max }
    }

    fn find(&self, tag: &Tag) -> Option<T> {
        self.ids.get(tag).copied()
    }

    fn insert(&mut self, tag: Tag, id: T) {
        if self.ids.insert(tag, id).is_none() {
            self.order.push_back(tag);
        }
        while self.order.len() > self.max {
            if let Some(oldest) = self.order.pop_front() {
                self.ids.remove(&oldest);
            }
        }
    }
}
