//! The rules of channels. Whatever is claimed is paid out at once, so a channel holds the rest.

use alloc::{vec, vec::Vec};

use super::{Deed, Held, Said, channel, listing, owned};
use crate::{
    address::Address,
    machine::records::Tables,
    market::{
        objects::{Channel, Ending, Settlement},
        terms::{WITHDRAW_DELAY, may_expire},
    },
    outcome::Outcome,
    tx::{ChannelClaim, ChannelClose, ChannelOpen, ChannelTopUp, ChannelWithdraw, Claim},
    units::Amount,
};

pub(super) fn open(
    said: Said<'_>,
    open: &ChannelOpen,
    tables: &Tables<'_>,
) -> Result<Deed, Outcome> {
    let listing = listing(&open.offer, said.at, tables)?;
    if (open.price, open.payee) != (listing.offer.price, listing.seller) {
        return Err(Outcome::OfferDiffers);
    }
    if !may_expire(open.expiry, said.at.time) {
        return Err(Outcome::BadExpiry);
    }
    if open.deposit < said.dust {
        return Err(Outcome::SmallDeposit);
    }
    let opened = Channel { id: said.id, payer: *said.by, terms: open.clone(), claimed: 0 };
    let object = Held::channel(None, Some(opened));
    Ok(Deed { locks: open.deposit, object, ..Deed::default() })
}

pub(super) fn top_up(
    said: Said<'_>,
    more: &ChannelTopUp,
    tables: &Tables<'_>,
) -> Result<Deed, Outcome> {
    let before = channel(&more.channel, said.at, tables)?;
    owned(&before.payer, said)?;
    let mut after = before.clone();
    if more.expiry > before.terms.expiry {
        if !may_expire(more.expiry, said.at.time) {
            return Err(Outcome::BadExpiry);
        }
        after.terms.expiry = more.expiry;
    }
    // What does not fit the numbers is more than anybody has.
    let deposit = before.terms.deposit.checked_add(more.amount.0);
    after.terms.deposit = deposit.ok_or(Outcome::Insufficient)?;
    // Ticks that were claimed beyond the old deposit are paid from the new one.
    Ok(Deed { locks: more.amount, ..changed(before, after) })
}

pub(super) fn claim(
    said: Said<'_>,
    claim: &ChannelClaim,
    tables: &Tables<'_>,
) -> Result<Deed, Outcome> {
    let before = channel(&claim.channel, said.at, tables)?;
    let after = claimed(&before, &claim.claim)?;
    if after == before {
        return Ok(Deed::default());
    }
    Ok(changed(before, after))
}

pub(super) fn close(
    said: Said<'_>,
    close: &ChannelClose,
    tables: &Tables<'_>,
) -> Result<Deed, Outcome> {
    let before = channel(&close.channel, said.at, tables)?;
    owned(&before.terms.payee, said)?;
    let after = match &close.claim {
        Some(claim) => claimed(&before, claim)?,
        None => before.clone(),
    };
    let mut pays = news(&before, &after);
    pays.push((after.payer, after.rest()));
    let (index, time) = (said.at.index, said.at.time);
    let settled = Settlement { index, time, ending: Ending::Closed, channel: after };
    let object = Held::channel(Some(before), None);
    Ok(Deed { locks: Amount::ZERO, pays, object, settled: Some(settled) })
}

pub(super) fn withdraw(
    said: Said<'_>,
    wish: &ChannelWithdraw,
    tables: &Tables<'_>,
) -> Result<Deed, Outcome> {
    let before = channel(&wish.channel, said.at, tables)?;
    owned(&before.payer, said)?;
    let mut after = before.clone();
    after.terms.expiry = before.terms.expiry.min(said.at.time + WITHDRAW_DELAY);
    Ok(changed(before, after))
}

/// The channel once `claim` counts. One that tells nothing new is not even looked at.
fn claimed(channel: &Channel, claim: &Claim) -> Result<Channel, Outcome> {
    if channel.is_stale(claim) {
        return Ok(channel.clone());
    }
    if !channel.holds(claim) {
        return Err(Outcome::BadClaim);
    }
    Ok(Channel { claimed: claim.index, ..channel.clone() })
}

/// What the payee gets because the channel became `after`.
fn news(before: &Channel, after: &Channel) -> Vec<(Address, Amount)> {
    let more = after.paid().0.checked_sub(before.paid().0);
    vec![(after.terms.payee, Amount(more.expect("what was paid out stays paid")))]
}

fn changed(before: Channel, after: Channel) -> Deed {
    let pays = news(&before, &after);
    Deed { pays, object: Held::channel(Some(before), Some(after)), ..Deed::default() }
}
