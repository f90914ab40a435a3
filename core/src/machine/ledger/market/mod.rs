//! The market in the ledger: offers, channels, and what becomes of those whose time is over.
//!
//! ```text
//! payload -> rules, first failure ends it -> Deed -> Effect -> objects, accounts
//! time    -> what is due                          -> Effect -> the same
//! ```
//!
//! Invariants: value is locked in an offer or a channel and comes out of it whole; a channel that
//! is over answers like one that is gone, settled or not, so that no outcome depends on how many
//! others were due; an old claim takes nothing back.
//!
//! Left out on purpose: sessions and everything else that the ledger cannot see (`weft-market`).
//! The reasons of all this stand in docs/MARKET.md.

mod channels;
mod due;
pub(super) mod index;
mod offers;
mod settled;

use alloc::vec::Vec;

pub(super) use self::settled::remember;
pub(in crate::machine) use self::{
    index::{channels_of, offers_from},
    settled::forget,
};

use super::{Moment, object};
use crate::{
    address::Address,
    digest::BodyId,
    machine::records::Tables,
    market::objects::{Channel, Listing, Settlement},
    object::{Object, ObjectKey},
    outcome::Outcome,
    tx::Payload,
    units::Amount,
};

/// Who says something of the market, where and when.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) at: Moment,
    /// The body that says it.
    pub(super) id: BodyId,
    pub(super) by: &'a Address,
    /// What an account must begin with.
    pub(super) dust: Amount,
}

/// What a body of the market does, if its issuer has what it locks.
#[derive(Debug, Default)]
pub(super) struct Deed {
    /// What the issuer pays in.
    pub(super) locks: Amount,
    /// Who is paid how much.
    pub(super) pays: Vec<(Address, Amount)>,
    pub(super) object: Option<Held>,
    pub(super) settled: Option<Settlement>,
}

/// An offer or channel that changes: what it was, and what it will be.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) key: ObjectKey,
    pub(super) before: Option<Object>,
    pub(super) after: Option<Object>,
}

impl Held {
    fn listing(before: Option<Listing>, after: Option<Listing>) -> Option<Self> {
        let key = ObjectKey::listing(&before.as_ref().or(after.as_ref())?.id);
        Some(Self { key, before: before.map(Object::Listing), after: after.map(Object::Listing) })
    }

    fn channel(before: Option<Channel>, after: Option<Channel>) -> Option<Self> {
        let key = ObjectKey::channel(&before.as_ref().or(after.as_ref())?.id);
        Some(Self { key, before: before.map(Object::Channel), after: after.map(Object::Channel) })
    }
}

/// What a payload of the market does; nothing for any other.
pub(super) fn deed(
    said: Said<'_>,
    payload: &Payload,
    tables: &Tables<'_>,
) -> Result<Deed, Outcome> {
    match payload {
        Payload::Data(_) | Payload::Transfer(_) | Payload::KeyRotate(_) => Ok(Deed::default()),
        Payload::Offer(offer) => offers::list(said, offer),
        Payload::OfferEnd(end) => offers::end(said, end, tables),
        Payload::ChannelOpen(open) => channels::open(said, open, tables),
        Payload::ChannelTopUp(more) => channels::top_up(said, more, tables),
        Payload::ChannelClaim(claim) => channels::claim(said, claim, tables),
        Payload::ChannelClose(close) => channels::close(said, close, tables),
        Payload::ChannelWithdraw(wish) => channels::withdraw(said, wish, tables),
    }
}

/// An offer that is listed now.
fn listing(id: &BodyId, at: Moment, tables: &Tables<'_>) -> Result<Listing, Outcome> {
    match object(&ObjectKey::listing(id), tables) {
        Some(Object::Listing(listing)) if !listing.is_over(at.time) => Ok(listing),
        _ => Err(Outcome::NoOffer),
    }
}

/// A channel that is open now.
fn channel(id: &BodyId, at: Moment, tables: &Tables<'_>) -> Result<Channel, Outcome> {
    match object(&ObjectKey::channel(id), tables) {
        Some(Object::Channel(channel)) if !channel.is_over(at.time) => Ok(channel),
        _ => Err(Outcome::NoChannel),
    }
}

fn owned(owner: &Address, said: Said<'_>) -> Result<(), Outcome> {
    if owner == said.by { Ok(()) } else { Err(Outcome::NotYours) }
}
