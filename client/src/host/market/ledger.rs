//! The ledger as sellers and buyers need it, over HTTP.
//!
//! Invariant: what the node says is held against what names it: a body against its id, a key
//! against the id that the account has in force. With [`HttpLedger::proving`] a batch is held
//! against the committee as well, so that a node that lies cannot make a buyer pay for it.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use weft_core::{
    address::{Address, NetworkKind},
    codec::Decode as _,
    digest::BodyId,
    genesis::Genesis,
    market::objects::Listing,
    time::Time,
    tx::{Data, NetworkId, Payload, SealedBody, Transaction},
};
use weft_market::{
    drive::{Answer, Ledger, LedgerError},
    ledger::Found,
};

use super::{prove::proven, said};
use crate::host::{ClientError, Final, NodeClient, Poster};

/// How long to wait for an outcome before saying that it is late.
const FINAL_TIME: Duration = Duration::from_secs(60);

/// How often the node is asked for its newest commit, and how long at most until it is told.
const COMMIT_POLL: Duration = Duration::from_millis(500);
const COMMIT_TIME: Duration = Duration::from_secs(5);

/// A ledger over HTTP, for the account of a poster.
#[derive(Clone)]
pub struct HttpLedger {
    node: NodeClient,
    poster: Arc<Poster>,
    kind: NetworkKind,
    /// Whose committee must vouch for batches; `None`: the node is believed.
    genesis: Option<Arc<Genesis>>,
}

impl HttpLedger {
    /// Asks `node`, and posts through `poster`.
    pub async fn open(node: NodeClient, poster: Arc<Poster>) -> Result<Self, ClientError> {
        let kind = node.tips().await?.kind;
        Ok(Self { node, poster, kind, genesis: None })
    }

    /// From now on a batch is taken for what the committee of `genesis` vouches for, and the node
    /// is not believed: one proof is fetched and checked per batch.
    #[must_use]
    pub fn proving(self, genesis: Genesis) -> Self {
        Self { genesis: Some(Arc::new(genesis)), ..self }
    }

    /// The poster.
    pub const fn poster(&self) -> &Arc<Poster> {
        &self.poster
    }

    /// The node.
    pub const fn node(&self) -> &NodeClient {
        &self.node
    }

    async fn find_channel(&self, id: BodyId) -> Result<Option<Box<Found>>, LedgerError> {
        let Some(shown) = there(self.node.channel(id).await)? else { return Ok(None) };
        let account = self.node.account(&shown.payer).await.map_err(told)?;
        let Some(channel) = said::channel(shown, self.kind).map_err(told)? else { return Ok(None) };
        let unreadable = |_| refused("not_a_node", "the node tells no key of the payer");
        let key = account.ledger.key.parse().map_err(unreadable)?;
        let payer_key = self.node.key(key).await.map_err(told)?;
        Ok(Some(Box::new(Found { channel, payer_key })))
    }

    async fn find_data(&self, id: BodyId) -> Result<Option<(Address, Data)>, LedgerError> {
        if let Some(genesis) = &self.genesis {
            return proven(&self.node, genesis, id).await;
        }
        let Some(known) = there(self.node.settled(id).await)? else { return Ok(None) };
        if !known.fate.outcome.as_ref().is_some_and(crate::host::Told::is_applied) {
            return Ok(None);
        }
        let bytes = self.node.transaction_bytes(known.id).await.map_err(told)?;
        let body = Transaction::from_bytes(&bytes).ok().map(|tx| tx.body);
        Ok(body.filter(|body| body.id() == id).and_then(|body| match body.payload {
            Payload::Data(data) => Some((body.issuer, data)),
            _ => None,
        }))
    }

    async fn next_commit(&self, last: Time) -> Result<Time, LedgerError> {
        let end = Instant::now() + COMMIT_TIME;
        loop {
            let status = self.node.status().await.map_err(told)?;
            let time = Time::from_millis(status.finality.time);
            if time != last || Instant::now() >= end {
                return Ok(time);
            }
            sleep(COMMIT_POLL).await;
        }
    }
}

impl Ledger for HttpLedger {
    fn network(&self) -> NetworkId {
        self.poster.network()
    }

    fn account(&self) -> Address {
        self.poster.issuer()
    }

    fn seal(&self, payload: Payload) -> Answer<'_, SealedBody> {
        Box::pin(async move {
            let sealed = self.poster.seal_draft(|builder, sequence| {
                let draft = builder.say(sequence, payload.clone())?;
                Ok(draft.time(super::now()))
            });
            sealed.await.map_err(|error| told(error.error))
        })
    }

    fn send<'a>(&'a self, sealed: &'a SealedBody) -> Answer<'a, ()> {
        Box::pin(async move { self.poster.send(sealed).await.map(drop).map_err(told) })
    }

    fn finish(&self, body: BodyId) -> Answer<'_, ()> {
        Box::pin(async move {
            match self.poster.finish(body, FINAL_TIME).await.map_err(told)? {
                Final::Expired => {
                    Err(refused("expired", "its time was over before it was ordered"))
                }
                Final::Outcome(fate) => match fate.outcome {
                    Some(outcome) if !outcome.is_applied() => {
                        Err(refused(&outcome.code, &outcome.detail))
                    }
                    _ => Ok(()),
                },
            }
        })
    }

    fn listing(&self, offer: BodyId) -> Answer<'_, Option<Listing>> {
        Box::pin(async move {
            let Some(shown) = there(self.node.offer(offer).await)? else { return Ok(None) };
            said::listing(shown, self.kind).map(Some).map_err(told)
        })
    }

    fn channel(&self, id: BodyId) -> Answer<'_, Option<Box<Found>>> {
        Box::pin(self.find_channel(id))
    }

    fn data(&self, body: BodyId) -> Answer<'_, Option<(Address, Data)>> {
        Box::pin(self.find_data(body))
    }

    fn is_proving(&self) -> bool {
        self.genesis.is_some()
    }

    fn committed(&self, last: Time) -> Answer<'_, Time> {
        Box::pin(self.next_commit(last))
    }
}

/// What is not there is an answer, and no failure.
fn there<T>(answer: Result<T, ClientError>) -> Result<Option<T>, LedgerError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(ClientError::Refused(problem)) if matches!(problem.status, 404 | 410) => Ok(None),
        Err(error) => Err(told(error)),
    }
}

/// What went wrong, as drivers are told.
pub(super) fn told(error: ClientError) -> LedgerError {
    let problem = error.problem();
    let retry_after = problem.and_then(|problem| problem.retry_after);
    let code = problem.map_or("client", |problem| problem.code.as_str()).to_owned();
    let cause = error.to_string();
    match error.is_passing() {
        true => LedgerError::Passing { cause, retry_after },
        false => LedgerError::Refused { code, cause },
    }
}

pub(super) fn refused(code: &str, cause: &str) -> LedgerError {
    LedgerError::Refused { code: code.to_owned(), cause: cause.to_owned() }
}
