//! What a node answers that has dropped a part of history.

use weft_core::machine::{Batch, Table};
use weft_storage::{Config, FjallStore, Store as _};

use crate::support::{World, http::Api};

/// A store that says that commits up to 300 were dropped, as a node writes it.
fn pruned_store(world: &World) {
    let dir = world.data_dir("a").join("store");
    let opened = FjallStore::open(&dir, Config { cache_bytes: 8 << 20 }).unwrap();
    let floor = [301_u64, 500, 301, 0, 0, 0].map(u64::to_le_bytes).concat();
    let mut batch = Batch::default();
    batch.records.set(Table::Standing, b"p", Some(floor.into()));
    opened.store.commit(&batch, true).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_dropped_is_not_called_unknown() {
    let world = World::new();
    pruned_store(&world);
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let status = api.get("/v1/status").await.expect(200);
    assert_eq!(status.json["finality"]["lowest"], 301);
    let zeros = "0".repeat(64);
    for path in [
        format!("/v1/transactions/{zeros}"),
        format!("/v1/bodies/{zeros}"),
        format!("/v1/proofs/{zeros}"),
        "/v1/commits/300".to_owned(),
        "/v1/commits/1".to_owned(),
    ] {
        let problem = api.get(&path).await.expect(404);
        assert_eq!(problem.text("code"), "pruned", "{path}");
        let detail = problem.text("detail");
        assert!(detail.contains("pruned at commit 300; "), "{path}: {detail}");
        assert!(detail.contains("ask an archive node"), "{path}: {detail}");
    }
    let problem = api.get("/v1/commits/301").await.expect(404);
    assert_eq!(problem.text("code"), "not_found", "that one is yet to come");
}
