//! What an account did, and what others paid to it.

use super::{NodeClient, paging};
use crate::host::{ClientError, Cursor, Done, Page, Received};

impl NodeClient {
    /// A page of at most `limit` (1 to 1,000) bodies of the account at `address` that used up
    /// their sequences, ascending.
    pub async fn history(
        &self,
        address: &str,
        after: Cursor,
        limit: u16,
    ) -> Result<Page<Done>, ClientError> {
        #[derive(serde::Deserialize)]
        struct Answer {
            bodies: Vec<Done>,
            next: Cursor,
        }
        let query = paging(after, limit);
        let answer: Answer = self.json(&["v1", "accounts", address, "history"], &query).await?;
        Ok(Page { items: answer.bodies, next: answer.next })
    }

    /// A page of at most `limit` (1 to 1,000) transfers to the account at `address`, in the order
    /// of the ledger, as far back as the node keeps what was ordered.
    pub async fn received(
        &self,
        address: &str,
        after: Cursor,
        limit: u16,
    ) -> Result<Page<Received>, ClientError> {
        #[derive(serde::Deserialize)]
        struct Answer {
            transfers: Vec<Received>,
            next: Cursor,
        }
        let query = paging(after, limit);
        let answer: Answer = self.json(&["v1", "accounts", address, "received"], &query).await?;
        Ok(Page { items: answer.transfers, next: answer.next })
    }
}
