//! What waits for a node's checks, is being checked, or waits for its machine.
//!
//! ```text
//! arrivals --a batch--> checks on n cores --> inputs --a group--> machine
//! ```
//! Plays the part of `weft-node`'s ingest thread with its two queues, by the same bounds: a batch is
//! checked on all cores, and the next begins when it is through. When too many inputs wait for the
//! machine no batch begins; when too much waits for a batch nothing is read from the network, so
//! peers have to wait, and whoever hands something over is turned away.
//!
//! Invariant: bounded in count and in bytes, but for one batch. What needs no check never overtakes
//! what came before it, whatever the order in which checks come out: the end of an answer comes
//! behind all that the answer brought.

use std::collections::VecDeque;

use bytes::Bytes;
use weft_core::{
    admit::Candidate,
    digest::{NodeId, TxId},
    machine::{Input, Reads, Source, SubmitRefusal},
    message::Message,
    time::Time,
};

use crate::{
    kernel::random::Dice,
    world::{
        costs::{Costs, Micros, Worker, makespan},
        ingest::Ingest,
    },
};

/// How much waits in a node before its machine. The defaults are those of `weft-node` and
/// `weft-net`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queues {
    /// What peers sent and nobody has begun to check. When full, peers have to wait. 8,192.
    pub events_max: usize,
    /// The same, in bytes. 16 MiB.
    pub event_bytes_max: usize,
    /// Checked in one go. 256.
    pub batch_max: usize,
    /// What is checked and waits for the machine. When full, checking stops. 4,096.
    pub inputs_max: usize,
    /// The same, in bytes. 32 MiB.
    pub input_bytes_max: usize,
    /// What was handed over and is not checked; more is turned away. 1,024.
    pub submissions_max: usize,
}

impl Default for Queues {
    fn default() -> Self {
        Self {
            events_max: 8_192,
            event_bytes_max: 16 << 20,
            batch_max: 256,
            inputs_max: 4_096,
            input_bytes_max: 32 << 20,
            submissions_max: 1_024,
        }
    }
}

/// Something that came.
#[derive(Clone, Debug)]
pub(crate) enum Arrival {
    /// Needs no check.
    Plain(Input),
    /// A peer said it.
    Said { from: NodeId, source: Source, message: Message },
    /// A peer said it, and its key has become known.
    Released { from: NodeId, source: Source, bytes: Bytes },
    /// Handed over to this node.
    Submitted(Box<Candidate>),
}

impl Arrival {
    /// About what it holds, in bytes.
    fn bytes(&self) -> usize {
        match self {
            Self::Plain(input) => weight(input),
            Self::Said { message, .. } => match message {
                Message::Transaction(bytes) | Message::Checkpoint(bytes) => FIXED + bytes.len(),
                _ => FIXED,
            },
            Self::Released { bytes, .. } => FIXED + bytes.len(),
            Self::Submitted(_) => FIXED,
        }
    }
}

/// What any input holds, in bytes, about.
const FIXED: usize = 256;

/// About what an input holds, in bytes.
fn weight(input: &Input) -> usize {
    FIXED
        + match input {
            Input::Admitted { tx, .. } => tx.bytes().len(),
            Input::Checkpoint { checkpoint, .. } => checkpoint.bytes().len(),
            Input::Part { bytes, .. } => bytes.len(),
            _ => 0,
        }
}

/// How long queues are, in things and in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lengths {
    /// What waits for a check.
    pub events: usize,
    /// Its bytes.
    pub event_bytes: usize,
    /// What waits for the machine.
    pub inputs: usize,
    /// Its bytes.
    pub input_bytes: usize,
}

impl Lengths {
    /// The larger of each.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            events: self.events.max(other.events),
            event_bytes: self.event_bytes.max(other.event_bytes),
            inputs: self.inputs.max(other.inputs),
            input_bytes: self.input_bytes.max(other.input_bytes),
        }
    }
}

/// The queues of one node.
#[derive(Debug)]
pub(crate) struct Desk {
    queues: Queues,
    costs: Costs,
    arrivals: VecDeque<(Time, Arrival)>,
    checking: Vec<Arrival>,
    inputs: VecDeque<Input>,
    submissions: usize,
    lengths: Lengths,
    peak: Lengths,
    cores: Worker,
    dice: Dice,
}

