//! The checks before the machine, in the order of a node: bytes seen, decode, id known, key, seal.
//!
//! Plays the part of `weft-node`'s ingest, with the toy verifier and without threads.
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
};

use crate::world::toy::ToyVerifier;

/// The checks of one node.
#[derive(Debug)]
pub(crate) struct Ingest {
    rules: Rules,
    committee: Committee,
    seen: Seen,
    held: VecDeque<Held>,
    held_bytes_max: usize,
}

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
    /// Remembers `seen_max` byte strings, and holds `held_bytes_max` bytes from one peer.
    pub(crate) fn new(
        rules: Rules,
        committee: Committee,
        seen_max: usize,
        held_bytes_max: usize,
    ) -> Self {
        let seen = Seen { ids: BTreeMap::new(), order: VecDeque::new(), max: seen_max };
        Self { rules, committee, seen, held: VecDeque::new(), held_bytes_max }
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
            Message::Checkpoint(bytes) => Some(self.checkpoint(from, source, bytes)),
            Message::Attachment { attachment, body } => {
                self.attachment(from, source, &attachment, &body, reads)
            }
            message => Some(Input::Message { from, message }),
        }
    }

    fn checkpoint(&self, from: NodeId, source: Source, bytes: Bytes) -> Input {
        let network = self.rules.network();
        let checked = CheckpointCandidate::parse(bytes, network, &self.committee)
            .and_then(|candidate| candidate.verify(&ToyVerifier));
        match checked {
            Ok(checkpoint) => Input::Checkpoint { source, checkpoint: Arc::new(checkpoint) },
            Err(refusal) => Input::Misbehaved { from, fault: Fault::BadCheckpoint(refusal) },
        }
    }

    fn transaction(
        &mut self,
        from: NodeId,
        source: Source,
        bytes: Bytes,
        reads: &dyn Reads,
    ) -> Option<Input> {
        if let Some(id) = self.seen.find(&bytes) {
            match source {
                Source::Gossip(_) => return Some(Input::Repeated { from, id }),
                // It may have been lost here since it was seen.
                _ if reads.entry(&id).is_some() => return None,
                _ => {}
            }
        }
        self.unseen(from, source, bytes, reads)
    }

    fn unseen(
        &mut self,
        from: NodeId,
        source: Source,
        bytes: Bytes,
        reads: &dyn Reads,
    ) -> Option<Input> {
        let candidate = match Candidate::parse(bytes.clone(), &self.rules) {
            Ok(candidate) => candidate,
            Err(refusal) => return Some(misbehaved(from, refusal)),
        };
        let id = candidate.id();
        if reads.entry(&id).is_some() {
            return None;
        }
        match signed(candidate, reads) {
            Ok(tx) => {
                self.seen.insert(&bytes, id);
                Some(Input::Admitted { source, tx })
            }
            Err(Unsigned::Refused(refusal)) => Some(misbehaved(from, refusal)),
            Err(Unsigned::NoKey(key)) => {
                self.seen.insert(&bytes, id);
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
            Ok(tx) => Input::Admitted { source, tx: Arc::new(tx) },
            Err(refusal) => misbehaved(from, refusal),
        })
    }

    /// A transaction that someone hands over to this node.
    pub(crate) fn submit(&self, bytes: Bytes, reads: &dyn Reads) -> Result<Input, SubmitRefusal> {
        let candidate = Candidate::parse(bytes, &self.rules)?;
        match signed(candidate, reads) {
            Ok(tx) => Ok(Input::Admitted { source: Source::Local, tx }),
            Err(Unsigned::NoKey(key)) => Err(SubmitRefusal::UnknownKey { key }),
            Err(Unsigned::Refused(refusal)) => Err(refusal.into()),
        }
    }

    /// Checks again what waits for a key that the store holds now.
    pub(crate) fn released(&mut self, reads: &dyn Reads) -> Vec<Input> {
        let keys: BTreeSet<KeyId> = self.held.iter().map(|held| held.key).collect();
        let known: BTreeSet<KeyId> =
            keys.into_iter().filter(|key| reads.key(key).is_some()).collect();
        if known.is_empty() {
            return Vec::new();
        }
        let (ready, held): (Vec<Held>, Vec<Held>) =
            self.held.drain(..).partition(|held| known.contains(&held.key));
        self.held = held.into();
        ready
            .into_iter()
            .filter_map(|Held { source, bytes, .. }| {
                self.unseen(source.peer()?, source, bytes, reads)
            })
            .collect()
    }

    fn hold(&mut self, held: Held) {
        let peer = held.source.peer();
        self.held.push_back(held);
        let of_peer = |held: &Held| held.source.peer() == peer;
        let mut bytes: usize =
            self.held.iter().filter(|held| of_peer(held)).map(|held| held.bytes.len()).sum();
        while bytes > self.held_bytes_max {
            let Some(oldest) = self.held.iter().position(of_peer) else { break };
            bytes -= self.held.remove(oldest).map_or(0, |held| held.bytes.len());
        }
    }
}

fn misbehaved(from: NodeId, refusal: Refusal) -> Input {
    Input::Misbehaved { from, fault: Fault::Refused(refusal) }
}

fn signed(candidate: Candidate, reads: &dyn Reads) -> Result<Arc<Verified>, Unsigned> {
    let id = candidate.signing_key();
    let key = candidate.own_key().cloned().or_else(|| reads.key(&id)).ok_or(Unsigned::NoKey(id))?;
    candidate.verify(&key, &ToyVerifier).map(Arc::new).map_err(Unsigned::Refused)
}

/// Byte strings that came before.
#[derive(Debug)]
struct Seen {
    ids: BTreeMap<[u8; 32], TxId>,
    order: VecDeque<[u8; 32]>,
    max: usize,
}

impl Seen {
    fn find(&self, bytes: &[u8]) -> Option<TxId> {
        self.ids.get(&digest(Domain::Content, bytes)).copied()
    }

    fn insert(&mut self, bytes: &[u8], id: TxId) {
        let tag = digest(Domain::Content, bytes);
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
