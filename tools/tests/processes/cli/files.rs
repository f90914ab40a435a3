//! Commands that make and read files: help, completions, key, init, node.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _};

use serde_json::Value;

use crate::support::{Process, base_port, ended, run, weft};

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn help_lists_commands_and_exit_codes() {
    let help = run(dir().path(), &["--help"]).ok();
    for word in [
        "dev",
        "init",
        "node",
        "key",
        "post",
        "tail",
        "get",
        "send",
        "rotate",
        "status",
        "doctor",
        "config",
        "completions",
        "Exit codes:",
        "3  cannot reach the node",
    ] {
        assert!(help.contains(word), "{word} is missing: {help}");
    }
    assert!(run(dir().path(), &["--version"]).ok().starts_with("weft 0."));
    run(dir().path(), &[]).fails(2, &["Usage: weft"]);
    run(dir().path(), &["pots"]).fails(2, &["pots", "post"]);
    run(dir().path(), &["post", "s"]).fails(2, &["--data"]);
    run(dir().path(), &["post", "s", "--data", "x", "--file", "y"]).fails(2, &["cannot be used"]);
}

#[test]
fn shells_get_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(dir().path(), &["completions", shell]).ok();
        assert!(script.contains("weft") && script.contains("completions"), "{shell}");
    }
    run(dir().path(), &["completions", "abacus"]).fails(2, &["abacus", "bash"]);
}

#[test]
fn a_key_is_made_once_and_its_secret_is_shown_only_when_asked() {
    let dir = dir();
    let made: Value = {
        let args = ["--json", "key", "new", "--scheme", "ml-dsa-65", "deep/my.key"];
        serde_json::from_str(&run(dir.path(), &args).ok()).unwrap()
    };
    assert_eq!(made["scheme"], "ml-dsa-65");
    let file = dir.path().join("deep/my.key");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    run(dir.path(), &["key", "new", "deep/my.key"]).fails(2, &["exists already"]);

    let shown = run(dir.path(), &["key", "show", "deep/my.key"]).ok();
    assert!(shown.contains(made["address"].as_str().unwrap()) && shown.contains("tweft1"));
    let text = fs::read_to_string(&file).unwrap();
    let seed = text.split('"').find(|part| part.len() == 64).unwrap();
    assert!(!shown.contains(seed));
    assert!(run(dir.path(), &["key", "show", "--secret", "deep/my.key"]).ok().contains(seed));

    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    run(dir.path(), &["key", "show", "deep/my.key"]).fails(2, &["chmod 600"]);
    run(dir.path(), &["key", "show", "none.key"]).fails(2, &["none.key", "weft key new"]);
    fs::write(dir.path().join("bad.key"), "hello").unwrap();
    fs::set_permissions(dir.path().join("bad.key"), fs::Permissions::from_mode(0o600)).unwrap();
    run(dir.path(), &["key", "show", "bad.key"]).fails(2, &["no key file"]);
    run(dir.path(), &["key", "new", "--scheme", "rsa", "x.key"]).fails(2, &["ml-dsa-44"]);
    run(dir.path(), &["key", "new", "--scheme", "dilithium2", "x.key"]).fails(2, &["dilithium2"]);
    assert!(!dir.path().join("x.key").exists());
}

#[test]
fn the_default_key_lies_in_the_home_directory() {
    let dir = dir();
    run(dir.path(), &["key", "new"]).ok();
    assert!(dir.path().join(".config/weft/key").is_file());
    let elsewhere = weft(dir.path(), &["key", "new"]).env("WEFT_KEY", "other.key").output();
    assert!(elsewhere.unwrap().status.success() && dir.path().join("other.key").is_file());
    let homeless = ended(weft(dir.path(), &["key", "show"]).env_remove("HOME"));
    homeless.fails(2, &["no home directory"]);
}

#[test]
fn init_makes_a_network_once() {
    let dir = dir();
    let args =
        ["init", "--nodes", "3", "--out", "net", "--base-port", "20000", "--label", "harbour"];
    let said = run(dir.path(), &args).ok();
    for index in 0..3 {
        let config = dir.path().join(format!("net/node{index}.toml"));
        let text = fs::read_to_string(&config).unwrap();
        assert!(text.contains(&format!("127.0.0.1:{}", 20_000 + index)), "{text}");
        assert_eq!(text.matches('@').count(), 2, "the two others: {text}");
        assert!(said.contains(&format!("weft node --config {}", config.display())), "{said}");
    }
    let genesis = fs::read_to_string(dir.path().join("net/genesis.toml")).unwrap();
    assert!(genesis.contains("harbour"));
    run(dir.path(), &args).fails(2, &["not empty", "next:"]);
    assert_eq!(fs::read_to_string(dir.path().join("net/genesis.toml")).unwrap(), genesis);

    let json = run(dir.path(), &["--json", "init", "--nodes", "1", "--out", "one"]).ok();
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["nodes"].as_array().unwrap().len(), 1);
    for wrong in [["--nodes", "0"], ["--nodes", "65"], ["--work-bits", "17"], ["--base-port", "0"]]
    {
        run(dir.path(), &[&["init", "--out", "no"][..], &wrong].concat()).fails(2, &[]);
    }
    let long = "x".repeat(65);
    run(dir.path(), &["init", "--out", "no", "--label", &long]).fails(2, &["label"]);
    assert!(!dir.path().join("no").exists());
}

