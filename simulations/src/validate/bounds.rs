//! Rows E5 and E6: what a commit takes at most, when messages take any time up to δ, and when a
//! validator breaks the rules. Of what was measured the worst of all seeds counts, not a mean.
//!
//! The papers' bounds (Starfish, ePrint 2025/567, table 2: 6δ to 7δ, and 12δ + 4Δ with a patience
//! of 2Δ) are of a protocol that starts to count at the leader's checkpoint, never changes its
//! schedule and pushes all that it references. Here they are derived anew, from the rules in
//! docs/PROTOCOL.md section 10. A commit counts from its time, the median of the round before its
//! leader R, until a node tells of it.
//!
//! **A round.** Let all that an honest validator accepts be accepted by all others within D, p be
//! the pause and P the patience, P >= 2D. Whoever makes a checkpoint of r by (C1) or (C3) does so
//! on what all others have D later, so they follow within D + p; nobody's patience with an honest
//! leader ends, and all vote for it. So one round after the other is D + p at most; where a slot
//! has votes of both kinds the two rounds behind it may take D + P.
//!
//! **All honest (E5, D = δ).** R - 1 is complete D + p after its median, R + 2 three rounds later,
//! and all have it after D: 5δ + 4p. Only a change of the schedule splits votes: the checkpoints of
//! the round behind the last leader of a schedule were voted on before anybody knew who leads it.
//! That slot is settled by the one three rounds above, whose commit is complete three rounds
//! further up than its own would be, and one of them takes P: 8δ + 6p + P. With it wait the three
//! slots above.
//!
//! **One cheat (E6).** It leads once in a cycle, so of slots three apart at most two, around the
//! end of a cycle, are its own; the next, R + 6, is settled by R + 8 and settles both. From the
//! median of R - 1 that is one round for it to be complete, nine up to R + 8, of which four take P
//! where they would take p, and D: 11D + 6p + 4P. If R is the last leader of a schedule, then of
//! the slots up to R + 7 nobody knew the leaders: R + 1 waits for R + 4, that for R + 7 and R + 10,
//! which may be the cheat's again, and is settled by R + 15. Three rounds more take P: 17D + 9p +
//! 7P, of which the longest silence is a part. Who keeps back what others reference makes
//! D = 3δ and the delay before a fetch: there, question, answer.
//!
//! Left out on purpose: a network that orders messages by what is in them. Delays here are drawn,
//! so a bound that holds here is not proven; one that is broken here is broken.

use weft_core::{params::SCHEDULE_LEADERS, time::Span};

use super::{
    bench::{Bench, Head, head},
    committee::{DELTA, PATIENCE, PAUSE, TICKS, committee, ms},
    row::{Row, Target},
    statistics::mean,
};
use crate::world::{World, faults::Fault, told::Commit, vice::Vice};

const RULES: &str = "derived from the pacemaker; cf. Starfish (ePrint 2025/567), table 2";

/// How long a missing checkpoint may come by itself before it is fetched.
const FETCH_DELAY: Span = Span::from_millis(30);

/// Slots behind a change of the schedule that may wait for one of which nobody knew the leader when
/// it was voted on: where all are honest, and with one cheat.
const BEHIND_CHANGE: [u64; 2] = [4, 10];

/// So many times what is accepted takes to be accepted everywhere, pauses and patience.
fn bound(reach: Span, patience: Span, [reaches, pauses, patiences]: [f64; 3]) -> f64 {
    reaches.mul_add(ms(reach), pauses.mul_add(ms(PAUSE), patiences.mul_add(ms(patience), TICKS)))
}

