//! One honest node: the unmodified machine, the checks before it and a store that can lose power.
//!
//! A step is a node's step: a group of inputs into the machine, then **writes**, then messages,
//! then events. Asserted here: nothing is said of a transaction that the store does not hold, no
//! local submission is acknowledged unless the batch was durable, and no machine is due before now.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use bytes::Bytes;
use weft_core::{
    admit::Rules,
    commit::{CommitRecord, Leaf},
    committee::Author,
    digest::{NodeId, TxId},
    genesis::Genesis,
    keys::Sign,
    machine::{
        DropReason, Event, Fault, Input, Limits, Machine, Outbox, Reads, Setup, Source, Status,
        SubmitRefusal, ToNet,
    },
    message::Message,
    time::Time,
};
use weft_storage::{MemoryStore, Store as _};

use crate::{ingest::Ingest, judges::Pulse, random::Seed, toy::ToyKey, world::Settings};

/// What became of a local submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Attached,
    Refused(SubmitRefusal),
}

/// What one step led to, beside writes.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) messages: Vec<ToNet>,
    pub(crate) outcomes: Vec<(TxId, Outcome)>,
}

/// One honest node.
#[derive(Debug)]
pub struct Node {
    id: NodeId,
    address: SocketAddr,
    genesis: Genesis,
    /// What it signs checkpoints with, if it is a validator.
    key: ToyKey,
    limits: Limits,
    group_max: usize,
    seen_max: usize,
    store: MemoryStore,
    live: Option<Live>,
    /// How often it was started.
    lives: u64,
    seed: Seed,
    number: u64,
    /// Bytes of transactions that peers brought and that were attached, in all its lives.
    fetched: u64,
    /// Transactions that the last step attached.
    pub(crate) attached_last: u64,
    /// When the next step is planned.
    pub(crate) planned: Option<Time>,
    /// Local submissions that were acknowledged.
    acknowledged: BTreeSet<TxId>,
    blamed: BTreeMap<NodeId, Vec<Fault>>,
    /// Commits it told of, in all its lives.
    commits: Vec<(Arc<CommitRecord>, Arc<[Leaf]>)>,
    alarms: Vec<String>,
    convicted: BTreeSet<Author>,
    dropped: Vec<(NodeId, DropReason)>,
    pub(crate) pulse: Pulse,
}

/// What a crash takes.
#[derive(Debug)]
struct Live {
    machine: Machine,
    ingest: Ingest,
    inputs: VecDeque<Input>,
    status: Status,
}

/// The key of node `number` of a world.
pub(crate) fn key_of(seed: Seed, number: u64) -> ToyKey {
    ToyKey::from_seed(&seed.bytes("node", number))
}

/// Where node `number` of a world listens.
pub(crate) fn address_of(number: u64) -> SocketAddr {
    let [.., a, b] = number.to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(10, 0, a, b), 4_810))
}

impl Node {
    pub(crate) fn new(number: u64, genesis: &Genesis, settings: &Settings) -> Self {
        let seed = Seed::new(settings.seed);
        let key = key_of(seed, number);
        Self {
            id: key.public_key().id().into(),
            address: address_of(number),
            genesis: genesis.clone(),
            key,
            limits: settings.limits.clone(),
            group_max: settings.group_max,
            seen_max: settings.seen_max,
            store: MemoryStore::new(),
            live: None,
            lives: 0,
            seed,
            number,
            fetched: 0,
            attached_last: 0,
            planned: None,
            acknowledged: BTreeSet::new(),
            blamed: BTreeMap::new(),
            commits: Vec::new(),
            alarms: Vec::new(),
            convicted: BTreeSet::new(),
            dropped: Vec::new(),
            pulse: Pulse::default(),
        }
    }

