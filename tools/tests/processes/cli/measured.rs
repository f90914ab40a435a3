//! `weft bench pipeline`, `growth` and `sync`, which start nodes of their own.

use serde_json::Value;

use crate::support::run;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

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
    assert!(sent(small) > 2_669.0, "the first readings bring keys with them");
    assert!(sent(large) < sent(small), "and are less of more");
    assert_eq!((&seals["measured"], &seals["bytes"]), (&false.into(), &2_669.into()));
    assert!(dir.path().join("files/net/node.log").exists(), "what was named is kept");
    let wrong = ["bench", "growth", "--sizes", "2000,1000"];
    run(dir.path(), &wrong).fails(2, &["do not ascend", "--sizes 10000,100000"]);
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
