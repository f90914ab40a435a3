//! What one node takes, all have.

use crate::support::{World, account::Account, http::Api};
use weft_core::codec::Encode as _;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_posted_on_one_node_is_read_on_another() {
    let world = World::new();
    let a = world.start("a", &[]).await;
    let b = world.start("b", &[&a]).await;
    let (at_a, at_b) = (Api::of(&a), Api::of(&b));
    let account = Account::new(&world.genesis, 1);

    let first = at_a.post_body(&account.reading("harbour/level", "4.1 m")).await.expect(201);
    let tx = account.attach(account.reading("harbour/level", "4.2 m"), at_a.parents().await);
    let second = at_a.post_transaction(&tx).await.expect(201);
    assert_eq!(second.id(), tx.id());
    assert_eq!((first.text("position"), second.text("position")), ("1", "2"));

    at_b.until_attached(&first.id()).await;
    let seen = at_b.until_attached(&second.id()).await;
    assert_eq!(seen["stream"], "harbour/level");
    let readings = at_b.get("/v1/streams/harbour%2Flevel/readings").await.expect(200);
    let texts: Vec<_> = readings.json["readings"].as_array().unwrap().iter().collect();
    assert_eq!(texts.len(), 2);
    assert_eq!((&texts[0]["text"], &texts[1]["text"]), (&"4.1 m".into(), &"4.2 m".into()));
    assert_eq!(texts[1]["issuer"], account.address_text());

    let described = at_b.get(&format!("/v1/transactions/{}", tx.id())).await.expect(200);
    assert_eq!(described.text("body"), tx.body_id().to_string());
    assert_eq!(described.json["content"]["text"], "4.2 m");
    assert_eq!(described.json["content"]["content_type_name"], "text");
    assert_eq!(described.json["sequence"], 1);
    assert_eq!(described.json["parents"], serde_json::json!([first.text("id")]));
    let raw = at_b.get(&format!("/v1/transactions/{}?raw=1", tx.id())).await.expect(200);
    assert_eq!(raw.bytes, tx.to_bytes());
    let raw = at_b.get_bytes(&format!("/v1/transactions/{}", tx.id())).await.expect(200);
    assert_eq!(raw.bytes, tx.to_bytes());

    let account_at_b = at_b.get(&format!("/v1/accounts/{}", account.address_text())).await;
    assert_eq!(account_at_b.json["next"], 2);
    assert_eq!(account_at_b.json["registered"], true);
    for node in [a, b] {
        assert_eq!(node.shutdown().await, weft_node::StopCause::Shutdown);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_late_fetches_all_it_missed() {
    let world = World::new();
    let a = world.start("a", &[]).await;
    let account = Account::new(&world.genesis, 1);
    let mut last = None;
    for n in 0..40 {
        let sealed = account.reading("s", &n.to_string());
        last = Some(Api::of(&a).post_body(&sealed).await.expect(201).id());
    }
    let b = world.start("b", &[&a]).await;
    let at_b = Api::of(&b);
    at_b.until_attached(&last.unwrap()).await;
    let page = at_b.get("/v1/streams/s/readings?limit=1000").await.expect(200);
    assert_eq!(page.json["readings"].as_array().unwrap().len(), 40);

    // And from then on both ways.
    let more = at_b.post_body(&account.reading("s", "from b")).await.expect(201);
    let at_a = Api::of(&a).until_attached(&more.id()).await;
    assert_eq!(at_a["source"].as_str().unwrap_or("gossip"), "gossip");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_in_a_row_share_everything() {
    let world = World::new();
    let a = world.start("a", &[]).await;
    let b = world.start("b", &[&a]).await;
    let c = world.start("c", &[&b]).await;
    let accounts = [1, 2, 3].map(|seed| Account::new(&world.genesis, seed));
    let mut ids = Vec::new();
    for round in 0..5 {
        for (node, account) in [&a, &b, &c].into_iter().zip(&accounts) {
            let sealed = account.reading("s", &round.to_string());
            ids.push(Api::of(node).post_body(&sealed).await.expect(201).id());
        }
    }
    for node in [&a, &b, &c] {
        let mut events = Api::of(node).events("after=0", None).await;
        let mut seen: Vec<String> = Vec::new();
        for event in events.take(ids.len()).await {
            seen.push(event.data["id"].as_str().unwrap().into());
        }
        let mut expected: Vec<String> = ids.iter().map(ToString::to_string).collect();
        expected.sort();
        seen.sort();
        assert_eq!(seen, expected);
    }
    let peers = Api::of(&b).get("/v1/peers").await.expect(200);
    let peers = peers.json["peers"].as_array().unwrap();
    assert!(peers.len() >= 2, "{peers:?}");
    for peer in peers {
        assert_eq!(peer["score"], 1_000);
        assert!(peer["received_bytes"].as_u64().unwrap() > 0, "{peer}");
        let sent = |what: &str| peer[what].as_u64().unwrap();
        assert!(sent("udp_sent_bytes") > sent("sent_bytes"), "with all overhead: {peer}");
    }
}
