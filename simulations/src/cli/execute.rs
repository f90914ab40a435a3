//! What `run`, `sweep`, `merge` and `report` share: run, keep samples, show figures, judge.
//!
//! Invariant: samples are kept before anything is drawn of them, and a report is made of kept
//! samples alone, so one that is made later, or of shards, is the same.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::{
    cli::{
        exit::{Code, Failure, end, say},
        progress::{Bar, stop_on_interrupt},
    },
    report::{
        figures::Figures,
        folder::{self, WriteError},
        meta::{Meta, Place},
        scale::shown,
    },
    scenario::{
        campaign, chart,
        config::Scenario,
        plan::{Plan, Shard},
        read,
        sample::{Outcome, Sample},
        shipped,
    },
};

/// The samples of a run, or of one shard of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    /// The scenario, as `config.toml`.
    pub(super) config: String,
    /// Runs that end when all shards are there.
    pub(super) planned: usize,
    /// What the runs gave, by point and seed.
    pub(super) samples: Vec<Sample>,
}

/// How a plan is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order<'a> {
    pub(super) out: &'a Path,
    pub(super) shard: Shard,
    /// Run everything twice, and compare.
    pub(super) twice: bool,
}

/// Runs a plan, or a shard of it, and writes what comes out.
pub(super) fn execute(plan: &Plan, order: Order<'_>) -> Result<(), Failure> {
    let stop = stop_on_interrupt();
    let jobs = plan.shard(order.shard);
    let bar = Bar::new(jobs.len() * if order.twice { 2 } else { 1 });
    let since = Instant::now();
    let samples = campaign::run(plan, &jobs, stop, &bar);
    let wall = since.elapsed();
    if order.twice {
        let again = campaign::run(plan, &jobs, stop, &campaign::Unwatched);
        bar.clear();
        same(&samples, &again, stop.is_asked())?;
    }
    bar.clear();
    if plan.journal {
        write_journal(&order.out.join("events.jsonl"), &samples)?;
    }
    let config = plan.scenario.text().map_err(Failure::usage)?;
    let kept = Kept { config, planned: plan.jobs.len(), samples };
    if order.shard.is_whole() {
        keep(&order.out.join("samples.json"), &kept)?;
        return conclude(plan, &kept, order.out, Some(wall));
    }
    let name = format!("shard-{}.json", order.shard.to_string().replace('/', "-of-"));
    let path = order.out.join(name);
    keep(&path, &kept)?;
    say(format!("{} of {} runs in {}", kept.samples.len(), kept.planned, path.display()));
    say(format!("put all shards together with: merge {}", order.out.display()));
    Ok(())
}

/// Writes the journal of the first run.
fn write_journal(path: &Path, samples: &[Sample]) -> Result<(), Failure> {
    let lines = samples.first().map_or(&[][..], |first| first.journal.as_slice());
    let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    say(format!("{} events: {}", lines.len(), path.display()));
    Ok(folder::write(path, text.as_bytes())?)
}

/// What was run twice is the same, or nothing can be said.
fn same(once: &[Sample], again: &[Sample], stopped: bool) -> Result<(), Failure> {
    let differs = once.iter().zip(again).find(|(one, other)| one != other);
    match differs {
        Some((one, _)) if !stopped => {
            let text = format!("seed {} at point {} did not repeat", one.seed, one.point);
            Err(Failure::new(Code::Unrepeatable, text))
        }
        _ => Ok(()),
    }
}

/// Writes samples.
pub(super) fn keep(path: &Path, kept: &Kept) -> Result<(), Failure> {
    let text = serde_json::to_vec(kept).map_err(WriteError::from)?;
    Ok(folder::write(path, &text)?)
}

