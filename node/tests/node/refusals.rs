//! Whatever is wrong is told with a code, a cause and a next step, and harms nobody.

use weft_core::{
    admit::Refusal,
    codec::Encode as _,
    digest::TxId,
    params::{Params, TRANSACTION_BYTES_MAX},
};

use crate::support::{
    World,
    account::{Account, forged},
    http::Api,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_parent_is_a_conflict() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let account = Account::new(&world.genesis, 1);
    let tx = account.attach(account.reading("s", "x"), [TxId::ZERO, TxId([9; 32])]);
    let refused = Api::of(&node).post_transaction(&tx).await;
    assert_eq!(refused.code(), (409, "unknown_parent"));
    assert!(refused.text("detail").contains("0909"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_copy_does_not_stand_in_the_way_of_the_true_one() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let account = Account::new(&world.genesis, 1);
    api.post_body(&account.reading("s", "0")).await.expect(201);
    let tx = account.attach(account.reading("s", "1"), api.parents().await);
    let copy = forged(&tx);
    assert_eq!(copy.id(), tx.id());
    for _ in 0..3 {
        assert_eq!(api.post_transaction(&copy).await.code(), (400, "seal"));
    }
    // Even at the very same time: the copy is refused, or told that its transaction is on disk,
    // which is so as soon as the true one is. What is kept is the true one.
    let (bad, good) = tokio::join!(api.post_transaction(&copy), api.post_transaction(&tx));
    assert!(bad.status.is_success() || bad.code() == (400, "seal"), "{bad:?}");
    assert_eq!(good.expect(201).id(), tx.id());
    let raw = api.get_bytes(&format!("/v1/transactions/{}", tx.id())).await.expect(200);
    assert_eq!(raw.bytes, tx.to_bytes());

    let sealed = account.reading("s", "2");
    let mut broken = sealed.clone();
    broken.seal = copy.seal;
    assert_eq!(api.post_body(&broken).await.code(), (400, "seal"));
    api.post_body(&sealed).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_is_told_which() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let account = Account::new(&world.genesis, 1);

    assert_eq!(api.post("/v1/transactions", b"weft".to_vec()).await.code(), (400, "malformed"));
    assert_eq!(api.post("/v1/bodies", Vec::new()).await.code(), (400, "malformed"));

    let tx = account.attach(account.reading("s", "0"), [TxId::ZERO; 2]);
    let mut longer = tx.to_bytes();
    longer.push(0);
    assert_eq!(api.post("/v1/transactions", longer).await.code(), (400, "malformed"));

    let mut lazy = tx.clone();
    lazy.attachment.nonce = (0..)
        .find(|nonce| {
            lazy.attachment.nonce = *nonce;
            weft_core::pow::trailing_zero_bits(&lazy.id()) == 0
        })
        .unwrap();
    let refused = api.post_transaction(&lazy).await;
    assert_eq!(refused.code(), (400, "work"));
    assert!(refused.text("detail").contains("expected 12"), "{refused:?}");

    let mut elsewhere = World::new().genesis;
    elsewhere.params = Params { work_bits: 3, ..Params::dev() };
    let stranger = Account::new(&elsewhere, 1);
    let sealed = stranger.reading("s", "0");
    assert_eq!(api.post_body(&sealed).await.code(), (400, "network"));
    let tx = stranger.attach(sealed, [TxId::ZERO; 2]);
    assert_eq!(api.post_transaction(&tx).await.code(), (400, "network"));

    let other = Account::new(&world.genesis, 2);
    let mut posing = account.reading_at(0, "s", b"0");
    posing.seal = other.reading_at(0, "s", b"0").seal;
    assert_eq!(api.post_body(&posing).await.code(), (400, "key"));

    let unregistered = other.reading_at(5, "s", b"x");
    assert_eq!(api.post_body(&unregistered).await.code(), (422, "unknown_key"));
    let tx = other.attach(unregistered, [TxId::ZERO; 2]);
    assert_eq!(api.post_transaction(&tx).await.code(), (422, "unknown_key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_have_a_limit() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    for path in ["/v1/transactions", "/v1/bodies"] {
        let refused = api.post(path, vec![0; TRANSACTION_BYTES_MAX + 1]).await;
        assert_eq!(refused.code(), (413, "too_long"));
        let refused = api.post(path, vec![0; TRANSACTION_BYTES_MAX]).await;
        assert_eq!(refused.code(), (400, "malformed"));
        let refused = api.post(path, vec![0; 1 << 20]).await;
        assert_eq!(refused.code(), (413, "too_long"));
    }
    // As long as may be: that passes.
    let account = Account::new(&world.genesis, 1);
    api.post_body(&account.reading("s", "0")).await.expect(201);
    let longest = account.reading_at(1, "s", &[b'x'; 24 * 1024 - 4]);
    api.post_body(&longest).await.expect(201);
    let refusal = Refusal::TooLong { actual: 0 };
    assert!(refusal.to_string().contains(&TRANSACTION_BYTES_MAX.to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_a_problem_and_nothing_more() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let id = "ab".repeat(32);
    let long = "x".repeat(65);
    for (path, expected) in [
        ("/nothing", (404, "not_found")),
        ("/v1", (404, "not_found")),
        ("/v2/tips", (404, "not_found")),
        ("/v1/tips/", (404, "not_found")),
        ("/v1/transactions/xyz", (400, "parameter")),
        (&format!("/v1/transactions/{}", id.to_uppercase()), (400, "parameter")),
        (&format!("/v1/transactions/{id}"), (404, "not_found")),
        (&format!("/v1/transactions/{id}?raw=1"), (404, "not_found")),
        (&format!("/v1/bodies/{id}"), (404, "not_found")),
        ("/v1/bodies/%ff", (400, "parameter")),
        ("/v1/bodies/00", (400, "parameter")),
        ("/v1/accounts/nobody", (400, "parameter")),
        ("/v1/accounts/weft1qqqq", (400, "parameter")),
        (&format!("/v1/streams/{long}/readings"), (400, "parameter")),
        ("/v1/streams/%07/readings", (400, "parameter")),
        ("/v1/streams/s/readings?limit=0", (400, "parameter")),
        ("/v1/streams/s/readings?limit=1001", (400, "parameter")),
        ("/v1/streams/s/readings?limit=99999999999999999999", (400, "parameter")),
        ("/v1/streams/s/readings?limit=-1", (400, "parameter")),
        ("/v1/streams/s/readings?after=x", (400, "parameter")),
        ("/v1/streams/s/readings?after=-1", (400, "parameter")),
        ("/v1/streams/s/readings?after=99999999999999999999", (400, "parameter")),
        ("/v1/streams/s/readings?issuer=x", (400, "parameter")),
        ("/v1/streams/s/readings?after=1&after=2", (400, "parameter")),
        ("/v1/transactions?limit=x", (400, "parameter")),
        ("/v1/transactions?after=%00", (400, "parameter")),
        ("/v1/events?after=x", (400, "parameter")),
        ("/v1/events?issuer=x", (400, "parameter")),
        ("/v1/events?stream=", (400, "parameter")),
        ("/v1/events?after=1", (400, "cursor")),
    ] {
        assert_eq!(api.get(path).await.code(), expected, "{path}");
    }
    for (method, path) in [
        ("DELETE", "/v1/transactions"),
        ("PUT", "/v1/bodies"),
        ("GET", "/v1/bodies"),
        ("POST", "/v1/tips"),
        ("PATCH", "/metrics"),
        ("BREW", "/healthz"),
    ] {
        assert_eq!(api.send(method, path).await.code(), (405, "method"), "{method} {path}");
    }
    // The largest cursor there is: nothing lies behind it.
    for path in ["/v1/streams/s/readings", "/v1/transactions"] {
        let end = u64::MAX.to_string();
        let page = api.get(&format!("{path}?after={end}&limit=1000")).await.expect(200);
        assert_eq!(page.text("next"), end);
    }
    api.get("/healthz").await.expect(200);
}
