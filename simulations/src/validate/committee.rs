//! Rows E1 to E4 and E7: the committee, by the node itself in lock-step. Every message takes δ, and
//! nothing else takes time but the pause of a round, as short as can be: a millisecond, and one
//! more until the timer goes off. So a round takes δ and two, as long as nobody posts:
//! transactions go along the tree, by one link or two, and a checkpoint waits for what it cites.
//!
//! References are derived from the rules in docs/PROTOCOL.md section 10. The committee's time of a
//! commit is that of the round before its leader, so a round before the leader's.
//!
//! What a transaction takes (E3) is asked of a committee of two, whose tree is one link: with more,
//! its way along the tree is not lock-step.
//!
//! Left out on purpose: E5 and E6, which are bounds (`bounds`); E8, more than f that break the
//! rules, which must be *seen* (`tests/worlds/cheats.rs`); a row for what one checkpoint takes on
//! average (E2), which no node tells: it is what E3 is beyond its half round.

use weft_core::time::{Span, Time};

use super::{
    bench::{Bench, head},
    row::{Row, Target},
    statistics::mean,
};
use crate::world::{Links, Posting, Settings, World, faults::Fault};

/// What every message takes.
pub(super) const DELTA: Span = Span::from_millis(100);

/// What a round takes beside it.
pub(super) const PAUSE: Span = Span::from_millis(2);

/// How long a round waits for its leader.
pub(super) const PATIENCE: Span = Span::from_millis(300);

/// Time is in whole milliseconds, and a step is one.
pub(super) const TICKS: f64 = 5.0;

const RULES: &str = "derived from the commit rule; Starfish (ePrint 2025/567), table 2";

/// E1: what a leader's checkpoint takes.
pub(super) fn leaders(bench: &Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    for validators in [4, 7] {
        let heads = vec![(
            head("E1", format!("leader's checkpoint to commit, n={validators}, ms"), RULES),
            Target::Near {
                reference: 3.0f64.mul_add(ms(DELTA), 2.0 * ms(PAUSE)),
                tolerance: TICKS,
            },
        )];
        rows.extend(bench.rows(bench.either(2, 4), heads, |seed| {
            let world = run(seed, validators, &[], false, Span::from_secs(30))?;
            Some(vec![leader_latency(&world) - ms(DELTA) - ms(PAUSE)])
        }));
    }
    rows
}

/// E3: what a transaction takes that comes at any time of a round: half a round until the next
/// checkpoint, then the round's own three or four. Whatever is not the leader's, and was left to
/// the share of the other, is cited a round later by a leader: so of two, half of all takes three
/// rounds and half four, and the last round has no pause. In short 4.5δ - δ/n.
pub(super) fn transactions(bench: &Bench) -> Vec<Row> {
    let reference = 4.0f64.mul_add(ms(DELTA) + ms(PAUSE), -ms(PAUSE));
    let heads = vec![(
        head("E3", "transaction to commit, mean, n=2, ms", RULES),
        Target::about(reference, 0.02),
    )];
    bench.rows(bench.either(4, 8), heads, |seed| {
        let world = run(seed, 2, &[], true, Span::from_secs(60))?;
        Some(vec![mean(&taken(&world))])
    })
}

/// E4: a silent leader costs the patience with it, once.
pub(super) fn silent_leader(bench: &Bench) -> Vec<Row> {
    let heads = vec![(
        // Least: where the crashed one leads twice in a row, it is two rounds more.
        head("E4", "commit to commit around a silent leader, one of 4 crashed, ms", RULES),
        Target::Near { reference: ms(PATIENCE) + ms(DELTA), tolerance: TICKS },
    )];
    bench.rows(bench.either(2, 4), heads, |seed| {
        let world = run(seed, 4, &[3], false, Span::from_secs(30))?;
        // What the crash itself cuts off, and what stands before it, is another matter.
        let told = times(&world, Span::from_secs(8));
        let gaps = told.windows(2).filter_map(|pair| {
            let [before, after] = pair else { return None };
            Some(ms(after.since(*before)))
        });
        gaps.filter(|gap| *gap > ms(PATIENCE)).reduce(f64::min).map(|least| vec![least])
    })
}

