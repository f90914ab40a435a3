//! The thread before the machine: takes what the network and the API bring, has it checked in
//! batches, and hands the machine its inputs.
//!
//! ```text
//! queues -> a batch -> tags -> same bytes twice? -> checks (rayon) -> in order -> machine
//! ```
//! When the machine's queue is full this thread waits; then the network is not read and peers have
//! to wait, and the API's queue fills and answers 503.
//!
//! Invariant: inputs leave in the order in which their causes came, held transactions excepted;
//! bytes enter the filter of seen ones only when they passed every check or are held for their key.

mod size;

use std::{
    collections::{HashMap, hash_map::Entry},
    iter,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rayon::prelude::*;
use tokio::{runtime::Handle, sync::mpsc};
use weft_core::{
    admit::{Candidate, Verified},
    checkpoint::{CheckpointRefusal, VerifiedCheckpoint},
    digest::{BodyId, NodeId, TxId},
    machine::{Fault, Input, Source, SubmitRefusal},
    message::Message,
    tx::Attachment,
    units::Position,
};
use weft_net::{Events, FromNet};

use crate::{
    api::problem::{refusal_code, submit_refusal_code},
    checks::{Checks, Unsigned, Verdict},
    feed::{Feed, Receipt},
    held::Held,
    metrics::{Metrics, source_kind},
    queue::{Closed, Queue},
    seen::BytesTag,
    stop::Stop,
};

/// What peers send begins a batch at most this often: each costs a wake-up of every thread on the
/// way, a write, and datagrams to all neighbours, however little is in it.
const GATHER: Duration = Duration::from_millis(4);

/// A transaction that someone hands over to this node.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) candidate: Candidate,
    pub(crate) receipt: Receipt,
}

/// The thread's state.
pub(crate) struct Ingest {
    pub(crate) checks: Arc<Checks>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) events: Events,
    pub(crate) submissions: mpsc::Receiver<Box<Submission>>,
    pub(crate) machine: Arc<Queue<Input>>,
    /// Nothing new is to be taken.
    pub(crate) stop: Stop,
    pub(crate) runtime: Handle,
    pub(crate) batch_max: usize,
}

/// What came in.
enum Arrival {
    Net(FromNet),
    Submission(Box<Submission>),
    Released(Held),
}

/// What ends a wait.
enum Wake {
    Arrival(Arrival),
    /// A key has become known.
    Released,
    Stop,
}

/// One thing on its way to the machine.
enum Item {
    /// Needs no check.
    Plain(Input),
    /// Bytes that a peer sent. `twice`: the same bytes are in this batch before.
    Sent { source: Source, bytes: Bytes, tag: BytesTag, twice: bool },
    /// Bytes whose key has become known.
    Released { source: Source, bytes: Bytes, tag: BytesTag },
    /// The bytes of a checkpoint.
    Checkpoint { source: Source, bytes: Bytes, tag: BytesTag },
    /// A further attachment of a body.
    Attachment { source: Source, attachment: Attachment, body: BodyId },
    /// Handed over to this node.
    Submitted(Box<Submission>),
}

/// An item with the verdict on it.
enum Checked {
    Plain(Input),
    /// To be looked at again when the first of the same bytes is through.
    Twice {
        source: Source,
        bytes: Bytes,
        tag: BytesTag,
    },
    Sent {
        source: Source,
        bytes: Bytes,
        tag: BytesTag,
        verdict: Verdict,
    },
    Checkpoint {
        source: Source,
        tag: BytesTag,
        verdict: Option<Result<Arc<VerifiedCheckpoint>, CheckpointRefusal>>,
    },
    Attachment {
        source: Source,
        verdict: Verdict,
    },
    Submitted {
        id: TxId,
        receipt: Receipt,
        verdict: Result<Arc<Verified>, Unsigned>,
    },
}

impl Ingest {
    /// Runs until it is told to stop and has checked what was submitted before, or until the
    /// machine is gone. Then closes the machine's queue.
    pub(crate) fn run(mut self) {
        let runtime = self.runtime.clone();
        let mut began = Instant::now();
        loop {
            let wake = runtime.block_on(self.wake());
            // Nobody waits for the answer to what a peer sent, so it can wait for company.
            if matches!(wake, Wake::Arrival(Arrival::Net(_))) {
                thread::sleep(GATHER.saturating_sub(began.elapsed()));
            }
            began = Instant::now();
            let Some(batch) = self.batch(wake) else { break };
            if self.pass(batch) == Err(Closed) {
                break;
            }
        }
        self.machine.close();
    }

