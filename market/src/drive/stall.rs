//! A buyer at a seller: one channel, one connection at a time, and a new one after each cut.
//!
//! Everything happens inside [`Stall::next`]: whoever stops asking stops buying, and asking for the
//! next thing says that the one before was taken care of. Only then is written down that its
//! readings have come, so a crash in between brings them again, for no new money, and loses none.
//!
//! Invariant: of writes one is on its way at a time, and a payment leaves after its own.

use std::{collections::VecDeque, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, future::pending, stream::FuturesUnordered};
use quinn::VarInt;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout},
};
use weft_core::{
    codec::{Decode as _, Encode as _},
    digest::BodyId,
    keys::Sign,
    market::{
        batch::SealedBatch,
        objects::{Channel, Listing},
    },
    tx::ContentType,
};

use super::{
    clock,
    dial::{self, Dial},
    jitter::jittered,
    ledger::{Ledger, LedgerError},
    link::{LinkError, Receiver, Sender},
    open::Resumed,
    press::patiently,
    scribe::Scribe,
};
use crate::{
    buyer::{Buyer, Counter, Event, Input, Out, Settings, Ticket, Wanted},
    frame::ToBuyer,
    hello::{EXPORTER_LABEL, Exporter},
    shelf::{ShelfError, progress},
};

/// How often the channel is looked up, so that a top-up is seen.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// How long the machine may go without being asked what is due.
const IDLE: Duration = Duration::from_secs(60);

/// The pause before a seller that is not reached is dialled again: doubles from the first to the
/// last.
const REDIAL_MIN: Duration = Duration::from_millis(250);
const REDIAL_MAX: Duration = Duration::from_secs(15);

/// How long the last words may take to leave.
const FAREWELL: Duration = Duration::from_secs(2);

/// The code with which a session is closed in good order.
const CLOSED: VarInt = VarInt::from_u32(0);

/// What a stall tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Something that the session's machine tells. [`Event::Ended`] is the last.
    Event(Event),
    /// The seller is not reached, or was lost; it is dialled again after the pause.
    Apart {
        /// Why.
        cause: String,
        /// How long.
        pause: Duration,
    },
}

/// Why a stall cannot go on. What was paid is on disk; a new one goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum StallError {
    /// The shelf failed.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// The ledger refuses to be asked.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What the ledger says of a batch that was looked up.
type Looked = Result<Option<Box<SealedBatch>>, LedgerError>;

/// A buyer at a seller.
pub struct Stall {
    machine: Buyer,
    channel: BodyId,
    listing: Listing,
    ledger: Arc<dyn Ledger>,
    dial: Arc<dyn Dial>,
    scribe: Scribe,
    /// Told by the machine and not by us yet. What follows from them waits.
    events: VecDeque<Event>,
    /// To be written once the events are taken.
    unwritten: Option<(Ticket, Counter)>,
    writing: Option<Pending<(Ticket, Result<(), ShelfError>)>>,
    looks: FuturesUnordered<Pending<(BodyId, Looked)>>,
    channel_look: Pending<Result<Option<Box<Channel>>, LedgerError>>,
    link: Link,
    redial: Duration,
    is_over: bool,
}

/// Where the connection stands.
enum Link {
    /// To be dialled at this moment; never again without one.
    Apart(Option<Instant>),
    Dialling(Pending<Result<Opened, String>>),
    Up(Box<Opened>),
}

struct Opened {
    quic: quinn::Connection,
    exporter: Exporter,
    receiver: Receiver,
    sender: Sender,
    writer: JoinHandle<Result<(), LinkError>>,
}

impl Opened {
    /// Closes the connection once what was said is sent, or after a moment.
    async fn close(self) {
        drop(self.sender);
        // Whoever does not read is closed all the same.
        let _ = timeout(FAREWELL, self.writer).await;
        self.quic.close(CLOSED, b"done");
    }
}

