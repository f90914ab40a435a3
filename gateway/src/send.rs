//! From what waits to what is final: seal, hand over to the node, follow, tell.
//!
//! ```text
//! backlog: whose turn -> seal + move to outgoing (one sync) -> node -> follow -> done
//! ```
//!
//! Invariant: a body is on disk before a node sees it, and stays there until it has its outcome; so
//! after a crash the same bytes are sent again, and a node that has them says so. A body of ours
//! that took no effect gives its messages back, and they are sealed anew.
//!
//! Left out on purpose: giving up. Hours without a node are waited out; what is behind shows in the
//! metrics.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
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
    host::{Attach, ClientError, Final, NewReading, NodeClient, Posted, Poster, Retry},
};
use weft_core::{
    address::Address,
    codec::{Decode as _, Encode as _},
    digest::BodyId,
    keys::Sign,
    pow::required_bits,
    time::{Span, Time},
    tx::{ContentType, SealedBody},
    units::Sequence,
};

use crate::{
    batch::{self, Next},
    clock::now,
    device::DeviceName,
    intake::Intake,
    metrics::Metrics,
    queue::{Backlog, Changes, Outgoing, Store, StoreError, Turn},
    receipt::{MqttFront, Receipt, Stage},
};

/// The stream of the gateway's own first reading, which registers its account.
const OWN_STREAM: &str = "weft-gateway";

/// Bodies that are made and handed over at once.
const HANDED_OVER_MAX: usize = 32;

/// Bodies that are followed at once.
const FOLLOWED_MAX: usize = 256;

/// Bodies that are not final. While there are as many, none is made.
const OUTGOING_MAX: usize = 1_024;

/// How often to look for messages whose time has come without anybody ringing.
const BEAT: Duration = Duration::from_millis(100);

const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// How long a device waits after one of its bodies took no effect, or the disk failed.
const FAILURE_PAUSE: Span = Span::from_secs(30);

/// How long one question for an outcome may take.
const FOLLOW_TIME: Duration = Duration::from_secs(600);

const DAY_MS: u64 = 86_400_000;

/// What the sender works with.
pub(crate) struct Sender {
    pub(crate) store: Arc<Store>,
    pub(crate) backlog: Arc<Mutex<Backlog>>,
    pub(crate) bell: Arc<Notify>,
    pub(crate) intake: Arc<Intake>,
    pub(crate) front: Arc<dyn MqttFront>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) node: NodeClient,
    pub(crate) key: Arc<dyn Sign>,
    pub(crate) attach: Attach,
}

/// A sender that knows its node's network.
struct Line {
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

impl Sender {
    /// Sends for as long as it is polled.
    pub(crate) async fn run(self) {
        let line = Arc::new(self.open().await);
        let mut tasks = JoinSet::new();
        if let Err(error) = line.resume(&mut tasks).await {
            tracing::error!(%error, "cannot read what was on its way; nothing is sent");
            return std::future::pending().await;
        }
        loop {
            tokio::select! {
                () = line.sender.bell.notified() => {}
                Some(_) = tasks.join_next() => {}
                () = sleep(BEAT) => {}
            }
            line.start(&mut tasks);
        }
    }

    /// Waits for the node, then finds the account's place on its network.
    async fn open(self) -> Line {
        let mut pause = PAUSE_MIN;
        loop {
            match self.try_open().await {
                Ok((poster, work_bits)) => return self.line(poster, work_bits).await,
                Err(cause) => tracing::warn!(cause, "messages wait: the node cannot be used yet"),
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn try_open(&self) -> Result<(Poster, u8), String> {
        let text = |error: ClientError| error.to_string();
        let poster = Poster::open(self.node.clone(), self.key.clone(), self.attach).await;
        let poster = poster.map_err(text)?;
        // Patience is ours: see `hand_over`.
        let poster = poster.with_retry(Retry { tries: 3, patience: Duration::from_secs(10) });
        let genesis = poster.genesis();
        match self.store.genesis().map_err(|error| error.to_string())? {
            Some(known) if known != genesis.as_bytes() => {
                return Err(format!(
                    "the queue belongs to another network than the node at {} (genesis {genesis}); \
                     name a node of that network, or another data_dir",
                    self.node.url(),
                ));
            }
            _ => {}
        }
        let work_bits = self.node.tips().await.map_err(text)?.work_bits;
        poster.count_from(self.store.next_sequence()).await;
        if poster.next_sequence().await.registers() {
            // What is posted until this one is ordered hangs below it: the poster sees to that.
            let hello = format!(r#"{{"version":"{}"}}"#, env!("CARGO_PKG_VERSION"));
            let hello = NewReading::now(OWN_STREAM, ContentType::JSON, hello.into_bytes());
            poster.post(hello).await.map_err(|error| error.to_string())?;
        }
        let mut changes = self.store.change();
        changes.set_genesis(genesis.as_bytes());
        changes.commit(None).map_err(|error| error.to_string())?;
        Ok((poster, work_bits))
    }

    async fn line(self, poster: Poster, work_bits: u8) -> Line {
        let issuer = Address::of(self.key.public_key().id());
        self.intake.set_network(poster.network());
        let next = AtomicU64::new(poster.next_sequence().await.0);
        tracing::info!(account = poster.address(), node = self.node.url(), "sending");
        Line {
            builder: Builder::new(poster.network(), issuer),
            poster,
            work_bits,
            next,
            outgoing: Arc::new(Semaphore::new(OUTGOING_MAX)),
            handing: Arc::new(Semaphore::new(HANDED_OVER_MAX)),
            following: Semaphore::new(FOLLOWED_MAX),
            sender: self,
        }
    }
}

impl Line {
    /// Sends again what was on its way when the gateway ended, in the old order.
    async fn resume(self: &Arc<Self>, tasks: &mut JoinSet<()>) -> Result<(), StoreError> {
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

    /// Starts what has its turn.
    fn start(self: &Arc<Self>, tasks: &mut JoinSet<()>) {
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
