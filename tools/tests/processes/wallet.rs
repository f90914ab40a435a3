//! One account on a network of four, each command at another node: faucet, send, history, and
//! another key.

use serde_json::Value;

use crate::support::{Ended, Nodes, json, run};

/// Four nodes and an account in `old.key`, to which the faucet gave a million.
struct Wallet {
    nodes: Nodes,
    address: String,
}

impl Wallet {
    async fn open() -> Self {
        let nodes = Nodes::start_all_with_little_work(4);
        run(nodes.dir(), &["key", "new", "old.key"]).ok();
        let address = run(nodes.dir(), &["address", "--key", "old.key"]).ok().trim().to_owned();
        let wallet = Self { nodes, address };
        let faucet = ["faucet", "--key", "old.key", "--faucet-key", "net/faucet.key"];
        wallet.applied(0, &faucet).await;
        wallet
    }

    fn on(&self, node: usize, args: &[&str]) -> Ended {
        run(self.nodes.dir(), &[args, &["--node", &self.nodes.url(node)]].concat())
    }

    fn shown(&self, node: usize, args: &[&str]) -> Value {
        json(&self.on(node, &[&["--json"], args].concat()).ok())
    }

    /// Runs what must take effect, and waits until it has on all nodes.
    async fn applied(&self, node: usize, args: &[&str]) -> Value {
        let shown = self.shown(node, args);
        assert_eq!(shown["outcome"]["code"], "applied", "{shown}");
        self.nodes.reach(shown["commit"].as_u64().unwrap()).await;
        shown
    }

    /// Fails unless `key` owns `balance` on all nodes.
    fn owns(&self, key: &str, balance: &str) {
        for node in 0..4 {
            let shown = self.shown(node, &["balance", "--key", key]);
            assert_eq!(
                (&shown["address"], &shown["balance"]),
                (&self.address.as_str().into(), &balance.into())
            );
        }
    }

