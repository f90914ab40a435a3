//! Posting: what is sent again, what is not, and in which order.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::json;
use weft_client::{
    Builder, DraftError, Place,
    host::{Attach, ClientError, Final, NewReading, Poster, Retry, State, attach_on_all_cores},
};
use weft_core::{
    address::Address,
    codec::Encode as _,
    digest::TxId,
    keys::{HostKey, Scheme, Sign as _},
    pow::trailing_zero_bits,
    tx::{CommitRef, ContentType, NetworkId},
    units::Sequence,
};

use crate::scripted::{Asked, Node, Reply};

const TIP: [u8; 3] = [0x11, 0x22, 0x33];

fn tips(tips: &[u8]) -> Reply {
    let tips: Vec<String> = tips.iter().map(|byte| TxId([*byte; 32]).to_string()).collect();
    let genesis = "abcdef01".repeat(8);
    Reply::Json(
        200,
        json!({ "tips": tips, "anchor": "00".repeat(32), "work_bits": 4, "network": "abcdef01",
            "genesis": genesis, "prefix": "tweft", "schemes": ["ml-dsa-44"] }),
    )
}

fn account(next: u64) -> Reply {
    Reply::Json(200, json!({ "address": "tweft1x", "next": next, "registered": next > 0 }))
}

fn stored(asked: &Asked) -> Reply {
    let (id, body) = if asked.target.ends_with("bodies") {
        (TxId([7; 32]), asked.sealed_body().body.id())
    } else {
        (asked.transaction().id(), asked.transaction().body_id())
    };
    Reply::Json(201, json!({ "id": id.to_string(), "body": body.to_string(), "position": "5" }))
}

fn problem(status: u16, code: &str, retry_after_ms: u64) -> Reply {
    let detail = format!("{code} happened; do something");
    Reply::Json(
        status,
        json!({ "type": format!("/problems/{code}"), "title": code, "status": status,
            "detail": detail, "code": code, "retry_after_ms": retry_after_ms }),
    )
}

async fn poster(node: &Node, attach: Attach) -> Poster {
    let key = Arc::new(HostKey::from_seed(Scheme::MlDsa44, &[1; 32]).unwrap());
    Poster::open(node.client.clone(), key, attach).await.unwrap()
}

fn reading() -> NewReading {
    NewReading::text("hall", "21.4")
}

#[tokio::test]
async fn a_body_that_is_handed_over_is_sent_again_as_it_was() {
    let node = Node::start(|asked, before| match (asked.what().as_str(), before) {
        ("GET /v1/tips", _) => tips(&TIP),
        ("POST /v1/bodies", 0) => problem(503, "busy", 1),
        ("POST /v1/bodies", 1) => Reply::Hang,
        ("POST /v1/bodies", 2) => problem(429, "quota", 1),
        ("POST /v1/bodies", 3) => problem(504, "timeout", 1),
        ("POST /v1/bodies", _) => stored(asked),
        _ => account(9),
    })
    .await;
    let posted = poster(&node, Attach::AtNode).await.post(reading()).await.unwrap();
    let sent = node.asked("POST /v1/bodies");
    assert_eq!(sent.len(), 5);
    assert!(sent.iter().all(|asked| asked.body == sent[0].body), "one signature, one body");
    assert_eq!(posted.body, sent[0].sealed_body().body.id());
    assert_eq!((posted.sequence, posted.position.0), (Sequence(9), 5));
    assert_eq!(node.asked("GET /v1/tips").len(), 1, "the node attaches");
}

