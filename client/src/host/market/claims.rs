//! What a seller can do while its shop is closed: claim, and close channels.

use std::{path::Path, sync::Arc};

use tokio::task::spawn_blocking;
use weft_core::{
    digest::BodyId,
    tx::{ChannelClaim, ChannelClose, Payload},
    units::Amount,
};
use weft_market::{
    drive::{Ledger, ShopError},
    shelf::{FjallShelf, SellerBook},
};

use super::{HttpLedger, MarketError};

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The channel.
    pub channel: BodyId,
    /// Ticks claimed in all.
    pub index: u32,
    /// What they brought in all, in base units; `None` for a channel that is settled.
    pub paid_out: Option<Amount>,
}

/// Takes to the ledger what was paid in the channels that the folder `dir` remembers, or in one of
/// them. What the ledger has already is not posted again.
pub async fn claim(
    dir: &Path,
    only: Option<BodyId>,
    ledger: &HttpLedger,
) -> Result<Vec<Claimed>, MarketError> {
    let mut claimed = Vec::new();
    for claim in unclaimed(dir, only).await? {
        let (channel, index) = (claim.channel, claim.claim.index);
        let before = ledger.channel(channel).await?;
        let after = match before {
            Some(found) if found.channel.claimed < index => {
                super::post(ledger, Payload::ChannelClaim(claim)).await?;
                ledger.channel(channel).await?
            }
            before => before,
        };
        let paid_out = after.map(|found| found.channel.paid());
        claimed.push(Claimed { channel, index, paid_out });
    }
    Ok(claimed)
}

/// Closes a channel of which the caller is the payee: what was paid is claimed with the same word,
/// and the rest goes back to the buyer.
pub async fn close(dir: &Path, channel: BodyId, ledger: &HttpLedger) -> Result<(), MarketError> {
    let claim = unclaimed(dir, Some(channel)).await?.pop().map(|claim| claim.claim);
    super::post(ledger, Payload::ChannelClose(ChannelClose { channel, claim })).await
}

async fn unclaimed(dir: &Path, only: Option<BodyId>) -> Result<Vec<ChannelClaim>, MarketError> {
    let dir = dir.to_owned();
    let read = move || {
        let book = SellerBook::new(Arc::new(FjallShelf::open(&dir)?));
        book.claims(only.as_ref())
    };
    Ok(spawn_blocking(read).await.map_err(|_| ShopError::Closed)??)
}