    async fn wake(&mut self) -> Wake {
        tokio::select! {
            biased;
            () = self.stop.told() => Wake::Stop,
            Some(submission) = self.submissions.recv() => {
                Wake::Arrival(Arrival::Submission(submission))
            }
            Some(event) = self.events.recv() => Wake::Arrival(Arrival::Net(event)),
            () = self.checks.released() => Wake::Released,
        }
    }

    /// What there is, from each source up to the limit; `None` if nothing is left and no more is
    /// to come.
    fn batch(&mut self, wake: Wake) -> Option<Vec<Arrival>> {
        let stopping = matches!(wake, Wake::Stop);
        let mut batch = Vec::new();
        if let Wake::Arrival(arrival) = wake {
            batch.push(arrival);
        }
        let submissions = iter::from_fn(|| self.submissions.try_recv().ok());
        batch.extend(submissions.take(self.batch_max).map(Arrival::Submission));
        if stopping {
            return if batch.is_empty() { None } else { Some(batch) };
        }
        let events = iter::from_fn(|| self.events.try_recv());
        batch.extend(events.take(self.batch_max).map(Arrival::Net));
        let released = self.checks.take_released(self.batch_max);
        batch.extend(released.into_iter().map(Arrival::Released));
        Some(batch)
    }

    /// Checks a batch and hands on what follows, in order.
    fn pass(&self, batch: Vec<Arrival>) -> Result<(), Closed> {
        let mut items: Vec<Item> = batch.into_iter().map(|arrival| self.item(arrival)).collect();
        mark_repeats(&mut items);
        let checked = spread(items, |item| self.check(item));
        let inputs = checked.into_iter().filter_map(|checked| self.conclude(checked));
        let sized = inputs.map(|input| {
            let bytes = size::of(&input);
            (input, bytes)
        });
        // Some checks are made only now, and not while the queue is locked.
        self.machine.put(sized.collect::<Vec<_>>())
    }

    fn item(&self, arrival: Arrival) -> Item {
        let event = match arrival {
            Arrival::Submission(submission) => return Item::Submitted(submission),
            Arrival::Released(Held { source, bytes }) => {
                let tag = self.checks.seen.tag(&bytes);
                return Item::Released { source, bytes, tag };
            }
            Arrival::Net(event) => event,
        };
        match event {
            FromNet::Message { from, message, .. } => {
                self.metrics.received(&message);
                self.said(from, Source::Gossip(from), message)
            }
            FromNet::Part { from, ticket, message } => {
                self.metrics.received(&message);
                match message {
                    Message::Part(bytes) => Item::Plain(Input::Part { from, ticket, bytes }),
                    message => self.said(from, Source::Answer(from), message),
                }
            }
            FromNet::Request { from, ticket, message } => {
                self.metrics.received(&message);
                Item::Plain(Input::Request { from, ticket, message })
            }
            FromNet::Answered { from, ticket, end } => {
                Item::Plain(Input::Answered { from, ticket, end })
            }
            FromNet::PeerUp { peer, address, remote, fixed, inbound } => {
                tracing::info!(peer.id = %peer, %remote, inbound, "connected");
                Item::Plain(Input::PeerUp { peer, address, fixed })
            }
            FromNet::PeerDown { peer } => {
                tracing::info!(peer.id = %peer, "disconnected");
                Item::Plain(Input::PeerDown { peer })
            }
            FromNet::DialFailed { peer } => Item::Plain(Input::DialFailed { peer }),
            FromNet::Misbehaved { from, fault } => Item::Plain(Input::Misbehaved { from, fault }),
        }
    }

    fn said(&self, from: NodeId, source: Source, message: Message) -> Item {
        match message {
            Message::Transaction(bytes) => {
                let tag = self.checks.seen.tag(&bytes);
                Item::Sent { source, bytes, tag, twice: false }
            }
            Message::Checkpoint(bytes) => {
                let tag = self.checks.seen.tag(&bytes);
                Item::Checkpoint { source, bytes, tag }
            }
            Message::Attachment { attachment, body } => {
                Item::Attachment { source, attachment, body }
            }
            message => Item::Plain(Input::Message { from, message }),
        }
    }

