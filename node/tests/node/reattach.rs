//! What a node acknowledged becomes final, whatever happened to its first attachment.

use weft_core::params::ORDER_LAG;

use crate::support::{World, account::Account, http::Api};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_alone_is_attached_again_after_a_restart() {
    let world = World::of_one(&[1]);
    let (busy, alone) = (Account::new(&world.genesis, 1), Account::new(&world.genesis, 2));
    // This node acknowledges a reading that nobody else ever hears of in its first attachment.
    let b = world.start("b", &[]).await;
    let sealed = alone.reading("field", "21.4");
    let first = Api::of(&b).post_body(&sealed).await.expect(201);
    b.shutdown().await;

    let a = world.start("a", &[]).await;
    let at_a = Api::of(&a);
    // Leaders lie a few rounds below the highest.
    let stale_from = ORDER_LAG + 10;
    while at_a.get("/v1/status").await.json["finality"]["round"].as_u64().unwrap() < stale_from {
        at_a.settle(&busy.reading("works", "goes on")).await.expect(201);
    }

    let b = world.start("b", &[&a]).await;
    let at_b = Api::of(&b);
    let path = format!("/v1/bodies/{}?wait=committed", sealed.body.id());
    let done = loop {
        let seen = at_b.get(&path).await.expect(200);
        if seen.json["outcome"]["code"] == "applied" {
            break seen;
        }
    };
    let seen = at_a.get(&path).await.expect(200);
    assert_eq!(seen.json["outcome"], done.json["outcome"]);
    // Which of the two comes first is chance; the first is in no commit, wherever it is known.
    let attachments = seen.json["attachments"].as_array().unwrap();
    assert!(attachments.iter().any(|id| *id != first.json["id"]), "it was attached again");
    for api in [&at_a, &at_b] {
        let of_first = api.get(&format!("/v1/transactions/{}", first.id())).await;
        assert!(of_first.json["commit"].is_null(), "{of_first:?}");
    }
}
