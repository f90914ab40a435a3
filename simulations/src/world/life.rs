//! The life of a node, from one start to the next crash.
//!
//! A step is a node's step: a group of inputs into the machine, then **writes**, then messages,
//! then events. Asserted here: nothing is said of a transaction that the store does not hold, no
//! local submission is acknowledged unless the batch was durable, and no machine is due before now.
//!
//! What the step costs passes between the machine's decision and what leaves of it: a crash in
//! between takes what was to be said, and not what was written.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;
use weft_core::{
    admit::Rules,
    digest::{NodeId, TxId},
    keys::Sign,
    machine::{
        Archive, Event, Input, Machine, Outbox, Reads, Setup, Source, Status, SubmitRefusal, Table,
        ToNet,
    },
    message::Message,
    time::{Span, Time},
    units::CommitIndex,
};

use super::node::Live;
use crate::world::{
    Node,
    costs::{Micros, Worker},
    desk::{Arrival, Desk},
    disk::{Boundary, Disk, Failed},
    ingest::Ingest,
    reading, spoken,
    told::Commit,
    vice::{self, Cheat, Vice},
};

/// What became of a local submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Attached,
    Refused(SubmitRefusal),
    /// Too much was handed over before it; again later.
    Busy,
}

/// Why a node goes down by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Down {
    /// It loses power.
    Power,
    /// Its store failed, so it stops.
    Store(Failed),
}

/// What one step led to, beside writes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Effects {
    /// When it leaves.
    pub(crate) at: Time,
    /// What leaves, each with how much later it does.
    pub(crate) messages: Vec<(Span, ToNet)>,
    pub(crate) outcomes: Vec<(TxId, Outcome)>,
    /// After the messages, the node is down.
    pub(crate) down: Option<Down>,
}

impl Effects {
    /// Nothing leaves any more.
    fn end(at: Time, down: Down) -> Self {
        Self { at, down: Some(down), ..Self::default() }
    }
}

/// Lets the machine do something, and says if a read failed meanwhile: then nothing of it counts. A
/// machine that does not find what it wrote may panic; with a disk that failed that is no bug of
/// its own, as in `weft-node`.
fn relying_on<T>(disk: &Disk, work: impl FnOnce() -> T) -> Result<T, Failed> {
    let done = reading::step(|| catch_unwind(AssertUnwindSafe(work)));
    disk.health()?;
    done.map_err(|cause| resume_unwind(cause))
}

impl Node {
    pub(crate) fn start(&mut self, now: Time) {
        self.lives += 1;
        self.clock.start(now);
        self.disk.open();
        let read = self.disk.read(now);
        // Whoever cannot read its store does not start.
        let restored = relying_on(&self.disk, || self.restore(now, &read));
        let Ok(mut machine) = restored else {
            self.told.failed_reads += 1;
            return;
        };
        let rules = Rules::new(&self.genesis);
        let committee = self.genesis.committee.clone();
        let ingest = Ingest::new(rules, committee, self.verifier(), self.seen_max);
        let dice = self.seed.dice("checks", self.life());
        let desk = Desk::new(self.queues.clone(), self.costs, dice);
        let status = machine.status();
        self.live = Some(Live { machine, ingest, desk, thread: Worker::default(), status });
        self.planned = None;
        self.resume(now);
    }

    /// Names this life among those of all nodes.
    const fn life(&self) -> u64 {
        self.number << 32 | self.lives
    }

    fn restore(&self, now: Time, reads: &dyn Reads) -> Machine {
        let seed = self.seed.bytes("machine", self.life());
        let limits = self.limits.clone();
        let key: Arc<dyn Sign> = Arc::new(self.key.clone());
        let (genesis, own, verify) = (&self.genesis, self.id, Arc::new(self.verifier()));
        let setup = Setup { genesis, limits, own, key: Some(key), verify, seed };
        Machine::restore(setup, self.clock.at(now), reads)
    }

    /// What its machine would look like if it were started now.
    pub fn restored(&self, now: Time) -> Status {
        self.restore(now, self.disk.store()).status()
    }

    /// Shows another status than that of its machine, until its next step.
    #[cfg(test)]
    pub(crate) fn pretend(&mut self, status: Status) {
        self.live.as_mut().expect("a node that runs").status = status;
    }

