//! Asks one node over HTTP; one method per route of its API.
//!
//! Invariant: what is submitted is acknowledged only after the node has it on disk, and submitting
//! the same bytes again is the same submission: both answers mean "there, once".
//!
//! Left out on purpose: retries. Whoever asks knows whether waiting is worth it; see
//! [`Poster`](super::Poster) and [`NodeClient::events`].

mod history;
mod keys;
mod market;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{
    Client, Method, Response, StatusCode, Url,
    header::{ACCEPT, CONTENT_TYPE, DATE, RETRY_AFTER},
};
use serde::de::DeserializeOwned;
use weft_core::{
    codec::{Decode as _, Encode as _},
    digest::{BodyId, TxId},
    genesis::Genesis,
    time::Time,
    tx::SealedBody,
};

use super::{
    Account, ClientError, Commit, Cursor, Described, LogLine, Page, Peer, Problem, Readiness,
    Reading, Status, Submitted, Tips, date,
};

/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long an answer may take in all.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The same for a submission. Longer than a node's own limit, so that its reason arrives.
const SUBMIT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long an idle connection is kept for the next request: a node closes its own after a minute,
/// and a request that meets that moment would fail.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// Longest answer that is read, in bytes: a full page of the longest readings, with room.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

const OCTETS: &str = "application/octet-stream";

/// A node's HTTP API. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct NodeClient {
    base: Url,
    http: Client,
}

impl NodeClient {
    /// A client for the API at `url`, such as `http://127.0.0.1:14265`. Connects when first asked.
    pub fn new(url: &str) -> Result<Self, ClientError> {
        let wrong = |reason: String| ClientError::Url { url: url.to_owned(), reason };
        let base = Url::parse(url).map_err(|error| wrong(error.to_string()))?;
        if base.scheme() != "http" {
            let reason = format!("{} is not spoken here, only http", base.scheme());
            return Err(wrong(reason));
        }
        let host = base.host_str().ok_or_else(|| wrong("it names no host".to_owned()))?;
        let mut http = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .tcp_nodelay(true);
        // A proxy is for reaching others, never oneself.
        if matches!(host, "localhost" | "[::1]") || host.starts_with("127.") {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| wrong(error.to_string()))?;
        Ok(Self { base, http })
    }

    /// The address given.
    pub fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Where to attach, and what the network asks for.
    pub async fn tips(&self) -> Result<Tips, ClientError> {
        self.json(&["v1", "tips"], &[]).await
    }

    /// Hands over a whole transaction, attached by the caller.
    pub async fn submit_transaction(&self, bytes: Vec<u8>) -> Result<Submitted, ClientError> {
        self.submit("transactions", bytes).await
    }

    /// Hands over a sealed body; the node chooses where it hangs and does the work. May be refused
    /// with code `quota`: the node's work is not for everyone without limit.
    pub async fn submit_body(&self, sealed: &SealedBody) -> Result<Submitted, ClientError> {
        self.submit("bodies", sealed.to_bytes()).await
    }

    /// A transaction, described. Refused with status 404 where it is not known.
    pub async fn transaction(&self, id: TxId) -> Result<Described, ClientError> {
        self.json(&["v1", "transactions", &id.to_string()], &[]).await
    }

    /// The first attachment of a body, described, with the ids of all of them.
    pub async fn body(&self, id: BodyId) -> Result<Described, ClientError> {
        self.json(&["v1", "bodies", &id.to_string()], &[]).await
    }

    /// The bytes of a transaction.
    pub async fn transaction_bytes(&self, id: TxId) -> Result<Bytes, ClientError> {
        let url = self.route(&["v1", "transactions", &id.to_string()], &[]);
        let request = self.http.get(url).header(ACCEPT, OCTETS).timeout(ANSWER_TIMEOUT);
        let response = self.accepted(self.answer(request).await?).await?;
        self.read(response).await
    }

    /// What the node knows of the account at `address`.
    pub async fn account(&self, address: &str) -> Result<Account, ClientError> {
        self.json(&["v1", "accounts", address], &[]).await
    }

