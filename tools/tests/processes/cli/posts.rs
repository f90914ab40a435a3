//! `weft post` and `weft tail`.

use std::{fs, process::Stdio};

use serde_json::Value;

use crate::support::{Ended, Nodes, Process, run, weft};

/// One node, and commands that talk to it.
struct Alone {
    nodes: Nodes,
    url: String,
}

impl Alone {
    fn start() -> Self {
        let nodes = Nodes::start_all(1);
        let url = nodes.url(0);
        Self { nodes, url }
    }

    fn run(&self, args: &[&str]) -> Ended {
        run(self.nodes.dir(), &[args, &["--node", &self.url]].concat())
    }

    fn post(&self, args: &[&str]) -> Vec<String> {
        let said = self.run(&[&["post"], args].concat()).ok();
        said.lines().map(str::to_owned).collect()
    }

    /// What a stream holds: content type and text or data of each reading, by sequence.
    fn stream(&self, name: &str, count: usize) -> Vec<(u64, String)> {
        let count = count.to_string();
        let said = self.run(&["tail", name, "--from", "0", "--limit", &count]).ok();
        let mut readings: Vec<Value> =
            said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        readings.sort_by_key(|reading| reading["sequence"].as_u64());
        let shown = readings.iter().map(|reading| {
            let said = reading["text"].as_str().or(reading["data"].as_str());
            (reading["content_type"].as_u64().unwrap(), said.unwrap().to_owned())
        });
        shown.collect()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.nodes.dir().join(name), bytes).unwrap();
    }
}

fn of(content_type: u64, text: &str) -> (u64, String) {
    (content_type, text.to_owned())
}

#[test]
fn readings_come_from_arguments_files_tables_and_lines() {
    let alone = Alone::start();
    let first = alone.run(&["post", "a", "--data", "21.4"]);
    assert!(first.err.contains("made a key in"), "{first:?}");
    assert_eq!(first.ok().trim().len(), 64);
    alone.post(&["a", "--data", "{\"v\":1}"]);
    alone.post(&["a", "--data", "{\"v\":1}", "--content-type", "senml-json"]);
    alone.post(&["a", "--data", "x", "--content-type", "40000"]);
    alone.post(&["frost", "--data", "-5.5"]);
    assert_eq!(alone.stream("frost", 1), [of(0, "-5.5")]);
    assert_eq!(
        alone.stream("a", 4),
        [of(0, "21.4"), of(50, "{\"v\":1}"), of(110, "{\"v\":1}"), of(40_000, "x")]
    );

    alone.write("raw.bin", b"\xff\x00\x01");
    alone.post(&["b", "--file", "raw.bin", "--attach", "node"]);
    assert_eq!(alone.stream("b", 1), [of(42, "ff0001")]);

    alone.write("table.csv", b"t,room\n1,hall\n2,\n");
    assert_eq!(alone.post(&["c/d e", "--csv", "table.csv"]).len(), 2);
    let rows = [of(50, "{\"t\":1,\"room\":\"hall\"}"), of(50, "{\"t\":2,\"room\":null}")];
    assert_eq!(alone.stream("c/d e", 2), rows);

    let json = alone.run(&["--json", "post", "e", "--data", ""]).ok();
    let posted: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&posted["stream"], &posted["sequence"]), (&"e".into(), &8.into()));
}

#[test]
fn lines_are_posted_as_they_come_and_their_ids_are_in_order() {
    let alone = Alone::start();
    let args = ["--json", "post", "lines", "-", "--node", &alone.url];
    let mut post = Process::start(alone.nodes.dir(), "post", &args);
    // The next line is not written before the last is acknowledged.
    for sequence in 0..3 {
        post.write(&format!("line {sequence}"));
        assert_eq!(post.json()["sequence"], sequence);
    }
    for turn in 3..200 {
        post.write(&turn.to_string());
    }
    post.end_input();
    for sequence in 3..200 {
        assert_eq!(post.json()["sequence"], sequence);
    }
    assert!(post.wait().success());
    assert_eq!(alone.stream("lines", 200).len(), 200);
}

#[test]
fn what_cannot_be_posted_is_told_with_its_line() {
    let alone = Alone::start();
    let long = "x".repeat(25 * 1_024);
    alone.write("long.txt", long.as_bytes());
    alone.run(&["post", "s", "--file", "long.txt"]).fails(2, &["too long", "split"]);
    alone.run(&["post", "s", "--file", "none.txt"]).fails(2, &["none.txt"]);
    alone.run(&["post", "", "--data", "x"]).fails(2, &["stream"]);
    alone.run(&["post", "s", "--data", "x", "--content-type", "xml"]).fails(2, &["senml-json"]);
    alone.run(&["post", "s", "--data", "x", "--key", "none.key"]).fails(2, &["weft key new"]);
    alone.write("ragged.csv", b"a,b\n1,2\n3\n4,5\n");
    let ragged = alone.run(&["post", "s", "--csv", "ragged.csv"]);
    assert_eq!(ragged.out.lines().count(), 1, "the row before it");
    ragged.fails(2, &["after 1 readings", "line"]);
    alone.write("long.csv", format!("a\nshort\n{long}\n").as_bytes());
    alone.run(&["post", "s", "--csv", "long.csv"]).fails(2, &["line 3", "too long"]);
}