    /// Its id.
    pub const fn id(&self) -> NodeId {
        self.id
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its store.
    pub const fn store(&self) -> &MemoryStore {
        &self.store
    }

    /// Its bounds.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether it runs.
    pub const fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// How often it was started.
    pub const fn lives(&self) -> u64 {
        self.lives
    }

    /// What its machine looked like after the last step, if it runs.
    pub fn status(&self) -> Option<&Status> {
        self.live.as_ref().map(|live| &live.status)
    }

    /// Bytes held for a key, of the peer that holds most.
    pub fn held_bytes(&self) -> usize {
        self.live.as_ref().map_or(0, |live| live.ingest.held_bytes())
    }

    /// How often it woke, in all its lives.
    pub const fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Local submissions that it acknowledged, in all its lives.
    pub const fn acknowledged(&self) -> &BTreeSet<TxId> {
        &self.acknowledged
    }

    /// Bytes of transactions that peers brought and that became part of the Tangle, in all its
    /// lives.
    pub const fn fetched(&self) -> u64 {
        self.fetched
    }

    /// Who was blamed, and for what, in all its lives.
    pub const fn blamed(&self) -> &BTreeMap<NodeId, Vec<Fault>> {
        &self.blamed
    }

    /// Commits it told of, in all its lives.
    pub fn commits(&self) -> &[(Arc<CommitRecord>, Arc<[Leaf]>)] {
        &self.commits
    }

    /// What it was alarmed by, in all its lives.
    pub fn alarms(&self) -> &[String] {
        &self.alarms
    }

    /// Validators that it has evidence against.
    pub const fn convicted(&self) -> &BTreeSet<Author> {
        &self.convicted
    }

    /// Whom it dropped or turned away, and why, in all its lives.
    pub fn dropped(&self) -> &[(NodeId, DropReason)] {
        &self.dropped
    }

    pub(crate) fn start(&mut self, now: Time) {
        self.lives += 1;
        let seed = self.seed.bytes("machine", self.number << 32 | self.lives);
        let limits = self.limits.clone();
        let key: Arc<dyn Sign> = Arc::new(self.key.clone());
        let setup = Setup { genesis: &self.genesis, limits, own: self.id, key: Some(key), seed };
        let mut machine = Machine::restore(setup, now, &self.store);
        let rules = Rules::new(&self.genesis);
        let committee = self.genesis.committee.clone();
        let ingest = Ingest::new(rules, committee, self.seen_max, HELD_BYTES_MAX);
        let status = machine.status();
        self.live = Some(Live { machine, ingest, inputs: VecDeque::new(), status });
        self.planned = None;
    }

    /// Loses power. Of the batches that were not synced the first `kept` stay.
    pub(crate) fn crash(&mut self, kept: usize) {
        self.live = None;
        self.planned = None;
        self.store.crash(kept);
    }

    /// What a peer said.
    pub(crate) fn hear(&mut self, from: NodeId, source: Source, message: Message) {
        let Some(live) = &mut self.live else { return };
        live.inputs.extend(live.ingest.hear(from, source, message, &self.store));
    }

    /// Anything that needs no check.
    pub(crate) fn input(&mut self, input: Input) {
        if let Some(live) = &mut self.live {
            live.inputs.push_back(input);
        }
    }

    /// Hands over a transaction; what becomes of it is an outcome of a later step unless it is
    /// returned.
    pub(crate) fn submit(&mut self, bytes: Bytes) -> Result<(), SubmitRefusal> {
        let Some(live) = &mut self.live else { return Ok(()) };
        live.inputs.push_back(live.ingest.submit(bytes, &self.store)?);
        Ok(())
    }

    /// Whether inputs wait.
    pub(crate) fn is_busy(&self) -> bool {
        self.live.as_ref().is_some_and(|live| !live.inputs.is_empty())
    }

    /// When its machine wants to wake.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.live.as_ref()?.machine.deadline()
    }

    /// One group of inputs, or the deadline.
    pub(crate) fn step(&mut self, now: Time) -> Effects {
        let Some(live) = &mut self.live else { return Effects::default() };
        let mut out = Outbox::default();
        let count = live.inputs.len().min(self.group_max);
        if count == 0 {
            live.machine.handle(now, Input::Tick, &self.store, &mut out);
        }
        for input in live.inputs.drain(..count) {
            live.machine.handle(now, input, &self.store, &mut out);
        }
        self.pulse.step(now, count, out.is_empty());
        self.empty(now, out)
    }

