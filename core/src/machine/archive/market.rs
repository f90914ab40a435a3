//! Offers and channels, for whoever asks.

use alloc::vec::Vec;

use super::Archive;
use crate::{
    address::Address,
    digest::{BodyId, StreamId},
    machine::{
        Table,
        ledger::market::{channels_of, offers_from},
    },
    market::objects::{Channel, Listing, Settlement},
    object::{Object, ObjectKey},
};

impl Archive<'_> {
    /// An offer that is listed, as of the last commit.
    pub fn listing(&self, id: &BodyId) -> Option<Listing> {
        match self.read(Table::Object, &ObjectKey::listing(id).0)? {
            Object::Listing(listing) => Some(listing),
            _ => None,
        }
    }

    /// At most `limit` offers behind `after`, in the order of (stream, id), as of the last commit.
    pub fn offers(
        &self,
        after: Option<(StreamId, BodyId)>,
        limit: usize,
    ) -> Vec<(StreamId, BodyId)> {
        offers_from(after, limit, self.reads())
    }

    /// A channel that is open, as of the last commit.
    pub fn channel(&self, id: &BodyId) -> Option<Channel> {
        match self.read(Table::Object, &ObjectKey::channel(id).0)? {
            Object::Channel(channel) => Some(channel),
            _ => None,
        }
    }

    /// At most `limit` channels that `account` opened or is paid by, behind `after`, in the order of
    /// ids, as of the last commit.
    pub fn channels(&self, account: &Address, after: Option<BodyId>, limit: usize) -> Vec<BodyId> {
        channels_of(account, after, limit, self.reads())
    }

    /// How a channel ended, as long as the commit is kept that ended it.
    pub fn settlement(&self, id: &BodyId) -> Option<Settlement> {
        self.read(Table::Settled, id.as_bytes())
    }
}