    /// Whoever watches goes on from the last commit that it was told of: power may have failed
    /// between the write of one and the telling. A node on its way to a snapshot has those of a
    /// window, which need not follow.
    fn resume(&mut self, now: Time) {
        let (store, archive) = (self.disk.store(), Archive::new(self.disk.store()));
        let last = self.told.commits.last().map_or(0, |last| last.record.index.0);
        let untold = store.records(Table::Commit, &(last + 1).to_be_bytes(), usize::MAX);
        for (key, _) in untold {
            let index = key.try_into().map_or(0, u64::from_be_bytes);
            let Some(record) = archive.record(CommitIndex(index)) else { return };
            let Some(leaves) = archive.leaves(record.index) else { return };
            let (record, leaves) = (Arc::new(record), leaves.into());
            self.told.commits.push(Commit { at: now, record, leaves });
        }
    }

    /// Loses power. Of the batches that were not synced a part stays, as `chance` will have it.
    pub(crate) fn crash(&mut self, chance: u64) {
        self.end();
        let unsynced = self.disk.unsynced() as u64;
        self.disk.lose_power(usize::try_from(chance % (unsynced + 1)).unwrap_or(0));
    }

    fn end(&mut self) {
        if let Some(live) = self.live.take() {
            self.peak = self.peak.max(live.desk.peak());
        }
        self.planned = None;
        self.trap = None;
        self.paused = false;
    }

    /// What a peer said.
    pub(crate) fn hear(&mut self, now: Time, from: NodeId, source: Source, message: Message) {
        let newer = |own| vice::own_checkpoint(own, &message) >= Some(self.signed.last());
        if self.vice.is_some_and(Vice::equivocates) && self.author().is_some_and(newer) {
            return self.unheard.push((from, source, message));
        }
        let Some(live) = &mut self.live else { return };
        live.desk.put(now, Arrival::Said { from, source, message });
    }

    /// Anything that needs no check.
    pub(crate) fn input(&mut self, now: Time, input: Input) {
        if let Some(live) = &mut self.live {
            live.desk.put(now, Arrival::Plain(input));
        }
    }

    /// Hands over a transaction; what becomes of it is an outcome of later unless it is returned.
    pub(crate) fn submit(&mut self, now: Time, bytes: Bytes) -> Result<(), Outcome> {
        let Some(live) = &mut self.live else { return Ok(()) };
        if !live.desk.takes_submissions() {
            return Err(Outcome::Busy);
        }
        let candidate = live.ingest.parse(bytes).map_err(Outcome::Refused)?;
        live.desk.put(now, Arrival::Submitted(Box::new(candidate)));
        Ok(())
    }

    /// Whether it reads what the network brings.
    pub(crate) fn reads(&self) -> bool {
        !self.paused && self.live.as_ref().is_none_or(|live| live.desk.reads())
    }

    /// Begins to check what waits; says when that will be through, if it is not now.
    pub(crate) fn check(&mut self, now: Time) -> (Option<Time>, Vec<(TxId, Outcome)>) {
        let mut outcomes = Vec::new();
        while let Some(live) = self.live.as_mut().filter(|_| !self.paused) {
            match live.desk.begin(now, &live.ingest) {
                Some(through) if through > now => return (Some(through), outcomes),
                Some(_) => outcomes.extend(self.checked()),
                None => break,
            }
        }
        (None, outcomes)
    }

    /// A batch is through. Returns what came of submissions that do not pass.
    pub(crate) fn checked(&mut self) -> Vec<(TxId, Outcome)> {
        let Some(live) = &mut self.live else { return Vec::new() };
        let refused = live.desk.conclude(&mut live.ingest, self.disk.store());
        refused.into_iter().map(|(id, reason)| (id, Outcome::Refused(reason))).collect()
    }

    /// When it should take a step: it has inputs, and takes them after `wait`, or it is due. `None`
    /// while it does nothing.
    pub(crate) fn wants(&self, now: Time, wait: Span) -> Option<(Time, bool)> {
        let live = self.live.as_ref().filter(|_| !self.paused)?;
        // What it said last must have left before it says more.
        let free = Time::from_millis(live.thread.free().0.div_ceil(1_000)).max(now);
        if live.desk.has_inputs() {
            return Some(((now + wait).max(free), false));
        }
        let due = self.clock.when(live.machine.deadline()?)?;
        Some((due.max(free), true))
    }

    /// One group of inputs, or the deadline.
    pub(crate) fn step(&mut self, now: Time) -> Effects {
        let Some(live) = &mut self.live else { return Effects::default() };
        let time = self.clock.at(now);
        let mut out = Outbox::default();
        let group = live.desk.take(self.group_max);
        let count = group.len();
        let read = self.disk.read(now);
        let began = Instant::now();
        let handled = relying_on(&self.disk, || {
            if group.is_empty() {
                live.machine.handle(time, Input::Tick, &read, &mut out);
            }
            for input in group {
                live.machine.handle(time, input, &read, &mut out);
            }
        });
        self.meter.inside += began.elapsed();
        if let Err(failed) = handled {
            return Effects::end(now, Down::Store(failed));
        }
        let deadline = live.machine.deadline().expect("the frontier is always due some time");
        assert!(deadline > time, "due at {deadline:?}, but it is {time:?}");
        self.pulse.step(now, count, out.is_empty());
        self.empty(now, count, out)
    }

