//! Rows E5 and E6: what a commit takes at most, when messages take any time up to δ, and when a
//! validator breaks the rules. Of what was measured the worst of all seeds counts, not a mean.
//!
//! Both start from the committee's time of a commit, a round before its leader's checkpoint: at
//! most δ more than the papers count. Each round has a pause, and no commit here takes more than
//! twenty rounds.
//!
//! Left out on purpose: a network that orders messages by what is in them. Delays here are drawn,
//! so a bound that holds here is not proven; one that is broken here is broken.

use weft_core::time::Span;

use super::{
    bench::{Bench, Head, head},
    committee::{DELTA, PATIENCE, PAUSE, committee, ms},
    row::{Row, Target},
    statistics::mean,
};
use crate::world::{World, faults::Fault, vice::Vice};

const STARFISH: &str = "Starfish (ePrint 2025/567), table 2";

/// δ and pauses around what the papers count.
fn around(rounds: f64) -> f64 {
    rounds.mul_add(ms(PAUSE), ms(DELTA))
}

/// E5: all are honest, and each message takes any time from half of δ up to δ.
pub(super) fn asynchrony(bench: &Bench) -> Vec<Row> {
    let half = Span::from_millis(DELTA.as_millis() / 2);
    let heads = vec![
        (
            head("E5", "commit under jitter up to δ, n=4, mean, ms", STARFISH),
            Target::Between(ms(DELTA), (16.0 / 3.0f64).mul_add(ms(DELTA), around(6.0))),
        ),
        (
            head("E5", "commit under jitter up to δ, n=4, worst, ms", STARFISH),
            Target::Between(ms(DELTA), 6.0f64.mul_add(ms(DELTA), around(6.0))),
        ),
    ];
    worst_of(bench.either(2, 8), heads, bench, |seed| {
        let mut world = committee(seed, 4, half)?;
        world.run(Span::from_secs(30)).and_then(|()| world.judge_finality()).ok()?;
        let taken = latencies(&world);
        Some(vec![mean(&taken), worst(&taken)])
    })
}

/// E6: one of seven keeps back, delays or multiplies its checkpoints. Its patience is what the
/// paper calls 2Δ.
pub(super) fn one_cheat(bench: &Bench) -> Vec<Row> {
    const VICES: [(&str, Vice); 4] = [
        ("silent", Vice::Silent),
        ("withholding", Vice::Withholding),
        ("late", Vice::Late(Span::from_millis(250))),
        ("many-faced", Vice::ManyFaced),
    ];
    let bound = 12.0f64.mul_add(ms(DELTA), 2.0f64.mul_add(ms(PATIENCE), around(20.0)));
    let rows = VICES.into_iter().flat_map(|(name, vice)| {
        let quantity = format!("commit, one of 7 {name}, worst, ms");
        let heads = vec![(head("E6", quantity, STARFISH), Target::Between(ms(DELTA), bound))];
        worst_of(bench.either(2, 8), heads, bench, move |seed| {
            let mut world = committee(seed, 7, Span::default())?;
            world.plan_fault(Span::from_secs(3), Fault::Corrupt(6, vice));
            world.run(Span::from_secs(20)).and_then(|()| world.judge_finality()).ok()?;
            let told: Vec<f64> = latencies(&world);
            Some(vec![worst(&told).max(silence(&world))])
        })
    });
    rows.collect()
}

/// One row of each head, of the worst that any of so many seeds gives.
fn worst_of(
    seeds: u32,
    heads: Vec<(Head, Target)>,
    bench: &Bench,
    values: impl Fn(u64) -> Option<Vec<f64>> + Sync,
) -> Vec<Row> {
    let rows = bench.rows(1, heads, |_| {
        let each: Option<Vec<Vec<f64>>> = (0..u64::from(seeds)).map(&values).collect();
        each?.into_iter().reduce(|one, other| {
            one.into_iter().zip(other).map(|(one, other)| one.max(other)).collect()
        })
    });
    rows.into_iter().map(|row| Row { seeds, ..row }).collect()
}

/// From the committee's time of each commit to its telling, in ms, but for the first ones.
fn latencies(world: &World) -> Vec<f64> {
    let commits = world.node(0).told().commits.iter().skip(10);
    commits.map(|commit| ms(commit.at.since(commit.record.time))).collect()
}

/// The longest time from one commit to the next, in ms, but for the first ones.
fn silence(world: &World) -> f64 {
    let told = world.node(0).told().commits.get(10..).unwrap_or_default();
    let gaps = told.windows(2).filter_map(|pair| {
        let [before, after] = pair else { return None };
        Some(ms(after.at.since(before.at)))
    });
    gaps.fold(0.0, f64::max)
}

fn worst(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}