#[test]
fn the_node_may_be_elsewhere_or_no_node() {
    let dir = tempfile::tempdir().unwrap();
    let nobody = ["post", "s", "--data", "x", "--node", "http://127.0.0.1:1"];
    run(dir.path(), &nobody).fails(3, &["cannot reach", "weft dev", "--node"]);
    run(dir.path(), &["tail", "s", "--node", "http://127.0.0.1:1"]).fails(3, &["cannot reach"]);
    let json = run(dir.path(), &["--json", "status", "--node", "http://127.0.0.1:1"]);
    let error: Value = serde_json::from_str(&json.err).unwrap();
    assert_eq!(error["error"]["exit"], 3);
    run(dir.path(), &["status", "--node", "https://host"]).fails(2, &["only http"]);
    run(dir.path(), &["status", "--node", "host:1"]).fails(2, &["http://HOST:PORT"]);
    let mut by_environment = weft(dir.path(), &["status"]);
    let by_environment = by_environment.env("WEFT_NODE", "http://127.0.0.1:1");
    crate::support::ended(by_environment).fails(3, &["127.0.0.1:1"]);
}

#[test]
fn one_key_posts_from_one_command_at_a_time_and_never_twice_under_a_sequence() {
    let alone = Alone::start();
    let dir = alone.nodes.dir();
    let args = ["--json", "post", "lines", "-", "--node", &alone.url];
    let mut first = Process::start(dir, "first", &args);
    first.write("one");
    assert_eq!(first.json()["sequence"], 0);
    let args = ["--json", "post", "lines", "--data", "three", "--node", &alone.url];
    let second = Process::start(dir, "second", &args);
    first.write("two");
    first.end_input();
    assert_eq!(first.json()["sequence"], 1);
    assert_eq!(second.json()["sequence"], 2);
    assert!(first.wait().success() && second.wait().success());

    // Another node of the network may not know yet how far this key has counted: this file does.
    let counts = dir.join(".config/weft/key.next");
    let text = fs::read_to_string(&counts).unwrap();
    fs::write(&counts, text.replace(": 3", ": 9")).unwrap();
    let json = alone.run(&["--json", "post", "lines", "--data", "later"]).ok();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["sequence"], 9);
    fs::write(&counts, "scribble").unwrap();
    let json = alone.run(&["--json", "post", "lines", "--data", "later"]).ok();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["sequence"], 10);
}

#[test]
fn a_tail_begins_where_it_is_told_and_follows_whom_it_is_told() {
    let alone = Alone::start();
    for (key, text) in [("one.key", "1"), ("two.key", "2"), ("one.key", "3")] {
        let file = alone.nodes.dir().join(key);
        if !file.exists() {
            run(alone.nodes.dir(), &["key", "new", key]).ok();
        }
        alone.post(&["s", "--data", text, "--key", key]);
    }
    let tail = |more: &[&str]| {
        let said = alone.run(&[&["tail", "s"], more].concat()).ok();
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let all = tail(&["--from", "0", "--limit", "3"]);
    let texts: Vec<_> = all.iter().map(|reading| reading["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["1", "2", "3"]);
    let behind = tail(&["--from", all[1]["cursor"].as_str().unwrap(), "--limit", "1"]);
    assert_eq!(behind, all[2..]);
    let issuer = all[0]["issuer"].as_str().unwrap();
    let of_one = tail(&["--from", "0", "--limit", "2", "--issuer", issuer]);
    assert_eq!(of_one, [all[0].clone(), all[2].clone()]);
    assert!(tail(&["--limit", "0"]).is_empty());
    alone.run(&["tail", "s", "--from", "x"]).fails(2, &["cursor"]);
    alone.run(&["tail", "s", "--issuer", "me"]).fails(4, &["not an address", "parameter"]);
    alone.run(&["tail", ""]).fails(4, &["stream"]);
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let alone = Alone::start();
    alone.post(&["s", "--data", "1"]);
    alone.post(&["s", "--data", "2"]);
    for args in [
        &["tail", "s", "--from", "0", "--node", &alone.url][..],
        &["--help"],
        &["completions", "bash"],
        &["status", "--node", &alone.url],
    ] {
        // A pipe whose other end is closed before the first byte.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = weft(alone.nodes.dir(), args);
        let child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {output:?}");
        assert!(output.stderr.is_empty(), "{args:?}: {output:?}");
    }
}
