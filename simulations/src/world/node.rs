//! One honest node: the unmodified machine, the checks before it and a store that can lose power.
//!
//! A step is a node's step: a group of inputs into the machine, then **writes**, then messages,
//! then events. Asserted here: nothing is said of a transaction that the store does not hold, no
//! local submission is acknowledged unless the batch was durable, and no machine is due before now.

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use bytes::Bytes;
use weft_core::{
    admit::Rules,
    committee::Author,
    digest::{NodeId, TxId},
    genesis::Genesis,
    keys::Sign,
    machine::{
        Batch, Event, Input, Limits, Machine, Outbox, Reads, Setup, Source, Status, SubmitRefusal,
        ToNet,
    },
    message::Message,
    time::{Span, Time},
};
use weft_storage::{MemoryStore, Store as _};

use crate::{
    judges::bounds::Pulse,
    kernel::random::Seed,
    world::{
        Settings,
        ingest::Ingest,
        spoken::{self, Signed},
        told::{Commit, Told},
        toy::{ToyKey, ToyVerifier},
        vice::{self, Vice},
    },
};

/// What became of a local submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Attached,
    Refused(SubmitRefusal),
}

/// What one step led to, beside writes.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) messages: Vec<(Span, ToNet)>,
    pub(crate) outcomes: Vec<(TxId, Outcome)>,
}

/// One honest node.
#[derive(Debug)]
pub struct Node {
    id: NodeId,
    address: SocketAddr,
    pub(crate) genesis: Genesis,
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
    /// Transactions that the last step attached.
    pub(crate) attached_last: u64,
    /// When the next step is planned.
    pub(crate) planned: Option<Time>,
    pub(crate) told: Told,
    /// How many of the stale ones it told of were taken note of.
    pub(crate) stale_noticed: usize,
    pub(crate) signed: Signed,
    /// How it breaks the rules, if it does.
    vice: Option<Vice>,
    /// Whether it lost its disk, which counts as a fault of a validator.
    pub(crate) forgot: bool,
    /// For a twin: what came of the other one, too new to be heard.
    unheard: Vec<(NodeId, Source, Message)>,
    /// What was written, if copies of the store are to be made.
    history: Option<Vec<Batch>>,
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
            attached_last: 0,
            planned: None,
            told: Told::default(),
            stale_noticed: 0,
            signed: Signed::default(),
            vice: None,
            forgot: false,
            unheard: Vec::new(),
            history: settings.copies.then(Vec::new),
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

    /// Bytes of transactions that peers brought and that became part of the Tangle.
    pub const fn fetched(&self) -> u64 {
        self.told.fetched
    }

    /// What it told, in all its lives.
    pub const fn told(&self) -> &Told {
        &self.told
    }

    /// The own checkpoints that left it, in all its lives.
    pub const fn signed(&self) -> &Signed {
        &self.signed
    }

    /// How it breaks the rules, if it does.
    pub const fn vice(&self) -> Option<Vice> {
        self.vice
    }

    /// Its place in the committee.
    pub fn author(&self) -> Option<Author> {
        self.genesis.committee.author_of(&self.id)
    }

    pub(crate) const fn corrupt(&mut self, vice: Vice) {
        self.vice = Some(vice);
    }

    /// Listens elsewhere: two machines may have one key.
    pub(crate) fn settle_at(&mut self, number: u64) {
        self.number = number;
        self.address = address_of(number);
    }

    /// Makes its store, which is empty, one that says what that of `other` does.
    pub(crate) fn take_copy(&mut self, other: &Self) {
        let batches = other.history.as_ref().expect("a world whose settings allow copies");
        self.go_back(batches.clone());
    }

    /// A copy of what is written.
    pub(crate) fn copy(&self) -> Vec<Batch> {
        self.history.clone().expect("a world whose settings allow copies")
    }

    /// Whoever loses a disk may tell of everything again, and does not have what it acknowledged.
    pub(crate) fn forget(&mut self) {
        self.forgot = true;
        let kept = weft_core::machine::Archive::new(&self.store);
        let known = |commit: &Commit| kept.record(commit.record.index).is_some();
        self.told.commits.retain(known);
        let store = &self.store;
        self.told.acknowledged.retain(|id| store.entry(id).is_some());
    }

