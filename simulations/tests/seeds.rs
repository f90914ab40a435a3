//! Everything goes wrong at once, by seed.
//!
//! For more seeds than the 20 of every day, from `WEFT_SEED` on:
//! `WEFT_SEEDS=1000 cargo test -p weft-simulations --test seeds -- --nocapture`

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use weft_simulations::dst::{
    plain::{Report, run},
    seeds::{Runs, run_all},
};

/// Seeds that failed once. What each found stands beside it.
const FAILED: [u64; 5] = [
    1,  // a page of the plain log with nothing new in it ended the fetch for good
    51, // what nobody approves and leaves the live DAG was shown to nobody any more
    97, // an attachment whose body came another way was asked for without end
    99, // more attached by one group than the live DAG holds: attached, but found nowhere
    9,  // a node that came back asked for its whole past, again and again
];

/// What must have happened in some run, or the campaign shows nothing about it.
const SOMETIMES: [&str; 12] = [
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
];

#[test]
fn all_agree_whatever_went_wrong() {
    let Runs { reports, broken, .. } = run_all(&FAILED, run);
    println!("{}", summary(&reports));
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    let mut happened: BTreeMap<&str, u64> = BTreeMap::new();
    for (kind, frames) in reports.iter().flat_map(|report| &report.kinds) {
        *happened.entry(kind).or_default() += frames;
    }
    for kind in SOMETIMES {
        assert!(happened.get(kind).is_some_and(|frames| *frames > 0), "no {kind} in any run");
    }
    for report in reports.iter().filter(|report| !report.tiny) {
        assert!(report.copies <= 300, "seed {}: {} copies of 100", report.seed, report.copies);
    }
}

#[test]
fn a_seed_is_a_run() {
    let trace = |seed| run(seed).unwrap().trace;
    assert_eq!(trace(2), trace(2));
    assert_ne!(trace(2), trace(3));
}

/// Two lines for people: machines with the bounds of every day, and with tiny ones.
fn summary(reports: &[Report]) -> String {
    let line = |tiny: bool| {
        let of_kind: Vec<&Report> = reports.iter().filter(|report| report.tiny == tiny).collect();
        let sum =
            |value: fn(&Report) -> u64| of_kind.iter().map(|report| value(report)).sum::<u64>();
        let spread = |value: fn(&Report) -> u64| {
            let mut values: Vec<u64> = of_kind.iter().map(|report| value(report)).collect();
            values.sort_unstable();
            let at =
                |percent: usize| values.get((values.len().max(1) - 1) * percent / 100).copied();
            [at(50), at(95), at(100)].map(Option::unwrap_or_default)
        };
        let slowest = of_kind.iter().max_by_key(|report| report.settled_after);
        let slowest = slowest.map_or(0, |report| report.seed);
        format!(
            "{} {} runs: {} transactions, {} deliveries, {} steps of which {} deadlines; \
             median, 95 % and most: agreed after {:?} ms (seed {slowest}), {:?} copies of 100",
            of_kind.len(),
            if tiny { "tiny" } else { "full" },
            sum(|report| report.transactions),
            sum(|report| report.deliveries),
            sum(|report| report.steps[0]),
            sum(|report| report.steps[1]),
            spread(|report| report.settled_after.as_millis()),
            spread(|report| report.copies),
        )
    };
    format!("{}\n{}", line(false), line(true))
}
