//! What the explorer rests on: its page, the picture of the Tangle, the pace, and a proof that is
//! checked with what a browser gets.

use serde_json::Value;
use weft_core::{digest::TxId, tx::CommitRef};

use super::support::{
    World,
    account::Account,
    http::{Api, Events},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_served_with_a_strict_policy_and_known_again() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let page = api.get("/").await.expect(200);
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval';"));
    assert!(!policy.contains("unsafe-inline") && !policy.contains('*'));
    let wasm = api.get("/explorer/verifier.wasm").await.expect(200);
    assert_eq!(wasm.headers["content-type"], "application/wasm");
    let tag = wasm.headers["etag"].to_str().unwrap();
    let again = api.get_if_none_match("/explorer/verifier.wasm", tag).await.expect(304);
    assert!(again.bytes.is_empty());
    assert_eq!(api.get("/explorer/gone.js").await.code(), (404, "not_found"));
    assert_eq!(api.send("POST", "/").await.code(), (405, "method"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_shows_what_is_attached_approved_and_ordered() {
    let world = World::of_one(&[1]);
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    assert_eq!(api.get("/v1/dag?rate=0").await.code(), (400, "parameter"));
    assert_eq!(api.get("/v1/dag?rate=201").await.code(), (400, "parameter"));
    let mut beats = api.stream("/v1/dag?rate=200").await;
    // The first beat is there once this watcher hears everything.
    assert_eq!(beats.next().await.unwrap().kind, "beat");
    let account = Account::new(&world.genesis, 1);
    let first = api.post_body(&account.reading("hall", "1")).await.expect(201);
    let vertex = until(&mut beats, "vertices", |vertex| vertex["id"] == first.text("id")).await;
    assert_eq!((&vertex["kind"], &vertex["stream"]), (&"data".into(), &"hall".into()));
    assert_eq!(vertex["issuer"], account.address_text());
    let second = account.attach(account.reading("hall", "2"), [first.id(), TxId::ZERO]);
    api.post_transaction(&second).await.expect(201);
    let child = until(&mut beats, "vertices", |child| child["id"] == second.id().to_string()).await;
    assert_eq!(child["parents"], serde_json::json!([vertex["number"]]));
    let third = account.transfer(account.address(), 5, CommitRef::NONE);
    api.settle(&third).await.expect(201);
    let poor = account.transfer(account.address(), u64::MAX, CommitRef::NONE);
    let poor = api.settle(&poor).await.expect(201);
    let poor = until(&mut beats, "vertices", |vertex| vertex["id"] == poor.text("id")).await;
    assert_eq!(poor["kind"], "transfer");
    let settled = until(&mut beats, "settled", |done| done["number"] == poor["number"]).await;
    assert_eq!(settled["outcome"], "insufficient");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beat_counts_all_and_tells_of_tips_and_checkpoints() {
    let world = World::of_one(&[1]);
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let mut beats = api.stream("/v1/dag?rate=1").await;
    beats.next().await.unwrap();
    let account = Account::new(&world.genesis, 1);
    let mut last = Value::Null;
    for number in 0..8 {
        let done = api.settle(&account.reading("hall", &number.to_string())).await.expect(201);
        last = done.json["commit"].clone();
    }
    let (mut attached, mut ordered, mut shown, mut commits) = (0, 0, 0, Vec::new());
    while ordered < 8 {
        let beat = beats.next().await.unwrap().data;
        attached += beat["attached"].as_u64().unwrap();
        ordered += beat["ordered"].as_u64().unwrap();
        shown += beat["vertices"].as_array().unwrap().len();
        let checkpoints = beat["checkpoints"].as_array().unwrap().iter();
        commits.extend(checkpoints.map(|checkpoint| checkpoint["commit"].clone()));
    }
    assert_eq!((attached, ordered), (8, 8));
    assert!((1..8).contains(&shown), "a sample: {shown}");
    assert!(commits.contains(&last), "{last} is among {commits:?}");
    let pace = &api.get("/v1/status").await.json["pace"];
    assert_eq!(pace["final_count"], 8);
    assert!(pace["final_p50_ms"].as_u64().unwrap() <= pace["final_p99_ms"].as_u64().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_can_check_a_proof_with_what_it_gets() {
    let world = World::of_one(&[1]);
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let genesis = api.get("/v1/genesis").await.expect(200);
    let status = api.get("/v1/status").await;
    let account = Account::new(&world.genesis, 1);
    let reading = account.reading("hall/temp", "21.4");
    let done = api.settle(&reading).await.expect(201);
    api.until_certified(done.json["commit"].as_u64().unwrap()).await;
    let proof = api.get(&format!("/v1/proofs/{}", done.text("id"))).await.expect(200);
    let judge = |genesis: &[u8], proof: &[u8]| -> Value {
        serde_json::from_str(&weft_verifier::judge(genesis, proof)).unwrap()
    };
    let verdict = judge(&genesis.bytes, &proof.bytes);
    let proven = &verdict["proven"];
    assert_eq!(proven["id"], done.text("id"), "{verdict}");
    assert_eq!(proven["genesis"], status.text("genesis"), "the id is made of the bytes");
    assert_eq!(
        (&proven["said"]["stream"], &proven["said"]["text"]),
        (&"hall/temp".into(), &"21.4".into())
    );
    assert_eq!(
        (&proven["signed"], &proven["votes"]),
        (&true.into(), &serde_json::json!([1, 1, 1]))
    );
    let mut changed = proof.bytes.clone();
    for at in (0..changed.len()).step_by(61) {
        changed[at] ^= 1;
        assert!(judge(&genesis.bytes, &changed)["refused"].is_string(), "byte {at}");
        changed[at] ^= 1;
    }
    let other = World::of_one(&[2]).genesis;
    let other = weft_core::codec::Encode::to_bytes(&other);
    assert!(judge(&other, &proof.bytes)["refused"].is_string(), "of another network");
}

/// The first item of `list` in the beats to come that is wanted.
async fn until(beats: &mut Events, list: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        let beat = beats.next().await.expect("beats go on").data;
        if let Some(found) = beat[list].as_array().unwrap().iter().find(|item| wanted(item)) {
            return found.clone();
        }
    }
}