impl Stall {
    /// Goes to the seller of `wanted.listing` with the channel `resumed`, which `key` signs for.
    /// Nothing happens before [`Self::next`].
    pub fn new(
        wanted: Wanted,
        resumed: Resumed,
        key: Arc<dyn Sign>,
        ledger: Arc<dyn Ledger>,
        dial: Arc<dyn Dial>,
        scribe: Scribe,
    ) -> Self {
        let Resumed { channel, chain, counter } = resumed;
        let id = channel.id;
        let listing = wanted.listing.clone();
        let settings = Settings { network: ledger.network(), channel, wanted };
        Self {
            machine: Buyer::new(settings, chain, key, counter),
            channel: id,
            listing,
            channel_look: look_later(ledger.clone(), id),
            ledger,
            dial,
            scribe,
            events: VecDeque::new(),
            unwritten: None,
            writing: None,
            looks: FuturesUnordered::new(),
            link: Link::Apart(Some(Instant::now())),
            redial: REDIAL_MIN,
            is_over: false,
        }
    }

    /// Pays no more; what is paid is still waited for. [`Event::Ended`] follows.
    pub fn stop(&mut self) {
        self.handle(Input::Stop);
    }

    /// The next thing to know; `None` once it has ended. Asking for it says that the one before
    /// was taken care of. Nothing is lost if the future is dropped.
    pub async fn next(&mut self) -> Option<Result<Told, StallError>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                self.is_over |= matches!(event, Event::Ended(_));
                return Some(Ok(Told::Event(event)));
            }
            if self.is_over && self.unwritten.is_none() && self.writing.is_none() {
                return None;
            }
            match self.step().await {
                Ok(None) => {}
                Ok(Some(told)) => return Some(Ok(told)),
                Err(error) => {
                    self.is_over = true;
                    (self.unwritten, self.writing) = (None, None);
                    return Some(Err(error));
                }
            }
        }
    }

    /// One thing that happens. Whatever it led to is done or begun when this returns.
    async fn step(&mut self) -> Result<Option<Told>, StallError> {
        self.begin_write();
        let due = self.machine.deadline().map(clock::until);
        let due = due.unwrap_or(Instant::now() + IDLE).min(Instant::now() + IDLE);
        tokio::select! {
            biased;
            (ticket, written) = optional(&mut self.writing) => {
                self.writing = None;
                written?;
                self.handle(Input::Synced { ticket });
            }
            happened = self.link.next() => return Ok(self.take(happened)),
            Some((body, found)) = self.looks.next() => {
                let found = found?;
                self.handle(Input::Batch { body, found });
            }
            channel = &mut self.channel_look => {
                self.channel_look = look_later(self.ledger.clone(), self.channel);
                self.handle(Input::Channel(channel?));
            }
            () = sleep_until(due) => self.handle(Input::Tick),
        }
        Ok(None)
    }

    fn begin_write(&mut self) {
        if self.writing.is_some() {
            return;
        }
        let Some((ticket, counter)) = self.unwritten.take() else { return };
        let (scribe, batch) = (self.scribe.clone(), progress(&self.channel, &counter));
        let write = async move { (ticket, scribe.write(batch).await) };
        self.writing = Some(Box::pin(write));
    }

    /// What happened on the way to the seller.
    fn take(&mut self, happened: Happened) -> Option<Told> {
        match happened {
            Happened::Due => {
                let (dial, listing) = (self.dial.clone(), self.listing.clone());
                self.link = Link::Dialling(Box::pin(connect(dial, listing)));
                None
            }
            Happened::Dialled(Ok(opened)) => {
                let exporter = opened.exporter;
                self.link = Link::Up(Box::new(opened));
                self.handle(Input::Up { exporter });
                None
            }
            Happened::Dialled(Err(cause)) => {
                let pause = jittered(self.redial);
                self.redial = (self.redial * 2).min(REDIAL_MAX);
                self.link = Link::Apart(Some(Instant::now() + pause));
                Some(Told::Apart { cause, pause })
            }
            Happened::Frame(frame) => {
                self.redial = REDIAL_MIN;
                self.handle(Input::Frame(frame));
                None
            }
            Happened::Malformed => {
                self.handle(Input::Malformed);
                None
            }
            Happened::Lost(cause) => {
                self.link = Link::Apart(None);
                self.handle(Input::Down);
                let Link::Apart(Some(until)) = &self.link else { return None };
                Some(Told::Apart { cause, pause: until.saturating_duration_since(Instant::now()) })
            }
        }
    }

    /// Tells the machine, and does what it wants.
    fn handle(&mut self, input: Input) {
        let mut out = Out::default();
        self.machine.handle(clock::now(), input, &mut out);
        let Out { write, frames, looks, events, close, redial } = out;
        self.unwritten = write.or(self.unwritten.take());
        self.events.extend(events);
        if let Link::Up(opened) = &self.link {
            for frame in frames {
                // Who does not read is found out by the machine's deadlines.
                let _ = opened.sender.send([Bytes::from(frame.to_bytes())]);
            }
        }
        for body in looks {
            let (ledger, listing) = (self.ledger.clone(), self.listing.clone());
            self.looks.push(Box::pin(async move { (body, look(&*ledger, body, &listing).await) }));
        }
        if let Some(after) = redial {
            let pause = jittered(Duration::from_millis(after.as_millis()));
            self.link = Link::Apart(Some(Instant::now() + pause));
        }
        if close.is_some()
            && let Link::Up(opened) = std::mem::replace(&mut self.link, Link::Apart(None))
        {
            tokio::spawn(opened.close());
            self.handle(Input::Down);
        }
    }
}