/// E5: all are honest, and each message takes any time from half of δ up to δ.
pub(super) fn asynchrony(bench: &Bench) -> Vec<Row> {
    let half = Span::from_millis(DELTA.as_millis() / 2);
    let row = |what: &str, most: f64| {
        let quantity = format!("commit under jitter up to δ, n=4, {what}, ms");
        (head("E5", quantity, RULES), Target::Between(ms(DELTA), most))
    };
    let at_most = |counts| bound(DELTA, PATIENCE, counts);
    let heads = vec![
        row("mean", at_most([16.0 / 3.0, 0.0, 0.0])),
        row("worst", at_most([5.0, 4.0, 0.0])),
        row("worst after a new schedule", at_most([8.0, 6.0, 1.0])),
    ];
    worst_of(bench.either(2, 8), heads, bench, |seed| {
        let mut world = committee(seed, 4, half, PATIENCE)?;
        world.run(Span::from_secs(30)).and_then(|()| world.judge_finality()).ok()?;
        let (after, others): (Vec<&Commit>, Vec<&Commit>) =
            commits(&world).partition(|commit| is_behind_change(commit, BEHIND_CHANGE[0]));
        let [after, others] = [after, others].map(|commits| latencies(&commits));
        Some(vec![mean(&[&after[..], &others].concat()), worst(&others), worst(&after)])
    })
}

/// E6: one of seven keeps back, delays or multiplies its checkpoints.
pub(super) fn one_cheat(bench: &Bench) -> Vec<Row> {
    let fetched = Span::from_millis(3 * DELTA.as_millis() + FETCH_DELAY.as_millis());
    let vices = [
        ("silent", Vice::Silent, DELTA),
        ("late", Vice::Late(Span::from_millis(250)), DELTA),
        ("withholding", Vice::Withholding, fetched),
        ("many-faced", Vice::ManyFaced, fetched),
    ];
    let rows = vices.into_iter().flat_map(|(name, vice, reach)| {
        let patience = PATIENCE.max(Span::from_millis(2 * reach.as_millis()));
        let row = |what: &str, counts| {
            let quantity = format!("commit, one of 7 {name}, {what}, ms");
            let most = bound(reach, patience, counts);
            (head("E6", quantity, RULES), Target::Between(ms(DELTA), most))
        };
        let heads = vec![row("worst", [11.0, 6.0, 4.0]), row("longest silence", [17.0, 9.0, 7.0])];
        worst_of(bench.either(2, 8), heads, bench, move |seed| {
            let mut world = committee(seed, 7, Span::default(), patience)?;
            world.plan_fault(Span::from_secs(3), Fault::Corrupt(6, vice));
            world.run(Span::from_secs(20)).and_then(|()| world.judge_finality()).ok()?;
            let told: Vec<&Commit> = commits(&world).collect();
            let of_one = |commit: &&Commit| !is_behind_change(commit, BEHIND_CHANGE[1]);
            let of_one: Vec<&Commit> = told.iter().copied().filter(of_one).collect();
            Some(vec![worst(&latencies(&of_one)), silence(&world, &told)])
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

/// What the first node told of, but for the first ones.
fn commits(world: &World) -> impl Iterator<Item = &Commit> {
    world.node(0).told().commits.iter().skip(10)
}

/// Whether votes on it, or on what it waits for, were cast before its schedule was known. Without
/// transactions each leader has one commit.
fn is_behind_change(commit: &Commit, slots: u64) -> bool {
    (1..=slots).contains(&(commit.record.index.0 % SCHEDULE_LEADERS))
}

/// From the committee's time of each commit to its telling, in ms.
fn latencies(commits: &[&Commit]) -> Vec<f64> {
    commits.iter().map(|commit| ms(commit.at.since(commit.record.time))).collect()
}

/// The longest time without a commit, in ms. The next one stands at most three slots above the one
/// before, so it counts from a time at which that one was not told.
fn silence(world: &World, told: &[&Commit]) -> f64 {
    let ends = told.iter().map(|commit| commit.at).skip(1).chain([world.now()]);
    told.iter().zip(ends).map(|(commit, next)| ms(next.since(commit.at))).fold(0.0, f64::max)
}

fn worst(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}
