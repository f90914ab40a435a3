//! Buys a stream of readings.

use std::{collections::VecDeque, path::Path, sync::Arc};

use futures_util::{Stream, stream};
use tokio::task::spawn_blocking;
use weft_core::{
    digest::BodyId,
    keys::Sign,
    market::{
        batch::{Reading, SealLevel},
        objects::Listing,
    },
    units::Amount,
};
use weft_market::{
    buyer::{End, Event, Exposure, Wanted},
    drive::{
        Dial, Ledger, OpenError, Opening, Resumed, Sampled, Scribe, Stall, Told, enquire, open,
        resume,
    },
    shelf::{BuyerBook, FjallShelf, Shelf},
};

use super::{Caller, HttpLedger, MarketError};

/// What may be spent, and on what.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// What is spent at most, in base units: a hard cap over all runs in one folder. It is locked
    /// as a deposit; what is left comes back when the channel ends.
    pub max: u64,
    /// What is risked at most: paid and not yet keyed. Default: one chunk at a time.
    pub exposure: Exposure,
    /// Who must at least vouch for the readings. Default: the gateway.
    pub level: SealLevel,
    /// The first chunk to buy; without, the one that comes next. A channel that is resumed goes on
    /// where it was.
    pub from: Option<u64>,
    /// How many readings are wanted: nothing is paid beyond the chunk that has the last of them.
    pub readings: Option<u64>,
}

impl Budget {
    /// At most `max` base units, from the next chunk on.
    pub const fn of(max: u64) -> Self {
        Self {
            max,
            exposure: Exposure::OneChunk,
            level: SealLevel::Gateway,
            from: None,
            readings: None,
        }
    }
}

/// A reading that was paid for, and held against the ledger to the last byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bought {
    /// The chunk that it came in, by its place in the stream.
    pub chunk: u64,
    /// Its place in the chunk.
    pub place: usize,
    /// The body that has the chunk's batch: what its proof is asked for by.
    pub batch: BodyId,
    /// Whether the committee's proof of the batch was checked, before it was paid.
    pub is_proved: bool,
    /// Ticks that the channel has paid up to its chunk.
    pub ticks: u32,
    /// The reading.
    pub reading: Reading,
}

/// What else happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A reading came.
    Reading(Box<Bought>),
    /// Chunks that the seller does not have; they were not paid.
    Gap {
        /// The first that is missing.
        from: u64,
        /// The first that is not.
        to: u64,
    },
    /// The seller is not reached or cannot go on; it goes on by itself.
    Waiting(String),
    /// It is over, and why.
    Ended(End),
}

/// A purchase under way. Asking for the next thing says that the one before was taken care of: a
/// crash before that brings it again, and does not pay again.
pub struct Buying {
    stall: Stall,
    listing: Listing,
    channel: BodyId,
    is_proving: bool,
    ready: VecDeque<Bought>,
    /// What earlier channels have spent on the offer, and this one so far.
    before: Amount,
    spent: Amount,
    max: Amount,
}

impl Buying {
    /// Buys `offer` with `budget`. The folder `dir` remembers the channel: calling again goes on
    /// where it was, also after a crash. `key` is that of the ledger's account.
    pub async fn open(
        offer: BodyId,
        budget: Budget,
        dir: &Path,
        key: Arc<dyn Sign>,
        ledger: Arc<HttpLedger>,
    ) -> Result<Self, MarketError> {
        let dir = dir.to_owned();
        let shelf = spawn_blocking(move || FjallShelf::open(&dir)).await;
        let shelf: Arc<dyn Shelf> = Arc::new(shelf.map_err(|_| OpenError::Stopping)??);
        let caller = Caller::open().await?;
        let book = BuyerBook::new(shelf.clone());
        Self::open_with(offer, budget, &book, Scribe::start(shelf), key, ledger, caller).await
    }

    /// The same over a shelf and a socket that others may share.
    pub async fn open_with(
        offer: BodyId,
        budget: Budget,
        book: &BuyerBook,
        scribe: Scribe,
        key: Arc<dyn Sign>,
        ledger: Arc<dyn Ledger>,
        dial: Arc<dyn Dial>,
    ) -> Result<Self, MarketError> {
        let listing = ledger.listing(offer).await?.ok_or(MarketError::NoOffer)?;
        // A crash may have left more than one; all of them count.
        let past = resume(&*ledger, book, &listing).await?;
        let left = Amount(budget.max.saturating_sub(past.spent.0));
        let resumed = match past.resumed {
            Some(resumed) => resumed,
            None if left < listing.offer.price && past.spent > Amount::ZERO => {
                let (spent, limit) = (past.spent, Amount(budget.max));
                return Err(End::SpendCap { spent, limit }.into());
            }
            None => begin(&*ledger, &*dial, book, &listing, budget, left).await?,
        };
        let channel = resumed.channel.id;
        let paid = u64::from(resumed.counter.paid);
        let spent = Amount(listing.offer.price.0.saturating_mul(paid));
        let wanted = Wanted {
            level: budget.level,
            exposure: budget.exposure,
            spend_max: Some(left),
            readings_max: budget.readings,
            ..Wanted::new(listing.clone())
        };
        let is_proving = ledger.is_proving();
        let stall = Stall::new(wanted, resumed, key, ledger, dial, scribe);
        let (ready, before, max) = (VecDeque::new(), past.spent, Amount(budget.max));
        Ok(Self { stall, listing, channel, is_proving, ready, before, spent, max })
    }