impl Desk {
    pub(crate) fn new(queues: Queues, costs: Costs, dice: Dice) -> Self {
        Self {
            queues,
            costs,
            arrivals: VecDeque::new(),
            checking: Vec::new(),
            inputs: VecDeque::new(),
            submissions: 0,
            lengths: Lengths::default(),
            peak: Lengths::default(),
            cores: Worker::default(),
            dice,
        }
    }

    pub(crate) const fn lengths(&self) -> Lengths {
        self.lengths
    }

    /// The most that ever was.
    pub(crate) const fn peak(&self) -> Lengths {
        self.peak
    }

    /// Whether the network is read.
    pub(crate) const fn reads(&self) -> bool {
        self.lengths.events < self.queues.events_max
            && self.lengths.event_bytes < self.queues.event_bytes_max
    }

    /// Whether one more may be handed over.
    pub(crate) const fn takes_submissions(&self) -> bool {
        self.submissions < self.queues.submissions_max
    }

    pub(crate) fn put(&mut self, now: Time, arrival: Arrival) {
        self.submissions += usize::from(matches!(arrival, Arrival::Submitted(_)));
        self.lengths.events += 1;
        self.lengths.event_bytes += arrival.bytes();
        self.arrivals.push_back((now, arrival));
        self.peak = self.peak.max(self.lengths);
    }

    /// Begins to check a batch, if none is being checked and there is something and room for it.
    /// Says when it will be through.
    pub(crate) fn begin(&mut self, now: Time, ingest: &Ingest) -> Option<Time> {
        let is_full = self.lengths.inputs >= self.queues.inputs_max
            || self.lengths.input_bytes >= self.queues.input_bytes_max;
        if !self.checking.is_empty() || is_full {
            return None;
        }
        let (since, _) = self.arrivals.front()?;
        let since = *since;
        let count = self.arrivals.len().min(self.queues.batch_max.max(1));
        self.checking.extend(self.arrivals.drain(..count).map(|(_, arrival)| arrival));
        self.lengths.events -= count;
        self.lengths.event_bytes -= self.checking.iter().map(Arrival::bytes).sum::<usize>();
        if self.costs.verify_us + self.costs.hash_us == 0 {
            return Some(now);
        }
        let each = self.checking.iter().map(|arrival| ingest.cost_us(&self.costs, arrival));
        let through: Micros = self.cores.does(since, makespan(each, self.costs.cores));
        Some(through.rounded().max(now))
    }

    /// The batch is through. Returns submissions that do not pass.
    pub(crate) fn conclude(
        &mut self,
        ingest: &mut Ingest,
        reads: &dyn Reads,
    ) -> Vec<(TxId, SubmitRefusal)> {
        let mut batch = std::mem::take(&mut self.checking);
        if self.costs.shuffles {
            let is_plain = |arrival: &Arrival| matches!(arrival, Arrival::Plain(_));
            for run in batch.chunk_by_mut(|a, b| !is_plain(a) && !is_plain(b)) {
                self.dice.shuffle(run);
            }
        }
        let mut refused = Vec::new();
        for arrival in batch {
            let input = match arrival {
                Arrival::Plain(input) => Some(input),
                Arrival::Said { from, source, message } => {
                    ingest.hear(from, source, message, reads)
                }
                Arrival::Released { from, source, bytes } => {
                    ingest.unseen(from, source, bytes, reads)
                }
                Arrival::Submitted(candidate) => {
                    self.submissions -= 1;
                    let id = candidate.id();
                    let checked = ingest.submitted(*candidate, reads);
                    checked.map_err(|reason| refused.push((id, reason))).ok()
                }
            };
            self.hand(input);
        }
        refused
    }

    fn hand(&mut self, input: Option<Input>) {
        let Some(input) = input else { return };
        self.lengths.inputs += 1;
        self.lengths.input_bytes += weight(&input);
        self.inputs.push_back(input);
        self.peak = self.peak.max(self.lengths);
    }

    /// Whether inputs wait for the machine.
    pub(crate) fn has_inputs(&self) -> bool {
        !self.inputs.is_empty()
    }

    /// A group of inputs for the machine.
    pub(crate) fn take(&mut self, group_max: usize) -> Vec<Input> {
        let count = self.inputs.len().min(group_max.max(1));
        let group: Vec<Input> = self.inputs.drain(..count).collect();
        self.lengths.inputs -= count;
        self.lengths.input_bytes -= group.iter().map(weight).sum::<usize>();
        group
    }
}
