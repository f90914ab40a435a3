//! The rules of offers: they lock a bond, and give it back.

use alloc::vec;

use super::{Deed, Held, Said, listing, owned};
use crate::{
    machine::records::Tables,
    market::{
        objects::Listing,
        terms::{may_expire, offer_bond},
    },
    outcome::Outcome,
    tx::{Offer, OfferEnd},
};

pub(super) fn list(said: Said<'_>, offer: &Offer) -> Result<Deed, Outcome> {
    if !may_expire(offer.expiry, said.at.time) {
        return Err(Outcome::BadExpiry);
    }
    let bond = offer_bond(said.dust);
    let listing = Listing { id: said.id, seller: *said.by, bond, offer: offer.clone() };
    let object = Held::listing(None, Some(listing));
    Ok(Deed { locks: bond, object, ..Deed::default() })
}

pub(super) fn end(said: Said<'_>, end: &OfferEnd, tables: &Tables<'_>) -> Result<Deed, Outcome> {
    let listing = listing(&end.offer, said.at, tables)?;
    owned(&listing.seller, said)?;
    let pays = vec![(listing.seller, listing.bond)];
    Ok(Deed { pays, object: Held::listing(Some(listing), None), ..Deed::default() })
}
