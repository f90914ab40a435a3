//! Follows a body to its outcome.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};
use weft_core::{
    codec::Decode as _,
    digest::{BodyId, TxId},
    tx::{SealedBody, Transaction},
};

use super::Poster;
use crate::host::{ClientError, Fate};

/// How long a body may wait for its place in the order before it is attached once more: many times
/// what a working committee takes.
const ORDER_PATIENCE: Duration = Duration::from_secs(10);

/// How a body ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Final {
    /// It was ordered, and its outcome is final.
    Outcome(Box<Fate>),
    /// The ledger's clock passed its `expires` before it was ordered: it never takes effect.
    Expired,
}

impl Poster {
    /// Follows a body until it has its outcome, and attaches it again where that is needed: when
    /// its attachment is too old to be ordered, when its outcome was that of the attachment alone
    /// (a foreign anchor, or an account that was registered later), or when it was not ordered in
    /// time. Needs nothing but the id, so a program that was restarted may go on with it.
    pub async fn finish(&self, body: BodyId, deadline: Duration) -> Result<Final, ClientError> {
        let start = Instant::now();
        let late = || ClientError::Late { body, waited: start.elapsed() };
        let (mut attached, mut again) = (Instant::now(), false);
        loop {
            let left = deadline.checked_sub(start.elapsed()).ok_or_else(late)?;
            let patience = left.min(ORDER_PATIENCE);
            let known = match timeout(patience, self.node.settled(body)).await {
                Ok(Ok(known)) => known,
                Ok(Err(error)) if !error.is_passing() => return Err(error),
                Ok(Err(_)) => {
                    sleep(Duration::from_millis(200).min(left)).await;
                    continue;
                }
                // Ask without waiting: it may be for us to do something.
                Err(_) => match self.node.body(body).await {
                    Ok(known) => known,
                    Err(error) if error.is_passing() => continue,
                    Err(error) => return Err(error),
                },
            };
            if known.fate.is_settled() {
                return Ok(Final::Outcome(Box::new(known.fate)));
            }
            if known.expires > 0 && self.node.status().await?.finality.time >= known.expires {
                return Ok(Final::Expired);
            }
            let is_needed = known.fate.needs_attachment() && !again;
            if is_needed || attached.elapsed() >= ORDER_PATIENCE {
                (attached, again) = (Instant::now(), true);
                self.attach_again(known.id).await?;
            }
        }
    }

    /// Attaches the body of a transaction once more, or has the node do it.
    async fn attach_again(&self, id: TxId) -> Result<(), ClientError> {
        let bytes = self.node.transaction_bytes(id).await?;
        let tx = Transaction::from_bytes(&bytes).map_err(|error| ClientError::NotANode {
            url: self.node.url().to_owned(),
            reason: error.to_string(),
        })?;
        self.forget_tips();
        // That there are attachments enough is an answer too: one of them will do.
        self.send(&SealedBody { body: tx.body, seal: tx.seal }).await.map(drop)
    }
}