    fn empty(&mut self, now: Time, out: Outbox) -> Effects {
        let Outbox { writes, durable, messages, events } = out;
        self.attached_last = writes.attached.len() as u64;
        if durable || !writes.is_empty() {
            self.store.commit(&writes, durable).expect("memory takes every batch");
        }
        for message in &messages {
            self.assert_written(message);
        }
        let Some(live) = &mut self.live else { return Effects::default() };
        live.status = live.machine.status();
        let deadline = live.machine.deadline().expect("the frontier is always due some time");
        assert!(deadline > now, "due at {deadline:?}, but it is {now:?}");
        let mut key_known = false;
        let mut outcomes = Vec::new();
        for event in events {
            match event {
                Event::Attached { source: Source::Local, tx, .. } => {
                    assert!(
                        durable && self.store.buffered() == 0,
                        "acknowledged before it is safe"
                    );
                    assert!(self.store.entry(&tx.id()).is_some(), "acknowledged, but not written");
                    self.acknowledged.insert(tx.id());
                    outcomes.push((tx.id(), Outcome::Attached));
                }
                Event::Attached { tx, .. } => self.fetched += tx.bytes().len() as u64,
                Event::Refused { id, reason } => outcomes.push((id, Outcome::Refused(reason))),
                Event::Committed { record, leaves } => {
                    assert!(durable, "told of a commit before it is safe");
                    self.commits.push((record, leaves));
                }
                Event::Alarm { cause } => self.alarms.push(cause),
                Event::Equivocated { author, .. } => drop(self.convicted.insert(author)),
                Event::Certified { .. } | Event::Stale { .. } => {}
                Event::KeyKnown(_) => key_known = true,
                Event::Blamed { peer, fault } => self.blamed.entry(peer).or_default().push(fault),
            }
        }
        if key_known {
            let released = live.ingest.released(&self.store);
            live.inputs.extend(released);
        }
        for message in &messages {
            if let ToNet::Drop { peer, reason } = message {
                self.dropped.push((*peer, reason.clone()));
            }
        }
        Effects { messages, outcomes }
    }

    /// Whatever a message names as this node's must be in the store by now.
    fn assert_written(&self, message: &ToNet) {
        let named: &[Message] = match message {
            ToNet::Send { message, .. } => std::slice::from_ref(message),
            ToNet::Answer { parts, .. } => parts,
            _ => return,
        };
        for message in named {
            let (bytes, ids) = match message {
                Message::Transaction(bytes) => (Some(bytes), Vec::new()),
                Message::Attachment { attachment, body } => (None, vec![attachment.id(body)]),
                Message::Have(ids) | Message::Frontier(ids) => (None, ids.clone()),
                _ => continue,
            };
            let ids = ids.into_iter().chain(bytes.map(|bytes| {
                let tx =
                    <weft_core::tx::Transaction as weft_core::codec::Decode>::from_bytes(bytes);
                tx.expect("a node says only what decodes").id()
            }));
            for id in ids {
                assert!(
                    self.store.entry(&id).is_some(),
                    "{} of {id} before it is written",
                    message.name()
                );
            }
        }
    }
}

/// Bytes held from one peer until their key is known.
pub(crate) const HELD_BYTES_MAX: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use weft_core::time::Span;

    use super::*;
    use crate::{
        judges::{acknowledged_kept, bounds, no_honest_peer_dropped, same_transactions},
        work::Posting,
        world::World,
    };

    /// Judges that never spoke prove nothing: each is shown what it must notice.
    #[test]
    fn judges_notice_what_they_are_there_for() {
        let mut world = World::new(Settings::new(1));
        let (one, other) = (world.add_node(), world.add_node());
        world.add_poster(one, Posting::default(), Span::from_secs(2));
        world.run(Span::from_secs(3)).unwrap();
        world.judge().unwrap();

        assert!(same_transactions(world.live()).is_err(), "two nodes that never met");
        assert!(world.settle(Span::from_secs(3)).is_err());
        let other = world.node(other).id();
        let node = world.honest(one).unwrap();

        node.acknowledged.insert(TxId::ZERO);
        assert!(acknowledged_kept(node).is_err());

        node.dropped.push((other, DropReason::Banned));
        assert!(no_honest_peer_dropped(node, &|id| *id == other).is_err());
        assert!(no_honest_peer_dropped(node, &|_| false).is_ok());

        assert!(bounds(node).is_ok());
        let now = Time::from_millis(9_000_000);
        (0..100).for_each(|_| node.pulse.step(now, 0, true));
        assert!(bounds(node).is_err(), "a hundred deadlines for nothing");
    }
}