    /// The same, asked to wait until the body has its outcome or must be attached again. Answers
    /// without one after some 20 s.
    pub async fn settled(&self, id: BodyId) -> Result<Described, ClientError> {
        let url = self.route(&["v1", "bodies", &id.to_string()], &[("wait", "committed".into())]);
        let response = self.answer(self.http.get(url).timeout(SUBMIT_TIMEOUT)).await?;
        let response = self.accepted(response).await?;
        self.parsed(&self.read(response).await?)
    }

    /// A commit with what it ordered; the last one without an index.
    pub async fn commit(&self, index: Option<u64>) -> Result<Commit, ClientError> {
        let index = index.map_or("latest".to_owned(), |index| index.to_string());
        self.json(&["v1", "commits", &index], &[]).await
    }

    /// What its network started from. Whoever knows the id from elsewhere need not trust the node.
    pub async fn genesis(&self) -> Result<Genesis, ClientError> {
        let url = self.route(&["v1", "genesis"], &[]);
        let response = self.answer(self.http.get(url).timeout(ANSWER_TIMEOUT)).await?;
        let bytes = self.read(self.accepted(response).await?).await?;
        Genesis::from_bytes(&bytes).map_err(|error| ClientError::NotANode {
            url: self.url().to_owned(),
            reason: format!("its genesis cannot be read: {error}"),
        })
    }

    /// The bytes of the proof of a transaction or a body. Refused with status 404 while its commit
    /// is not certified.
    pub async fn proof(&self, id: TxId) -> Result<Bytes, ClientError> {
        let url = self.route(&["v1", "proofs", &id.to_string()], &[]);
        let response = self.answer(self.http.get(url).timeout(ANSWER_TIMEOUT)).await?;
        let response = self.accepted(response).await?;
        self.read(response).await
    }

    /// A page of at most `limit` (1 to 1,000) readings of `stream` behind `after`; of one
    /// issuer, or of all.
    pub async fn readings(
        &self,
        stream: &str,
        after: Cursor,
        limit: u16,
        issuer: Option<&str>,
    ) -> Result<Page<Reading>, ClientError> {
        #[derive(serde::Deserialize)]
        struct Answer {
            readings: Vec<Reading>,
            next: Cursor,
        }
        let mut query = paging(after, limit);
        query.extend(issuer.map(|issuer| ("issuer", issuer.to_owned())));
        let answer: Answer = self.json(&["v1", "streams", stream, "readings"], &query).await?;
        Ok(Page { items: answer.readings, next: answer.next })
    }

    /// A page of at most `limit` (1 to 1,000) lines of the node's whole log behind `after`.
    pub async fn transactions(
        &self,
        after: Cursor,
        limit: u16,
    ) -> Result<Page<LogLine>, ClientError> {
        #[derive(serde::Deserialize)]
        struct Answer {
            transactions: Vec<LogLine>,
            next: Cursor,
        }
        let query = paging(after, limit);
        let answer: Answer = self.json(&["v1", "transactions"], &query).await?;
        Ok(Page { items: answer.transactions, next: answer.next })
    }

