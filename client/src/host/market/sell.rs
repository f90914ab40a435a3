//! Sells a stream of readings.

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt as _};
use tokio::{
    sync::broadcast,
    task::{JoinHandle, spawn_blocking},
};
use weft_core::{
    digest::BodyId,
    keys::HostVerifier,
    market::{
        batch::{Reading, SealLevel},
        objects::Listing,
        terms::{Sample, Unit},
    },
    time::Span,
    tx::{Offer, OfferEnd, Payload, SealedBody, StreamName, Title},
    units::Amount,
};
use weft_market::{
    drive::{Ledger, Shop, ShopError, ShopEvent, ShopSettings},
    seal::Cut,
    seller::{Limits, Revenue},
    shelf::{FjallShelf, SellerBook, ShelfError},
};
use weft_net::{Door, Guests};

use super::{Counter, HttpLedger, MarketError, post};

/// How a stream is offered.
#[derive(Clone, Debug)]
pub struct Sale {
    /// The stream: 1 to 64 bytes of UTF-8 without control characters.
    pub stream: String,
    /// What people see: 1 to 128 bytes. Default: the stream.
    pub title: String,
    /// What a tick pays for. Default: one reading.
    pub unit: Unit,
    /// What a tick costs, in base units; above 0.
    pub price: u64,
    /// What is given away before. Default: up to 10 readings that are a minute old.
    pub sample: Sample,
    /// When a chunk is full. Default: with one reading.
    pub cut: Cut,
    /// Who vouches for the readings. Default: the gateway, which is whoever sells.
    pub level: SealLevel,
    /// How long the offer stays listed. Default 30 days.
    pub lasts: Duration,
    /// Sealed chunks kept, in bytes. Default 1 GiB.
    pub retention_bytes: u64,
    /// Bounds and spans of sessions.
    pub limits: Limits,
}

impl Sale {
    /// One tick of `price` base units for each reading of `stream`.
    pub fn per_reading(stream: &str, price: u64) -> Self {
        Self {
            stream: stream.to_owned(),
            title: stream.to_owned(),
            unit: Unit::Reading,
            price,
            sample: Sample { readings: 10, delay_s: 60 },
            cut: Cut::default(),
            level: SealLevel::Gateway,
            lasts: Duration::from_secs(30 * 24 * 60 * 60),
            retention_bytes: 1 << 30,
            limits: Limits::default(),
        }
    }

    fn offer(&self, ledger: &HttpLedger, counter: &Counter) -> Result<Offer, MarketError> {
        let wrong = |what| {
            move |error: weft_core::codec::DecodeError| MarketError::Terms {
                what,
                rule: error.to_string(),
            }
        };
        Ok(Offer {
            stream: StreamName::parse(&self.stream).map_err(wrong("stream"))?,
            source: ledger.account(),
            title: Title::parse(&self.title).map_err(wrong("title"))?,
            unit: self.unit,
            price: Amount(self.price),
            sample: self.sample,
            endpoint: counter.endpoint,
            addresses: counter.addresses.clone(),
            terms: [0; 32],
            expiry: super::now() + span(self.lasts),
        })
    }
}

/// A stream that is being sold. Dropping it closes the shop without a last claim.
pub struct Selling {
    shop: Arc<Shop>,
    ledger: Arc<HttpLedger>,
    listing: Listing,
    usher: JoinHandle<()>,
    /// Closed with the shop.
    _door: Option<Door>,
}

impl Selling {
    /// Opens a shop in the folder `dir`, where buyers come in at `counter`. The offer of an earlier
    /// run is kept if it still says the same; otherwise a new one is made and the old one ended.
    pub async fn open(
        sale: Sale,
        dir: &Path,
        counter: Counter,
        ledger: Arc<HttpLedger>,
    ) -> Result<Self, MarketError> {
        let offer = sale.offer(&ledger, &counter)?;
        let (dir, fresh) = (dir.to_owned(), super::drawn()?);
        let stream = offer.stream.clone();
        let opened = blocking(move || {
            let book = SellerBook::new(Arc::new(FjallShelf::open(&dir)?));
            let secret = book.open(&stream, fresh)?;
            let offer = book.offer()?;
            Ok((book, secret, offer))
        });
        let (book, secret, before) = opened.await?;
        let listing = list(&ledger, &book, before, offer).await?;
        let settings = ShopSettings {
            level: sale.level,
            retention_bytes: sale.retention_bytes,
            limits: sale.limits,
            ..ShopSettings::new(listing.clone(), sale.cut)
        };
        let driver: Arc<dyn Ledger> = ledger.clone();
        let shop = Shop::open(settings, secret, book, driver, Arc::new(HostVerifier)).await?;
        let shop = Arc::new(shop);
        let usher = tokio::spawn(usher(counter.guests, shop.clone()));
        Ok(Self { shop, ledger, listing, usher, _door: counter.door })
    }