#[tokio::test]
async fn a_transaction_is_sent_again_as_it_was_and_attached_again_if_its_parents_will_not_do() {
    let node = Node::start(|asked, before| match (asked.what().as_str(), before) {
        ("GET /v1/tips", 0) => tips(&TIP),
        ("GET /v1/tips", _) => tips(&[0x44]),
        ("POST /v1/transactions", 0) => Reply::Hang,
        ("POST /v1/transactions", 1) => problem(409, "unknown_parent", 1),
        ("POST /v1/transactions", _) => stored(asked),
        _ => account(1),
    })
    .await;
    let posted = poster(&node, Attach::Here).await.post(reading()).await.unwrap();
    let sent = node.asked("POST /v1/transactions");
    let [first, again, elsewhere] = &sent[..] else { panic!("three tries, not {}", sent.len()) };
    assert_eq!(first.body, again.body, "after a broken connection, the very same transaction");
    let (before, after) = (again.transaction(), elsewhere.transaction());
    assert_eq!(after.attachment.parents, [TxId::ZERO, TxId([0x44; 32])]);
    let [one, other] = before.attachment.parents;
    assert!(one < other && TIP.contains(&one.0[0]) && TIP.contains(&other.0[0]));
    assert_eq!((before.body, before.seal), (after.body.clone(), after.seal.clone()));
    assert!(trailing_zero_bits(&after.id()) >= 4);
    assert_eq!(posted.id, after.id());
}

#[tokio::test]
async fn no_two_of_many_readings_hang_to_the_same_tips() {
    let node = Node::start(|asked, _| match asked.what().as_str() {
        "GET /v1/tips" => tips(&[1, 2, 3, 4, 5, 6, 7]),
        "POST /v1/transactions" => stored(asked),
        _ => account(1),
    })
    .await;
    let poster = poster(&node, Attach::Here).await;
    for _ in 0..7 {
        poster.post(reading()).await.unwrap();
    }
    let mut used = BTreeSet::new();
    for asked in node.everything() {
        match asked.what().as_str() {
            "GET /v1/tips" => used.clear(),
            "POST /v1/transactions" => {
                let parents = asked.transaction().attachment.parents;
                assert!(parents.into_iter().all(|parent| used.insert(parent)));
            }
            _ => {}
        }
    }
    assert!(node.asked("GET /v1/tips").len() >= 3, "there are three pairs in seven tips");
}

#[tokio::test]
async fn the_first_body_of_an_account_is_there_before_the_second_is_sent() {
    let node = Node::start(|asked, _| match asked.what().as_str() {
        "GET /v1/tips" => tips(&TIP),
        "POST /v1/bodies" => stored(asked),
        _ => account(0),
    })
    .await;
    let poster = poster(&node, Attach::AtNode).await;
    let posted = join_all((0..10).map(|_| poster.post(reading()))).await;
    let sequences: Vec<u64> = posted.into_iter().map(|posted| posted.unwrap().sequence.0).collect();
    assert_eq!(sequences, (0..10).collect::<Vec<_>>());
    let sent = node.asked("POST /v1/bodies");
    let first = sent.first().unwrap().sealed_body();
    assert!(first.body.sequence.registers() && first.seal.key.is_some());
}

#[tokio::test]
async fn a_registration_of_unknown_fate_is_finished_first() {
    let node = Node::start(|asked, before| match (asked.what().as_str(), before) {
        ("GET /v1/tips", _) => tips(&TIP),
        ("POST /v1/bodies", 0) => Reply::Hang,
        ("POST /v1/bodies", _) => stored(asked),
        _ => account(0),
    })
    .await;
    let once = Retry { tries: 1, ..Retry::default() };
    let poster = poster(&node, Attach::AtNode).await.with_retry(once);
    let failed = poster.post(reading()).await.unwrap_err();
    assert!(matches!(failed.error, ClientError::Unreachable { .. }), "{failed}");
    let second = poster.post(NewReading::text("hall", "another")).await.unwrap();
    assert_eq!(second.sequence, Sequence(1));
    let sent = node.asked("POST /v1/bodies");
    assert_eq!(sent.len(), 3);
    assert_eq!(sent[0].body, sent[1].body, "not another body under sequence 0");
    assert_eq!(failed.sealed.map(|sealed| *sealed), Some(sent[0].sealed_body()));
}

