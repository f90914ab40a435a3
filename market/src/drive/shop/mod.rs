//! A seller that runs: its machine, its buyers' connections, its press, its shelf and its ledger.
//!
//! ```text
//!  readings -> press -> chunks --\                      /-- writes -> scribe -> Synced
//!  connections -> sessions -------+-> keeper: Seller ---+-- frames -> sessions
//!  ledger: commits, channels ----/                      \-- asks   -> ledger
//! ```
//! One task, the keeper, owns the machine and hears everything in one queue; all others do one
//! thing each and tell it. Invariant: a connection's frames reach the machine in their order, and
//! what waits for a buyer, a disk or a ledger is bounded.

mod ciphertexts;
mod clerk;
mod heard;
mod keeper;
mod session;

use std::{any::Any, sync::Arc};

use tokio::{
    sync::{broadcast, mpsc, oneshot},
    task::{JoinHandle, spawn_blocking},
};
use weft_core::{
    digest::BodyId,
    keys::Verify,
    market::{
        batch::{Reading, SealLevel},
        objects::Listing,
    },
    units::Amount,
};

use self::{ciphertexts::Ciphertexts, clerk::Clerk, keeper::Keeper};
use super::{ledger::Ledger, press::Press, scribe::Scribe};
use crate::{
    seal::{Cut, Cutter, CutterError, StreamSecret},
    seller::{self, Limits, Revenue, Seller},
    shelf::{SellerBook, ShelfError, StoredChunk},
};

/// Readings that wait for the press; whoever brings a further one waits.
const READINGS_MAX: usize = 256;

/// Chunks between the press and the keeper.
const PRESSED_MAX: usize = 64;

/// What waits for the keeper. When full, sessions do not read.
const HEARD_MAX: usize = 4_096;

/// Events kept for a listener that does not listen; it misses older ones.
const EVENTS_MAX: usize = 4_096;

/// How a stream is sold.
#[derive(Clone, Debug)]
pub struct ShopSettings {
    /// The offer, as the ledger has it.
    pub listing: Listing,
    /// Who vouches for the readings.
    pub level: SealLevel,
    /// When a chunk is full.
    pub cut: Cut,
    /// Sealed chunks kept, in bytes; beyond, the oldest leave. Default 1 GiB.
    pub retention_bytes: u64,
    /// Bounds and spans of the sessions.
    pub limits: Limits,
}

impl ShopSettings {
    /// The defaults for `listing`, cut as `cut` says.
    pub fn new(listing: Listing, cut: Cut) -> Self {
        let (level, limits) = (SealLevel::Gateway, Limits::default());
        Self { listing, level, cut, retention_bytes: 1 << 30, limits }
    }
}

/// Something that the owner of a shop may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShopEvent {
    /// A chunk is for sale.
    Published {
        /// Its place in the stream.
        sequence: u64,
        /// Readings in it.
        readings: u16,
        /// The body that has its batch.
        batch: BodyId,
    },
    /// A channel has paid so many ticks in all, and that is on disk.
    Paid {
        /// Which.
        channel: BodyId,
        /// Ticks.
        index: u32,
    },
    /// A claim took effect.
    Claimed {
        /// Of which channel.
        channel: BodyId,
        /// Ticks claimed in all.
        index: u32,
        /// What they brought in all.
        amount: Amount,
    },
    /// Something went wrong, and what is done about it.
    Trouble(String),
}

/// Why a shop does not open, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ShopError {
    /// The shelf failed.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// A cut that no chunk can have.
    #[error(transparent)]
    Cut(#[from] CutterError),
    /// It was stopped.
    #[error("the shop is closed")]
    Closed,
}

/// What a shop is asked by its owner.
pub(crate) enum Order {
    /// Serve a connection; the guard is dropped with it.
    Serve(Box<quinn::Connection>, Box<dyn Any + Send>),
    /// Claim what is unclaimed, of one channel or of all.
    Claim(Option<BodyId>),
    /// Tell what each channel has brought.
    Revenue(oneshot::Sender<Vec<Revenue>>),
    /// Claim all, close all; tell once that is done.
    Stop(oneshot::Sender<()>),
}

/// A shop that is open. Dropping it closes it without a last claim.
#[derive(Debug)]
pub struct Shop {
    orders: mpsc::Sender<Order>,
    readings: mpsc::Sender<Reading>,
    events: broadcast::Sender<ShopEvent>,
    scribe: Scribe,
    keeper: JoinHandle<()>,
}