    /// The offer, as the ledger has it.
    pub const fn listing(&self) -> &Listing {
        &self.listing
    }

    /// Sells one reading. Waits while too many are on their way to the ledger.
    pub async fn publish(&self, reading: Reading) -> Result<(), MarketError> {
        Ok(self.shop.publish(reading).await?)
    }

    /// Sells all of `readings`.
    pub async fn publish_all(
        &self,
        readings: impl Stream<Item = Reading>,
    ) -> Result<(), MarketError> {
        let mut readings = std::pin::pin!(readings);
        while let Some(reading) = readings.next().await {
            self.publish(reading).await?;
        }
        Ok(())
    }

    /// What happens from now on. Who listens too slowly misses some.
    pub fn events(&self) -> broadcast::Receiver<ShopEvent> {
        self.shop.events()
    }

    /// What each channel has brought.
    pub async fn revenue(&self) -> Result<Vec<Revenue>, MarketError> {
        Ok(self.shop.revenue().await?)
    }

    /// Claims what is unclaimed now, of one channel or of all.
    pub async fn claim(&self, channel: Option<BodyId>) -> Result<(), MarketError> {
        Ok(self.shop.claim(channel).await?)
    }

    /// Batches written to the folder so far, and the syncs that it took.
    pub fn writes(&self) -> (u64, u64) {
        self.shop.writes()
    }

    /// Ends the offer, which frees its bond.
    pub async fn end_offer(&self) -> Result<(), MarketError> {
        post(&self.ledger, Payload::OfferEnd(OfferEnd { offer: self.listing.id })).await
    }

    /// Tells all buyers, claims what was paid, and waits until the ledger has it, or half a minute.
    pub async fn stop(self) -> Result<(), MarketError> {
        self.usher.abort();
        Ok(self.shop.stop().await?)
    }
}

impl Drop for Selling {
    fn drop(&mut self) {
        self.usher.abort();
    }
}

/// Lets buyers in.
async fn usher(mut guests: Guests, shop: Arc<Shop>) {
    while let Some(guest) = guests.next().await {
        let connection = guest.connection.clone();
        if shop.serve(connection, Box::new(guest)).await.is_err() {
            return;
        }
    }
}

/// The offer on the ledger: that of an earlier run, or a new one.
async fn list(
    ledger: &HttpLedger,
    book: &SellerBook,
    before: Option<SealedBody>,
    offer: Offer,
) -> Result<Listing, MarketError> {
    if let Some(before) = &before {
        // It may never have left, or be listed, or be over: sent again it is there once.
        let id = before.body.id();
        let sent = async {
            ledger.send(before).await?;
            ledger.finish(id).await
        };
        if sent.await.is_ok()
            && let Some(listing) = ledger.listing(id).await?
        {
            if is_same(&listing.offer, &offer) {
                return Ok(listing);
            }
            post(ledger, Payload::OfferEnd(OfferEnd { offer: id })).await?;
        }
    }
    let sealed = ledger.seal(Payload::Offer(offer)).await?;
    let (book, written) = (book.clone(), sealed.clone());
    blocking(move || book.put_offer(&written)).await?;
    ledger.send(&sealed).await?;
    ledger.finish(sealed.body.id()).await?;
    ledger.listing(sealed.body.id()).await?.ok_or(MarketError::NoOffer)
}

/// Whether an offer that is listed says what a new one would, but for its end.
fn is_same(listed: &Offer, new: &Offer) -> bool {
    *listed == Offer { expiry: listed.expiry, ..new.clone() }
}

fn span(time: Duration) -> Span {
    Span::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ShelfError> + Send + 'static,
) -> Result<T, MarketError> {
    Ok(spawn_blocking(work).await.map_err(|_| ShopError::Closed)??)
}