#[tokio::test]
async fn a_refused_registration_leaves_its_place_to_the_next() {
    let node = Node::start(|asked, before| match (asked.what().as_str(), before) {
        ("GET /v1/tips", _) => tips(&TIP),
        ("POST /v1/bodies", 0) => problem(400, "malformed", 0),
        ("POST /v1/bodies", _) => stored(asked),
        _ => account(0),
    })
    .await;
    let poster = poster(&node, Attach::AtNode).await;
    let refused = poster.post(reading()).await.unwrap_err();
    let problem = refused.error.problem().unwrap();
    assert_eq!((problem.status, problem.code.as_str()), (400, "malformed"));
    assert_eq!(node.asked("POST /v1/bodies").len(), 1, "a refusal is not repeated");
    let text = NewReading::text("hall", "another");
    assert_eq!(poster.post(text).await.unwrap().sequence, Sequence(0));
}

#[tokio::test]
async fn patience_ends() {
    let node = Node::start(|asked, _| match asked.what().as_str() {
        "GET /v1/tips" => tips(&TIP),
        "POST /v1/bodies" => problem(503, "busy", 10),
        _ => account(1),
    })
    .await;
    let tries = Retry { tries: 3, ..Retry::default() };
    let limited = poster(&node, Attach::AtNode).await.with_retry(tries);
    assert_eq!(limited.post(reading()).await.unwrap_err().error.problem().unwrap().code, "busy");
    assert_eq!(node.asked("POST /v1/bodies").len(), 3);
    let patience = Retry { tries: 1_000, patience: Duration::from_millis(5) };
    let hasty = poster(&node, Attach::AtNode).await.with_retry(patience);
    hasty.post(reading()).await.unwrap_err();
    assert_eq!(node.asked("POST /v1/bodies").len(), 4, "it would have to wait longer than it may");
}

#[tokio::test]
async fn a_body_attached_often_enough_is_there() {
    let node = Node::start(|asked, _| match asked.what().as_str() {
        "GET /v1/tips" => tips(&TIP),
        "GET /v1/accounts/tweft1x" => account(1),
        "POST /v1/transactions" => problem(409, "enough_attachments", 1),
        what if what.starts_with("GET /v1/bodies/") => {
            let id = what.rsplit('/').next().unwrap();
            let content = json!({ "kind": "data", "stream": "hall", "content_type": 0 });
            let zero = "00".repeat(32);
            Reply::Json(
                200,
                json!({ "id": "ab".repeat(32), "body": id, "position": "3", "parents": [],
                    "anchor": zero, "issuer": "tweft1x", "sequence": 1, "time": 0, "expires": 0,
                    "size": 2_600, "content": content, "key": zero, "scheme": "ml-dsa-44",
                    "nonce": "1", "attachments": ["ab".repeat(32)] }),
            )
        }
        _ => account(1),
    })
    .await;
    let posted = poster(&node, Attach::Here).await.post(reading()).await.unwrap();
    assert_eq!((posted.id, posted.position.0), (TxId([0xab; 32]), 3));
}

#[tokio::test]
async fn what_cannot_be_a_body_uses_no_sequence() {
    let node = Node::start(|asked, _| match asked.what().as_str() {
        "GET /v1/tips" => tips(&TIP),
        "POST /v1/bodies" => stored(asked),
        _ => account(4),
    })
    .await;
    let poster = poster(&node, Attach::AtNode).await;
    let long = NewReading::now("hall", ContentType::RAW, vec![0; 25 * 1024]);
    let error = poster.post(long).await.unwrap_err().error;
    assert!(matches!(error, ClientError::Draft(DraftError::TooLong { .. })), "{error}");
    assert_eq!(poster.next_sequence().await, Sequence(4));
    poster.count_from(Sequence(2)).await;
    assert_eq!(poster.next_sequence().await, Sequence(4), "never back");
    poster.count_from(Sequence(12)).await;
    assert_eq!(poster.post(reading()).await.unwrap().sequence, Sequence(12));
}

