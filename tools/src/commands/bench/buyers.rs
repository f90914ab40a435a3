//! `weft bench market`: many buyers of one stream, in one process.
//!
//! Each has a channel, a connection and counters of its own, and pays like `weft market buy` does.
//! Shared are the socket, the syncs of one disk, and the answers of the ledger about batches: what
//! a thousand nodes of a thousand buyers would cost is not what is measured.
//!
//! Invariant: a buyer is complete if it has every chunk from the first on, once and in order, up to
//! as many readings as were wanted.

use std::{
    collections::HashMap,
    path::PathBuf,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
};

use clap::value_parser;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::{
    sync::OnceCell,
    task::JoinSet,
    time::{Duration, Instant},
};
use weft_client::host::{
    Attach,
    market::{Caller, HttpLedger, MarketError},
};
use weft_core::{
    address::Address,
    digest::BodyId,
    market::{
        batch::{CHUNK_READINGS_MAX, SealLevel},
        objects::Listing,
    },
    time::Time,
    tx::{Data, NetworkId, Payload, SealedBody},
    units::Amount,
};
use weft_market::{
    buyer::{Exposure, Wanted},
    drive::{Answer, Ledger, LedgerError, Opening, Resumed, Scribe, Stall, enquire, open},
    ledger::Found,
    shelf::{BuyerBook, FjallShelf, Shelf},
};

use super::takings::{Takings, take};
use crate::{
    account::Account, failure::Failure, output::Output, signals::asked_to_end, target::Target,
};

/// Channels that are being opened at once.
const OPENING_AT_ONCE: usize = 64;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The offer, as `weft market list` shows it
    #[arg(value_parser = crate::commands::market::parse_id)]
    offer: BodyId,
    /// How many buyers
    #[arg(long, value_name = "N", default_value_t = 100,
        value_parser = value_parser!(u32).range(1..=10_000))]
    buyers: u32,
    /// Readings that each of them buys
    #[arg(long, value_name = "N", default_value_t = 100,
        value_parser = value_parser!(u64).range(1..=60_000))]
    readings: u64,
    /// Begin with this chunk, if it is still kept [default: the next]
    #[arg(long, value_name = "CHUNK")]
    from: Option<u64>,
    /// What each risks at most, in base units: paid and not there yet [default: one chunk]
    #[arg(long, value_name = "AMOUNT")]
    exposure: Option<u64>,
    /// Folder of the buyers' counters; made anew if missing
    #[arg(long, value_name = "DIR", default_value = "weft-bench")]
    dir: PathBuf,
    /// Key file of the account that opens the channels [default: ~/.config/weft/key]
    #[arg(long, value_name = "FILE", env = "WEFT_KEY")]
    key: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let node = args.target.client()?;
    let mut account = Account::open(args.key.as_deref(), output)?;
    let poster = Arc::new(account.poster(node.clone(), Attach::Here).await?);
    let genesis = node.genesis().await?;
    let dust = genesis.params.dust;
    let ledger = HttpLedger::open(node, poster.clone()).await?.proving(genesis);
    let ledger: Arc<dyn Ledger> = Arc::new(OneView { ledger, batches: Mutex::default() });
    let listing = ledger.listing(args.offer).await.map_err(MarketError::from)?;
    let listing = listing.ok_or(MarketError::NoOffer)?;
    let shelf = FjallShelf::open(&args.dir).map_err(MarketError::from)?;
    let shelf: Arc<dyn Shelf> = Arc::new(shelf);
    let caller = Caller::open().await?;

    let quote = enquire(&*ledger, &*caller, &listing, SealLevel::Gateway, false).await;
    let quote = quote.map_err(MarketError::from)?.quote;
    let first = args.from.map_or(quote.next, |from| from.max(quote.first));
    // The last chunk may have more than the last reading that is wanted.
    let ticks = args.readings.saturating_add(CHUNK_READINGS_MAX as u64);
    let deposit = Amount(listing.offer.price.0.saturating_mul(ticks)).max(dust);
    output.note(&format!("opens {} channels of {deposit}", args.buyers));
    let begun = Instant::now();
    let book = BuyerBook::new(shelf.clone());
    let opened = stream::iter(0..args.buyers)
        .map(|_| open(&*ledger, &book, &listing, Opening::of(deposit), first))
        .buffer_unordered(OPENING_AT_ONCE)
        .try_collect::<Vec<_>>()
        .await;
    account.remember(&poster).await?;
    let opened = opened.map_err(MarketError::from)?;
    output.note(&format!("opened in {:.1} s; buys from chunk {first}", secs(begun.elapsed())));

    let shop = Shopping { wanted: args.wanted(listing), ledger, caller, account, shelf };
    let takings = shop.go(opened, first, output).await?;
    output.show(&takings.value(args.readings), || takings.text(args.readings))
}