impl Shop {
    /// Opens a shop over what `book` has: chunks that a crash left on their way are sent again,
    /// channels go on where they were. `secret` is that of the book.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn open(
        settings: ShopSettings,
        secret: StreamSecret,
        book: SellerBook,
        ledger: Arc<dyn Ledger>,
        verify: Arc<dyn Verify>,
    ) -> Result<Self, ShopError> {
        let cutter = Cutter::new(settings.cut)?;
        let kept = Kept::read(book.clone()).await?;
        let scribe = Scribe::start(book.shelf().clone());
        let (orders, ordered) = mpsc::channel(HEARD_MAX);
        let (readings, to_press) = mpsc::channel(READINGS_MAX);
        let (pressed_in, pressed) = mpsc::channel(PRESSED_MAX);
        let (heard_in, heard) = mpsc::channel(HEARD_MAX);
        let (events, _) = broadcast::channel(EVENTS_MAX);

        let unit = settings.listing.offer.unit;
        let (left, ready): (Vec<_>, Vec<_>) =
            kept.chunks.iter().cloned().partition(|chunk| chunk.waiting.is_some());
        let press = Press {
            stream: settings.listing.offer.stream.clone(),
            secret: secret.clone(),
            level: settings.level,
            cutter,
            scribe: scribe.clone(),
            ledger: ledger.clone(),
            next: kept.chunks.last().map_or(0, |last| last.batch.chunk + 1),
            kept_bytes: kept.chunks.iter().map(|chunk| u64::from(chunk.length)).sum(),
            kept: kept.chunks.iter().map(StoredChunk::extent).collect(),
            retention_bytes: settings.retention_bytes,
        };
        let (network, listing) = (ledger.network(), settings.listing);
        let machine = Seller::new(
            seller::Settings { network, listing, secret, limits: settings.limits },
            verify,
            kept.opened,
            kept.counters,
            ready.iter().map(|chunk| chunk.listed(unit)).collect(),
        );
        let clerk = Clerk::new(ledger, heard_in.clone());
        let keeper = Keeper {
            machine,
            unit,
            sessions: std::collections::HashMap::new(),
            next_connection: 0,
            under_way: Vec::new(),
            scribe: scribe.clone(),
            clerk,
            chunks: Arc::new(Ciphertexts::new(book)),
            heard_in,
            events: events.clone(),
            stopping: None,
        };
        let pressing =
            tokio::spawn(keeper::press(press, left, to_press, pressed_in, keeper.heard()));
        let keeper = tokio::spawn(keeper.run(ordered, heard, pressed, pressing));
        Ok(Self { orders, readings, events, scribe, keeper })
    }

    /// Takes a reading to be sold. Waits while the press is busy.
    pub async fn publish(&self, reading: Reading) -> Result<(), ShopError> {
        self.readings.send(reading).await.map_err(|_| ShopError::Closed)
    }

    /// Serves a connection that speaks [`ALPN`](crate::ALPN); `guard` is dropped at its end.
    pub async fn serve(
        &self,
        connection: quinn::Connection,
        guard: Box<dyn Any + Send>,
    ) -> Result<(), ShopError> {
        self.order(Order::Serve(Box::new(connection), guard)).await
    }

    /// What happens from now on. Who listens too slowly misses some.
    pub fn events(&self) -> broadcast::Receiver<ShopEvent> {
        self.events.subscribe()
    }

    /// Claims what is unclaimed now, of one channel or of all.
    pub async fn claim(&self, channel: Option<BodyId>) -> Result<(), ShopError> {
        self.order(Order::Claim(channel)).await
    }

    /// What each channel has brought.
    pub async fn revenue(&self) -> Result<Vec<Revenue>, ShopError> {
        let (tell, told) = oneshot::channel();
        self.order(Order::Revenue(tell)).await?;
        told.await.map_err(|_| ShopError::Closed)
    }

    /// Batches written so far, and the syncs that it took.
    pub fn writes(&self) -> (u64, u64) {
        self.scribe.counts()
    }

    /// Tells all buyers, claims what was paid, and waits until the ledger has it, or half a minute.
    pub async fn stop(&self) -> Result<(), ShopError> {
        let (tell, told) = oneshot::channel();
        self.order(Order::Stop(tell)).await?;
        told.await.map_err(|_| ShopError::Closed)
    }

    async fn order(&self, order: Order) -> Result<(), ShopError> {
        self.orders.send(order).await.map_err(|_| ShopError::Closed)
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// What an earlier run left.
struct Kept {
    chunks: Vec<StoredChunk>,
    opened: Vec<seller::Opened>,
    counters: Vec<seller::Counter>,
}

impl Kept {
    async fn read(book: SellerBook) -> Result<Self, ShopError> {
        let read = move || {
            let (chunks, opened) = (book.chunks()?, book.opened()?);
            Ok::<_, ShelfError>(Self { chunks, opened, counters: book.counters()? })
        };
        let read = spawn_blocking(read).await.map_err(|_| ShopError::Closed)?;
        Ok(read?)
    }
}
