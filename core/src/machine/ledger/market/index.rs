//! Where offers and channels are found: by the instant they are due, by stream, by account.
//!
//! ```text
//! Due        instant 8 (big-endian) | id 32     -> key of the object
//! Offers     stream 32 | id 32                  -> nothing
//! Channels   account 32 | id 32                 -> nothing      one for payer, one for payee
//! ```
//!
//! Invariant: the tables follow from the objects alone, whoever wrote those; [`moved`] is called
//! wherever an object is set or removed, and nowhere else are they written.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::{
    address::Address,
    codec::{Decode as _, Encode as _},
    digest::{BodyId, StreamId},
    machine::{
        Reads,
        records::{Table, Tables},
    },
    market::objects::{Channel, Listing},
    object::{Object, ObjectKey},
    time::Time,
};

/// Puts an object where it is looked for, now that `before` has become `after`.
pub(in crate::machine::ledger) fn moved(
    before: Option<&Object>,
    after: Option<&Object>,
    tables: &mut Tables<'_>,
) {
    for (table, place, _) in before.map(places).unwrap_or_default() {
        tables.remove(table, &place);
    }
    for (table, place, value) in after.map(places).unwrap_or_default() {
        tables.pending.set(table, &place, Some(value));
    }
}

fn places(object: &Object) -> Vec<(Table, Vec<u8>, Bytes)> {
    match object {
        Object::Account(_) | Object::Supply(_) => Vec::new(),
        Object::Listing(Listing { id, offer, .. }) => Vec::from([
            due(offer.expiry, id, &ObjectKey::listing(id)),
            (Table::Offers, offer_key(&offer.stream.id(), id), Bytes::new()),
        ]),
        Object::Channel(channel) => {
            let Channel { id, payer, terms, .. } = channel;
            Vec::from([
                due(channel.due(), id, &ObjectKey::channel(id)),
                (Table::Channels, channel_key(payer, id), Bytes::new()),
                (Table::Channels, channel_key(&terms.payee, id), Bytes::new()),
            ])
        }
    }
}

fn due(instant: Time, id: &BodyId, key: &ObjectKey) -> (Table, Vec<u8>, Bytes) {
    let place = [instant.as_millis().to_be_bytes().as_slice(), id.as_bytes()].concat();
    (Table::Due, place, Bytes::copy_from_slice(&key.0))
}

fn offer_key(stream: &StreamId, id: &BodyId) -> Vec<u8> {
    [stream.to_bytes(), id.to_bytes()].concat()
}

fn channel_key(account: &Address, id: &BodyId) -> Vec<u8> {
    [account.to_bytes(), id.to_bytes()].concat()
}

/// The keys of at most `limit` objects that were due at or after `from` and before `to`, in the order
/// of (instant, id).
pub(super) fn due_between(
    from: Time,
    to: Time,
    limit: usize,
    tables: &Tables<'_>,
) -> Vec<ObjectKey> {
    let (from, to) = (from.as_millis().to_be_bytes(), to.as_millis().to_be_bytes());
    let is_due = |place: &[u8]| place.get(..8) < Some(to.as_slice());
    // Mostly nothing is, and the first tells.
    if !tables.range(Table::Due, &from, 1).iter().any(|(place, _)| is_due(place)) {
        return Vec::new();
    }
    let found = tables.range(Table::Due, &from, limit);
    let due = found.iter().take_while(|(place, _)| is_due(place));
    due.map(|(_, key)| super::super::key_at(key)).collect()
}

/// At most `limit` offers behind `after`, in the order of (stream, id).
pub(in crate::machine) fn offers_from(
    after: Option<(StreamId, BodyId)>,
    limit: usize,
    reads: &dyn Reads,
) -> Vec<(StreamId, BodyId)> {
    let from = after.map(|(stream, id)| behind(offer_key(&stream, &id))).unwrap_or_default();
    let found = reads.records(Table::Offers, &from, limit);
    let pairs = found.iter().map(|(place, _)| {
        let (stream, id) = place.split_at_checked(32).expect("an offer lies at two ids");
        Some((StreamId::from_bytes(stream).ok()?, BodyId::from_bytes(id).ok()?))
    });
    pairs.map(|pair| pair.expect("an offer lies at two ids")).collect()
}

/// At most `limit` channels of an account behind `after`, in the order of ids.
pub(in crate::machine) fn channels_of(
    account: &Address,
    after: Option<BodyId>,
    limit: usize,
    reads: &dyn Reads,
) -> Vec<BodyId> {
    let from = match after {
        Some(id) => behind(channel_key(account, &id)),
        None => account.to_bytes(),
    };
    let found = reads.records(Table::Channels, &from, limit);
    let own =
        found.iter().map_while(|(place, _)| place.strip_prefix(account.to_bytes().as_slice()));
    own.map(|id| BodyId::from_bytes(id).expect("a channel lies at an account and an id")).collect()
}

/// The least key above `key`.
fn behind(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}
