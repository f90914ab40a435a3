//! A plain HTTP client and a reader of server-sent events.

use std::{collections::VecDeque, time::Duration};

use reqwest::{Client, Response, StatusCode, header::HeaderMap};
use serde_json::Value;
use tokio::time::timeout;
use weft_core::{
    codec::Encode as _,
    digest::TxId,
    tx::{SealedBody, Transaction},
};
use weft_node::Node;

/// Longest wait for anything in a test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// One node's API.
#[derive(Clone)]
pub(crate) struct Api {
    base: String,
    http: Client,
}

/// Status, headers and body as JSON (null if it is none).
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    /// The text of a field.
    pub(crate) fn text(&self, field: &str) -> &str {
        self.json[field].as_str().unwrap_or_else(|| panic!("no {field} in {self:?}"))
    }

    pub(crate) fn code(&self) -> (u16, &str) {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        assert_eq!(self.json["status"], self.status.as_u16(), "{self:?}");
        assert_eq!(self.text("type"), format!("/problems/{}", self.text("code")));
        assert!(!self.text("detail").is_empty() && !self.text("title").is_empty());
        (self.status.as_u16(), self.text("code"))
    }

    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    /// The id of a submission.
    pub(crate) fn id(&self) -> TxId {
        self.text("id").parse().unwrap()
    }
}

impl Api {
    pub(crate) fn of(node: &Node) -> Self {
        let http = Client::builder().no_proxy().build().unwrap();
        Self { base: format!("http://{}", node.api_addr()), http }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.http.get(format!("{}{path}", self.base)).send()).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str) -> Answer {
        let method = method.parse().unwrap();
        answer(self.http.request(method, format!("{}{path}", self.base)).send()).await
    }

    pub(crate) async fn get_bytes(&self, path: &str) -> Answer {
        let request = self.http.get(format!("{}{path}", self.base));
        answer(request.header("accept", "application/octet-stream").send()).await
    }

    pub(crate) async fn get_if_none_match(&self, path: &str, tag: &str) -> Answer {
        let request = self.http.get(format!("{}{path}", self.base));
        answer(request.header("if-none-match", tag).send()).await
    }

    pub(crate) async fn post(&self, path: &str, bytes: Vec<u8>) -> Answer {
        answer(self.http.post(format!("{}{path}", self.base)).body(bytes).send()).await
    }

    pub(crate) async fn post_transaction(&self, tx: &Transaction) -> Answer {
        self.post("/v1/transactions", tx.to_bytes()).await
    }

    pub(crate) async fn post_body(&self, sealed: &SealedBody) -> Answer {
        self.post("/v1/bodies", sealed.to_bytes()).await
    }

    /// Posts a body and waits for its outcome.
    pub(crate) async fn settle(&self, sealed: &SealedBody) -> Answer {
        self.post("/v1/bodies?wait=committed", sealed.to_bytes()).await
    }

    /// The status of the answer, if there was one.
    pub(crate) async fn try_post_body(&self, sealed: &SealedBody) -> Option<u16> {
        let request = self.http.post(format!("{}/v1/bodies", self.base)).body(sealed.to_bytes());
        let sent = timeout(PATIENCE, request.send()).await.expect("an end in time");
        sent.ok().map(|response| response.status().as_u16())
    }

    /// Two tips, or fewer where there are none.
    pub(crate) async fn parents(&self) -> [TxId; 2] {
        let tips = self.get("/v1/tips").await.expect(200);
        let tips: Vec<TxId> = serde_list(&tips.json["tips"]);
        weft_core::tx::choose_parents(&tips, [1, 2])
    }

    pub(crate) async fn events(&self, query: &str, last: Option<&str>) -> Events {
        self.open(&format!("/v1/events?{query}"), last).await
    }

    /// The stream of events at `path`, from now on.
    pub(crate) async fn stream(&self, path: &str) -> Events {
        self.open(path, None).await
    }

    async fn open(&self, path: &str, last: Option<&str>) -> Events {
        let mut request = self.http.get(format!("{}{path}", self.base));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = timeout(PATIENCE, request.send()).await.unwrap().unwrap();
        let kind = response.headers()["content-type"].clone();
        if (response.status(), kind.as_bytes()) != (StatusCode::OK, b"text/event-stream") {
            panic!("{path} behind {last:?}: {}", response.text().await.unwrap());
        }
        Events { response, text: String::new(), ready: VecDeque::new() }
    }

    /// Waits until commit `index` is certified here.
    pub(crate) async fn until_certified(&self, index: u64) {
        let mut events = self.events("kinds=certified&after=0", None).await;
        loop {
            let event = events.next().await.expect("the stream goes on");
            if event.kind == "certified" && event.data["commit"].as_u64().unwrap() >= index {
                return;
            }
        }
    }

    /// Waits until the transaction is attached here.
    pub(crate) async fn until_attached(&self, id: &TxId) -> Value {
        let mut events = self.events("after=0", None).await;
        loop {
            let event = events.next().await.expect("the stream goes on");
            if event.data["id"] == id.to_string() {
                return event.data;
            }
        }
    }
}

pub(crate) fn serde_list<T: std::str::FromStr<Err: std::fmt::Debug>>(list: &Value) -> Vec<T> {
    list.as_array().unwrap().iter().map(|id| id.as_str().unwrap().parse().unwrap()).collect()
}

async fn answer(sent: impl Future<Output = reqwest::Result<Response>>) -> Answer {
    let response = timeout(PATIENCE, sent).await.expect("an answer in time").unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = response.bytes().await.unwrap().to_vec();
    let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Answer { status, headers, json, bytes }
}

/// A stream of server-sent events.
pub(crate) struct Events {
    response: Response,
    text: String,
    ready: VecDeque<Event>,
}

#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) data: Value,
}

impl Events {
    /// The next event; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.expect("an event in time");
            let chunk = chunk.ok()??;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                self.ready.extend(parse(block));
                self.text = rest.to_owned();
            }
        }
    }

    pub(crate) async fn take(&mut self, count: usize) -> Vec<Event> {
        let mut taken = Vec::new();
        while taken.len() < count {
            taken.push(self.next().await.expect("the stream goes on"));
        }
        taken
    }
}

fn parse(block: &str) -> Option<Event> {
    let field =
        |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let data = serde_json::from_str(field("data")?).unwrap();
    let (kind, id) = (field("event").unwrap_or(""), field("id").unwrap_or(""));
    Some(Event { kind: kind.into(), id: id.into(), data })
}
