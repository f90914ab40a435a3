//! What bodies of the market say, as JSON. Amounts are decimal texts in base units, since they may
//! exceed what JSON numbers hold; instants are of the ledger's time, in ms since the Unix epoch.

use serde::Serialize;
use utoipa::ToSchema;
use weft_core::{
    address::NetworkKind,
    tx::{
        ChannelClaim, ChannelClose, ChannelOpen, ChannelTopUp, ChannelWithdraw, Claim, Offer,
        OfferEnd,
    },
};

use crate::api::shapes::hex;

/// A stream for sale.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfferSaid {
    /// The stream.
    stream: String,
    /// The address whose transactions are the stream's sealed batches.
    source: String,
    /// What people see.
    title: String,
    /// What a tick pays for: `reading`, `24-bytes`, `chunk` or `minute`.
    unit: &'static str,
    /// What a tick is worth.
    price: String,
    /// Readings that are given away before; 0 = none.
    sample_readings: u16,
    /// How old those are at least, in seconds.
    sample_delay_s: u32,
    /// The node id that the seller will prove to have.
    endpoint: String,
    /// Where it can be reached, the best first.
    addresses: Vec<String>,
    /// The digest of the terms of use in hexadecimal, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    terms: Option<String>,
    /// The last instant at which it is listed.
    expiry: u64,
}

impl OfferSaid {
    pub(crate) fn of(offer: &Offer, kind: NetworkKind) -> Self {
        Self {
            stream: offer.stream.to_string(),
            source: offer.source.text(kind),
            title: offer.title.as_str().to_owned(),
            unit: offer.unit.name(),
            price: offer.price.to_string(),
            sample_readings: offer.sample.readings,
            sample_delay_s: offer.sample.delay_s,
            endpoint: offer.endpoint.to_string(),
            addresses: offer.addresses.iter().map(ToString::to_string).collect(),
            terms: (offer.terms != [0; 32]).then(|| hex(&offer.terms)),
            expiry: offer.expiry.as_millis(),
        }
    }
}

/// The end of an offer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfferNamed {
    /// The offer.
    offer: String,
}

impl OfferNamed {
    pub(crate) fn of(end: &OfferEnd) -> Self {
        Self { offer: end.offer.to_string() }
    }
}

/// A deposit for a seller.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpenSaid {
    /// The offer that it buys.
    offer: String,
    /// Who is paid.
    payee: String,
    /// What is locked.
    deposit: String,
    /// What a tick is worth.
    price: String,
    /// Ticks of the pay chain.
    length: u32,
    /// The salt of the pay chain in hexadecimal.
    salt: String,
    /// The root of the pay chain in hexadecimal.
    root: String,
    /// Until when it is meant to be used.
    expiry: u64,
    /// How long behind that claims still count, in ms.
    grace_ms: u64,
}

impl OpenSaid {
    pub(crate) fn of(open: &ChannelOpen, kind: NetworkKind) -> Self {
        Self {
            offer: open.offer.to_string(),
            payee: open.payee.text(kind),
            deposit: open.deposit.to_string(),
            price: open.price.to_string(),
            length: open.length,
            salt: open.salt.to_string(),
            root: open.root.to_string(),
            expiry: open.expiry.as_millis(),
            grace_ms: open.grace.as_millis(),
        }
    }
}

/// More deposit, or a later expiry.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TopUpSaid {
    /// The channel.
    channel: String,
    /// What is added.
    amount: String,
    /// The new expiry, if it is later than the one in force.
    expiry: u64,
}

impl TopUpSaid {
    pub(crate) fn of(more: &ChannelTopUp) -> Self {
        Self {
            channel: more.channel.to_string(),
            amount: more.amount.to_string(),
            expiry: more.expiry.as_millis(),
        }
    }
}

/// Ticks that were paid.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClaimSaid {
    /// The channel.
    channel: String,
    /// How many.
    ticks: u32,
    /// The element of the pay chain that proves it, in hexadecimal.
    word: String,
}

impl ClaimSaid {
    pub(crate) fn of(ChannelClaim { channel, claim }: &ChannelClaim) -> Self {
        let Claim { index, word, .. } = claim;
        Self { channel: channel.to_string(), ticks: *index, word: word.to_string() }
    }
}

/// The payee's end of a channel.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CloseSaid {
    /// The channel.
    channel: String,
    /// How many ticks were paid by then, if it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    ticks: Option<u32>,
}

impl CloseSaid {
    pub(crate) fn of(close: &ChannelClose) -> Self {
        let ticks = close.claim.as_ref().map(|claim| claim.index);
        Self { channel: close.channel.to_string(), ticks }
    }
}

/// The payer's wish to end a channel.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChannelNamed {
    /// The channel.
    channel: String,
}

impl ChannelNamed {
    pub(crate) fn of(wish: &ChannelWithdraw) -> Self {
        Self { channel: wish.channel.to_string() }
    }
}