    /// What all nodes tell of a transaction that node `at` has ordered: its outcome and its key.
    async fn told(&self, at: usize, id: &str) -> (String, String) {
        let first = self.shown(at, &["get", id]);
        self.nodes.reach(first["commit"].as_u64().unwrap()).await;
        for node in 0..4 {
            let shown = self.shown(node, &["get", id]);
            for field in ["outcome", "commit", "leaf", "issuer", "key"] {
                assert_eq!(shown[field], first[field], "{field} on node {node}");
            }
        }
        assert_eq!(first["issuer"], self.address);
        let text = |field: &Value| field.as_str().unwrap().to_owned();
        (text(&first["outcome"]["code"]), text(&first["key"]))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn value_from_the_faucet_is_sent_and_listed_on_every_node() {
    let wallet = Wallet::open().await;
    wallet.owns("old.key", "1000000");
    let address = |key: &str| run(wallet.nodes.dir(), &["address", "--key", key]).ok();
    let receiver = address("net/demo1.key").trim().to_owned();
    let pay = ["send", &receiver, "400000", "--key", "old.key", "--reference", "rent"];
    let sent = wallet.applied(1, &pay).await;
    wallet.owns("old.key", "600000");
    for node in 0..4 {
        let history = wallet.on(node, &["history", "--key", "old.key"]).ok();
        let line = format!("sent 400000 to {receiver} (\"rent\")");
        assert!(history.contains(&line) && history.contains("applied"), "{history}");
        assert!(history.contains(sent["id"].as_str().unwrap()), "{history}");
        let got = wallet.on(node, &["history", "--key", "net/demo1.key", "--received"]).ok();
        assert!(got.contains(&format!("received 400000 from {}", wallet.address)), "{got}");
        assert_eq!(got.lines().count(), 2, "{got}");
        let given = wallet.on(node, &["history", "--key", "net/faucet.key"]).ok();
        assert!(given.contains(&format!("sent 1000000 to {}", wallet.address)), "{given}");
        assert!(wallet.on(node, &["balance", &receiver]).ok().starts_with("100000400000\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_rotation_the_new_key_takes_effect_and_the_old_one_none() {
    let wallet = Wallet::open().await;
    let dir = wallet.nodes.dir();
    let key = |file| json(&run(dir, &["--json", "key", "new", file]).ok())["key"].clone();
    let new_key = key("new.key");
    let receiver = run(dir, &["address", "--key", "net/demo1.key"]).ok().trim().to_owned();
    let pay = |key| ["send", &receiver, "1000", "--key", key];
    let rotate = |from, to| ["rotate", "--key", from, "--to", to];

    // The first body of an account brings its first key.
    wallet.on(0, &rotate("old.key", "new.key")).fails(2, &["said nothing yet", "next:"]);
    wallet.applied(1, &pay("old.key")).await;
    let rotated = wallet.applied(2, &rotate("old.key", "new.key")).await;
    assert_eq!((&rotated["account"], &rotated["key"]), (&wallet.address.as_str().into(), &new_key));

    let late = wallet.on(3, &pay("old.key"));
    let id = late.err.split_whitespace().find(|word| word.len() == 64).unwrap().to_owned();
    late.fails(4, &["signed by a key that is not in force"]);
    assert_eq!(wallet.told(3, &id).await.0, "bad_key");
    wallet.owns("old.key", "999000");

    let sent = wallet.applied(0, &pay("new.key")).await;
    assert_eq!(sent["from"], wallet.address);
    let told = wallet.told(0, sent["id"].as_str().unwrap()).await;
    assert_eq!(told, ("applied".to_owned(), new_key.as_str().unwrap().to_owned()));
    wallet.owns("new.key", "998000");
    let posted = wallet.shown(1, &["post", "hall/temp", "--data", "21.4", "--key", "new.key"]);
    wallet.on(1, &["proof", posted["id"].as_str().unwrap(), "--out", "posted.proof"]).ok();
    let verify = ["verify", "posted.proof", "--committee", "net/genesis.toml"];
    let proven = run(dir, &verify).ok();
    assert!(proven.contains("applied") && proven.contains(&wallet.address), "{proven}");
    let history = wallet.on(1, &["history", "--key", "new.key"]).ok();
    assert!(history.contains(&format!("changed to key {}", new_key.as_str().unwrap())));

    // And back: the first key is one like any other.
    wallet.applied(2, &rotate("new.key", "old.key")).await;
    wallet.on(3, &pay("new.key")).fails(4, &["not in force"]);
    wallet.applied(3, &pay("old.key")).await;
    wallet.owns("new.key", "997000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_in_use_is_no_next_key() {
    let wallet = Wallet::open().await;
    let dir = wallet.nodes.dir();
    run(dir, &["key", "new", "new.key"]).ok();
    let receiver = run(dir, &["address", "--key", "net/demo1.key"]).ok().trim().to_owned();
    wallet.applied(0, &["send", &receiver, "1000", "--key", "old.key"]).await;
    let rotate = |from, to| wallet.on(1, &["rotate", "--key", from, "--to", to]);
    rotate("old.key", "old.key").fails(2, &["signs already", "weft key new"]);
    rotate("old.key", "none.key").fails(2, &["none.key", "weft key new"]);
    rotate("old.key", "net/demo1.key").fails(2, &["an account of its own", "weft key new"]);
    assert!(!dir.join("net/demo1.key.account").exists());
    rotate("old.key", "new.key").ok();
    rotate("net/faucet.key", "new.key").fails(2, &["key of another account", "weft key new"]);
    let shown = run(dir, &["key", "show", "new.key"]).ok();
    assert!(shown.contains(&wallet.address), "{shown}");
    // Whoever scribbles there is told, and nothing goes to another account.
    std::fs::write(dir.join("new.key.account"), "scribble").unwrap();
    let pay = ["send", &receiver, "1000", "--key", "new.key"];
    wallet.on(1, &pay).fails(2, &["new.key.account", "does not tell the account"]);
}
