//! Counts what a run shows: the tips as each transaction sees them, and each transaction when it
//! leaves the window.
//!
//! Invariant: what is counted depends on times planned before the run, never on how it goes.

use super::{
    histogram::Histogram,
    model::Model,
    outcome::{Cover, TipCount, Vertex},
    window::{Kind, NEVER, Window},
};

/// Bins of times to the first approval, and of times to the cover: 0.05 h, up to 100 h.
const DELAY_BIN: f64 = 0.05;
const COVER_BIN: f64 = 0.01;
const HOURS_MAX: f64 = 100.0;

/// Numbers of approvers told apart.
const APPROVERS_MAX: usize = 32;

/// What was counted so far.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    /// Statistics count what is issued between these two.
    pub(super) span: [f64; 2],
    pub(super) first_approval: Histogram,
    pub(super) approvers: Vec<u64>,
    pub(super) measured: u64,
    pub(super) orphans: u64,
    pub(super) cover: Option<Cover>,
    pub(super) excerpt: Vec<Vertex>,
    excerpt_max: u32,
    seen: u64,
    tips: u64,
    tips_squared: u128,
    series: Vec<[f64; 2]>,
    step: f64,
    next: f64,
}

impl Counts {
    pub(super) fn new(model: &Model, cover: Option<Cover>) -> Self {
        let (record, hours) = (&model.record, model.hours());
        Self {
            span: [record.warm_up * hours, hours - record.cool_down],
            first_approval: Histogram::new(DELAY_BIN, bins(DELAY_BIN)),
            approvers: vec![0; APPROVERS_MAX],
            measured: 0,
            orphans: 0,
            cover,
            excerpt: Vec::new(),
            excerpt_max: record.excerpt,
            seen: 0,
            tips: 0,
            tips_squared: 0,
            series: Vec::new(),
            step: hours / f64::from(record.points),
            next: 0.0,
        }
    }

    /// Somebody is about to issue one, and sees so many tips.
    #[inline]
    pub(super) fn see(&mut self, now: f64, tips: u32) {
        let [from, _] = self.span;
        if now >= from {
            self.seen += 1;
            self.tips += u64::from(tips);
            self.tips_squared += u128::from(u64::from(tips) * u64::from(tips));
        }
        if now >= self.next {
            self.series.push([now, f64::from(tips)]);
            self.next += self.step * libm::floor((now - self.next) / self.step + 1.0);
        }
    }

    /// `id` leaves the window, or the run ends.
    #[inline]
    pub(super) fn leave(&mut self, window: &Window, id: u32) {
        if id < self.excerpt_max {
            self.keep(window, id);
        }
        let issued = window.issued.of(id);
        let [from, until] = self.span;
        let is_counted = matches!(window.kinds.of(id), Kind::Honest | Kind::Lazy | Kind::Spam);
        if !is_counted || issued < from || issued > until {
            return;
        }
        self.measured += 1;
        let approvers = window.approvers.of(id) as usize;
        if let Some(count) = self.approvers.get_mut(approvers.min(APPROVERS_MAX - 1)) {
            *count += 1;
        }
        if approvers == 0 {
            self.orphans += 1;
        } else {
            self.first_approval.add(window.approved.of(id) - issued);
        }
        if let Some(cover) = &mut self.cover {
            let covered = window.covered.of(id);
            if covered == NEVER {
                cover.uncovered += 1;
            } else {
                cover.latency.add(covered - issued);
            }
        }
    }

    /// Keeps `id` for the picture.
    pub(super) fn keep(&mut self, window: &Window, id: u32) {
        let mut parents = window.parents(id).to_vec();
        parents.sort_unstable();
        parents.dedup();
        self.excerpt.push(Vertex {
            id,
            time: window.issued.of(id),
            kind: window.kinds.of(id),
            parents,
            approvers: window.approvers.of(id),
        });
    }

    /// What was seen of tips.
    pub(super) fn tip_count(&mut self) -> TipCount {
        let count = self.seen as f64;
        let mean = self.tips as f64 / count;
        let variance = self.tips_squared as f64 / count - mean * mean;
        let series = std::mem::take(&mut self.series);
        let [from, _] = self.span;
        let growth = slope(series.iter().filter(|[at, _]| *at >= from));
        TipCount { mean, std: variance.max(0.0).sqrt(), growth, series }
    }
}

/// A histogram for times to the cover.
pub(super) fn cover_histogram() -> Histogram {
    Histogram::new(COVER_BIN, bins(COVER_BIN))
}

fn bins(width: f64) -> usize {
    super::histogram::bin(HOURS_MAX, width)
}

/// The slope of the line with the least squares through `[x, y]`; NaN through fewer than two.
pub(crate) fn slope<'a>(points: impl Iterator<Item = &'a [f64; 2]> + Clone) -> f64 {
    let count = points.clone().count() as f64;
    let mean = |of: fn(&[f64; 2]) -> f64| points.clone().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|[x, _]| *x), mean(|[_, y]| *y));
    let both: f64 = points.clone().map(|[px, py]| (px - x) * (py - y)).sum();
    let squares: f64 = points.map(|[px, _]| (px - x) * (px - x)).sum();
    both / squares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_slope() {
        let line = [[0.0, 1.0], [1.0, 3.0], [3.0, 7.0]];
        assert!((slope(line.iter()) - 2.0).abs() < 1e-12);
        assert!(slope([].iter()).is_nan());
    }

    #[test]
    fn tips_are_averaged_after_the_warm_up() {
        let mut counts = Counts::new(&Model::default(), None);
        for (now, tips) in [(0.0, 1_000), (100.0, 10), (200.0, 20)] {
            counts.see(now, tips);
        }
        let tips = counts.tip_count();
        assert_eq!((tips.mean, tips.std), (15.0, 5.0));
        assert_eq!(tips.series.len(), 3);
        assert!((tips.growth - 0.1).abs() < 1e-12);
    }
}
