//! What is due: bonds and rests go back by themselves, in the first record behind their time.
//!
//! Before the bodies of a record, so that whoever was to be paid back can spend it in the same one.
//! At most [`DUE_AT_ONCE`] per record, in the order of (instant, id); the rest in the next ones.
//! Until then it answers like what is gone already.

use alloc::vec::Vec;

use super::{super::Ledger, Deed, Held, index};
use crate::{
    machine::{ledger::Moment, records::Tables},
    market::{
        objects::{Ending, Settlement},
        terms::DUE_AT_ONCE,
    },
    object::Object,
};

impl Ledger {
    /// Settles what was due before this record's time.
    pub(in crate::machine) fn settle_due(&mut self, at: Moment, tables: &mut Tables<'_>) {
        let due = index::due_between(self.due_from, at.time, DUE_AT_ONCE, tables);
        if due.len() < DUE_AT_ONCE {
            // And nothing will be: what is open now is due now at the earliest.
            self.due_from = at.time;
        }
        for key in due {
            let object = super::object(&key, tables).expect("what is due is there");
            self.carry_out(returned(object, at), tables);
        }
    }
}

/// What is left in an object goes back to whom it came from.
fn returned(object: Object, at: Moment) -> Deed {
    match object {
        Object::Listing(listing) => {
            let pays = Vec::from([(listing.seller, listing.bond)]);
            Deed { pays, object: Held::listing(Some(listing), None), ..Deed::default() }
        }
        Object::Channel(channel) => {
            let (index, time) = (at.index, at.time);
            let (pays, ending) = (Vec::from([(channel.payer, channel.rest())]), Ending::Expired);
            let object = Held::channel(Some(channel.clone()), None);
            let settled = Some(Settlement { index, time, ending, channel });
            Deed { pays, object, settled, ..Deed::default() }
        }
        other => panic!("an offer or a channel is due, not {other:?}"),
    }
}