    fn check(&self, item: Item) -> Checked {
        match item {
            Item::Plain(input) => Checked::Plain(input),
            Item::Sent { source, bytes, tag, twice: true } => Checked::Twice { source, bytes, tag },
            Item::Sent { source, bytes, tag, twice: false } => {
                let verdict = self.checks.sent(source, &bytes, &tag);
                Checked::Sent { source, bytes, tag, verdict }
            }
            Item::Released { source, bytes, tag } => {
                let verdict = self.checks.unseen(&bytes);
                Checked::Sent { source, bytes, tag, verdict }
            }
            Item::Checkpoint { source, bytes, tag } => {
                let verdict = self.checks.checkpoint(source, &bytes, &tag);
                Checked::Checkpoint { source, tag, verdict }
            }
            Item::Attachment { source, attachment, body } => {
                let verdict = self.checks.reattached(&attachment, &body);
                Checked::Attachment { source, verdict }
            }
            Item::Submitted(submission) => {
                let Submission { candidate, receipt } = *submission;
                let id = candidate.id();
                let verdict = self.checks.signed(candidate);
                Checked::Submitted { id, receipt, verdict }
            }
        }
    }

    /// What the machine is told, if anything.
    fn conclude(&self, checked: Checked) -> Option<Input> {
        match checked {
            Checked::Plain(input) => Some(input),
            Checked::Twice { source, bytes, tag } => {
                let verdict = self.checks.sent(source, &bytes, &tag);
                self.of_peer(source, Some((bytes, tag)), verdict)
            }
            Checked::Sent { source, bytes, tag, verdict } => {
                self.of_peer(source, Some((bytes, tag)), verdict)
            }
            Checked::Checkpoint { source, tag, verdict } => match verdict? {
                Ok(checkpoint) => {
                    self.checks.seen.remember_checkpoint(tag);
                    Some(Input::Checkpoint { source, checkpoint })
                }
                Err(refusal) => {
                    let fault = Fault::BadCheckpoint(refusal);
                    Some(Input::Misbehaved { from: source.peer()?, fault })
                }
            },
            Checked::Attachment { source, verdict } => self.of_peer(source, None, verdict),
            Checked::Submitted { id, receipt, verdict } => {
                let reason = match verdict {
                    Ok(tx) => {
                        let absent_below = Position::ZERO;
                        return Some(Input::Admitted { source: Source::Local, tx, absent_below });
                    }
                    Err(Unsigned::NoKey(key)) => SubmitRefusal::UnknownKey { key },
                    Err(Unsigned::Refused(refusal)) => SubmitRefusal::Refused(refusal),
                };
                self.metrics.refusal("local", submit_refusal_code(&reason));
                self.feed.refused_one(&id, receipt, reason);
                None
            }
        }
    }

    fn of_peer(
        &self,
        source: Source,
        sent: Option<(Bytes, BytesTag)>,
        verdict: Verdict,
    ) -> Option<Input> {
        let from = source.peer()?;
        match verdict {
            Verdict::Admitted { tx, absent_below } => {
                if let Some((_, tag)) = sent {
                    self.checks.seen.remember(tag, tx.id());
                }
                Some(Input::Admitted { source, tx, absent_below })
            }
            Verdict::Seen(id) => match source {
                Source::Gossip(from) => Some(Input::Repeated { from, id }),
                Source::Answer(_) | Source::Local => None,
            },
            Verdict::Known => None,
            Verdict::NoKey { id, key } => {
                let (bytes, tag) = sent?;
                self.checks.seen.remember(tag, id);
                self.checks.hold(key, Held { source, bytes });
                Some(Input::KeyMissing { from, key })
            }
            Verdict::NoBody(id) => Some(Input::BodyMissing { from, id }),
            Verdict::Refused(refusal) => {
                self.metrics.refusal(source_kind(&source), refusal_code(&refusal));
                Some(Input::Misbehaved { from, fault: Fault::Refused(refusal) })
            }
        }
    }
}

/// Marks bytes that are in the batch before, so that they are not checked twice.
fn mark_repeats(items: &mut [Item]) {
    let mut first = HashMap::new();
    for item in items {
        if let Item::Sent { tag, twice, .. } = item {
            match first.entry(*tag) {
                Entry::Vacant(place) => {
                    place.insert(());
                }
                Entry::Occupied(_) => *twice = true,
            }
        }
    }
}

/// Maps in order, on all cores where it is worth waking them: before they sleep again they look for
/// more, for about as long as a few checks take.
fn spread<T: Send, U: Send>(items: Vec<T>, map: impl Fn(T) -> U + Sync + Send) -> Vec<U> {
    const WORTH_IT: usize = 16;
    if items.len() < WORTH_IT {
        return items.into_iter().map(map).collect();
    }
    items.into_par_iter().map(map).collect()
}