    /// The offer, as the ledger has it.
    pub const fn listing(&self) -> &Listing {
        &self.listing
    }

    /// The channel that pays.
    pub const fn channel(&self) -> BodyId {
        self.channel
    }

    /// Pays no more. What is paid and not there yet still comes, then it ends.
    pub fn stop(&mut self) {
        self.stall.stop();
    }

    /// The next thing that happens; `None` once it is over. Nothing is lost if the future is
    /// dropped.
    pub async fn next(&mut self) -> Option<Result<Progress, MarketError>> {
        loop {
            if let Some(bought) = self.ready.pop_front() {
                return Some(Ok(Progress::Reading(Box::new(bought))));
            }
            let progress = match self.stall.next().await? {
                Err(error) => return Some(Err(error.into())),
                Ok(Told::Apart { cause, .. }) => Progress::Waiting(cause),
                Ok(Told::Event(event)) => match event {
                    Event::Readings { sequence, batch, index, chunk } => {
                        let is_proved = self.is_proving;
                        let readings = chunk.into_readings().into_iter().enumerate();
                        self.ready.extend(readings.map(|(place, reading)| Bought {
                            chunk: sequence,
                            place,
                            batch,
                            is_proved,
                            ticks: index,
                            reading,
                        }));
                        continue;
                    }
                    Event::Began { .. } => continue,
                    Event::Paid { spent, .. } => {
                        self.spent = spent;
                        continue;
                    }
                    Event::Gap { from, to } => Progress::Gap { from, to },
                    Event::Waiting(refusal) => Progress::Waiting(refusal.to_string()),
                    Event::Ended(end) => Progress::Ended(self.of_budget(end)),
                },
            };
            return Some(Ok(progress));
        }
    }

    /// A channel holds what the budget allows: that it is used up is the budget's end.
    fn of_budget(&self, end: End) -> End {
        let spent = Amount(self.before.0.saturating_add(self.spent.0));
        let next = spent.0.saturating_add(self.listing.offer.price.0);
        match end {
            End::ChainUsed | End::DepositUsed | End::SpendCap { .. } if next > self.max.0 => {
                End::SpendCap { spent, limit: self.max }
            }
            other => other,
        }
    }

    /// The readings alone, as a stream. It ends with the purchase; an end that nobody wished for is
    /// its last item.
    pub fn readings(self) -> impl Stream<Item = Result<Bought, MarketError>> + Send {
        stream::unfold(Some(self), |buying| async move {
            let mut buying = buying?;
            loop {
                match buying.next().await? {
                    Ok(Progress::Reading(bought)) => return Some((Ok(*bought), Some(buying))),
                    Ok(Progress::Gap { .. } | Progress::Waiting(_))
                    | Ok(Progress::Ended(End::Stopped)) => {}
                    Ok(Progress::Ended(end)) => {
                        // What has come is written down before nothing comes any more.
                        while buying.next().await.is_some() {}
                        return Some((Err(end.into()), None));
                    }
                    Err(error) => return Some((Err(error), None)),
                }
            }
        })
    }
}

/// A new channel, from the chunk that the budget says or the one that comes next.
async fn begin(
    ledger: &dyn Ledger,
    dial: &dyn Dial,
    book: &BuyerBook,
    listing: &Listing,
    budget: Budget,
    deposit: Amount,
) -> Result<Resumed, MarketError> {
    // Whoever cannot be reached is paid nothing.
    let quote = enquire(ledger, dial, listing, budget.level, false).await?.quote;
    let first = budget.from.map_or(quote.next, |from| from.max(quote.first));
    Ok(open(ledger, book, listing, Opening::of(deposit), first).await?)
}

/// What the seller of `offer` gives away: its terms and some readings, held against the ledger.
pub async fn sample(offer: BodyId, ledger: &HttpLedger) -> Result<Sampled, MarketError> {
    let listing = ledger.listing(offer).await?.ok_or(MarketError::NoOffer)?;
    let caller = Caller::open().await?;
    Ok(enquire(ledger, &*caller, &listing, SealLevel::Gateway, true).await?)
}
