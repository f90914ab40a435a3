//! A body's way: made, handed over, followed, settled.
//!
//! Invariant: each step is on disk before the next begins, and each can be done again.

use std::{
    sync::{
        Arc, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    task::{JoinSet, spawn_blocking},
    time::sleep,
};
use weft_client::{
    Builder,
    host::{Final, Posted, Poster},
};
use weft_core::{
    address::Address,
    codec::{Decode as _, Encode as _},
    digest::BodyId,
    pow::required_bits,
    time::{Span, Time},
    tx::SealedBody,
    units::Sequence,
};

use super::{PAUSE_MAX, PAUSE_MIN, Sender};
use crate::{
    batch::{self, Next},
    clock::now,
    device::DeviceName,
    queue::{Backlog, Changes, Outgoing, StoreError, Turn},
    receipt::{Receipt, Stage},
};

/// Bodies that are made and handed over at once.
const HANDED_OVER_MAX: usize = 32;

/// Bodies that are followed at once.
const FOLLOWED_MAX: usize = 256;

/// Bodies that are not final. While there are as many, none is made.
const OUTGOING_MAX: usize = 1_024;

/// How long a device waits after one of its bodies took no effect, or the disk failed.
const FAILURE_PAUSE: Span = Span::from_secs(30);

/// How long one question for an outcome may take.
const FOLLOW_TIME: Duration = Duration::from_secs(600);

const DAY_MS: u64 = 86_400_000;

/// A sender that knows its node's network.
pub(super) struct Line {
    sender: Sender,
    poster: Poster,
    builder: Builder,
    work_bits: u8,
    next: AtomicU64,
    /// One permit for each body that is not final.
    outgoing: Arc<Semaphore>,
    handing: Arc<Semaphore>,
    following: Semaphore,
}

/// A sealed body on its way.
struct OnItsWay {
    id: BodyId,
    sealed: SealedBody,
    outgoing: Outgoing,
    /// Held until it is final.
    _place: Option<OwnedSemaphorePermit>,
}

impl Line {
    /// The line of `sender`, whose account `poster` has found.
    pub(super) async fn new(sender: Sender, poster: Poster, work_bits: u8) -> Self {
        let issuer = Address::of(sender.key.public_key().id());
        sender.intake.set_network(poster.network());
        let next = AtomicU64::new(poster.next_sequence().await.0);
        tracing::info!(account = poster.address(), node = sender.node.url(), "sending");
        Self {
            builder: Builder::new(poster.network(), issuer),
            poster,
            work_bits,
            next,
            outgoing: Arc::new(Semaphore::new(OUTGOING_MAX)),
            handing: Arc::new(Semaphore::new(HANDED_OVER_MAX)),
            following: Semaphore::new(FOLLOWED_MAX),
            sender,
        }
    }

    /// Sends again what was on its way when the gateway ended, in the old order.
    pub(super) async fn resume(
        self: &Arc<Self>,
        tasks: &mut JoinSet<()>,
    ) -> Result<(), StoreError> {
        let mut found = self.sender.store.outgoing().collect::<Result<Vec<_>, _>>()?;
        found.sort_by_key(|(_, outgoing)| outgoing.entries.first().map(|entry| entry.id));
        for (id, outgoing) in found {
            let sealed = SealedBody::from_bytes(&outgoing.sealed);
            let sealed = sealed.map_err(|error| StoreError::Record(error.to_string()))?;
            let place = self.outgoing.clone().try_acquire_owned().ok();
            let body = OnItsWay { id, sealed, outgoing, _place: place };
            if let Some(posted) = self.hand_over(&body).await {
                tasks.spawn(self.clone().follow(body, posted));
            }
        }
        Ok(())
    }

    /// Rung when something may have its turn.
    pub(super) fn bell(&self) -> &Notify {
        &self.sender.bell
    }

    /// Starts what has its turn.
    pub(super) fn start(self: &Arc<Self>, tasks: &mut JoinSet<()>) {
        self.sender.metrics.outgoing(OUTGOING_MAX - self.outgoing.available_permits());
        loop {
            let Ok(place) = self.outgoing.clone().try_acquire_owned() else { return };
            let Ok(handing) = self.handing.clone().try_acquire_owned() else { return };
            let Some(turn) = self.backlog().turn(now()) else { return };
            tasks.spawn(self.clone().work(turn, place, handing));
        }
    }

    async fn work(
        self: Arc<Self>,
        turn: Turn,
        place: OwnedSemaphorePermit,
        handing: OwnedSemaphorePermit,
    ) {
        let device = turn.device.clone();
        let line = self.clone();
        let made = spawn_blocking(move || line.make(&turn, place)).await;
        let body = match made {
            Ok(Ok(Some(body))) => body,
            Ok(Ok(None)) => return self.free(&device, Time::ZERO),
            Ok(Err(error)) => {
                tracing::error!(%error, %device, "a body could not be made; its messages wait");
                return self.free(&device, now() + FAILURE_PAUSE);
            }
            Err(_) => return,
        };
        let posted = self.hand_over(&body).await;
        let not_before = if posted.is_some() { Time::ZERO } else { now() + FAILURE_PAUSE };
        self.free(&device, not_before);
        drop(handing);
        if let Some(posted) = posted {
            self.follow(body, posted).await;
        }
    }

    /// Makes the next body of a device and moves its messages there, on disk.
    fn make(&self, turn: &Turn, place: OwnedSemaphorePermit) -> Result<Option<OnItsWay>, Failed> {
        let store = &self.sender.store;
        let entries = store.waiting_of(&turn.device, turn.first, turn.count)?;
        let (sealed, outgoing) = match batch::next(entries) {
            None => return Ok(None),
            Some(Next::Sealed(bytes, entry)) => {
                let sealed = SealedBody::from_bytes(&bytes);
                let sealed = sealed.map_err(|error| Failed(error.to_string()))?;
                (sealed, Outgoing { sequence: None, sealed: bytes, entries: vec![entry] })
            }
            Some(Next::Said(said, entries)) => {
                let sequence = Sequence(self.next.fetch_add(1, Ordering::Relaxed));
                let (stream, bytes) = (&said.stream, &said.bytes);
                let draft = self.builder.reading(sequence, stream, said.content_type, bytes);
                let sealed = draft.and_then(|draft| draft.time(said.time).seal(&*self.sender.key));
                let sealed = sealed.map_err(|error| Failed(error.to_string()))?;
                let bytes = sealed.to_bytes();
                (sealed, Outgoing { sequence: Some(sequence), sealed: bytes, entries })
            }
        };
        let id = sealed.body.id();
        let mut changes = store.change();
        changes.send(id, &outgoing);
        self.charge(&turn.device, &sealed, &mut changes)?;
        changes.commit(outgoing.sequence)?;
        self.backlog().remove(&outgoing.entries);
        Ok(Some(OnItsWay { id, sealed, outgoing, _place: Some(place) }))
    }

    /// Charges a device for the work that its body takes.
    fn charge(
        &self,
        device: &DeviceName,
        sealed: &SealedBody,
        changes: &mut Changes<'_>,
    ) -> Result<(), StoreError> {
        let day = now().as_millis() / DAY_MS;
        let registers = sealed.body.sequence.registers();
        let content = sealed.body.payload.content_bytes();
        let bits = required_bits(self.work_bits, content, registers);
        let tries = 1_u64.checked_shl(bits.into()).unwrap_or(u64::MAX);
        let done = self.sender.store.work(device, day)?;
        changes.set_work(device, day, done.saturating_add(tries));
        Ok(())
    }

    /// Hands a body over until the node has it on disk. `None` if it never will have.
    async fn hand_over(&self, body: &OnItsWay) -> Option<Posted> {
        let mut pause = PAUSE_MIN;
        loop {
            let error = match self.poster.send(&body.sealed).await {
                Ok(posted) => {
                    self.sender.metrics.attached();
                    self.tell(body, Stage::Attached { body: body.id, tx: posted.id }, false);
                    return Some(posted);
                }
                Err(error) => error,
            };
            let is_refused = error.problem().is_some_and(|problem| !problem.is_passing());
            if is_refused {
                tracing::warn!(%error, body = %body.id, "the node refused a body");
                self.refused(body, error.to_string()).await;
                return None;
            }
            tracing::debug!(%error, "the node does not take a body now");
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn refused(&self, body: &OnItsWay, reason: String) {
        if body.outgoing.sequence.is_some() {
            self.give_back(body).await;
        } else {
            self.tell(body, Stage::Refused { body: body.id, reason }, true);
        }
    }

    /// Follows a body to its outcome, whatever becomes of the node meanwhile.
    async fn follow(self: Arc<Self>, body: OnItsWay, mut posted: Posted) {
        let Ok(_turn) = self.following.acquire().await else { return };
        loop {
            let error = match self.poster.finish(body.id, FOLLOW_TIME).await {
                Ok(Final::Outcome(fate)) => {
                    let outcome = fate.outcome.map(|told| told.code).unwrap_or_default();
                    return self.settle(&body, posted, outcome).await;
                }
                Ok(Final::Expired) => {
                    return self.settle(&body, posted, "expired".to_owned()).await;
                }
                Err(error) => error,
            };
            tracing::debug!(%error, body = %body.id, "no outcome yet");
            sleep(PAUSE_MIN).await;
            // The node does not know it: it is another one, or was made anew.
            if error.problem().is_some_and(|problem| problem.status == 404) {
                match self.hand_over(&body).await {
                    Some(again) => posted = again,
                    None => return,
                }
            }
        }
    }

    async fn settle(&self, body: &OnItsWay, posted: Posted, outcome: String) {
        let is_applied = outcome == "applied";
        self.sender.metrics.settled(is_applied);
        if is_applied || body.outgoing.sequence.is_none() {
            self.tell(body, Stage::Final { body: body.id, tx: Some(posted.id), outcome }, true);
        } else {
            tracing::warn!(outcome, body = %body.id, "a body took no effect; it is sealed anew");
            self.give_back(body).await;
        }
    }

    /// Lets the messages of a body of ours wait again. Its sequence is behind us in any case.
    async fn give_back(&self, body: &OnItsWay) {
        let address = self.poster.address();
        if let Ok(account) = self.sender.node.account(&address).await {
            self.next.fetch_max(account.next, Ordering::Relaxed);
        }
        let mut changes = self.sender.store.change();
        changes.give_back(body.id, &body.outgoing);
        if let Err(error) = changes.commit(None) {
            tracing::error!(%error, "a body stays on its way until the next start");
            return;
        }
        self.sender.metrics.given_back();
        let Some(device) = body.outgoing.device() else { return };
        let is_batched = self.sender.intake.device(device).is_some_and(|device| device.batch);
        let mut backlog = self.backlog();
        for entry in &body.outgoing.entries {
            backlog.add(entry, is_batched);
        }
        backlog.pause(device, now() + FAILURE_PAUSE);
    }

    /// Tells a device; `is_last`: the body is done with, on disk, before that is told.
    fn tell(&self, body: &OnItsWay, stage: Stage, is_last: bool) {
        let Some(device) = body.outgoing.device() else { return };
        let messages = body.outgoing.entries.iter().map(|entry| entry.id).collect();
        let receipt = Receipt { device: device.clone(), messages, stage };
        if is_last {
            let mut changes = self.sender.store.change();
            changes.done(body.id);
            changes.keep(&receipt);
            if let Err(error) = changes.commit(None) {
                tracing::error!(%error, "a body is asked for once more at the next start");
                return;
            }
        }
        self.sender.front.deliver(device, &receipt.topic(), receipt.to_json().into());
    }

    fn free(&self, device: &DeviceName, not_before: Time) {
        self.backlog().free(device, not_before);
        self.sender.bell.notify_one();
    }

    fn backlog(&self) -> MutexGuard<'_, Backlog> {
        self.sender.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a body was not made. Its messages wait.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(String);

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}
