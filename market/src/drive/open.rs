//! Opens a channel, or goes on with one that was opened before.
//!
//! Invariant: the chain's secret and the signed body are on disk before the body leaves, so a crash
//! at any point leads to one channel: what was written down is sent again, and is there once.

use std::time::Duration;

use tokio::task::spawn_blocking;
use weft_core::{
    digest::Salt,
    market::{
        chain::{CHAIN_MAX, PayChain},
        objects::{Channel, Listing},
        terms::GRACE_MAX,
    },
    time::{Span, Time},
    tx::{ChannelOpen, Payload},
    units::Amount,
};

use super::{
    ledger::{Ledger, LedgerError},
    press::patiently,
};
use crate::{
    buyer::Counter,
    shelf::{BuyerBook, Purchase, ShelfError},
};

/// How a channel is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// What is locked, in base units; what is not spent comes back at the end.
    pub deposit: Amount,
    /// How long it is to last from the last commit on.
    pub lasts: Duration,
    /// How long claims count after that.
    pub grace: Duration,
}

impl Opening {
    /// A deposit for a day, with an hour for the last claim.
    pub const fn of(deposit: Amount) -> Self {
        let lasts = Duration::from_secs(24 * 60 * 60);
        Self { deposit, lasts, grace: Duration::from_secs(60 * 60) }
    }
}

/// What is left of earlier purchases of one offer.
pub struct Past {
    /// The channel to go on with, if there is one.
    pub resumed: Option<Resumed>,
    /// What all other channels have spent.
    pub spent: Amount,
}

/// A channel that is open, and how far it has come.
#[derive(Clone)]
pub struct Resumed {
    /// The channel as the ledger has it.
    pub channel: Channel,
    /// Its pay chain.
    pub chain: PayChain,
    /// What was paid and read.
    pub counter: Counter,
}

/// Why there is no channel.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The shelf failed.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// The ledger will not have it.
    #[error("the channel is not opened: {0}")]
    Ledger(#[from] LedgerError),
    /// A deposit that pays for nothing.
    #[error("a deposit of {deposit} does not pay for one tick of {price}: take a larger one")]
    TooSmall {
        /// The deposit.
        deposit: Amount,
        /// The price of a tick.
        price: Amount,
    },
    /// No randomness for a secret.
    #[error("the operating system gives no randomness")]
    NoRandomness,
    /// The program goes down.
    #[error("the program is going down")]
    Stopping,
}

/// The channel for `listing` that lasts longest and has something left, if there is one, and what
/// the others have spent. What was written down and perhaps never sent is sent again; what is
/// settled is forgotten.
pub async fn resume(
    ledger: &dyn Ledger,
    book: &BuyerBook,
    listing: &Listing,
) -> Result<Past, OpenError> {
    let purchases = blocking(book, BuyerBook::purchases).await?;
    let (mut resumed, mut spent): (Option<Resumed>, u64) = (None, 0);
    for purchase in purchases {
        let ours = purchase.terms().is_some_and(|terms| terms.offer == listing.id);
        if !ours || purchase.sealed.body.issuer != ledger.account() {
            continue;
        }
        let id = purchase.channel();
        let found = match patiently(|| ledger.channel(id)).await? {
            Some(found) => Some(found),
            None => settle(ledger, &purchase).await?,
        };
        let Some(found) = found else {
            blocking(book, move |book| book.forget(&purchase)).await?;
            continue;
        };
        let counter = blocking(book, move |book| book.counter(&id)).await?;
        let Some(chain) = purchase.chain() else { continue };
        let mut other = Some(Resumed { channel: found.channel, chain, counter });
        let rank = |resumed: &Option<Resumed>| resumed.as_ref().map(Resumed::rank);
        if rank(&other) > rank(&resumed) {
            std::mem::swap(&mut resumed, &mut other);
        }
        spent = spent.saturating_add(other.map_or(0, |other| other.spent()));
    }
    let (offer, mut resumed) = (listing.id, resumed);
    if let Some(used_up) = resumed.take_if(|resumed| !resumed.has_something_left()) {
        spent = spent.saturating_add(used_up.spent());
    }
    let Amount(before) = blocking(book, move |book| book.spent(&offer)).await?;
    Ok(Past { resumed, spent: Amount(spent.saturating_add(before)) })
}

impl Resumed {
    /// Of two, the one with something left is better, and then the one that lasts longer.
    fn rank(&self) -> (bool, Time) {
        (self.has_something_left(), self.channel.terms.expiry)
    }

