//! A body's way to the node: made, handed over.
//!
//! Invariant: each step is on disk before the next begins, and each can be done again.

mod settle;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    task::{JoinSet, spawn_blocking},
    time::sleep,
};
use weft_client::{
    Builder,
    host::{NodeClient, Posted, Poster},
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

use super::{
    PAUSE_MAX, PAUSE_MIN, Sender,
    outcomes::{Expected, Outcomes},
};
use crate::{
    batch::{self, Next},
    device::DeviceName,
    queue::{Backlog, Changes, Outgoing, StoreError, Turn},
    receipt::Stage,
};

/// Bodies that are made and handed over at once.
const HANDED_OVER_MAX: usize = 32;

/// Of those, the places that devices that are behind leave free beyond their share, so that who is
/// live finds one.
const LIVE_RESERVE: usize = 8;

/// Bodies of which the outcome is asked for at once, where the node did not tell it by itself.
const FOLLOWED_MAX: usize = 256;

/// Bodies that are not final. While there are as many, none is made.
const OUTGOING_MAX: usize = 1_024;

/// How long a device waits after one of its bodies took no effect, or the disk failed.
const FAILURE_PAUSE: Span = Span::from_secs(30);

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
    outcomes: Arc<Outcomes>,
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
            outcomes: Arc::default(),
            sender,
        }
    }

    /// Sends again what was on its way when the gateway ended: of each device in the old order.
    pub(super) async fn resume(
        self: &Arc<Self>,
        tasks: &mut JoinSet<()>,
    ) -> Result<(), StoreError> {
        let mut found = self.sender.store.outgoing().collect::<Result<Vec<_>, _>>()?;
        found.sort_by_key(|(_, outgoing)| outgoing.entries.first().map(|entry| entry.id));
        let mut devices = BTreeMap::<_, Vec<_>>::new();
        for (id, outgoing) in found {
            let sealed = SealedBody::from_bytes(&outgoing.sealed);
            let sealed = sealed.map_err(|error| StoreError::Record(error.to_string()))?;
            let place = self.outgoing.clone().try_acquire_owned().ok();
            let device = outgoing.device().cloned();
            devices.entry(device).or_default().push(OnItsWay {
                id,
                sealed,
                outgoing,
                _place: place,
            });
        }
        let mut handed = JoinSet::new();
        devices.into_values().for_each(|bodies| {
            handed.spawn(self.clone().hand_over_again(bodies));
        });
        while let Some(posted) = handed.join_next().await {
            for (body, posted) in posted.into_iter().flatten() {
                tasks.spawn(self.clone().follow(body, posted, None));
            }
        }
        Ok(())
    }

    /// Hands over what the node does not have yet.
    async fn hand_over_again(self: Arc<Self>, bodies: Vec<OnItsWay>) -> Vec<(OnItsWay, Posted)> {
        let Ok(_turn) = self.handing.acquire().await else { return Vec::new() };
        let mut posted = Vec::new();
        for body in bodies {
            let there = match self.sender.node.body(body.id).await {
                Ok(known) => Some(Posted {
                    id: known.id,
                    body: body.id,
                    position: known.position,
                    sequence: body.sealed.body.sequence,
                }),
                Err(_) => self.hand_over(&body).await,
            };
            posted.extend(there.map(|there| (body, there)));
        }
        posted
    }

    /// Where outcomes are told.
    pub(super) fn outcomes(&self) -> Arc<Outcomes> {
        self.outcomes.clone()
    }

    /// The node.
    pub(super) fn node(&self) -> NodeClient {
        self.sender.node.clone()
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
            let is_idle = self.handing.available_permits() >= LIVE_RESERVE;
            let Some(turn) = self.backlog().turn(self.now(), is_idle) else { return };
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
                return self.free(&device, self.now() + FAILURE_PAUSE);
            }
            Err(_) => return,
        };
        let expected = self.outcomes.expect(body.id);
        let posted = self.hand_over(&body).await;
        let not_before = if posted.is_some() { Time::ZERO } else { self.now() + FAILURE_PAUSE };
        self.free(&device, not_before);
        drop(handing);
        if let Some(posted) = posted {
            self.follow(body, posted, Some(expected)).await;
        }
    }

    /// Makes the next body of a device and moves its messages there, on disk.
    fn make(&self, turn: &Turn, place: OwnedSemaphorePermit) -> Result<Option<OnItsWay>, Failed> {
        let store = &self.sender.store;
        let entries = store.waiting_of(&turn.device, turn.first, turn.last)?;
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
        let day = self.now().as_millis() / DAY_MS;
        let registers = sealed.body.sequence.registers();
        let content = sealed.body.payload.content_bytes();
        let bits = required_bits(self.work_bits, content, registers);
        let tries = 1_u64.checked_shl(bits.into()).unwrap_or(u64::MAX);
        let done = self.sender.store.work(device, day)?;
        changes.set_work(device, day, done.saturating_add(tries));
        Ok(())
    }

    /// Hands a body over until the node has it on disk. `None` if it never will have.
    async fn hand_over(self: &Arc<Self>, body: &OnItsWay) -> Option<Posted> {
        let mut pause = PAUSE_MIN;
        loop {
            let error = match self.poster.send(&body.sealed).await {
                Ok(posted) => {
                    self.sender.metrics.attached();
                    self.tell(body, Stage::Attached { body: body.id, tx: posted.id });
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

    fn free(&self, device: &DeviceName, not_before: Time) {
        self.backlog().free(device, not_before);
        self.sender.bell.notify_one();
    }

    fn now(&self) -> Time {
        self.sender.clock.now()
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
