//! A server that answers as the test says, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};
use weft_client::host::NodeClient;
use weft_core::{
    codec::Decode as _,
    tx::{SealedBody, Transaction},
};

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// With the query.
    pub(crate) target: String,
    pub(crate) last_event_id: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn transaction(&self) -> Transaction {
        Transaction::from_bytes(&self.body).unwrap()
    }

    pub(crate) fn sealed_body(&self) -> SealedBody {
        SealedBody::from_bytes(&self.body).unwrap()
    }

    /// Method and path.
    pub(crate) fn what(&self) -> String {
        let path = self.target.split('?').next().unwrap();
        format!("{} {path}", self.method)
    }
}

/// What is answered.
pub(crate) enum Reply {
    Json(u16, serde_json::Value),
    Bytes(Vec<u8>),
    /// The start of an event stream; then the connection is closed.
    Events(String),
    /// Nothing: the connection is closed.
    Hang,
}

pub(crate) struct Node {
    pub(crate) client: NodeClient,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Node {
    /// Answers by `script`, which sees each request and how many came before to the same path.
    pub(crate) async fn start(
        script: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = NodeClient::new(&format!("http://{}", listener.local_addr().unwrap()));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (script, log) = (Arc::new(script), Arc::clone(&asked));
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (script, log) = (Arc::clone(&script), Arc::clone(&log));
                tokio::spawn(async move { serve(socket, &*script, &log).await });
            }
        });
        Self { client: client.unwrap(), asked }
    }

    /// Everything that was asked, in order.
    pub(crate) fn everything(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Everything that was asked of one route, in order.
    pub(crate) fn asked(&self, what: &str) -> Vec<Asked> {
        self.everything().into_iter().filter(|asked| asked.what() == what).collect()
    }
}

async fn serve(
    socket: TcpStream,
    script: &(impl Fn(&Asked, usize) -> Reply + Send + Sync),
    log: &Mutex<Vec<Asked>>,
) {
    let mut socket = BufReader::new(socket);
    let mut line = String::new();
    socket.read_line(&mut line).await.unwrap();
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return;
    };
    let (mut length, mut last_event_id) = (0, None);
    loop {
        let mut header = String::new();
        socket.read_line(&mut header).await.unwrap();
        let Some((name, value)) = header.trim().split_once(": ") else {
            break;
        };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "last-event-id" => last_event_id = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.unwrap();
    let asked = Asked { method, target, last_event_id, body };
    let before = {
        let mut log = log.lock().unwrap();
        log.push(asked.clone());
        log.iter().filter(|earlier| earlier.what() == asked.what()).count() - 1
    };
    let (status, kind, body) = match script(&asked, before) {
        Reply::Json(status, value) => (status, "application/json", value.to_string().into_bytes()),
        Reply::Bytes(bytes) => (200, "application/octet-stream", bytes),
        Reply::Events(text) => (200, "text/event-stream", text.into_bytes()),
        Reply::Hang => return,
    };
    let head = format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&body).await.unwrap();
    socket.shutdown().await.unwrap();
}