    /// Empties the three lanes in their order, unless power is lost or the store fails in between.
    fn empty(&mut self, now: Time, inputs: usize, out: Outbox) -> Effects {
        let Outbox { writes, durable, mut messages, events } = out;
        let sprung = self.trap.take_if(|(_, until)| durable && now <= *until);
        let trap = sprung.map(|(boundary, _)| boundary);
        let down = |down| Effects::end(now, down);
        if trap == Some(Boundary::BeforeWrite) {
            return down(Down::Power);
        }
        // What this batch drops may have been said before it in the same group of inputs.
        let dropped = writes.drop_below.map(|_| spoken::stored(&messages, self.disk.store()));
        let dropped = dropped.unwrap_or_default();
        self.attached_last = writes.attached.len() as u64;
        let mut cost = self.costs.handle_us * inputs.max(1) as u64;
        if durable || !writes.is_empty() {
            match self.disk.commit(now, &writes, durable) {
                Ok(takes) => cost += takes,
                Err(failed) => return down(Down::Store(failed)),
            }
        }
        if let Some(live) = &mut self.live {
            let began = Instant::now();
            live.status = live.machine.status();
            self.meter.inside += began.elapsed();
        }
        let at = self.takes(now, cost);
        match trap {
            Some(Boundary::AfterWrite) => return Effects { at, ..down(Down::Power) },
            Some(Boundary::AfterMessages(count)) => {
                messages.truncate(count);
                let messages = self.say(messages, &dropped);
                return Effects { at, messages, ..down(Down::Power) };
            }
            Some(Boundary::BeforeWrite) | None => {}
        }
        let messages = self.say(messages, &dropped);
        let outcomes = self.tell(at, durable, events);
        Effects { at, messages, outcomes, down: None }
    }

    /// The machine's thread is busy for so many microseconds more; says until when.
    fn takes(&mut self, now: Time, cost: u64) -> Time {
        let Some(live) = self.live.as_mut().filter(|_| cost > 0) else { return now };
        let done: Micros = live.thread.does(now, cost);
        done.rounded().max(now)
    }

    /// What leaves of what the machine wants said; `dropped` may have left the store meanwhile.
    fn say(&mut self, messages: Vec<ToNet>, dropped: &BTreeSet<TxId>) -> Vec<(Span, ToNet)> {
        for message in &messages {
            spoken::assert_written(message, self.disk.store(), dropped);
            if let ToNet::Drop { peer, reason } = message {
                self.told.dropped.push((*peer, reason.clone()));
            }
        }
        if let Some(own) = self.author() {
            self.signed.watch(own, &messages);
        }
        match (self.vice, self.author()) {
            (Some(vice), Some(own)) => {
                let (committee, key) = (&self.genesis.committee, &self.key);
                vice::pass(&Cheat { vice, own, committee, key }, messages)
            }
            _ => messages.into_iter().map(|said| (Span::default(), said)).collect(),
        }
    }

    /// Tells what happened, at `at`.
    fn tell(&mut self, at: Time, durable: bool, events: Vec<Event>) -> Vec<(TxId, Outcome)> {
        let Some(live) = &mut self.live else { return Vec::new() };
        let store = self.disk.store();
        let mut key_known = false;
        let mut outcomes = Vec::new();
        for event in events {
            match event {
                Event::Attached { source: Source::Local, tx, .. } => {
                    assert!(durable && self.disk.unsynced() == 0, "acknowledged before it is safe");
                    assert!(store.entry(&tx.id()).is_some(), "acknowledged, but not written");
                    self.told.acknowledged.insert(tx.id());
                    outcomes.push((tx.id(), Outcome::Attached));
                }
                Event::Attached { tx, .. } => self.told.fetched += tx.bytes().len() as u64,
                Event::Refused { id, reason } => outcomes.push((id, Outcome::Refused(reason))),
                Event::Committed { record, leaves } => {
                    assert!(durable, "told of a commit before it is safe");
                    self.told.commits.push(Commit { at, record, leaves });
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
            for arrival in live.ingest.released(store) {
                live.desk.put(at, arrival);
            }
        }
        for (from, source, message) in std::mem::take(&mut self.unheard) {
            self.hear(at, from, source, message);
        }
        outcomes
    }
}
