//! `weft address`, `balance`, `send`, `history`, `faucet`, `proof`, `verify`, `bench load`.

use std::fs;

use crate::support::{Nodes, json, run};

#[test]
fn value_is_sent_shown_proven_and_verified() {
    let nodes = Nodes::start_all(1);
    let (dir, url) = (nodes.dir(), nodes.url(0));
    let on = |args: &[&str]| run(dir, &[args, &["--node", &url]].concat());
    let receiver = run(dir, &["address", "--key", "net/demo1.key"]).ok().trim().to_owned();
    assert!(receiver.starts_with("tweft1"), "{receiver}");

    let pay =
        ["--json", "send", &receiver, "5000", "--key", "net/demo0.key", "--reference", "rent"];
    let sent = json(&on(&pay).ok());
    assert_eq!((&sent["outcome"]["code"], &sent["amount"]), (&"applied".into(), &"5000".into()));
    assert!(on(&["balance", &receiver]).ok().starts_with("100000005000\n"));
    let payer = json(&on(&["--json", "balance", "--key", "net/demo0.key"]).ok());
    assert_eq!(payer["balance"], "99999995000");
    let history = on(&["history", "--key", "net/demo0.key"]).ok();
    assert!(history.contains("sent 5000") && history.contains("rent"), "{history}");
    // More than there is: it ends with the reason, and the sequence is used.
    let much = ["send", &receiver, "999999999999", "--key", "net/demo0.key"];
    on(&much).fails(4, &["has less than it transfers", "next:"]);
    let lines = on(&["--json", "history", "--key", "net/demo0.key"]).ok();
    let outcomes: Vec<_> =
        lines.lines().map(|line| json(line)["outcome"]["code"].clone()).collect();
    assert_eq!(outcomes, ["applied", "insufficient"]);
    on(&["send", "tweft1nobody", "1", "--key", "net/demo0.key"]).fails(2, &[]);
    let text = on(&["get", sent["body"].as_str().unwrap()]).ok();
    assert!(text.contains("applied"), "{text}");

    on(&["proof", sent["id"].as_str().unwrap(), "--out", "sent.proof"]).ok();
    let verify = |file: &str| run(dir, &["verify", file, "--committee", "net/genesis.toml"]);
    let proven = verify("sent.proof").ok();
    for part in [
        "a transfer: 5000 to",
        "applied",
        "its clock",
        "made after",
        "made before",
        "1 of the 1 needed",
    ] {
        assert!(proven.contains(part), "{part} is missing: {proven}");
    }
    let args = ["--json", "verify", "sent.proof", "--committee", "net/genesis.toml"];
    let proven = json(&run(dir, &args).ok());
    assert_eq!((&proven["id"], &proven["signed"]), (&sent["id"], &true.into()));
    // Any other byte, another network, no proof at all.
    let mut bytes = fs::read(dir.join("sent.proof")).unwrap();
    bytes[60] ^= 1;
    fs::write(dir.join("bent.proof"), &bytes).unwrap();
    verify("bent.proof").fails(6, &["proves nothing", "next:"]);
    run(dir, &["init", "--nodes", "1", "--out", "other"]).ok();
    let foreign = ["verify", "sent.proof", "--committee", "other/genesis.toml"];
    run(dir, &foreign).fails(6, &["another network"]);
    verify("net/genesis.toml").fails(2, &["is no proof"]);
    on(&["proof", &"ab".repeat(32), "--out", "none"]).fails(5, &["no transaction"]);
}

#[test]
fn the_faucet_gives_once_a_minute() {
    let nodes = Nodes::start_all(1);
    let (dir, url) = (nodes.dir(), nodes.url(0));
    run(dir, &["key", "new", "mine.key"]).ok();
    let ask = ["faucet", "--key", "mine.key", "--faucet-key", "net/faucet.key", "--node", &url];
    run(dir, &ask).ok();
    run(dir, &ask).fails(4, &["less than a minute ago", "next:"]);
    let balance = ["balance", "--key", "mine.key", "--node", &url];
    assert!(run(dir, &balance).ok().starts_with("1000000\n"));
}

#[test]
fn load_is_measured_at_every_stage() {
    let mut nodes = Nodes::start_all(2);
    let urls = [nodes.url(0), nodes.url(1)].join(",");
    let args = ["--json", "bench", "load", "--rate", "20", "--seconds", "2", "--senders", "2"];
    let measured = json(&run(nodes.dir(), &[&args[..], &["--nodes", &urls]].concat()).ok());
    for stage in ["accepted", "attached", "committed", "certified"] {
        assert_eq!(measured["stages"][stage]["count"], 40, "{measured}");
    }
    let p50 = |stage: &str| measured["stages"][stage]["p50_ms"].as_f64().unwrap();
    assert!(p50("committed") <= p50("certified"), "{measured}");
    assert_eq!(measured["outcomes"]["applied"], 40);
    assert!(nodes.take(0).terminate().success());
}
