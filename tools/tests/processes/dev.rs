//! `weft dev`, from its banner to its summary.

use std::fs;

use serde_json::Value;

use crate::support::{Process, base_port, run};

fn dev(dir: &std::path::Path, port: u16, more: &[&str]) -> Process {
    let port = port.to_string();
    let args = [&["dev", "--json", "--api-port", &port][..], more].concat();
    Process::start(dir, "dev", &args)
}

/// Reads up to the summary and gives the readings before it.
fn readings(process: &Process) -> (Vec<Value>, Value) {
    let mut readings = Vec::new();
    loop {
        let line = process.json();
        match line["event"].as_str() {
            Some("reading") => readings.push(line),
            Some("market") => {}
            Some("summary") => return (readings, line),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn readings_arrive_at_the_last_node_and_the_next_run_goes_on() {
    let (dir, port) = (tempfile::tempdir().unwrap(), base_port());
    let process = dev(dir.path(), port, &["--for", "5"]);
    let ready = process.json();
    assert_eq!(ready["event"], "ready");
    assert!(ready["ready_ms"].as_u64().unwrap() < 3_000, "{ready}");
    let last = ready["nodes"][3]["api"].as_str().unwrap().to_owned();
    assert_eq!(last, format!("http://127.0.0.1:{}", port + 3));

    // The banner's word for it: ask the last node itself.
    process.line_with("\"reading\"");
    let args = ["tail", "telemetry", "--from", "0", "--limit", "1", "--node", &last];
    let shown: Value = serde_json::from_str(&run(dir.path(), &args).ok()).unwrap();
    assert_eq!(shown["issuer"], ready["sensor"]["address"]);

    let (arrived, summary) = readings(&process);
    assert!((2..=6).contains(&summary["sent"].as_u64().unwrap()), "{summary}");
    assert_eq!(summary["sent"], summary["arrived"]);
    assert!(summary["p99_ms"].as_u64() >= summary["p50_ms"].as_u64());
    assert_eq!(summary["sent"], summary["final"]);
    assert!(summary["final_p99_ms"].as_u64() >= summary["final_p50_ms"].as_u64());
    assert_eq!(ready["accounts"][1]["balance"], "100000000000");
    for reading in &arrived {
        let (sent, arrived) = (reading["sent"].as_u64(), reading["arrived"].as_u64());
        assert!(sent <= arrived && reading["delay_ms"].is_u64(), "{reading}");
        assert_eq!(reading["outcome"], "applied", "{reading}");
        assert!(reading["final_ms"].as_u64() >= reading["delay_ms"].as_u64(), "{reading}");
        let telemetry = reading["reading"]["text"].as_str().unwrap();
        assert!(serde_json::from_str::<Value>(telemetry).unwrap().is_object());
    }
    assert!(process.wait().success());

    let process = dev(dir.path(), port, &["--for", "2"]);
    let again = process.json();
    assert_eq!(again["genesis"], ready["genesis"]);
    assert_eq!(again["nodes"][0]["node"], ready["nodes"][0]["node"]);
    let (next, _) = readings(&process);
    let sequence = |reading: &Value| reading["reading"]["sequence"].as_u64();
    assert!(sequence(&next[0]) > sequence(arrived.last().unwrap()), "it counts on");
    assert!(process.wait().success());

    let process = dev(dir.path(), port, &["--for", "1", "--reset"]);
    assert_ne!(process.json()["genesis"], ready["genesis"]);
    assert!(process.wait().success());
}

#[test]
fn for_people_it_prints_lines_to_copy_and_ends_when_asked() {
    let (dir, port) = (tempfile::tempdir().unwrap(), base_port().to_string());
    let args = ["dev", "--nodes", "2", "--dir", "here", "--api-port", &port];
    let process = Process::start(dir.path(), "dev", &args);
    assert!(process.line().starts_with("weft dev: 2 nodes, network "));
    let export = process.line_with("export WEFT_NODE=");
    let url = export.trim().strip_prefix("export WEFT_NODE=").unwrap().to_owned();
    assert_eq!(url, format!("http://127.0.0.1:{port}"));
    process.line_with("Readings as they arrive at node 1");
    let reading = process.line_with("telemetry #0");
    assert!(reading.starts_with("sent ") && reading.contains("  arrived "), "{reading}");
    // What others post is shown too.
    run(dir.path(), &["post", "hall/temp", "--data", "21.4", "--node", &url]).ok();
    assert!(process.line_with("hall/temp #0").ends_with("  21.4"));
    assert!(process.terminate().success());
}

#[test]
fn ports_that_are_taken_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    // Between the runs of other tests, of which each uses TCP here and UDP 100 ports above: it
    // moves on by one run, and must not meet a network that is about to start.
    let port = base_port() + 100;
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port + 1)).unwrap();
    let process = dev(dir.path(), port, &["--nodes", "2"]);
    let ready = process.json();
    let url = ready["nodes"][0]["api"].as_str().unwrap().to_owned();
    assert_ne!(url, format!("http://127.0.0.1:{port}"));
    assert!(process.said().contains("taken"), "{}", process.said());
    process.line_with("\"event\":\"reading\"");
    assert!(process.terminate().success());
}

#[test]
fn a_foreign_folder_is_refused_untouched_and_one_run_at_a_time() {
    let (dir, port) = (tempfile::tempdir().unwrap(), base_port());
    fs::create_dir(dir.path().join("thesis")).unwrap();
    fs::write(dir.path().join("thesis/text"), "years").unwrap();
    for reset in [&[][..], &["--reset"]] {
        let args = [&["dev", "--dir", "thesis"][..], reset].concat();
        run(dir.path(), &args).fails(2, &["was not made by `weft dev`", "--dir"]);
        assert_eq!(fs::read_dir(dir.path().join("thesis")).unwrap().count(), 1);
    }
    let process = dev(dir.path(), port, &["--nodes", "1"]);
    process.json();
    run(dir.path(), &["dev", "--reset"]).fails(1, &["another `weft dev` runs", "next:"]);
    assert!(process.terminate().success());
}