#[test]
fn a_node_tells_what_is_wrong_with_its_settings() {
    let (dir, port) = (dir(), base_port());
    let node = |more: &[&str]| {
        let args = [&["node", "--config", "net/node0.toml"][..], more].concat();
        run(dir.path(), &args)
    };
    node(&[]).fails(2, &["node0.toml"]);
    let base = port.to_string();
    run(dir.path(), &["init", "--nodes", "1", "--out", "net", "--base-port", &base]).ok();
    node(&["--set", "api.lisen=x"]).fails(2, &["api.lisen", "listen"]);
    node(&["--set", "nonsense"]).fails(2, &["SECTION.KEY=VALUE"]);
    node(&["--api", "here"]).fails(2, &["api.listen"]);
    node(&["--peers", "someone"]).fails(2, &["id@host:port"]);
    node(&["--log", "=="]).fails(2, &["log.filter"]);
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    node(&[]).fails(1, &["cannot listen", "--api"]);
    drop(taken);
    let mut from_environment = weft(dir.path(), &["node", "--config", "net/node0.toml"]);
    let from_environment = ended(from_environment.env("WEFT_API__LISTEN", "nowhere"));
    from_environment.fails(2, &["WEFT_API__LISTEN"]);
    fs::remove_file(dir.path().join("net/node0/node.key")).unwrap();
    node(&[]).fails(2, &["node.key", "next:"]);
}

#[test]
fn settings_are_checked_and_shown_with_where_they_come_from() {
    let (dir, port) = (dir(), base_port());
    let base = port.to_string();
    run(dir.path(), &["init", "--nodes", "2", "--out", "net", "--base-port", &base]).ok();
    let file = ["--config", "net/node0.toml"];
    let config = |words: &[&str]| run(dir.path(), &[&["config"][..], words].concat());
    assert!(config(&[&["check"][..], &file].concat()).ok().starts_with("ok: "));
    let wrong = [&["check"][..], &file, &["--set", "p2p.peers_target=99"]].concat();
    config(&wrong).fails(2, &["p2p.peers_target", "p2p.peers_max"]);
    config(&["check", "--config", "none.toml"]).fails(2, &["none.toml"]);
    let args =
        ["--json", "config", "print", "--config", "net/node0.toml", "--set", "log.filter=warn"];
    let mut print = weft(dir.path(), &args);
    let printed = ended(print.env("WEFT_P2P__PEERS_MAX", "9")).ok();
    let printed: Value = serde_json::from_str(&printed).unwrap();
    let origin = |key: &str| {
        let found = printed.as_array().unwrap().iter().find(|setting| setting["key"] == key);
        found.unwrap()["origin"].as_str().unwrap().to_owned()
    };
    assert_eq!(origin("api.listen"), "net/node0.toml");
    assert_eq!(origin("p2p.peers_max"), "environment variable WEFT_P2P__PEERS_MAX");
    assert_eq!(origin("log.filter"), "the command line");
    assert_eq!(origin("api.work_queue"), "default");
}

#[test]
fn a_node_says_when_it_is_ready_and_ends_when_asked() {
    let (dir, port) = (dir(), base_port().to_string());
    run(dir.path(), &["init", "--nodes", "1", "--out", "net", "--base-port", &port]).ok();
    let args = ["node", "--config", "net/node0.toml", "--api", "127.0.0.1:0", "--data-dir", "d"];
    let node = Process::start(dir.path(), "node", &args);
    let ready = node.line();
    assert!(ready.starts_with("ready: API http://127.0.0.1:"), "{ready}");
    assert!(dir.path().join("d/store").is_dir(), "flags go before the file");
    // Its files are in use.
    let second = [
        "node",
        "--config",
        "net/node0.toml",
        "--api",
        "127.0.0.1:0",
        "--data-dir",
        "d",
        "--listen",
        "127.0.0.1:0",
    ];
    run(dir.path(), &second).fails(1, &["next:"]);
    assert!(node.terminate().success());
}
