//! Everything goes wrong at once, by seed.
//!
//! `WEFT_SEEDS=1000 cargo test -p weft-simulations --test seeds -- --nocapture` for more of them,
//! from `WEFT_SEED` on.

use std::collections::BTreeSet;

use weft_simulations::campaign::{Report, run};

/// Seeds that failed once, each with what they found.
const FAILED: [(u64, &str); 0] = [];

/// What must have happened in some run, or the campaign shows nothing about it.
const SOMETIMES: [&str; 13] = [
    "transaction",
    "attachment",
    "have",
    "frontier",
    "prune",
    "graft",
    "peers",
    "get_cone",
    "get_transactions",
    "get_key",
    "key",
    "end",
    "hello",
];

fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn all_agree_whatever_went_wrong() {
    let (first, count) = (from_env("WEFT_SEED", 0), from_env("WEFT_SEEDS", 20));
    let failed = FAILED.map(|(seed, _)| seed);
    let mut happened = BTreeSet::new();
    let mut bad = Vec::new();
    for seed in failed.into_iter().chain(first..first + count) {
        let t = std::time::Instant::now();
        match std::panic::catch_unwind(|| run(seed)) {
            Ok(Ok(report)) => {
                let Report {
                    tiny,
                    nodes,
                    transactions,
                    deliveries,
                    steps,
                    settled_after,
                    copies,
                    kinds,
                    ..
                } = report;
                println!(
                    "seed {seed} tiny {tiny} nodes {nodes} tx {transactions} deliveries {deliveries} steps {steps:?} settled {} copies {copies} wall {:?}",
                    settled_after.as_millis(),
                    t.elapsed()
                );
                happened.extend(kinds.into_keys());
            }
            Ok(Err(broken)) => bad.push(broken.to_string()),
            Err(e) => bad.push(format!("seed {seed}: panicked {:?}", e.downcast_ref::<String>())),
        }
    }
    println!("{happened:?}");
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}
