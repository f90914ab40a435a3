//! Running a plan on several threads.
//!
//! Invariant: what comes out depends on the plan alone: results stand in the order of the runs,
//! whoever finished first. Only a stop shows, as runs that are missing.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::{
    kernel::trace::Trace,
    scenario::{
        config::Engine,
        on_node, on_tangle,
        plan::{Job, Plan},
        sample::Sample,
    },
};

/// Whether somebody asked for an end.
#[derive(Debug, Default)]
pub struct Stop(AtomicBool);

impl Stop {
    /// Nobody asked yet.
    pub const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Asks for an end: runs that did not begin never will, and others end soon.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a run keeps beside its figures.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extras {
    /// An excerpt of its DAG.
    pub(super) pictured: bool,
    /// What happened, line by line.
    pub(super) journal: bool,
}

/// Who wants to know how far it is.
pub trait Watch: Sync {
    /// A run came so far, of 1,000; several run at a time.
    fn moved(&self, job: Job, permille: u64);
    /// A run ended.
    fn ended(&self, job: Job, sample: &Sample);
}

/// Nobody does.
#[derive(Clone, Copy, Debug)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn moved(&self, _: Job, _: u64) {}
    fn ended(&self, _: Job, _: &Sample) {}
}

/// Runs `jobs` of `plan` on the threads of the current pool.
pub fn run(plan: &Plan, jobs: &[Job], stop: &Stop, watch: &dyn Watch) -> Vec<Sample> {
    let samples = jobs.par_iter().filter_map(|job| {
        if stop.is_asked() {
            return None;
        }
        let sample = one(plan, *job, stop, watch)?;
        watch.ended(*job, &sample);
        Some(sample)
    });
    samples.collect()
}

/// One run; `None` if it was stopped before it had anything to say.
pub fn one(plan: &Plan, job: Job, stop: &Stop, watch: &dyn Watch) -> Option<Sample> {
    let scenario = &plan.points.get(job.point)?.scenario;
    let moved = |permille| watch.moved(job, permille);
    // One picture is enough, and only the first run is always made.
    let pictured = plan.jobs.first() == Some(&job);
    let extras = Extras { pictured, journal: pictured && plan.journal };
    let mut sample = match scenario.scenario.engine {
        Engine::Node => on_node::run(scenario, job.seed, extras, stop, &moved),
        Engine::Tangle => on_tangle::run(scenario, job.seed, pictured)?,
    };
    (sample.point, sample.seed) = (job.point, job.seed);
    Some(sample)
}

/// A digest over the digests of all runs.
pub fn trace(samples: &[Sample]) -> String {
    let mut trace = Trace::new();
    for sample in samples {
        trace.add(weft_core::time::Time::ZERO, sample.point, sample.trace.as_bytes());
    }
    hex(&trace.digest())
}

/// Bytes as people compare them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