/// E7: f of the committee crashed.
pub(super) fn crashed(bench: &Bench) -> Vec<Row> {
    let heads = vec![(
        head("E7", "transaction to commit, 2 of 7 crashed / none, mean", "published 490 to 740 ms"),
        // The silent are demoted, so it is no slower; with fewer nodes the tree is shorter.
        Target::Between(0.8, 1.8),
    )];
    bench.rows(bench.either(2, 4), heads, |seed| {
        let span = Span::from_secs(40);
        let [healthy, hurt] = [&[][..], &[5, 6]].map(|down| run(seed, 7, down, true, span));
        Some(vec![mean(&taken(&hurt?)) / mean(&taken(&healthy?))])
    })
}

/// A committee in lock-step, with readings at each or without, of which `down` crash after five
/// seconds. None if a rule was broken.
fn run(seed: u64, validators: u32, down: &[usize], posts: bool, span: Span) -> Option<World> {
    let mut world = committee(seed, validators, Span::default(), PATIENCE)?;
    let posting = Posting { every: Span::from_millis(190), ..Posting::default() };
    for node in (0..world.honest_numbers().len()).filter(|node| posts && !down.contains(node)) {
        world.add_poster(node, posting, span);
    }
    for node in down {
        world.plan_fault(Span::from_secs(5), Fault::Crash(*node));
    }
    world.run(span).and_then(|()| world.judge_finality()).ok()?;
    Some(world)
}

/// A committee whose messages take δ at most, and up to `sooner` less; nothing else takes time but
/// the patience with leaders.
pub(super) fn committee(seed: u64, validators: u32, sooner: Span, patience: Span) -> Option<World> {
    let mut settings = Settings { validators: validators.into(), ..Settings::new(seed) };
    let least = Span::from_millis(DELTA.as_millis().saturating_sub(sooner.as_millis()));
    settings.links = Links { delay: [least, least], jitter: sooner, ..Links::default() };
    settings.busy = Span::default();
    settings.limits.pace.min = Span::from_millis(1);
    settings.limits.pace.idle = Span::from_millis(1);
    settings.limits.pace.leader_timeout = patience;
    let mut world = World::new(settings);
    world.mesh(usize::try_from(validators).ok()?);
    Some(world)
}

/// When the first node told of each commit, but for those of the first `warmup`.
fn times(world: &World, warmup: Span) -> Vec<Time> {
    let commits = &world.node(0).told().commits;
    let first = commits.first().map_or(Time::ZERO, |commit| commit.at);
    commits.iter().map(|commit| commit.at).filter(|at| at.since(first) > warmup).collect()
}

/// From the committee's time of a commit to its telling, in ms, the mean.
fn leader_latency(world: &World) -> f64 {
    let commits = world.node(0).told().commits.iter().skip(10);
    mean(&commits.map(|commit| ms(commit.at.since(commit.record.time))).collect::<Vec<_>>())
}

/// From the submission of each transaction to its commit at the same node, in ms.
fn taken(world: &World) -> Vec<f64> {
    let mut taken = Vec::new();
    for node in world.nodes() {
        for commit in node.told().commits.iter().skip(20) {
            for leaf in &*commit.leaves {
                let handed = world.finals().handed.get(&leaf.tx);
                let here = handed.filter(|(_, at)| world.node(*at).id() == node.id());
                taken.extend(here.map(|(since, _)| ms(commit.at.since(*since))));
            }
        }
    }
    taken
}

#[allow(clippy::cast_precision_loss, reason = "spans of a simulation are far below 2^53 ms")]
pub(super) fn ms(span: Span) -> f64 {
    span.as_millis() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::Verdict;

    #[test]
    fn the_committee_keeps_the_time_that_its_rules_say() {
        let bench = Bench::brief();
        let rows = [leaders(&bench), transactions(&bench), silent_leader(&bench)];
        for row in rows.into_iter().flatten() {
            assert_eq!(row.verdict(), Verdict::Passed, "{row:?}");
        }
    }
}