    /// How the node is.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.json(&["v1", "status"], &[]).await
    }

    /// Its connected peers.
    pub async fn peers(&self) -> Result<Vec<Peer>, ClientError> {
        #[derive(serde::Deserialize)]
        struct Answer {
            peers: Vec<Peer>,
        }
        let answer: Answer = self.json(&["v1", "peers"], &[]).await?;
        Ok(answer.peers)
    }

    /// What it counts, as OpenMetrics text.
    pub async fn metrics(&self) -> Result<String, ClientError> {
        let request = self.http.get(self.route(&["metrics"], &[])).timeout(ANSWER_TIMEOUT);
        let response = self.accepted(self.answer(request).await?).await?;
        let text = String::from_utf8(self.read(response).await?.into());
        text.map_err(|error| ClientError::NotANode {
            url: self.url().to_owned(),
            reason: error.to_string(),
        })
    }

    /// Whether it is ready, and why not.
    pub async fn readiness(&self) -> Result<Readiness, ClientError> {
        let request = self.http.get(self.route(&["readyz"], &[])).timeout(ANSWER_TIMEOUT);
        let response = self.answer(request).await?;
        // "Not ready" is the answer, not a refusal to answer.
        let response = match response.status() {
            StatusCode::SERVICE_UNAVAILABLE => response,
            _ => self.accepted(response).await?,
        };
        self.parsed(&self.read(response).await?)
    }

    /// The clock of the machine the node runs on, to the second below; `None` if its answers carry
    /// no date.
    pub async fn clock(&self) -> Result<Option<Time>, ClientError> {
        let request = self.http.get(self.route(&["healthz"], &[])).timeout(ANSWER_TIMEOUT);
        let response = self.answer(request).await?;
        let date = response.headers().get(DATE).and_then(|date| date.to_str().ok());
        Ok(date.and_then(date::parse))
    }

    /// Opens a stream of events; it has no end of its own, so no time limit either.
    pub(super) async fn open_events(
        &self,
        query: &[(&'static str, String)],
        last: Option<&str>,
    ) -> Result<Response, ClientError> {
        let mut request = self.http.get(self.route(&["v1", "events"], query));
        request = request.header(ACCEPT, "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        self.accepted(self.answer(request).await?).await
    }

    async fn submit(&self, what: &str, bytes: Vec<u8>) -> Result<Submitted, ClientError> {
        let url = self.route(&["v1", what], &[]);
        let request = self.http.request(Method::POST, url).header(CONTENT_TYPE, OCTETS).body(bytes);
        let response = self.answer(request.timeout(SUBMIT_TIMEOUT)).await?;
        let response = self.accepted(response).await?;
        self.parsed(&self.read(response).await?)
    }

    async fn json<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&'static str, String)],
    ) -> Result<T, ClientError> {
        let request = self.http.get(self.route(path, query)).timeout(ANSWER_TIMEOUT);
        let response = self.accepted(self.answer(request).await?).await?;
        self.parsed(&self.read(response).await?)
    }

    /// Segments are escaped here: a stream may be called `a/b` or `50 %`.
    fn route(&self, path: &[&str], query: &[(&'static str, String)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Response, ClientError> {
        request.send().await.map_err(|error| ClientError::transport(self.url(), &error))
    }

    async fn accepted(&self, response: Response) -> Result<Response, ClientError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after = response.headers().get(RETRY_AFTER).cloned();
        let body = self.read(response).await?;
        let retry_after = retry_after.as_ref().and_then(|value| value.to_str().ok());
        Err(Problem::read(status, retry_after, &body).into())
    }

    async fn read(&self, mut response: Response) -> Result<Bytes, ClientError> {
        let mut body = BytesMut::new();
        loop {
            let chunk = response.chunk().await;
            match chunk.map_err(|error| ClientError::transport(self.url(), &error))? {
                None => return Ok(body.freeze()),
                Some(chunk) if body.len() + chunk.len() <= ANSWER_BYTES_MAX => {
                    body.extend_from_slice(&chunk);
                }
                Some(_) => {
                    let reason = format!("an answer of more than {ANSWER_BYTES_MAX} bytes");
                    return Err(ClientError::NotANode { url: self.url().to_owned(), reason });
                }
            }
        }
    }

    fn parsed<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(body).map_err(|error| ClientError::NotANode {
            url: self.url().to_owned(),
            reason: error.to_string(),
        })
    }
}

fn paging(after: Cursor, limit: u16) -> Vec<(&'static str, String)> {
    vec![("after", after.to_string()), ("limit", limit.to_string())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_escape_what_names_hold() {
        let node = NodeClient::new("http://127.0.0.1:1/").unwrap();
        assert_eq!(node.url(), "http://127.0.0.1:1");
        let url = node.route(&["v1", "streams", "a/b 50%", "readings"], &paging(Cursor(7), 5));
        assert_eq!(
            url.as_str(),
            "http://127.0.0.1:1/v1/streams/a%2Fb%2050%25/readings?after=7&limit=5"
        );
        let query = [("stream", "a&b".to_owned())];
        let url = NodeClient::new("http://host/base").unwrap().route(&["v1", "tips"], &query);
        assert_eq!(url.as_str(), "http://host/base/v1/tips?stream=a%26b");
    }

    #[test]
    fn only_plain_http_addresses_are_taken() {
        for url in ["", "127.0.0.1:14265", "https://host", "ftp://host", "http://", "node"] {
            assert!(matches!(NodeClient::new(url), Err(ClientError::Url { .. })), "{url:?}");
        }
    }
}
