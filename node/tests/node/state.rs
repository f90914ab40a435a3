//! What a node says of itself.

use crate::support::{World, account::Account, fixed, http::Api};

#[tokio::test(flavor = "multi_thread")]
async fn status_tips_and_metrics_agree_with_what_was_done() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let tips = api.get("/v1/tips").await.expect(200);
    assert_eq!(tips.json["tips"], serde_json::json!([]));
    assert_eq!(tips.text("anchor").len(), 64);
    assert_eq!(tips.json["work_bits"], 2);
    assert_eq!(tips.text("prefix"), "tweft");
    assert_eq!(tips.text("genesis"), world.genesis.id().to_string());
    assert_eq!(tips.text("network"), &world.genesis.id().to_string()[..8]);
    assert_eq!(tips.json["schemes"], serde_json::json!(["ml-dsa-44", "ml-dsa-65"]));

    let account = Account::new(&world.genesis, 1);
    let posted = api.post_body(&account.reading("s", "0")).await.expect(201);
    // Whoever was answered finds his transaction among the tips at once.
    let tips = api.get("/v1/tips").await.expect(200);
    assert_eq!(tips.json["tips"], serde_json::json!([posted.text("id")]));
    api.post("/v1/transactions", vec![1]).await.expect(400);
    let evidence = api.get("/v1/evidence").await.expect(200);
    assert_eq!(evidence.json, serde_json::json!([]), "nobody broke the rules");

    let status = api.get("/v1/status").await.expect(200);
    assert_eq!(status.text("node"), node.id().to_string());
    assert_eq!(status.text("label"), "test");
    assert_eq!(status.text("position"), "1");
    assert_eq!((&status.json["tips"], &status.json["peers"]), (&1.into(), &0.into()));
    assert_eq!(status.json["syncing"], false);
    assert_eq!(status.json["live"]["count"], 1);
    assert!(status.json["live"]["bytes"].as_u64().unwrap() > 3_000);
    assert_eq!(status.json["store"]["lost"], 0);

    let metrics = api.get("/metrics").await.expect(200);
    let kind = metrics.headers["content-type"].to_str().unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let text = String::from_utf8(metrics.bytes).unwrap();
    for line in [
        "weft_attached_transactions_total{kind=\"local\"} 1",
        "weft_inputs_total{kind=\"admitted\"} 1",
        "weft_refusals_total{source=\"local\",reason=\"malformed\"} 1",
        "weft_http_requests_total{route=\"/v1/tips\",status=\"200\"} 2",
        "weft_level_count{kind=\"position\"} 1",
        "weft_level_count{kind=\"live_transactions\"} 1",
        "weft_commit_durable_seconds_count 1",
        "weft_ready 1",
        "# EOF",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ready_means_that_all_checks_pass() {
    let world = World::new();
    let a = world.start("a", &[]).await;
    let ready = Api::of(&a).get("/readyz").await.expect(200);
    assert_eq!(ready.json["ready"], true);
    let checks = ready.json["checks"].as_array().unwrap();
    let names: Vec<_> = checks.iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["store", "machine", "peers", "sync", "finality", "validator"]);

    // A peer that is not there.
    let mut config = world.config("b", &[]);
    let nobody = fixed(World::seed("nobody").node_id().unwrap(), ([127, 0, 0, 1], 9).into());
    config.p2p.peers = vec![nobody];
    let b = world.start_with("b", config).await;
    let not_ready = Api::of(&b).get("/readyz").await.expect(503);
    assert_eq!(not_ready.json["ready"], false);
    let peers = &not_ready.json["checks"][2];
    assert_eq!(peers["ok"], false);
    assert!(peers["detail"].as_str().unwrap().contains("p2p.peers"), "{peers}");
    Api::of(&b).get("/healthz").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_describes_itself() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let openapi = Api::of(&node).get("/openapi.json").await.expect(200);
    assert!(openapi.text("openapi").starts_with("3.1"));
    let mut paths: Vec<_> = openapi.json["paths"].as_object().unwrap().keys().collect();
    paths.sort();
    assert_eq!(
        paths,
        [
            "/healthz",
            "/metrics",
            "/readyz",
            "/v1/accounts/{address}",
            "/v1/accounts/{address}/channels",
            "/v1/accounts/{address}/history",
            "/v1/accounts/{address}/received",
            "/v1/bodies",
            "/v1/bodies/{id}",
            "/v1/commits/latest",
            "/v1/commits/{index}",
            "/v1/dag",
            "/v1/events",
            "/v1/evidence",
            "/v1/genesis",
            "/v1/keys/{id}",
            "/v1/market/channels/{id}",
            "/v1/market/offers",
            "/v1/market/offers/{id}",
            "/v1/market/streams/{id}/live",
            "/v1/peers",
            "/v1/proofs/{id}",
            "/v1/status",
            "/v1/streams/{stream}/readings",
            "/v1/tips",
            "/v1/transactions",
            "/v1/transactions/{id}",
        ]
    );
    let schemas = &openapi.json["components"]["schemas"];
    for name in ["Problem", "Reading", "Described", "Submitted", "Tips", "Readiness"] {
        assert!(schemas.get(name).is_some(), "no {name}");
    }
}
