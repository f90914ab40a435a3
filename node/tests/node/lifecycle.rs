//! Starting, stopping, starting again.

use std::net::SocketAddr;

use weft_core::keys::Scheme;
use weft_node::{Config, ConfigError, Node, Seed, Setting, StartError, StopCause, genesis_file};

use crate::support::{World, account::Account, http::Api};

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_everything() {
    let world = World::new();
    let account = Account::new(&world.genesis, 1);
    let mut ids = Vec::new();
    for run in 0..3 {
        let node = world.start("a", &[]).await;
        let api = Api::of(&node);
        let status = api.get("/v1/status").await.expect(200);
        assert_eq!(status.text("position"), ids.len().to_string());
        for id in &ids {
            api.get(&format!("/v1/transactions/{id}")).await.expect(200);
        }
        for n in 0..5 {
            let sealed = account.reading("s", &format!("{run}.{n}"));
            ids.push(api.post_body(&sealed).await.expect(201).id());
        }
        assert_eq!(node.shutdown().await, StopCause::Shutdown);
    }
    let node = world.start("a", &[]).await;
    let mut events = Api::of(&node).events("after=0", None).await;
    let replayed = events.take(ids.len()).await;
    let replayed: Vec<_> = replayed.iter().map(|event| event.data["id"].clone()).collect();
    assert_eq!(replayed, ids.iter().map(ToString::to_string).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_the_shutdown_is_there_after_it() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let account = Account::new(&world.genesis, 1);
    api.post_body(&account.reading("s", "first")).await.expect(201);
    // Down it goes while submissions are on their way: each is acknowledged or not done.
    let sealed: Vec<_> = (0..64).map(|n| account.reading("s", &n.to_string())).collect();
    let posts = sealed.iter().map(|sealed| api.try_post_body(sealed));
    let mut events = api.events("", None).await;
    let stop = async {
        events.next().await;
        node.shutdown().await
    };
    let (posted, _) = tokio::join!(futures_util::future::join_all(posts), stop);
    let acknowledged = posted.iter().filter(|status| **status == Some(201)).count();
    assert!(acknowledged > 0, "{posted:?}");
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    for (sealed, posted) in sealed.iter().zip(posted) {
        let found = api.get(&format!("/v1/bodies/{}", sealed.body.id())).await;
        assert!(found.status == 200 || posted != Some(201));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_dropped_goes_down_by_itself() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let stopped = node.stopped();
    drop(node);
    assert_eq!(stopped.await, StopCause::Shutdown);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_cannot_share_a_directory_or_a_port() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let again = world.config("a", &[]);
    let error = Node::start(again, world.genesis.clone(), &World::seed("b")).await.unwrap_err();
    assert!(matches!(error, StartError::Store(_)), "{error}");
    assert!(error.to_string().contains("in use"), "{error}");

    let mut taken = world.config("b", &[]);
    taken.api.listen = node.api_addr();
    let error = Node::start(taken, world.genesis.clone(), &World::seed("b")).await.unwrap_err();
    assert!(matches!(error, StartError::Api { .. }), "{error}");

    let mut taken = world.config("c", &[]);
    taken.p2p.listen = node.p2p_addr();
    let error = Node::start(taken, world.genesis.clone(), &World::seed("c")).await.unwrap_err();
    assert!(matches!(error, StartError::Net(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_from_files() {
    let world = World::new();
    let mut config = world.config("a", &[]);
    config.node.key_file = world.data_dir("files/node.key");
    config.node.genesis_file = world.data_dir("files/genesis.toml");
    let missing = Node::open(config.clone()).await.unwrap_err();
    assert!(matches!(missing, StartError::Key(_)), "{missing}");
    let seed = Seed::generate(Scheme::MlDsa44).unwrap();
    seed.store(&config.node.key_file).unwrap();
    let missing = Node::open(config.clone()).await.unwrap_err();
    assert!(matches!(missing, StartError::Genesis(_)), "{missing}");
    genesis_file::store(&world.genesis, &config.node.genesis_file).unwrap();
    let node = Node::open(config).await.unwrap();
    assert_eq!(node.id(), seed.node_id().unwrap());

    let wrong = Seed::generate(Scheme::MlDsa65).unwrap();
    let config = world.config("b", &[]);
    let error = Node::start(config, world.genesis.clone(), &wrong).await.unwrap_err();
    assert!(matches!(error, StartError::Scheme { .. }), "{error}");
}

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

#[test]
fn flags_go_before_the_environment_and_that_before_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("weft.toml");
    let peer = format!("{}@node:4810", "ab".repeat(32));
    let text = format!(
        "[api]\nlisten = \"127.0.0.1:1\"\nwork_queue = 1\nclients_max = 1\n\
         [p2p]\npeers = [\"{peer}\"]\npeers_max = 9\n[log]\nformat = \"json\"\n"
    );
    std::fs::write(&path, text).unwrap();
    let environment = environment(&[
        ("PATH", "/bin"),
        ("WEFT_LOG", "not a setting: no section"),
        ("WEFT_API__WORK_QUEUE", "2"),
        ("WEFT_API__CLIENTS_MAX", "2"),
        ("WEFT_P2P__ADVERTISE", "10.0.0.1:4810"),
        ("WEFT_NODE__DATA_DIR", "123"),
    ]);
    let given = [Setting::new("api.clients_max", "3"), Setting::new("p2p.peers_target", "3")];
    let config = Config::load(Some(&path), environment, &given).unwrap();
    assert_eq!(config.api.listen, SocketAddr::from(([127, 0, 0, 1], 1)));
    assert_eq!((config.api.work_queue, config.api.clients_max), (2, 3));
    assert_eq!((config.p2p.peers_max, config.p2p.peers_target), (9, 3));
    assert_eq!(config.p2p.advertise, Some(SocketAddr::from(([10, 0, 0, 1], 4810))));
    assert_eq!(config.p2p.peers[0].to_string(), peer);
    assert_eq!(config.node.data_dir.to_str(), Some("123"));
    // What it says of itself can be read again.
    std::fs::write(&path, config.to_toml()).unwrap();
    assert_eq!(Config::load(Some(&path), [], &[]).unwrap(), config);
    let two = format!("{peer}, {peer}");
    let config = Config::load(None, [], &[Setting::new("p2p.peers", two)]).unwrap();
    assert_eq!(config.p2p.peers.len(), 2);
}

#[test]
fn a_wrong_setting_is_named_with_where_it_was_made() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("weft.toml");
    let file = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Config::load(Some(&path), [], &[]).unwrap_err()
    };
    for (text, parts) in [
        ("[api]\nlisen = \"x\"", ["api.lisen", "weft.toml", "listen"]),
        ("[apo]\nlisten = \"x\"", ["apo", "weft.toml", "sections are"]),
        ("listen = 1", ["listen", "weft.toml", "sections are"]),
        ("[api]\nlisten = \"x\"", ["api.listen", "weft.toml", "socket address"]),
        ("[api]\nwork_queue = -1", ["api.work_queue", "weft.toml", "-1"]),
        ("[log]\nformat = \"xml\"", ["log.format", "weft.toml", "json"]),
        ("[p2p]\npeers = [\"x\"]", ["p2p.peers", "weft.toml", "id@host:port"]),
        ("[api", ["weft.toml", "TOML", "line 1"]),
    ] {
        let error = file(text).to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{text}: {error}");
    }
    for (name, value, parts) in [
        ("WEFT_API__LISEN", "x", ["api.lisen", "WEFT_API__LISEN"]),
        ("WEFT_API__WORK_QUEUE", "many", ["api.work_queue", "\"many\""]),
        ("WEFT_P2P__LISTEN", "x", ["p2p.listen", "WEFT_P2P__LISTEN"]),
        ("WEFT_NO__SUCH", "x", ["no.such", "WEFT_NO__SUCH"]),
    ] {
        let error = Config::load(None, environment(&[(name, value)]), &[]).unwrap_err();
        let error = error.to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{name}: {error}");
    }
    for (key, value, expected) in [
        ("api.work_queue", "0", "api.work_queue"),
        ("p2p.peers_target", "65", "p2p.peers_target"),
        ("api.submit_timeout_ms", "30001", "api.request_timeout_ms"),
        ("api.work_burst", "1", "api.work_burst"),
        ("nothing", "1", "nothing"),
    ] {
        let error = Config::load(None, [], &[Setting::new(key, value)]).unwrap_err();
        assert!(error.to_string().contains(expected), "{key}: {error}");
    }
    let missing = Config::load(Some(&dir.path().join("no.toml")), [], &[]).unwrap_err();
    assert!(matches!(missing, ConfigError::Unreadable { .. }));
}