/// What can happen on the way to a seller.
enum Happened {
    Due,
    Dialled(Result<Opened, String>),
    Frame(ToBuyer),
    Malformed,
    Lost(String),
}

impl Link {
    async fn next(&mut self) -> Happened {
        match self {
            Self::Apart(Some(until)) => {
                sleep_until(*until).await;
                Happened::Due
            }
            Self::Apart(None) => pending().await,
            Self::Dialling(dialled) => Happened::Dialled(dialled.await),
            Self::Up(opened) => match opened.receiver.next().await {
                Ok(Some(frame)) => Happened::Frame(frame),
                Ok(None) => Happened::Lost("the seller closed the session".to_owned()),
                Err(LinkError::Frame(_) | LinkError::Malformed(_)) => Happened::Malformed,
                Err(error) => Happened::Lost(error.to_string()),
            },
        }
    }
}

async fn connect(dial: Arc<dyn Dial>, listing: Listing) -> Result<Opened, String> {
    let quic = dial::reach(&*dial, &listing).await.map_err(|error| error.to_string())?;
    let (sender, receiver) = quic.open_bi().await.map_err(|error| error.to_string())?;
    let mut exporter = Exporter::default();
    quic.export_keying_material(&mut exporter, EXPORTER_LABEL, &[])
        .map_err(|_| "TLS gives no exporter".to_owned())?;
    let (sender, writer) = Sender::start(sender);
    Ok(Opened { quic, exporter, receiver: Receiver::new(receiver), sender, writer })
}

/// The sealed batch of a body, if it is one of the offer's stream and source.
pub(super) async fn look(
    ledger: &dyn Ledger,
    body: BodyId,
    listing: &Listing,
) -> Result<Option<Box<SealedBatch>>, LedgerError> {
    let Some((issuer, data)) = patiently(|| ledger.data(body)).await? else { return Ok(None) };
    let offer = &listing.offer;
    let is_ours = issuer == offer.source
        && data.stream == offer.stream
        && data.content_type == ContentType::SEALED_BATCH;
    Ok(SealedBatch::from_bytes(&data.bytes).ok().filter(|_| is_ours).map(Box::new))
}

/// The channel, after a while.
fn look_later(
    ledger: Arc<dyn Ledger>,
    id: BodyId,
) -> Pending<Result<Option<Box<Channel>>, LedgerError>> {
    Box::pin(async move {
        sleep(LOOK_EVERY).await;
        let found = patiently(|| ledger.channel(id)).await?;
        Ok(found.map(|found| Box::new(found.channel)))
    })
}

/// Never ready where there is nothing.
async fn optional<T>(future: &mut Option<Pending<T>>) -> T {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}
