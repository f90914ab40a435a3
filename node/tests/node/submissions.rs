//! Handing in: once is enough, twice is no harm, and nobody gets all the work.

use weft_core::digest::TxId;

use crate::support::{
    World,
    account::Account,
    http::{Api, serde_list},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_again_gets_the_same_answer() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let account = Account::new(&world.genesis, 1);

    let sealed = account.reading("s", "0");
    let first = api.post_body(&sealed).await.expect(201);
    let again = api.post_body(&sealed).await.expect(200);
    assert_eq!(first.json, again.json);

    let tx = account.attach(account.reading("s", "1"), api.parents().await);
    let first = api.post_transaction(&tx).await.expect(201);
    for _ in 0..3 {
        assert_eq!(api.post_transaction(&tx).await.expect(200).json, first.json);
    }
    let log = api.get("/v1/transactions").await.expect(200);
    assert_eq!(log.json["transactions"].as_array().unwrap().len(), 2);
    assert_eq!(log.text("next"), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_posted_many_times_at_once_is_attached_once() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let sealed = Account::new(&world.genesis, 1).reading("s", "0");
    let posts = (0..16).map(|_| api.post_body(&sealed));
    let answers = futures_util::future::join_all(posts).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1);
    for answer in &answers {
        assert_eq!(answer.json, answers[0].json);
    }
    let body = api.get(&format!("/v1/bodies/{}", sealed.body.id())).await.expect(200);
    assert_eq!(serde_list::<TxId>(&body.json["attachments"]), [answers[0].id()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_share_syncs_and_all_are_there() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let account = Account::new(&world.genesis, 1);
    api.post_body(&account.reading("s", "first")).await.expect(201);
    let sealed: Vec<_> = (0..100).map(|n| account.reading("s", &n.to_string())).collect();
    let posts = sealed.iter().map(|sealed| api.post_body(sealed));
    let mut positions = Vec::new();
    for answer in futures_util::future::join_all(posts).await {
        positions.push(answer.expect(201).text("position").parse::<u64>().unwrap());
    }
    positions.sort_unstable();
    assert_eq!(positions, (2..=101).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_further_attachment_of_a_body_counts_as_one_reading() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let account = Account::new(&world.genesis, 1);
    let sealed = account.reading("s", "0");
    let first = api.post_body(&sealed).await.expect(201).id();
    let mut attached = vec![first];
    for parent in 0..3 {
        let parents = [TxId::ZERO, attached[parent]];
        let tx = account.attach(sealed.clone(), parents);
        attached.push(api.post_transaction(&tx).await.expect(201).id());
    }
    let fifth = account.attach(sealed.clone(), [TxId::ZERO, attached[3]]);
    assert_eq!(api.post_transaction(&fifth).await.code(), (409, "enough_attachments"));

    let body = api.get(&format!("/v1/bodies/{}", sealed.body.id())).await.expect(200);
    assert_eq!(serde_list::<TxId>(&body.json["attachments"]), attached);
    assert_eq!(body.id(), first);
    let readings = api.get("/v1/streams/s/readings").await.expect(200);
    assert_eq!(readings.json["readings"].as_array().unwrap().len(), 1);
    let log = api.get("/v1/transactions?after=1&limit=2").await.expect(200);
    assert_eq!(log.json["transactions"].as_array().unwrap().len(), 2);
    assert_eq!(log.text("next"), "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_work_for_one_client_has_a_limit() {
    let world = World::new();
    let mut config = world.config("a", &[]);
    config.api.work_burst = 1 << 16;
    config.api.work_per_second = 1;
    let node = world.start_with("a", config).await;
    let api = Api::of(&node);
    // A registration counts 2^12 tries on this network: sixteen fill the bucket.
    for seed in 0..16 {
        let sealed = Account::new(&world.genesis, seed).reading("s", "0");
        api.post_body(&sealed).await.expect(201);
    }
    let account = Account::new(&world.genesis, 16);
    let sealed = account.reading("s", "0");
    let refused = api.post_body(&sealed).await;
    assert_eq!(refused.code(), (429, "quota"));
    assert!(refused.json["retry_after_ms"].as_u64().unwrap() > 1_000_000);
    assert!(refused.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 1_000);
    // Garbage costs nothing, and whoever works for himself needs no quota.
    let tx = account.attach(sealed.clone(), api.parents().await);
    api.post_transaction(&tx).await.expect(201);
    // Nor does what is there already.
    api.post_body(&sealed).await.expect(200);
}