    /// While it is down, its store becomes what it was when it held `batches` alone.
    pub(crate) fn go_back(&mut self, batches: Vec<Batch>) {
        self.store = MemoryStore::new();
        for batch in &batches {
            self.store.commit(batch, true).expect("memory takes every batch");
        }
        self.history = self.history.is_some().then_some(batches);
    }

    pub(crate) fn start(&mut self, now: Time) {
        self.lives += 1;
        let mut machine = self.restore(now);
        let rules = Rules::new(&self.genesis);
        let committee = self.genesis.committee.clone();
        let ingest = Ingest::new(rules, committee, self.seen_max, HELD_BYTES_MAX);
        let status = machine.status();
        self.live = Some(Live { machine, ingest, inputs: VecDeque::new(), status });
        self.planned = None;
    }

    fn restore(&self, now: Time) -> Machine {
        let seed = self.seed.bytes("machine", self.number << 32 | self.lives);
        let limits = self.limits.clone();
        let key: Arc<dyn Sign> = Arc::new(self.key.clone());
        let (genesis, own, verify) = (&self.genesis, self.id, Arc::new(ToyVerifier));
        let setup = Setup { genesis, limits, own, key: Some(key), verify, seed };
        Machine::restore(setup, now, &self.store)
    }

    /// What its machine would look like if it were started now.
    pub fn restored(&self, now: Time) -> Status {
        self.restore(now).status()
    }

    /// Shows another status than that of its machine, until its next step.
    #[cfg(test)]
    pub(crate) fn pretend(&mut self, status: Status) {
        self.live.as_mut().expect("a node that runs").status = status;
    }

    /// Loses power. Of the batches that were not synced the first `kept` stay.
    pub(crate) fn crash(&mut self, kept: usize) {
        self.live = None;
        self.planned = None;
        if let Some(history) = &mut self.history {
            history.truncate(history.len() - self.store.buffered() + kept);
        }
        self.store.crash(kept);
    }

    /// What a peer said.
    pub(crate) fn hear(&mut self, from: NodeId, source: Source, message: Message) {
        let newer = |own| vice::own_checkpoint(own, &message) >= Some(self.signed.last());
        if self.vice == Some(Vice::Twin) && self.author().is_some_and(newer) {
            return self.unheard.push((from, source, message));
        }
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
            self.history.iter_mut().for_each(|history| history.push(writes.clone()));
        }
        for message in &messages {
            spoken::assert_written(message, &self.store);
        }
        if let Some(own) = self.author() {
            self.signed.watch(own, &messages);
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
                    self.told.acknowledged.insert(tx.id());
                    outcomes.push((tx.id(), Outcome::Attached));
                }
                Event::Attached { tx, .. } => self.told.fetched += tx.bytes().len() as u64,
                Event::Refused { id, reason } => outcomes.push((id, Outcome::Refused(reason))),
                Event::Committed { record, leaves } => {
                    assert!(durable, "told of a commit before it is safe");
                    self.told.commits.push(Commit { at: now, record, leaves });
                }
                Event::Alarm { cause } => self.told.alarms.push(cause),
                Event::Equivocated { author, .. } => drop(self.told.convicted.insert(author)),
                Event::Certified { .. } => self.told.certified += 1,
                Event::Stale { ids } => self.told.stale.extend(ids),
                Event::KeyKnown(_) => key_known = true,
                Event::Blamed { peer, fault } => {
                    self.told.blamed.entry(peer).or_default().push(fault);
                }
            }
        }
        if key_known {
            let released = live.ingest.released(&self.store);
            live.inputs.extend(released);
        }
        for message in &messages {
            if let ToNet::Drop { peer, reason } = message {
                self.told.dropped.push((*peer, reason.clone()));
            }
        }
        Effects { messages: self.pass(messages), outcomes }
    }

    /// What leaves of what the machine said; a twin hears what it may hear now.
    fn pass(&mut self, said: Vec<ToNet>) -> Vec<(Span, ToNet)> {
        for (from, source, message) in std::mem::take(&mut self.unheard) {
            self.hear(from, source, message);
        }
        match (self.vice, self.author()) {
            (Some(vice), Some(own)) => vice::pass(vice, own, &self.genesis.committee, said),
            _ => said.into_iter().map(|said| (Span::default(), said)).collect(),
        }
    }
}

/// Bytes held from one peer until their key is known.
pub(crate) const HELD_BYTES_MAX: usize = 4 << 20;
