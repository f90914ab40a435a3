//! Offers and channels, as a node's ledger has them.

use weft_core::digest::BodyId;

use super::NodeClient;
use crate::host::{ClientError, LedgerChannel, ListedOffer, MarketPage};

/// Where the first page of offers or channels begins.
const START: &str = "0";

impl NodeClient {
    /// A page of at most `limit` (1 to 1,000) offers behind `after`, the `next` of the page before;
    /// of one stream name or one seller, if named.
    pub async fn offers(
        &self,
        after: Option<&str>,
        limit: u16,
        stream: Option<&str>,
        seller: Option<&str>,
    ) -> Result<MarketPage<ListedOffer>, ClientError> {
        #[derive(serde::Deserialize)]
        struct Answer {
            offers: Vec<ListedOffer>,
            next: String,
        }
        let mut query = paging(after, limit);
        query.extend(stream.map(|stream| ("stream", stream.to_owned())));
        query.extend(seller.map(|seller| ("seller", seller.to_owned())));
        let answer: Answer = self.json(&["v1", "market", "offers"], &query).await?;
        Ok(MarketPage { items: answer.offers, next: answer.next })
    }

    /// An offer that is listed. Refused with status 404 where it is not.
    pub async fn offer(&self, id: BodyId) -> Result<ListedOffer, ClientError> {
        self.json(&["v1", "market", "offers", &id.to_string()], &[]).await
    }

    /// A channel, open or ended. Refused with status 404 where the node knows neither.
    pub async fn channel(&self, id: BodyId) -> Result<LedgerChannel, ClientError> {
        self.json(&["v1", "market", "channels", &id.to_string()], &[]).await
    }

    /// A page of at most `limit` (1 to 1,000) channels of the account at `address` that have not
    /// ended, as payer or payee, behind `after`, the `next` of the page before.
    pub async fn channels(
        &self,
        address: &str,
        after: Option<&str>,
        limit: u16,
    ) -> Result<MarketPage<LedgerChannel>, ClientError> {
        #[derive(serde::Deserialize)]
        struct Answer {
            channels: Vec<LedgerChannel>,
            next: String,
        }
        let query = paging(after, limit);
        let answer: Answer = self.json(&["v1", "accounts", address, "channels"], &query).await?;
        Ok(MarketPage { items: answer.channels, next: answer.next })
    }
}

fn paging(after: Option<&str>, limit: u16) -> Vec<(&'static str, String)> {
    vec![("after", after.unwrap_or(START).to_owned()), ("limit", limit.to_string())]
}
