//! Errors that say what was meant, overrides, and that shards and threads change nothing.

use super::{
    campaign::{self, Stop, Unwatched},
    chart,
    config::Scenario,
    overrides,
    plan::{Plan, Shard},
    read, shipped,
};

const SMALL: &str = r#"
[scenario]
name = "small"
engine = "tangle"

[run]
seeds = 3

[tangle]
transactions = 6_000
rate = 20.0

[tangle.record]
cool_down = 20.0
points = 20

[sweep]
"tangle.parents" = [2, 3]

[[figure]]
id = "small"
x = "tangle.parents"
y = ["tips"]
theory = ["tips_theory"]
"#;

fn error(text: &str) -> String {
    read::parse("my.toml", text).unwrap_err().to_string()
}

fn node(text: &str) -> String {
    format!("[scenario]\nname = \"x\"\n{text}")
}

#[test]
fn an_unknown_key_names_the_file_the_line_and_the_nearest() {
    assert_eq!(
        error(&node("[net]\njitter_ms = 5\nlos = 0.02\n")),
        "my.toml:5: unknown key `los`; did you mean `loss`?"
    );
    assert_eq!(
        error(&node("[lod]\ntps = 5\n")),
        "my.toml:3: unknown key `lod`; did you mean `load`?"
    );
    assert_eq!(
        error("[scenario]\nname = \"x\"\nengine = \"nodes\"\n"),
        "my.toml:3: unknown value `nodes`; did you mean `node`?"
    );
    assert_eq!(
        error("[scenario]\nname = \"x\"\nengine = \"tangle\"\n[tangle.delay]\nmeen = 2.0\n"),
        "my.toml:5: unknown key `meen`; did you mean `mean`?"
    );
}

#[test]
fn what_is_wrong_otherwise_is_said() {
    let of_other = error("[scenario]\nname = \"x\"\nengine = \"tangle\"\n[net]\nloss = 0.1\n");
    assert!(of_other.contains("`net` belongs to the engine \"node\""), "{of_other}");
    assert!(error(&node("[time]\nduration = \"5\"\n")).contains("my.toml:4: `5` is no span"));
    assert!(error(&node("[expect]\njian = \">1\"\n")).contains("did you mean `jain`?"));
    assert!(error(&node("[net]\nloss = 0.9\n")).contains("net.loss is 0.9: from 0 to 0.5"));
    assert!(error(&node("[sweep]\n\"load.tsp\" = [1]\n")).contains("did you mean `load.tps`?"));
    assert!(error("[scenario]\nname = \"../x\"\n").contains("letters, digits and dashes"));
    let fault = "[[fault]]\nkind = \"crash\"\nnodes = [\"v9\"]\n";
    assert!(error(&node(fault)).contains("no node `v9`: there are v0 to v3"));
    assert!(read::open("throughput-lod").unwrap_err().what.contains("`throughput-load`"));
}

#[test]
fn an_override_names_a_parameter_there_is() {
    let scenario = read::open("first-look").unwrap();
    let set = |path: &str, value: &str| {
        overrides::set(&scenario, path, &overrides::value(value)).map_err(|bad| bad.to_string())
    };
    assert_eq!(set("net.loss", "0.02").unwrap().net.unwrap().loss, 0.02);
    assert_eq!(set("tps", "50").unwrap().load.unwrap().tps, 50.0);
    assert_eq!(set("nodes", "7").unwrap().nodes.unwrap().validators, 7);
    assert_eq!(set("time.duration", "9s").unwrap().time.unwrap().duration.to_string(), "9s");
    assert_eq!(
        set("net.los", "1").unwrap_err(),
        "net.los=1: no parameter `net.los`; did you mean `net.loss`?"
    );
    assert!(set("load.tps", "many").unwrap_err().contains("load.tps=\"many\": invalid type"));
    assert!(set("net.loss", "2").unwrap_err().contains("from 0 to 0.5"));
    assert_eq!(set("costs.source", "").unwrap().costs.unwrap().verify_us, 0);
}

#[test]
fn every_shipped_scenario_is_whole() {
    for (name, _) in shipped::SHIPPED {
        let scenario = read::open(name).unwrap();
        assert_eq!(scenario.scenario.name, *name);
        assert!(!scenario.expect.is_empty() && !scenario.figures.is_empty(), "{name}");
        assert!(!scenario.scenario.purpose.is_empty() && !scenario.scenario.runtime.is_empty());
        let plan = Plan::new(scenario.clone()).unwrap();
        assert!(!plan.jobs.is_empty());
        for sketch in &scenario.figures {
            let swept = sketch.x.is_empty() || scenario.sweep.contains_key(&sketch.x);
            assert!(swept, "{name}: {} is over {}", sketch.id, sketch.x);
            assert!(!sketch.meaning.is_empty(), "{name}: {}", sketch.id);
        }
    }
}