/// Reads samples.
pub(super) fn kept(path: &Path) -> Result<Kept, Failure> {
    let text = fs::read(path);
    let text = text.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    serde_json::from_slice(&text)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

/// The plan that samples belong to.
pub(super) fn plan_of(kept: &Kept) -> Result<Plan, Failure> {
    Ok(Plan::new(read::parse("config.toml", &kept.config)?)?)
}

/// The report of samples, and the verdict.
pub(super) fn conclude(
    plan: &Plan,
    kept: &Kept,
    out: &Path,
    wall: Option<Duration>,
) -> Result<(), Failure> {
    let figures = chart::figures(plan, &kept.samples, &again(&plan.scenario));
    let page = write(plan, kept, &figures, out, wall)?;
    print(&figures, &kept.samples);
    say(format!("report: {}", page.display()));
    judge(plan, &figures, &kept.samples)
}

fn write(
    plan: &Plan,
    kept: &Kept,
    figures: &Figures,
    out: &Path,
    wall: Option<Duration>,
) -> Result<PathBuf, Failure> {
    let place = Place::ask();
    let wall_s = wall.unwrap_or_default().as_secs_f64();
    let events: u64 = kept.samples.iter().map(|sample| sample.events).sum();
    let first = plan.scenario.run.first_seed;
    let meta = Meta {
        seeds: (first..first + plan.scenario.run.seeds).collect(),
        runs: [kept.samples.len(), kept.planned],
        trace: campaign::trace(&kept.samples),
        commit: place.commit,
        dirty: place.dirty,
        rustc: place.rustc,
        version: env!("CARGO_PKG_VERSION"),
        wall_s,
        events_per_s: if wall_s > 0.0 { events as f64 / wall_s } else { 0.0 },
        threads: rayon::current_num_threads(),
    };
    Ok(folder::report(out, figures, &kept.config, &meta)?)
}

/// The command that makes a scenario's report again.
fn again(scenario: &Scenario) -> String {
    let (name, run) = (&scenario.scenario.name, &scenario.run);
    let program = "cargo run --release -p weft-simulations --";
    let as_shipped = read::open(name).is_ok_and(|mut shipped| {
        shipped.run = run.clone();
        shipped == *scenario
    });
    if as_shipped && shipped::is_shipped(name) {
        format!("{program} run {name} --seed {} --seeds {}", run.first_seed, run.seeds)
    } else {
        format!("{program} run config.toml")
    }
}

/// A few lines of each point.
fn print(figures: &Figures, samples: &[Sample]) {
    say(format!("{}: {}", figures.title, figures.purpose));
    for note in &figures.notes {
        say(format!("  {note}"));
    }
    let mut point = None;
    for value in &figures.values {
        if point != Some(&value.point) && !value.point.is_empty() {
            say(format!("  {}", value.point));
        }
        point = Some(&value.point);
        let spread = value.interval.map_or_else(String::new, |[low, high]| {
            format!("  ({} .. {})", shown(low), shown(high))
        });
        say(format!("    {:<20} {:>12} {:<8}{spread}", value.name, shown(value.mean), value.unit));
    }
    for sample in samples.iter().filter(|sample| !sample.detail.is_empty()) {
        say(format!("  seed {}: {}: {}", sample.seed, sample.outcome.name(), sample.detail));
    }
}

/// Ends the command by what was expected; that all runs pass is expected unless something else is.
fn judge(plan: &Plan, figures: &Figures, samples: &[Sample]) -> Result<(), Failure> {
    let expected = plan.scenario.expect.get("outcome").map_or("pass", String::as_str);
    for verdict in figures.verdicts.iter().filter(|verdict| !verdict.holds) {
        say(format!("missed: {}: {}", verdict.text, verdict.found));
    }
    let missed = figures.verdicts.iter().filter(|verdict| !verdict.holds).count();
    let held = figures.verdicts.len() - missed;
    let is_wrong = |sample: &&Sample| sample.outcome.name() != expected;
    let said_so = plan.scenario.expect.contains_key("outcome");
    let wrong = if said_so { 0 } else { samples.iter().filter(is_wrong).count() };
    let is_unsafe = |sample: &Sample| {
        sample.outcome == Outcome::CheckerFailed && expected != Outcome::CheckerFailed.name()
    };
    let code = if samples.iter().any(is_unsafe) { Code::Unsafe } else { Code::Missed };
    end(held, missed + wrong, code)
}