    /// What it has paid, in base units.
    const fn spent(&self) -> u64 {
        self.channel.terms.price.0.saturating_mul(self.counter.paid as u64)
    }

    /// Whether a further tick can be paid, or something that was paid is still to come.
    fn has_something_left(&self) -> bool {
        let terms = &self.channel.terms;
        let next = u64::from(self.counter.paid) + 1;
        let is_covered = terms.price.0.saturating_mul(next) <= terms.deposit.0;
        (next <= terms.length.into() && is_covered) || !self.counter.unkeyed.is_empty()
    }
}

/// Sends what may never have been sent, and looks again. `None` if the channel is over, or was
/// never to be.
async fn settle(
    ledger: &dyn Ledger,
    purchase: &Purchase,
) -> Result<Option<Box<crate::ledger::Found>>, OpenError> {
    let sent = async {
        patiently(|| ledger.send(&purchase.sealed)).await?;
        patiently(|| ledger.finish(purchase.channel())).await
    };
    match sent.await {
        Ok(()) => Ok(patiently(|| ledger.channel(purchase.channel())).await?),
        Err(_) => Ok(None),
    }
}

/// Opens a channel for `listing`, whose first chunk to buy is `first`.
pub async fn open(
    ledger: &dyn Ledger,
    book: &BuyerBook,
    listing: &Listing,
    opening: Opening,
    first: u64,
) -> Result<Resumed, OpenError> {
    let now = patiently(|| ledger.committed(Time::ZERO)).await?;
    let (secret, salt) = (drawn()?, Salt(drawn()?));
    let (terms, chain) = terms(listing, opening, now, secret, salt)?;
    let sealed = patiently(|| ledger.seal(Payload::ChannelOpen(terms.clone()))).await?;
    let purchase = Purchase { secret, sealed };
    let (counter, written) = (Counter::starting_at(first), purchase.clone());
    let begun = counter.clone();
    blocking(book, move |book| book.put(&written, &begun)).await?;
    let id = purchase.channel();
    let opened = async {
        patiently(|| ledger.send(&purchase.sealed)).await?;
        patiently(|| ledger.finish(id)).await?;
        patiently(|| ledger.channel(id)).await
    };
    match opened.await {
        Ok(Some(found)) => Ok(Resumed { channel: found.channel, chain, counter }),
        Ok(None) => Err(refused("no_channel", "it took effect and is not there; ask again").into()),
        Err(error) => {
            // It will never be: nothing is locked, and nothing has to be remembered.
            blocking(book, move |book| book.forget(&purchase)).await?;
            Err(error.into())
        }
    }
}

fn terms(
    listing: &Listing,
    opening: Opening,
    now: Time,
    secret: [u8; 32],
    salt: Salt,
) -> Result<(ChannelOpen, PayChain), OpenError> {
    let (deposit, price) = (opening.deposit, listing.offer.price);
    let ticks = deposit.0.checked_div(price.0).unwrap_or(0).min(CHAIN_MAX.into());
    let length = u32::try_from(ticks).unwrap_or(CHAIN_MAX);
    let small = OpenError::TooSmall { deposit, price };
    let chain = PayChain::new(salt, secret, length).ok_or(small)?;
    let span =
        |time: Duration| Span::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let terms = ChannelOpen {
        offer: listing.id,
        payee: listing.seller,
        salt,
        deposit,
        price,
        length,
        root: chain.root(),
        expiry: now + span(opening.lasts),
        grace: span(opening.grace).min(GRACE_MAX),
    };
    Ok((terms, chain))
}

fn refused(code: &str, cause: &str) -> LedgerError {
    LedgerError::Refused { code: code.to_owned(), cause: cause.to_owned() }
}

/// Bytes that nobody can guess.
fn drawn<const BYTES: usize>() -> Result<[u8; BYTES], OpenError> {
    let mut bytes = [0; BYTES];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| OpenError::NoRandomness)?;
    Ok(bytes)
}

async fn blocking<T: Send + 'static>(
    book: &BuyerBook,
    work: impl FnOnce(&BuyerBook) -> Result<T, ShelfError> + Send + 'static,
) -> Result<T, OpenError> {
    let book = book.clone();
    let done = spawn_blocking(move || work(&book)).await;
    Ok(done.map_err(|_| OpenError::Stopping)??)
}
