//! `weft get`, `weft status`, `weft doctor`.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::Value;

use crate::support::{Nodes, run};

#[test]
fn a_transaction_and_a_body_are_found_by_their_ids() {
    let nodes = Nodes::start_all(1);
    let (dir, url) = (nodes.dir(), nodes.url(0));
    let post = ["--json", "post", "hall/temp", "--data", "21.4", "--node", &url];
    let posted: Value = serde_json::from_str(&run(dir, &post).ok()).unwrap();
    let (id, body) = (posted["id"].as_str().unwrap(), posted["body"].as_str().unwrap());

    let text = run(dir, &["get", id, "--node", &url]).ok();
    for part in [id, body, "hall/temp", "ml-dsa-44", "21.4"] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    let by_body = run(dir, &["--json", "get", body, "--node", &url]).ok();
    let by_body: Value = serde_json::from_str(&by_body).unwrap();
    assert_eq!((&by_body["id"], &by_body["attachments"][0]), (&id.into(), &id.into()));

    run(dir, &["get", body, "--raw", "tx.bin", "--node", &url]).ok();
    let bytes = fs::read(dir.join("tx.bin")).unwrap();
    assert_eq!(bytes.len() as u64, by_body["size"].as_u64().unwrap());

    run(dir, &["get", &"ab".repeat(32), "--node", &url]).fails(5, &["knows no transaction"]);
    run(dir, &["get", "abc", "--node", &url]).fails(2, &["64 hexadecimal digits"]);
    run(dir, &["get", id, "--raw", "no/such/dir", "--node", &url]).fails(1, &["cannot write"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_doctor_know_how_a_node_is() {
    let mut nodes = Nodes::start_all(2);
    let url = nodes.url(0);
    nodes.has_peers(0, 1).await;
    nodes.has_peers(1, 1).await;
    let dir = nodes.dir().to_owned();
    let status = run(&dir, &["status", "--node", &url]).ok();
    assert!(status.contains("peers      1") && status.contains("up to date"), "{status}");
    let json = run(&dir, &["--json", "status", "--node", &url]).ok();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["status"]["label"], &json["status"]["peers"]), (&"dev".into(), &1.into()));

    let doctor = run(&dir, &["doctor", "--node", &url]).ok();
    assert!(!doctor.contains("WRONG"), "{doctor}");
    let doctor = run(&dir, &["doctor", "--config", "net/node0.toml"]).ok();
    assert!(doctor.contains("in use by this node") && !doctor.contains("WRONG"), "{doctor}");

    // Alone, it misses its peer, and says what to do.
    assert!(nodes.take(1).terminate().success());
    while !nodes.client(0).peers().await.unwrap().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let doctor = run(&dir, &["doctor", "--node", &url]);
    for part in ["WRONG  peers", "WRONG  finality", "1 of 2 validators connected, 2 are needed"] {
        assert!(doctor.out.contains(part), "{doctor:?}");
    }
    doctor.fails(1, &["2 troubles"]);
    let doctor = run(&dir, &["doctor", "--config", "net/node0.toml"]);
    assert!(doctor.out.contains("WRONG  named"), "{doctor:?}");
    doctor.fails(1, &["3 troubles"]);

    nodes.take(0).kill();
    run(&dir, &["doctor", "--node", &url]).fails(3, &["found"]);
}

#[test]
fn doctor_finds_what_keeps_a_node_from_starting() {
    let nodes = Nodes::init(1);
    let dir = nodes.dir();
    let doctor = || run(dir, &["doctor", "--config", "net/node0.toml"]);
    let said = doctor().ok();
    assert!(
        said.contains("is free") && said.contains("will be made") || said.contains("ok     data")
    );

    let port = nodes.url(0).rsplit(':').next().unwrap().parse::<u16>().unwrap();
    let taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let found = doctor();
    assert!(found.out.contains("WRONG  API port") && found.out.contains("api.listen"), "{found:?}");
    found.fails(1, &[]);
    drop(taken);

    let key = dir.join("net/node0/node.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let found = doctor();
    assert!(found.out.contains("chmod 600"), "{found:?}");
    found.fails(2, &["1 trouble"]);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();

    let genesis = dir.join("net/genesis.toml");
    let text = fs::read_to_string(&genesis).unwrap();
    fs::write(&genesis, text.replace("work_bits = 12", "work_bits = 13")).unwrap();
    let found = doctor();
    assert!(found.out.contains("take an unchanged copy"), "{found:?}");
    found.fails(2, &["1 trouble"]);
    run(dir, &["doctor", "--config", "none.toml"]).fails(2, &[]);
    let json = run(dir, &["--json", "doctor", "--config", "none.toml"]);
    assert_eq!(serde_json::from_str::<Value>(&json.out).unwrap()["ok"], false);
}
