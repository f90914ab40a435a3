//! Sells and buys paid streams in a few calls (feature `market`).
//!
//! ```text
//!  sell     a stream of readings -> an offer, chunks on the ledger, buyers served
//!  buy      an offer and a budget -> readings, each checked against the ledger
//!  ledger   what both ask of a node
//!  prove    what the committee vouches for, whatever the node says
//!  place    sockets
//! ```
//! Invariant: what must not be forgotten lies in the folder that the caller names, and calling
//! again with the same folder goes on where a crash left off: nothing is paid twice, and no payment
//! that was acknowledged is lost.
//!
//! Left out on purpose: choosing among offers, and keys at rest.

mod buy;
mod claims;
mod ledger;
mod place;
mod prove;
mod said;
mod sell;

use std::time::{SystemTime, UNIX_EPOCH};

use weft_core::{time::Time, tx::Payload};
use weft_market::{
    buyer::End,
    drive::{EnquireError, Ledger as _, LedgerError, OpenError, ShopError, StallError},
    shelf::ShelfError,
};
use weft_net::{IdentityError, NetError};

use super::{ClientError, PostError};

pub use self::{
    buy::{Bought, Budget, Buying, Progress, sample},
    claims::{Claimed, claim, close},
    ledger::HttpLedger,
    place::{Caller, Counter},
    sell::{Sale, Selling},
};

/// Why nothing is sold or bought.
#[derive(Debug, thiserror::Error)]
pub enum MarketError {
    /// A node did not do what was asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Something was not posted.
    #[error(transparent)]
    Post(#[from] PostError),
    /// The ledger refused something.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The folder cannot be used.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// The seller stopped.
    #[error(transparent)]
    Shop(#[from] ShopError),
    /// The buyer stopped.
    #[error(transparent)]
    Stall(#[from] StallError),
    /// There is no channel.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The seller gave no terms.
    #[error(transparent)]
    Enquire(#[from] EnquireError),
    /// The purchase ended for a reason of its own.
    #[error(transparent)]
    Ended(#[from] End),
    /// No socket.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The key makes no certificate.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// An offer that is not listed.
    #[error("no such offer is listed: it was never made, has ended, or has expired")]
    NoOffer,
    /// Words that no offer may have.
    #[error("{what}: {rule}")]
    Terms {
        /// Which.
        what: &'static str,
        /// The rule that they break.
        rule: String,
    },
    /// No randomness for a secret.
    #[error("the operating system gives no randomness")]
    NoRandomness,
}

/// Says something of the ledger's account, and waits until it took effect.
pub async fn post(ledger: &HttpLedger, payload: Payload) -> Result<(), MarketError> {
    let sealed = ledger.seal(payload).await?;
    ledger.send(&sealed).await?;
    Ok(ledger.finish(sealed.body.id()).await?)
}

/// 32 secret bytes.
fn drawn() -> Result<[u8; 32], MarketError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| MarketError::NoRandomness)?;
    Ok(bytes)
}

/// This machine's clock.
fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
