//! Following: after a cut, the stream goes on behind what came out last.

use futures_util::{Stream, StreamExt as _};
use serde_json::json;
use weft_client::host::{ClientError, Cursor, Filter, Followed};

use crate::scripted::{Node, Reply};

fn attached(cursor: u64) -> String {
    let data = json!({ "cursor": cursor.to_string(), "id": "ab".repeat(32),
        "body": "cd".repeat(32), "issuer": "tweft1x", "sequence": cursor, "time": 1, "size": 2_600,
        "stream": "hall", "content_type": 0, "text": "21.4", "attached_at": 2,
        "source": "gossip" });
    format!("event: attached\nid: {cursor}\ndata: {data}\n\n")
}

fn status(position: u64) -> Reply {
    Reply::Json(
        200,
        json!({ "node": "n", "version": "0", "network": "abcdef01", "genesis": "ab".repeat(32),
            "label": "x", "uptime_ms": 1, "position": position.to_string(), "tips": 1, "peers": 0,
            "syncing": false, "live": { "count": 1, "bytes": 2 } }),
    )
}

async fn cursors(
    events: &mut (impl Stream<Item = Result<Followed, ClientError>> + Unpin),
    count: usize,
) -> Vec<u64> {
    let mut cursors = Vec::new();
    while cursors.len() < count {
        if let Followed::Reading(reading) = events.next().await.unwrap().unwrap() {
            cursors.push(reading.cursor.0);
        }
    }
    cursors
}

#[tokio::test]
async fn a_cut_stream_goes_on_behind_the_last_event() {
    let node = Node::start(|asked, before| match (asked.what().as_str(), before) {
        ("GET /v1/events", 0) => Reply::Events([attached(4), attached(5)].concat()),
        ("GET /v1/events", 1) => Reply::Hang,
        // Cut in the middle of an event: it was not seen.
        ("GET /v1/events", 2) => Reply::Events(attached(6) + &attached(7)[..90]),
        ("GET /v1/events", _) => Reply::Events([attached(7), attached(8)].concat()),
        _ => status(3),
    })
    .await;
    let filter = Filter { issuer: Some("tweft1x".into()), ..Filter::stream("a b") };
    let mut events = Box::pin(node.client.events(filter));
    assert_eq!(cursors(&mut events, 5).await, [4, 5, 6, 7, 8]);
    let asked = node.asked("GET /v1/events");
    let resumed: Vec<_> = asked.iter().map(|asked| asked.last_event_id.as_deref()).collect();
    assert_eq!(resumed, [Some("3"), Some("5"), Some("5"), Some("6")]);
    assert!(asked.iter().all(|asked| asked.target == "/v1/events?stream=a+b&issuer=tweft1x"));
}

#[tokio::test]
async fn a_slow_reader_resumes_where_the_node_says() {
    let lagged = "event: lagged\ndata: {\"resume\":\"9\"}\n\n";
    let node = Node::start(move |asked, before| match (asked.what().as_str(), before) {
        ("GET /v1/events", 0) => Reply::Events(attached(8) + lagged),
        ("GET /v1/events", _) => Reply::Events(attached(10)),
        _ => status(0),
    })
    .await;
    let filter = Filter { after: Some(Cursor(7)), ..Filter::default() };
    let mut events = Box::pin(node.client.events(filter));
    assert_eq!(cursors(&mut events, 2).await, [8, 10]);
    let asked = node.asked("GET /v1/events");
    let resumed: Vec<_> = asked.iter().map(|asked| asked.last_event_id.as_deref()).collect();
    assert_eq!(resumed, [Some("7"), Some("9")]);
    assert_eq!(node.asked("GET /v1/status").len(), 0, "the cursor was given");
}

#[tokio::test]
async fn a_cut_is_told() {
    let node = Node::start(|asked, before| match (asked.what().as_str(), before) {
        ("GET /v1/events", 0) => Reply::Events(attached(1)),
        _ => status(0),
    })
    .await;
    let mut events = Box::pin(node.client.events(Filter::default()));
    cursors(&mut events, 1).await;
    match events.next().await.unwrap().unwrap() {
        Followed::Cut { resume, reason, .. } => {
            assert_eq!(resume.as_deref(), Some("1"));
            assert!(reason.contains("closed"), "{reason}");
        }
        _ => panic!("the connection was closed"),
    }
}

#[tokio::test]
async fn a_refusal_and_a_node_that_never_answered_end_the_stream() {
    let gone = json!({ "code": "malformed", "title": "t", "detail": "no such stream" });
    let node = Node::start(move |asked, _| match asked.what().as_str() {
        "GET /v1/events" => Reply::Json(400, gone.clone()),
        _ => status(0),
    })
    .await;
    let mut events = Box::pin(node.client.events(Filter::default()));
    assert!(matches!(events.next().await, Some(Err(ClientError::Refused(_)))));
    assert!(events.next().await.is_none());

    let node = Node::start(|_, _| Reply::Hang).await;
    let mut events = Box::pin(node.client.events(Filter::default()));
    assert!(matches!(events.next().await, Some(Err(ClientError::Unreachable { .. }))));
    assert!(events.next().await.is_none());
}
