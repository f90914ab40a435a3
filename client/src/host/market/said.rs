//! From what a node says of offers and channels to what drivers reckon with.
//!
//! Invariant: what cannot be read whole is an error of the node, never a guess.

use weft_core::{
    address::{Address, NetworkKind},
    digest::TxId,
    market::{
        objects::{Channel, Listing},
        terms::Sample,
    },
    time::{Span, Time},
    tx::{ChannelOpen, Offer, StreamName, Title},
    units::Amount,
};

use crate::host::{ChannelState, ClientError, LedgerChannel, ListedOffer};

/// A channel, if it is open.
pub(super) fn channel(
    shown: LedgerChannel,
    kind: NetworkKind,
) -> Result<Option<Channel>, ClientError> {
    if matches!(shown.state, ChannelState::Closed | ChannelState::Expired) {
        return Ok(None);
    }
    let terms = shown.terms;
    let address = |text: &str| Address::parse(text, kind).map_err(|error| unreadable(&error));
    let terms = ChannelOpen {
        offer: terms.offer,
        payee: address(&terms.payee)?,
        salt: terms.salt,
        deposit: Amount(terms.deposit),
        price: Amount(terms.price),
        length: terms.length,
        root: terms.root,
        expiry: Time::from_millis(terms.expiry),
        grace: Span::from_millis(terms.grace_ms),
    };
    let payer = address(&shown.payer)?;
    Ok(Some(Channel { id: shown.id, payer, terms, claimed: shown.claimed }))
}

/// An offer.
pub(super) fn listing(shown: ListedOffer, kind: NetworkKind) -> Result<Listing, ClientError> {
    let address = |text: &str| Address::parse(text, kind).map_err(|error| unreadable(&error));
    let said = shown.offer;
    let unit = said.unit().ok_or_else(|| unreadable(&"a unit that this version does not know"))?;
    // A digest is written like an id.
    let terms = said.terms.as_deref().map(str::parse::<TxId>).transpose();
    let offer = Offer {
        stream: StreamName::parse(&said.stream).map_err(|error| unreadable(&error))?,
        source: address(&said.source)?,
        title: Title::parse(&said.title).map_err(|error| unreadable(&error))?,
        unit,
        price: Amount(said.price),
        sample: Sample { readings: said.sample_readings, delay_s: said.sample_delay_s },
        endpoint: said.endpoint,
        addresses: said.addresses,
        terms: terms.map_err(|error| unreadable(&error))?.unwrap_or(TxId::ZERO).0,
        expiry: Time::from_millis(said.expiry),
    };
    let seller = address(&shown.seller)?;
    Ok(Listing { id: shown.id, seller, bond: Amount(shown.bond), offer })
}

fn unreadable(cause: &dyn std::fmt::Display) -> ClientError {
    ClientError::NotANode { url: "the node".to_owned(), reason: cause.to_string() }
}