#[tokio::test]
async fn a_key_that_the_network_does_not_admit_is_refused_at_once() {
    let node = Node::start(|_, _| tips(&TIP)).await;
    let key = Arc::new(HostKey::from_seed(Scheme::MlDsa65, &[1; 32]).unwrap());
    let opened = Poster::open(node.client.clone(), key, Attach::Here).await;
    let error = opened.err().unwrap();
    assert!(matches!(error, ClientError::Scheme { .. }), "{error}");
    assert!(error.to_string().contains("ml-dsa-65") && error.to_string().contains("ml-dsa-44"));
}

#[tokio::test]
async fn who_is_not_a_node_is_told_apart_from_who_is_not_there() {
    let node = Node::start(|_, _| Reply::Json(200, json!(["hello"]))).await;
    let error = node.client.tips().await.unwrap_err();
    assert!(matches!(error, ClientError::NotANode { .. }) && !error.is_passing(), "{error}");
    let node = Node::start(|_, _| Reply::Hang).await;
    let error = node.client.tips().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }) && error.is_passing(), "{error}");
}

fn described(what: &str, fate: &serde_json::Value) -> Reply {
    let id = what.rsplit('/').next().unwrap();
    let zero = "00".repeat(32);
    let content = json!({ "kind": "data", "stream": "hall", "content_type": 0 });
    let mut value = json!({ "id": "ab".repeat(32), "body": id, "position": "3", "parents": [],
        "anchor": zero, "issuer": "tweft1x", "sequence": 1, "time": 0, "expires": 0,
        "size": 2_600, "content": content, "key": zero, "scheme": "ml-dsa-44" });
    value.as_object_mut().unwrap().extend(fate.as_object().unwrap().clone());
    Reply::Json(200, value)
}

#[tokio::test]
async fn a_stale_body_is_attached_again_until_it_has_its_outcome() {
    let node = Node::start(|asked, before| match asked.what().as_str() {
        "GET /v1/tips" => tips(&TIP),
        what if what.starts_with("GET /v1/accounts/") => account(1),
        "POST /v1/bodies" => stored(asked),
        what if what.starts_with("GET /v1/bodies/") && before == 0 => {
            described(what, &json!({ "state": "attached", "stale": true }))
        }
        what if what.starts_with("GET /v1/bodies/") => {
            let outcome = json!({ "code": "applied", "detail": "applied" });
            described(what, &json!({ "state": "committed", "commit": 9, "outcome": outcome }))
        }
        // The bytes of what was attached, to attach it again.
        _ => Reply::Bytes(some_transaction()),
    })
    .await;
    let poster = poster(&node, Attach::AtNode).await;
    let posted = poster.post(reading()).await.unwrap();
    let ended = poster.finish(posted.body, Duration::from_secs(20)).await.unwrap();
    let Final::Outcome(fate) = ended else { panic!("{ended:?}") };
    assert_eq!((fate.commit, fate.state), (Some(9), State::Committed));
    assert_eq!(node.asked("POST /v1/bodies").len(), 2);
}

fn some_transaction() -> Vec<u8> {
    let key = HostKey::from_seed(Scheme::MlDsa44, &[1; 32]).unwrap();
    let address = Address::of(key.public_key().id());
    let builder = Builder::new(NetworkId([0xab, 0xcd, 0xef, 0x01]), address);
    let draft = builder.reading(Sequence(1), "hall", ContentType::TEXT, "21.4").unwrap();
    let place = Place { parents: [TxId::ZERO; 2], anchor: CommitRef::NONE, work_bits: 1 };
    attach_on_all_cores(draft.seal(&key).unwrap(), place).to_bytes()
}
