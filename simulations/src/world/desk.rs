//! What waits for a node's checks, is being checked, or waits for its machine.
//!
//! ```text
//! arrivals --a batch--> checks on n cores --> inputs --a group--> machine
//! ```
//! Plays the part of `weft-node`'s ingest thread with its two queues, by the same bounds: a batch
//! is checked on all cores, and the next begins when it is through. When too many inputs wait for
//! the machine no batch begins; when too much waits for a batch nothing is read from the network,
//! so peers have to wait, and whoever hands something over is turned away.
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
    /// Whether something of it is checked that takes time.
    const fn is_checked(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Said { message, .. } => matches!(
                message,
                Message::Transaction(_) | Message::Checkpoint(_) | Message::Attachment { .. }
            ),
            Self::Released { .. } | Self::Submitted(_) => true,
        }
    }

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
            for run in batch.chunk_by_mut(|a, b| a.is_checked() && b.is_checked()) {
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

#[cfg(test)]
mod tests {
    use weft_core::{
        admit::Rules, digest::BodyId, genesis::Genesis, machine::Fault, params::Params,
        tx::Attachment, tx::CommitRef,
    };
    use weft_storage::MemoryStore;

    use super::*;
    use crate::{kernel::random::Seed, world::signer::Scheme};

    const PEER: NodeId = NodeId([1; 32]);

    fn ingest() -> Ingest {
        let genesis = Genesis::without_finality("desk", Params::dev());
        let committee = genesis.committee.clone();
        Ingest::new(Rules::new(&genesis), committee, Scheme::Toy.verifier(), 10)
    }

    /// An attachment of a body that nobody has, named by a number.
    fn checked(number: u8) -> Arrival {
        let attachment = Attachment::new([TxId::ZERO; 2], CommitRef::NONE);
        let message = Message::Attachment { attachment, body: BodyId([number; 32]) };
        Arrival::Said { from: PEER, source: Source::Gossip(PEER), message }
    }

    fn plain() -> Arrival {
        Arrival::Plain(Input::PeerDown { peer: PEER })
    }

    fn desk(queues: Queues) -> Desk {
        let costs = Costs { hash_us: 1_000, shuffles: true, ..Costs::default() };
        Desk::new(queues, costs, Seed::new(3).dice("desk", 0))
    }

    #[test]
    fn what_needs_no_check_overtakes_nothing() {
        let (mut desk, mut ingest) = (desk(Queues::default()), ingest());
        let now = Time::from_millis(1_000);
        for arrival in (0..9).map(checked).chain([plain()]).chain((9..20).map(checked)) {
            desk.put(now, arrival);
        }
        assert_eq!(desk.begin(now, &ingest), Some(Time::from_millis(1_020)), "one core, 20 ms");
        assert_eq!(desk.begin(now, &ingest), None, "one batch at a time");
        assert!(desk.conclude(&mut ingest, &MemoryStore::new()).is_empty());
        let ids = |inputs: &[Input]| -> Vec<TxId> {
            let id = |input: &Input| match input {
                Input::BodyMissing { id, .. } => Some(*id),
                _ => None,
            };
            inputs.iter().filter_map(id).collect()
        };
        let expected = |numbers: std::ops::Range<u8>| -> Vec<TxId> {
            let attachment = Attachment::new([TxId::ZERO; 2], CommitRef::NONE);
            numbers.map(|number| attachment.id(&BodyId([number; 32]))).collect()
        };
        let inputs = desk.take(100);
        assert!(matches!(inputs[9], Input::PeerDown { .. }));
        for (inputs, numbers) in [(&inputs[..9], 0..9), (&inputs[10..], 9..20)] {
            let (mut left, mut came) = (ids(inputs), expected(numbers));
            assert_ne!(left, came, "in random order");
            left.sort_unstable();
            came.sort_unstable();
            assert_eq!(left, came, "and all of them");
        }
    }

    #[test]
    fn a_full_queue_stops_the_one_before() {
        let queues = Queues { events_max: 5, batch_max: 2, inputs_max: 3, ..Queues::default() };
        let (mut desk, mut ingest) = (desk(queues), ingest());
        let (now, store) = (Time::from_millis(1_000), MemoryStore::new());
        let fault = Fault::EmptyAnswer;
        for _ in 0..10 {
            let input = Input::Misbehaved { from: PEER, fault: fault.clone() };
            desk.put(now, Arrival::Plain(input));
        }
        assert!(!desk.reads());
        let mut batches = 0;
        while desk.begin(now, &ingest).is_some() {
            desk.conclude(&mut ingest, &store);
            batches += 1;
        }
        assert_eq!(batches, 2, "the second fills the queue to the machine");
        assert_eq!(desk.lengths().inputs, 4);
        assert!(!desk.reads(), "six wait still");
        assert_eq!(desk.take(4).len(), 4);
        while desk.begin(now, &ingest).is_some() {
            desk.conclude(&mut ingest, &store);
        }
        assert!(desk.reads());
        desk.take(100);
        while desk.begin(now, &ingest).is_some() {
            desk.conclude(&mut ingest, &store);
        }
        desk.take(100);
        assert_eq!(desk.lengths(), Lengths::default());
    }
}