#[test]
fn what_is_written_is_read_as_the_same() {
    for (name, _) in shipped::SHIPPED {
        let scenario = read::open(name).unwrap();
        let text = scenario.text().unwrap();
        let again: Scenario = read::parse("config.toml", &text).unwrap();
        assert_eq!(again, scenario, "{name}");
    }
}

/// The files that must not differ.
fn written(plan: &Plan, samples: &[super::sample::Sample]) -> Vec<Vec<u8>> {
    let figures = chart::figures(plan, samples, "again");
    let table = crate::report::table::table(&figures).unwrap();
    let plots = figures.figures.iter().map(|figure| crate::report::plot::svg(figure).unwrap());
    std::iter::once(table).chain(plots.map(String::into_bytes)).collect()
}

#[test]
fn threads_and_shards_change_no_byte() {
    let plan = Plan::new(read::parse("small.toml", SMALL).unwrap()).unwrap();
    let stop = Stop::new();
    let on = |threads: usize, shard: Shard| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| campaign::run(&plan, &plan.shard(shard), &stop, &Unwatched))
    };
    let whole = on(1, Shard::WHOLE);
    assert_eq!(whole.len(), 6);
    assert_eq!(whole, on(2, Shard::WHOLE));
    let shards = ["1/3", "2/3", "0/3"].map(|shard| on(2, shard.parse().unwrap()));
    // As they are kept in a file.
    let kept = serde_json::to_vec(&shards.concat()).unwrap();
    let apart: Vec<super::sample::Sample> = serde_json::from_slice(&kept).unwrap();
    assert_eq!(written(&plan, &whole), written(&plan, &apart));
    let table = written(&plan, &whole).remove(0);
    assert!(String::from_utf8(table).unwrap().contains("simulated,small,tips,3,"));
}

#[test]
fn real_nodes_do_the_same_on_one_thread_and_on_two() {
    let text = node("[time]\nduration = \"3s\"\nwarmup = \"1s\"\n[run]\nseeds = 2\n");
    let plan = Plan::new(read::parse("nodes.toml", &text).unwrap()).unwrap();
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| campaign::run(&plan, &plan.jobs, &Stop::new(), &Unwatched))
    };
    let (one, two) = (on(1), on(2));
    assert_eq!(one, two);
    for sample in &one {
        assert_eq!(sample.detail, "");
        assert!(sample.values["final_tps"] > 20.0 && !sample.tails["finality"].is_empty());
    }
    assert!(one[0].dag.is_some() && one[1].dag.is_none(), "one picture is enough");
}

#[test]
fn a_journal_tells_what_happened_in_order() {
    let text = node("[time]\nduration = \"3s\"\nwarmup = \"1s\"\n");
    let scenario = read::parse("nodes.toml", &text).unwrap();
    let plan = Plan { journal: true, ..Plan::new(scenario).unwrap() };
    let run = || campaign::run(&plan, &plan.jobs, &Stop::new(), &Unwatched).remove(0).journal;
    let journal = run();
    assert_eq!(journal, run());
    let lines: Vec<serde_json::Value> =
        journal.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.is_sorted_by_key(|line| line["at_ms"].as_u64().unwrap()));
    let of = |kind| lines.iter().filter(move |line| line["event"] == kind);
    let told = |tx: &serde_json::Value| of("attached").any(|line| line["tx"] == *tx);
    assert!(of("submitted").count() > 50 && of("submitted").all(|line| told(&line["tx"])));
    assert!(of("committed").any(|line| line["bodies"][0]["outcome"] == "Applied"));
}

#[test]
fn a_stop_leaves_what_there_is() {
    let plan = Plan::new(read::parse("small.toml", SMALL).unwrap()).unwrap();
    let stop = Stop::new();
    stop.ask();
    let samples = campaign::run(&plan, &plan.jobs, &stop, &Unwatched);
    let figures = chart::figures(&plan, &samples, "again");
    assert!(samples.is_empty());
    assert!(figures.figures[0].caption.seeds.contains("6 of 6 runs missing"));
}

#[test]
fn what_is_expected_is_judged() {
    let text = format!(
        "{SMALL}\n[expect]\noutcome = \"pass\"\n\"tips@tangle.parents=2\" = \"1..2\"\n\
         orphans = \"<0.5\"\n\"tips@tangle.parents=9\" = \">0\"\n"
    );
    let plan = Plan::new(read::parse("small.toml", &text).unwrap()).unwrap();
    let samples = campaign::run(&plan, &plan.jobs, &Stop::new(), &Unwatched);
    let figures = chart::figures(&plan, &samples, "again");
    let holds = |text: &str| {
        let of_text = figures.verdicts.iter().filter(|verdict| verdict.text.starts_with(text));
        of_text.map(|verdict| verdict.holds).collect::<Vec<_>>()
    };
    assert_eq!(holds("outcome"), [true]);
    assert_eq!(holds("tips 1..2 at tangle.parents=2"), [false]);
    assert_eq!(holds("orphans"), [true, true]);
    assert_eq!(holds("tips >0"), [false]);
}