impl Args {
    fn wanted(&self, listing: Listing) -> Wanted {
        Wanted {
            exposure: self
                .exposure
                .map_or(Exposure::OneChunk, |most| Exposure::AtMost(Amount(most))),
            readings_max: Some(self.readings),
            ..Wanted::new(listing)
        }
    }
}

/// What all buyers share.
struct Shopping {
    wanted: Wanted,
    ledger: Arc<dyn Ledger>,
    caller: Arc<Caller>,
    account: Account,
    shelf: Arc<dyn Shelf>,
}

impl Shopping {
    /// Buys with all of `channels` until each has what it wants, or somebody ends it.
    async fn go(
        self,
        channels: Vec<Resumed>,
        first: u64,
        output: Output,
    ) -> Result<Takings, Failure> {
        let scribe = Scribe::start(self.shelf);
        let takings = Arc::new(Mutex::new(Takings::new(channels.len(), first)));
        let mut buyers = JoinSet::new();
        for (number, channel) in channels.into_iter().enumerate() {
            let (wanted, key) = (self.wanted.clone(), self.account.shared_key());
            let (ledger, caller) = (self.ledger.clone(), self.caller.clone());
            let stall = Stall::new(wanted, channel, key, ledger, caller, scribe.clone());
            buyers.spawn(take(number, stall, takings.clone()));
        }
        let mut asked = pin!(asked_to_end());
        loop {
            tokio::select! {
                ended = &mut asked => {
                    ended?;
                    output.note("ended before all had what they wanted");
                    break;
                }
                done = buyers.join_next() => if done.is_none() { break },
            }
        }
        buyers.shutdown().await;
        let mut takings = takings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        takings.writes = scribe.counts();
        Ok(takings)
    }
}

/// A ledger that is asked once for each batch, however many buyers want to know.
struct OneView {
    ledger: HttpLedger,
    batches: Mutex<HashMap<BodyId, Arc<Batch>>>,
}

type Batch = OnceCell<(Address, Data)>;

impl OneView {
    async fn batch(&self, body: BodyId) -> Result<Option<(Address, Data)>, LedgerError> {
        let cell = {
            let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
            batches.entry(body).or_default().clone()
        };
        // What is not there is asked for again the next time.
        let found = cell.get_or_try_init(async || {
            self.ledger.data(body).await.transpose().ok_or(None)?.map_err(Some)
        });
        match found.await {
            Ok(found) => Ok(Some(found.clone())),
            Err(None) => Ok(None),
            Err(Some(error)) => Err(error),
        }
    }
}

impl Ledger for OneView {
    fn network(&self) -> NetworkId {
        self.ledger.network()
    }

    fn account(&self) -> Address {
        self.ledger.account()
    }

    fn seal(&self, payload: Payload) -> Answer<'_, SealedBody> {
        self.ledger.seal(payload)
    }

    fn send<'a>(&'a self, sealed: &'a SealedBody) -> Answer<'a, ()> {
        self.ledger.send(sealed)
    }

    fn finish(&self, body: BodyId) -> Answer<'_, ()> {
        self.ledger.finish(body)
    }

    fn listing(&self, offer: BodyId) -> Answer<'_, Option<Listing>> {
        self.ledger.listing(offer)
    }

    fn channel(&self, id: BodyId) -> Answer<'_, Option<Box<Found>>> {
        self.ledger.channel(id)
    }

    fn data(&self, body: BodyId) -> Answer<'_, Option<(Address, Data)>> {
        Box::pin(self.batch(body))
    }

    fn is_proving(&self) -> bool {
        self.ledger.is_proving()
    }

    fn committed(&self, last: Time) -> Answer<'_, Time> {
        self.ledger.committed(last)
    }
}

fn secs(time: Duration) -> f64 {
    time.as_secs_f64()
}
