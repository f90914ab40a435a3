//! The machine's thread: the one place where inputs become effects.
//!
//! ```text
//! inputs, a group at a time -> machine.handle -> Outbox
//!   1 store.commit(writes)   2 net.send(messages)   3 status, feed(events)
//! ```
//! One commit, and at most one sync, serves the whole group, so the more submissions wait, the less
//! each costs. The clock is read here and nowhere else.
//!
//! Invariant: nothing leaves before what it rests on is written; after a failure of the store
//! nothing leaves at all, and the node stops for good.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::watch;
use weft_core::{
    machine::{Batch, Event, Input, Machine, Outbox, Reads, Source, Status, ToNet},
    time::Time,
    units::Position,
};
use weft_net::Net;
use weft_storage::{Store, StoreError};

use crate::{
    api::problem::submit_refusal_code,
    checks::Checks,
    clock::Clock,
    feed::{Attachment, Feed},
    metrics::Metrics,
    queue::{Closed, Queue},
};

/// Requests of peers handled in one group: each answer may be long.
const REQUESTS_PER_GROUP: usize = 16;

/// What the machine's thread shows of itself: since when it has been busy with one group, how much
/// is on disk, and when it made its last commit.
#[derive(Debug)]
pub(crate) struct Pulse {
    busy_since_ms: AtomicU64,
    synced_below: AtomicU64,
    committed_at_ms: AtomicU64,
}

impl Pulse {
    /// Idle since `now`, with all below `synced` on disk.
    pub(crate) const fn new(synced: Position, now: Time) -> Self {
        Self {
            busy_since_ms: AtomicU64::new(0),
            synced_below: AtomicU64::new(synced.0),
            committed_at_ms: AtomicU64::new(now.as_millis()),
        }
    }

    /// When this node made its last commit, or started.
    pub(crate) fn committed_at(&self) -> Time {
        Time::from_millis(self.committed_at_ms.load(Ordering::Relaxed))
    }

    fn committed(&self, now: Time) {
        self.committed_at_ms.store(now.as_millis(), Ordering::Relaxed);
    }

    /// When the current group began, if there is one: shows a thread that hangs.
    pub(crate) fn busy_since(&self) -> Option<Time> {
        match self.busy_since_ms.load(Ordering::Relaxed) {
            0 => None,
            ms => Some(Time::from_millis(ms)),
        }
    }

    /// Whether the transaction at `position` is on disk, so that it may be acknowledged.
    pub(crate) fn is_synced(&self, position: Position) -> bool {
        position.0 < self.synced_below.load(Ordering::Acquire)
    }

    fn begin(&self, now: Time) {
        self.busy_since_ms.store(now.as_millis().max(1), Ordering::Relaxed);
    }

    fn end(&self) {
        self.busy_since_ms.store(0, Ordering::Relaxed);
    }

    fn synced(&self, below: Position) {
        self.synced_below.store(below.0, Ordering::Release);
    }
}

/// The machine and all it is connected to.
pub(crate) struct Runner {
    pub(crate) machine: Machine,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) net: Arc<Net>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) checks: Arc<Checks>,
    pub(crate) status: watch::Sender<Arc<Status>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Clock,
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) group_max: usize,
}

impl Runner {
    /// Runs until the queue is closed and empty, then syncs the store. An error is for good.
    pub(crate) fn run(mut self, queue: &Queue<Input>) -> Result<(), StoreError> {
        let mut out = Outbox::default();
        loop {
            let now = self.clock.now();
            let wait = self.machine.deadline().map(|deadline| deadline.since(now).as_millis());
            match queue.take(self.group_max, wait.map(Duration::from_millis)) {
                Ok(group) => self.step(group, &mut out)?,
                Err(Closed) => return self.store.commit(&Batch::default(), true),
            }
            self.pulse.end();
        }
    }

    /// Handles a group and empties what it led to. No input means that the deadline has come.
    fn step(&mut self, group: Vec<Input>, out: &mut Outbox) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.pulse.begin(now);
        let (began, inputs) = (Instant::now(), group.len());
        if group.is_empty() {
            self.handle(now, Input::Tick, out);
        }
        let mut requests = 0;
        for input in group {
            requests += usize::from(matches!(input, Input::Request { .. }));
            self.handle(now, input, out);
            if requests >= REQUESTS_PER_GROUP {
                // Answers are long: let them go before more are made.
                requests = 0;
                self.empty(out)?;
            }
        }
        self.metrics.group(inputs, began.elapsed());
        self.empty(out)
    }

    fn handle(&mut self, now: Time, input: Input, out: &mut Outbox) {
        self.metrics.input(&input);
        let reads: &dyn Reads = &*self.store;
        self.machine.handle(now, input, reads, out);
    }

    /// Empties the three lanes in their order.
    fn empty(&mut self, out: &mut Outbox) -> Result<(), StoreError> {
        let durable = mem::take(&mut out.durable);
        let writes = mem::take(&mut out.writes);
        if durable || !writes.is_empty() {
            let began = Instant::now();
            self.store.commit(&writes, durable)?;
            self.metrics.commit(durable, began.elapsed());
            if durable {
                self.pulse.synced(self.store.next_position());
            }
        }
        // What was decided upon a failed read must not be said either.
        self.store.health()?;
        for message in out.messages.drain(..) {
            self.count_sent(&message);
            self.net.send(message);
        }
        // Before the events: whoever is told of his transaction finds it among the tips.
        self.status.send_replace(Arc::new(self.machine.status()));
        let mut firsts = writes.attached.iter().map(|attached| attached.first_of_body);
        for event in out.events.drain(..) {
            self.tell(event, durable, &mut firsts);
        }
        Ok(())
    }

    fn count_sent(&self, message: &ToNet) {
        match message {
            ToNet::Send { message, .. } | ToNet::Ask { message, .. } => self.metrics.sent(message),
            ToNet::Answer { parts, .. } => {
                parts.iter().for_each(|part| self.metrics.sent(part));
            }
            ToNet::Hold { .. } | ToNet::Dial(_) | ToNet::Drop { .. } => {}
        }
    }

    /// `firsts` says of each transaction that was attached, in order, whether it brought its body.
    fn tell(&self, event: Event, durable: bool, firsts: &mut dyn Iterator<Item = bool>) {
        match event {
            Event::Attached { position, at, source, again, tx } => {
                let id = tx.id();
                if !again {
                    self.metrics.attached(&source, id);
                    self.checks.seen.attached(id);
                    let first_of_body = firsts.next() == Some(true);
                    self.feed.show(Attachment { position, at, source, first_of_body, tx });
                }
                if durable || source == Source::Local {
                    self.feed.attached(&id, position, again);
                }
            }
            Event::Refused { id, reason } => {
                self.metrics.refusal("local", submit_refusal_code(&reason));
                self.feed.refused(&id, &reason);
            }
            Event::Committed { record, leaves } => {
                self.pulse.committed(self.clock.now());
                self.metrics.committed(&leaves);
                self.feed.committed(record, leaves);
            }
            Event::Certified { certificate } => self.feed.certified(certificate),
            Event::Stale { ids } => self.feed.stale(ids),
            Event::Equivocated { author, round } => {
                tracing::warn!(validator = author.0, %round, "a validator contradicted itself");
            }
            Event::Alarm { cause } => tracing::error!(%cause, "this node signs nothing more"),
            Event::KeyKnown(key) => self.checks.key_known(&key),
            Event::Blamed { peer, fault } => {
                self.metrics.fault(&fault);
                tracing::warn!(peer.id = %peer, %fault, "blamed a peer");
            }
        }
    }
}
