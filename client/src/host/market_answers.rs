//! What a node answers about offers and channels, as values.
//!
//! Invariant: amounts and ids are read when they arrive; what is none is an error of the transport.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use weft_core::{
    digest::{BodyId, NodeId, PayRoot, Salt},
    market::terms::Unit,
};

use super::text;

/// An offer that is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedOffer {
    /// Its id.
    #[serde(with = "text")]
    pub id: BodyId,
    /// The address of who sells.
    pub seller: String,
    /// What is locked while it is listed, in base units.
    #[serde(with = "text")]
    pub bond: u64,
    /// What was said.
    #[serde(flatten)]
    pub offer: OfferSaid,
    /// The commit that this is as of.
    pub commit: u64,
}

/// What an offer says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferSaid {
    /// The stream.
    pub stream: String,
    /// The address whose transactions are the stream's sealed batches.
    pub source: String,
    /// What people see.
    pub title: String,
    /// What a tick pays for: a name of [`Unit`].
    pub unit: String,
    /// What a tick is worth, in base units.
    #[serde(with = "text")]
    pub price: u64,
    /// Readings that are given away before; 0 = none.
    pub sample_readings: u16,
    /// How old those are at least, in seconds.
    pub sample_delay_s: u32,
    /// Who will prove to be at the addresses.
    #[serde(with = "text")]
    pub endpoint: NodeId,
    /// Where the seller can be reached, the best first.
    pub addresses: Vec<SocketAddr>,
    /// The digest of the terms of use in hexadecimal, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<String>,
    /// The last instant of the ledger's time at which it is listed, ms since the Unix epoch.
    pub expiry: u64,
}

impl OfferSaid {
    /// What a tick pays for; `None` for a unit that this version does not know.
    pub fn unit(&self) -> Option<Unit> {
        Unit::from_name(&self.unit)
    }
}

/// Where a channel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelState {
    /// Ticks can be claimed.
    Open,
    /// Its time is over, and the next commits give the rest back.
    Due,
    /// The payee closed it.
    Closed,
    /// Its time was over, and the rest went back.
    Expired,
}

/// A channel: as it is, or as it was when it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerChannel {
    /// Its id.
    #[serde(with = "text")]
    pub id: BodyId,
    /// Where it stands.
    pub state: ChannelState,
    /// The address of who pays.
    pub payer: String,
    /// Its terms; deposit and expiry as they are by now.
    #[serde(flatten)]
    pub terms: ChannelTerms,
    /// Ticks that were claimed.
    pub claimed: u32,
    /// What those are worth, in base units, whatever the deposit.
    #[serde(with = "text")]
    pub entitled: u64,
    /// What the payee got, in base units.
    #[serde(with = "text")]
    pub paid_out: u64,
    /// What is left of the deposit, in base units; of one that ended, what the payer got back.
    #[serde(with = "text")]
    pub rest: u64,
    /// The last instant of the ledger's time at which anything can be claimed, ms since the Unix
    /// epoch.
    pub due: u64,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<ChannelEnd>,
    /// The commit that this is as of.
    pub commit: u64,
}

/// What a channel was opened with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelTerms {
    /// The offer that it buys.
    #[serde(with = "text")]
    pub offer: BodyId,
    /// The address of who is paid.
    pub payee: String,
    /// What is locked, in base units.
    #[serde(with = "text")]
    pub deposit: u64,
    /// What a tick is worth, in base units.
    #[serde(with = "text")]
    pub price: u64,
    /// Ticks of the pay chain.
    pub length: u32,
    /// The salt of the pay chain.
    #[serde(with = "text")]
    pub salt: Salt,
    /// The root of the pay chain.
    #[serde(with = "text")]
    pub root: PayRoot,
    /// Until when it is meant to be used, in ms since the Unix epoch by the ledger's time.
    pub expiry: u64,
    /// How long behind that claims still count, in ms.
    pub grace_ms: u64,
}

/// When a channel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelEnd {
    /// The commit that ended it.
    pub commit: u64,
    /// Its time, in ms since the Unix epoch.
    pub time: u64,
}

/// A page of something that is ordered by ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketPage<T> {
    /// Ascending by their places; may be fewer than asked for, even none, before the end.
    pub items: Vec<T>,
    /// Where the next page begins; where it stays the same is the end.
    pub next: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a node writes it; fields that a newer one adds are passed over.
    #[test]
    fn a_channel_is_read_with_its_terms_and_its_end() {
        let (id, salt) = ("07".repeat(32), "07".repeat(28));
        let json = format!(
            r#"{{"id":"{id}","state":"closed","payer":"tweft1a","offer":"{id}","payee":"tweft1b",
            "deposit":"18446744073709551615","price":"2","length":300,"salt":"{salt}","root":"{id}",
            "expiry":5,"grace_ms":60000,"claimed":9,"entitled":"18","paid_out":"18","rest":"82",
            "due":60005,"ended":{{"commit":3,"time":7}},"commit":4,"more":[]}}"#
        );
        let channel: LedgerChannel = serde_json::from_str(&json).unwrap();
        assert_eq!(channel.state, ChannelState::Closed);
        assert_eq!((channel.terms.deposit, channel.terms.salt), (u64::MAX, Salt([7; 28])));
        assert_eq!((channel.paid_out, channel.rest, channel.due), (18, 82, 60_005));
        assert_eq!(channel.ended, Some(ChannelEnd { commit: 3, time: 7 }));
        let again = serde_json::to_string(&channel).unwrap();
        assert_eq!(serde_json::from_str::<LedgerChannel>(&again).unwrap(), channel);
        assert!(serde_json::from_str::<LedgerChannel>(&json.replace("\"18\"", "18")).is_err());
    }
}
