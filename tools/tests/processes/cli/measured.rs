//! `weft bench pipeline`, `growth` and `sync`, which start nodes of their own.

use std::fs;

use serde_json::Value;

use crate::support::{json, run};

#[test]
fn a_node_is_held_against_bare_libraries() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--json", "bench", "pipeline", "--count", "1000", "--rounds", "1"];
    let args = [&args[..], &["--bytes", "32", "--dir", "files"]].concat();
    let measured = json(&run(dir.path(), &args).ok());
    assert_eq!((&measured["readings"], &measured["bytes"]), (&1_000.into(), &32.into()));
    for figure in ["bound_us", "node_us", "node_per_second", "ratio"] {
        assert!(measured[figure].as_f64().unwrap() > 0.0, "{measured}");
    }
    assert!(dir.path().join("files/net/node.log").exists(), "what was named is kept");
    run(dir.path(), &args).fails(2, &["files is not empty", "--dir"]);
}

#[test]
fn a_node_is_looked_at_as_it_grows() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--json", "bench", "growth", "--sizes", "1000,2000", "--idle-seconds", "1"];
    let said = run(dir.path(), &[&args[..], &["--dir", "files"]].concat()).ok();
    let [small, large, seals] = &said.lines().map(json).collect::<Vec<_>>()[..] else {
        panic!("two sizes and the seals: {said}");
    };
    for (value, stored) in [(small, 1_000), (large, 2_000)] {
        assert_eq!(value["stored"], stored);
        for of in ["cpu", "memory", "disk", "read", "start"] {
            assert!(value[of]["ratio"].as_f64().unwrap() > 0.0, "{of}: {value}");
        }
        assert_eq!(value["read"]["count"], 2_000);
        assert!(value["written"]["ratio"].is_number() && value["idle"].is_object(), "{value}");
    }
    let sent = |value: &Value| value["disk"]["sent_each"].as_f64().unwrap();
    assert!(sent(small) > 2_671.0, "the first readings bring keys with them");
    assert!(sent(large) < sent(small), "and are less of more");
    assert_eq!((&seals["measured"], &seals["bytes"]), (&false.into(), &2_671.into()));
    assert!(dir.path().join("files/net/node.log").exists(), "what was named is kept");
    let wrong = ["bench", "growth", "--sizes", "2000,1000"];
    run(dir.path(), &wrong).fails(2, &["do not ascend", "--sizes 10000,100000"]);
}

#[test]
fn what_was_measured_becomes_a_report() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["bench", "report", "--short", "--only", "pipeline", "--dir", "report"];
    let said = run(dir.path(), &args).ok();
    let file = |name: &str| fs::read_to_string(dir.path().join("report").join(name)).unwrap();
    assert_eq!(file("report.txt"), said);
    assert!(said.contains("\n# weft bench pipeline\n") && said.contains("A short look"), "{said}");
    let report: Value = serde_json::from_str(&file("report.json")).unwrap();
    let values = report["benches"].as_array().unwrap();
    assert_eq!(values.len(), 2, "short readings and long ones: {report}");
    for value in values {
        assert_eq!(value["event"], "pipeline", "{report}");
        assert!(value["ratio"].as_f64().unwrap() > 0.0, "{value}");
    }
    assert!(report["machine"].is_object() && report["short"] == true, "{report}");
    let picture = file("report.svg");
    assert!(picture.starts_with("<svg") && picture.contains("verify"), "{picture}");
    run(dir.path(), &args).fails(1, &["cannot make report"]);
    let wrong = ["bench", "report", "--only", "chess"];
    run(dir.path(), &wrong).fails(2, &["chess", "pipeline"]);
}

#[test]
fn a_new_node_joins_both_ways() {
    let dir = tempfile::tempdir().unwrap();
    let said =
        run(dir.path(), &["--json", "bench", "sync", "--count", "500", "--busy-seconds", "1"]).ok();
    let joined: Vec<_> = said.lines().map(json).collect();
    let ways: Vec<_> = joined.iter().map(|value| value["way"].as_str().unwrap()).collect();
    assert_eq!(ways, ["snapshot", "archive"]);
    for value in &joined {
        // One registration for each of the 16 accounts, among those asked for.
        assert_eq!((&value["stored"], &value["transactions"]), (&500.into(), &500.into()));
        for figure in ["per_second", "node_us", "bound_us", "ratio"] {
            assert!(value[figure].as_f64().unwrap() > 0.0, "{figure}: {value}");
        }
    }
}

#[test]
fn a_network_of_processes_is_driven_to_its_knee_and_below() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--json", "bench", "network", "--nodes", "2", "--count", "1000", "--seconds", "1"];
    let measured = json(&run(dir.path(), &[&args[..], &["--dir", "files"]].concat()).ok());
    let steps = measured["steps"].as_array().unwrap();
    let rates: Vec<_> = steps.iter().map(|step| step["knee_percent"].as_u64()).collect();
    assert_eq!(rates, [None, Some(25), Some(50), Some(80), None]);
    assert_eq!(steps[4]["offered_per_second"], 1_000.0);
    for step in steps {
        assert_eq!((&step["final"], &step["refused"]), (&step["sent"], &0.into()), "{step}");
        for figure in ["cpu_us", "ratio", "wire_ratio", "generator_us"] {
            assert!(step[figure].as_f64().unwrap() > 0.0, "{figure}: {step}");
        }
        assert_eq!(step["memory_mib"].as_array().unwrap().len(), 2);
    }
    assert!(measured["knee_per_second"].as_f64().unwrap() > 0.0, "{measured}");
    assert_eq!(steps[0]["p99_ms"], Value::Null, "a full window has no latency");
    assert!(steps[1]["p99_ms"].as_f64().unwrap() > 0.0, "{measured}");
    for group in ["check", "machine", "net_api"] {
        let used = |step: &Value| step["cpu_split_us"][group].as_f64().unwrap();
        assert!(steps.iter().map(used).sum::<f64>() > 0.0, "{group}: {measured}");
    }
}

#[test]
fn a_network_of_processes_is_given_more_than_it_takes() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--json", "bench", "overload", "--nodes", "2", "--count", "1000", "--seconds", "1"];
    let set = ["--set", "machine.take_bytes_per_s=200000", "--dir", "files"];
    let measured = json(&run(dir.path(), &[&args[..], &set].concat()).ok());
    let (flood, forged) = (&measured["flood"], &measured["forged"]);
    assert_eq!(flood["honest_alone"]["final"], flood["honest_alone"]["sent"], "{measured}");
    assert!(flood["sent"].as_u64().unwrap() > 0, "{measured}");
    assert!(flood["p99_ratio"].as_f64().unwrap() > 0.0, "{measured}");
    let peaks = flood["honest"]["memory_peak_mib"].as_array().unwrap();
    assert_eq!(peaks.len(), 2);
    assert!(peaks.iter().all(|peak| peak.as_u64().unwrap() > 0), "{measured}");
    assert!(measured["reattached"]["attachments"].as_u64().unwrap() > 0, "{measured}");
    assert!(forged["closed_after_ms"].as_f64().unwrap() > 0.0, "{measured}");
    let refusals = forged["load"]["refusals"].as_object().unwrap();
    assert!(refusals.keys().any(|labels| labels.contains("seal")), "{measured}");
    assert!(dir.path().join("files/flood.bin").exists(), "what was named is kept");
}
