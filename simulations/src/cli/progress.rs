//! Progress on a terminal, and being asked to end.
//!
//! Invariant: nothing is drawn where nobody looks, and nothing that is shown finds its way into a
//! result.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::scenario::{
    campaign::{Stop, Watch},
    plan::Job,
    sample::Sample,
};

/// Asked to end by Ctrl-C.
static STOP: Stop = Stop::new();

/// Code of a process that was interrupted twice, as shells count it.
const INTERRUPTED: i32 = 130;

/// The first Ctrl-C asks for an end that still writes a report, the second one ends at once.
pub(super) fn stop_on_interrupt() -> &'static Stop {
    // Without a handler Ctrl-C ends the process, as it always does.
    let _ = ctrlc::set_handler(|| {
        if STOP.is_asked() {
            std::process::exit(INTERRUPTED);
        }
        STOP.ask();
    });
    &STOP
}

/// A bar over all runs.
pub(super) struct Bar {
    bar: ProgressBar,
    moved: Mutex<BTreeMap<(usize, u64), u64>>,
}

/// Steps of one run.
const STEPS: u64 = 1_000;

impl Bar {
    pub(super) fn new(runs: usize) -> Self {
        let bar = ProgressBar::new(runs as u64 * STEPS);
        let style = "{elapsed_precise} {wide_bar} {percent} %, {eta} left  {msg}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.set_message(format!("{runs} runs"));
        Self { bar, moved: Mutex::default() }
    }

    /// So many of the runs are over.
    pub(super) fn advance(&self, runs: usize) {
        self.bar.inc(runs as u64 * STEPS);
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn step(&self, job: Job, permille: u64) {
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        let before = moved.entry((job.point, job.seed)).or_default();
        let after = permille.min(STEPS).max(*before);
        self.bar.inc(after - *before);
        *before = after;
    }
}

impl Watch for Bar {
    fn moved(&self, job: Job, permille: u64) {
        self.step(job, permille);
    }

    fn ended(&self, job: Job, sample: &Sample) {
        self.step(job, STEPS);
        let text = sample.values.get("finality_p50_ms").or_else(|| sample.values.get("tips"));
        let text = text.map_or_else(String::new, |value| format!(", last {value:.0}"));
        self.bar.set_message(format!("seed {} {}{text}", job.seed, sample.outcome.name()));
    }
}
