//! Debian's mosquitto clients, curl and coap-client against `weft dev` and `weft gateway`: devices
//! as people have them. What is not installed is told and left out: CI has all of it.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::support::{Nodes, Process, base_port, ended, run};

/// Runs a tool of the system to its end; `None` if there is none.
fn tool(name: &str, args: &[&str]) -> Option<crate::support::Ended> {
    let mut found = Command::new(name);
    let found = found.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_err() {
        eprintln!("left out, because it is not installed: {name} (see tools/setup.sh)");
        return None;
    }
    Some(ended(Command::new(name).args(args).stdin(Stdio::null())))
}

fn port(url: &Value) -> String {
    url.as_str().unwrap().rsplit(':').next().unwrap().to_owned()
}

/// Waits until the node at `url` has a reading of `stream`, and gives its text.
fn reading(dir: &Path, stream: &str, url: &str) -> String {
    let args = ["tail", stream, "--from", "0", "--limit", "1", "--node", url];
    let line: Value = serde_json::from_str(&run(dir, &args).ok()).unwrap();
    line["text"].as_str().or(line["data"].as_str()).unwrap().to_owned()
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_sensor_as_it_is_posts_to_another_node_and_hears_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let api = base_port().to_string();
    let dev = Process::start(dir.path(), "dev", &["dev", "--json", "--api-port", &api]);
    let ready = dev.json();
    let gateway = &ready["gateway"];
    let (mqtt, token) = (port(&gateway["mqtt"]), gateway["token"].as_str().unwrap());
    let last = ready["nodes"][3]["api"].as_str().unwrap();
    let login = ["-p", &mqtt, "-u", "thermo-1", "-P", token];

    if tool("mosquitto_sub", &["--help"]).is_none() {
        return;
    }
    // Three receipts, one for each stage; the subscription stands before the first reading. (It
    // says so in a line that it would keep to itself without stdbuf.)
    let mut child = Command::new("stdbuf")
        .args(["-oL", "mosquitto_sub"])
        .args(login)
        .args(["-t", "dn/thermo-1/rcpt", "-C", "3", "-W", "60", "-d"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let _child = Killed(child);
    lines.by_ref().map_while(Result::ok).find(|line| line.contains("SUBACK")).unwrap();
    let publish = |version: &str, more: &[&str]| {
        let args = [&login[..], &["-V", version, "-q", "1"], more].concat();
        tool("mosquitto_pub", &args).unwrap()
    };
    publish("mqttv311", &["-t", "up/thermo-1/temp", "-m", "21.4"]).ok();
    assert_eq!(reading(dir.path(), "thermo-1/temp", last), "21.4");
    let states = lines.map_while(Result::ok).filter_map(|line| {
        let receipt: Value = serde_json::from_str(&line).ok()?;
        Some(receipt["state"].as_str()?.to_owned())
    });
    assert_eq!(states.collect::<Vec<_>>(), ["accepted", "attached", "final"]);

    let foreign = publish("mqttv5", &["-t", "up/other/temp", "-m", "1", "-d"]);
    assert!((foreign.out.clone() + &foreign.err).contains("135"), "0x87: {foreign:?}");
    let wrong = ["-p", &mqtt, "-u", "thermo-1", "-P", "no", "-t", "up/thermo-1/t", "-m", "1"];
    for version in ["mqttv311", "mqttv5"] {
        let refused = tool("mosquitto_pub", &[&wrong[..], &["-V", version]].concat()).unwrap();
        assert_ne!(refused.code, 0, "{refused:?}");
    }
    others(dir.path(), gateway, last);
    assert!(dev.terminate().success());
}

/// The same by curl and by coap-client.
fn others(dir: &Path, gateway: &Value, last: &str) {
    let token = gateway["token"].as_str().unwrap();
    let url = format!("{}/up/thermo-1/curl", gateway["http"].as_str().unwrap());
    let header = format!("Authorization: Bearer {token}");
    if let Some(answer) = tool("curl", &["-sSf", "-H", &header, "-d", "21.5", &url]) {
        assert!(answer.ok().contains("accepted"));
        assert_eq!(reading(dir, "thermo-1/curl", last), "21.5");
    }
    let senml = dir.join("senml.cbor");
    std::fs::write(&senml, b"\x81\xa2\x00\x61t\x02\x01").unwrap();
    let url = format!("{}/up/thermo-1/coap?token={token}", gateway["coap"].as_str().unwrap());
    let args = ["-m", "post", "-t", "112", "-f", senml.to_str().unwrap(), &url];
    if let Some(answer) = tool("coap-client-notls", &args) {
        answer.ok();
        assert!(!reading(dir, "thermo-1/coap", last).is_empty());
    }
}

#[test]
fn a_gateway_that_is_killed_loses_nothing_that_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let api = base_port().to_string();
    let args = ["dev", "--json", "--nodes", "1", "--api-port", &api, "--dir", "net"];
    let dev = Process::start(dir.path(), "dev", &args);
    let node = dev.json()["nodes"][0]["api"].as_str().unwrap().to_owned();
    let made: Value =
        serde_json::from_str(&run(dir.path(), &["device", "new", "k", "--json"]).ok()).unwrap();
    let token = made["token"].as_str().unwrap();
    let args = [
        "gateway",
        "--json",
        "--node",
        &node,
        "--set",
        "mqtt.listen=127.0.0.1:0",
        "--set",
        "http.listen=127.0.0.1:0",
        "--set",
        "coap.listen=127.0.0.1:0",
    ];
    let mut sent = Vec::new();
    for round in 0..4 {
        let gateway = Process::start(dir.path(), "gateway", &args);
        let mqtt = port(&gateway.json()["mqtt"]);
        for number in 0..5 {
            let text = format!("{round}.{number}");
            let login = ["-p", &mqtt, "-u", "k", "-P", token, "-q", "1", "-t", "up/k/n", "-m"];
            let Some(published) = tool("mosquitto_pub", &[&login[..], &[&text]].concat()) else {
                return;
            };
            published.ok();
            sent.push(text);
        }
        gateway.kill();
    }
    let gateway = Process::start(dir.path(), "gateway", &args);
    gateway.json();
    let count = sent.len().to_string();
    let args = ["tail", "k/n", "--from", "0", "--limit", &count, "--node", &node];
    let shown = run(dir.path(), &args).ok();
    let texts = shown.lines().map(|line| {
        let reading: Value = serde_json::from_str(line).unwrap();
        reading["text"].as_str().unwrap().to_owned()
    });
    assert_eq!(texts.collect::<Vec<_>>(), sent);
    assert!(gateway.terminate().success());
    // Nothing came twice: what follows the last is what is sent next.
    let args = ["post", "k/n", "--data", "after", "--node", &node];
    run(dir.path(), &args).ok();
    let args =
        ["tail", "k/n", "--from", "0", "--limit", &(sent.len() + 1).to_string(), "--node", &node];
    assert!(run(dir.path(), &args).ok().lines().last().unwrap().contains("after"));
    assert!(dev.terminate().success());
}

#[test]
fn many_devices_before_a_gateway_that_is_killed_lose_nothing_and_double_nothing() {
    let nodes = Nodes::start_all_with_little_work(1);
    let node = nodes.url(0);
    for (how, more) in [("one by one", &["--one-by-one"][..]), ("together", &[])] {
        let bench = ["bench", "gateway", "--json", "--node", &node, "--devices", "20"];
        let times = ["--seconds", "4", "--kill-every", "2", "--set", "queue.batch_wait_ms=1000"];
        // Far above what it takes, for machines with other things to do.
        let patience = ["--patience", "300"];
        let report = run(nodes.dir(), &[&bench[..], &times, &patience, more].concat()).ok();
        let report: Value = serde_json::from_str(&report).unwrap();
        // Each sends four, and one when those are acknowledged.
        assert_eq!(report["acknowledged"], 20 * 5, "{how}: {report}");
        assert_eq!((&report["lost"], &report["doubled"]), (&0.into(), &0.into()), "{report}");
        assert_eq!(report["out_of_order"]["readings"], 0, "{how}: {report}");
        assert!(report["kills"].as_u64().unwrap() >= 1, "{how}: {report}");
    }
}

#[test]
fn devices_are_made_listed_and_switched_and_tokens_are_shown_once() {
    let dir = tempfile::tempdir().unwrap();
    let weft = |args: &[&str]| run(dir.path(), args);
    let made: Value =
        serde_json::from_str(&weft(&["device", "new", "a", "--batch", "--json"]).ok()).unwrap();
    let token = made["token"].as_str().unwrap();
    weft(&["device", "new", "a"]).fails(2, &["a device a already", "weft device token a"]);
    weft(&["device", "new", "a/b"]).fails(2, &["letters, digits"]);
    weft(&["device", "off", "b"]).fails(2, &["no device b", "weft device list"]);
    weft(&["device", "off", "a"]).ok();
    let listed: Value = serde_json::from_str(&weft(&["device", "list", "--json"]).ok()).unwrap();
    assert_eq!((&listed["enabled"], &listed["batch"]), (&false.into(), &true.into()));
    let file = std::fs::read_to_string(dir.path().join("devices.toml")).unwrap();
    assert!(!file.contains(token));
    weft(&["device", "on", "a"]).ok();
    assert!(!weft(&["device", "token", "a"]).ok().contains(token));
}
