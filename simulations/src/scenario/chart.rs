//! From samples to figures.
//!
//! Invariant: samples are taken in the order of their points and seeds, so it does not matter who
//! made which, or when.

use std::collections::BTreeSet;

use crate::{
    report::figures::{Axis, Bar, Caption, Curve, Figure, Figures, Point, Shape, Style, Value},
    scenario::{
        config::{Sketch, View},
        metrics::{self, METRICS, Metric},
        plan::{Plan, plain},
        sample::Sample,
        statistics::{Mean, mean},
    },
};

/// Lines in one plot; more cannot be told apart.
const LINES_MAX: usize = 6;

/// What `samples` of `plan` show. `reproduce` is the command that makes them again.
pub fn figures(plan: &Plan, samples: &[Sample], reproduce: &str) -> Figures {
    let mut samples: Vec<&Sample> = samples.iter().collect();
    samples.sort_by_key(|sample| (sample.point, sample.seed));
    let found = Found { plan, samples };
    let head = &plan.scenario.scenario;
    let notes = plan.scenario.costs.iter().map(|costs| costs.line()).collect();
    Figures {
        title: head.name.clone(),
        purpose: head.purpose.clone(),
        notes,
        values: found.values(),
        figures: plan
            .scenario
            .figures
            .iter()
            .map(|sketch| found.figure(sketch, reproduce))
            .collect(),
        verdicts: found.verdicts(),
        dag: found.samples.iter().find_map(|sample| sample.dag.clone()),
    }
}

/// Samples in the order of their points and seeds.
pub(super) struct Found<'a> {
    pub(super) plan: &'a Plan,
    pub(super) samples: Vec<&'a Sample>,
}

impl Found<'_> {
    fn metrics(&self) -> impl Iterator<Item = &'static Metric> {
        let engine = self.plan.scenario.scenario.engine;
        METRICS.iter().filter(move |metric| metric.engine == engine)
    }

    pub(super) fn at(&self, point: usize) -> impl Iterator<Item = &Sample> {
        self.samples.iter().copied().filter(move |sample| sample.point == point)
    }

    /// The mean of a value at a point.
    pub(super) fn mean(&self, point: usize, name: &str) -> Option<Mean> {
        let values: Vec<f64> =
            self.at(point).filter_map(|sample| sample.values.get(name).copied()).collect();
        mean(&values)
    }

    fn values(&self) -> Vec<Value> {
        let mut values = Vec::new();
        for (point, place) in self.plan.points.iter().enumerate() {
            for metric in self.metrics().filter(|metric| metric.kind == metrics::Kind::Value) {
                let Some(found) = self.mean(point, metric.name) else { continue };
                values.push(Value {
                    point: place.name(),
                    name: metric.name.to_owned(),
                    unit: metric.unit.to_owned(),
                    mean: found.mean,
                    interval: found.interval,
                    runs: found.runs,
                });
            }
        }
        values
    }

    fn figure(&self, sketch: &Sketch, reproduce: &str) -> Figure {
        let engine = self.plan.scenario.scenario.engine;
        let unit = |name: &String| metrics::find(name, engine).map_or("", |metric| metric.unit);
        let units: BTreeSet<&str> =
            sketch.y.iter().map(unit).filter(|unit| !unit.is_empty()).collect();
        let unit = units.first().copied().unwrap_or_default();
        let name = sketch.y.first().map_or("", String::as_str).replace('_', " ");
        let up = if unit.is_empty() { name } else { unit.to_owned() };
        let time = match engine {
            crate::scenario::config::Engine::Node => "s",
            crate::scenario::config::Engine::Tangle => "h",
        };
        let (shape, x, y) = match sketch.view {
            View::Sweep => (Shape::Curves(self.swept(sketch)), sketch.x.clone(), up),
            View::Time => (Shape::Curves(self.over_time(sketch)), time.into(), up),
            View::Tail => {
                (Shape::Curves(self.tails(sketch)), up, "share that took longer".to_owned())
            }
            View::Bars => (Shape::Bars(self.bars(sketch)), String::new(), up),
        };
        let log = |axis: &str| sketch.log.iter().any(|log| log == axis);
        Figure {
            id: sketch.id.clone(),
            title: sketch.title.clone(),
            x: Axis { label: x, log: log("x") },
            y: Axis { label: y, log: log("y") || sketch.view == View::Tail },
            shape,
            caption: Caption {
                meaning: sketch.meaning.clone(),
                parameters: self.parameters(),
                seeds: self.seeds(),
                reproduce: reproduce.to_owned(),
            },
        }
    }

    /// What says most about the runs, on one line.
    fn parameters(&self) -> String {
        let scenario = &self.plan.scenario;
        // What is swept is named behind, with all its values.
        let fixed = |path: &str, value: &dyn std::fmt::Display| match scenario.sweep.get(path) {
            Some(_) => format!("{} (swept)", last(path)),
            None => value.to_string(),
        };
        let mut parts = Vec::new();
        if let (Some(nodes), Some(load)) = (&scenario.nodes, &scenario.load) {
            let validators = fixed("nodes.validators", &nodes.validators);
            parts.push(format!("{validators} validators, {} followers", nodes.followers));
            let (tps, bytes) = (fixed("load.tps", &load.tps), fixed("load.bytes", &load.bytes));
            parts.push(format!("{tps} tx/s of {bytes} B by {}", load.posters));
        }
        if let Some(net) = &scenario.net {
            let [low, high] = net.delay_ms;
            let way = if net.rtt.is_empty() {
                format!("{low} to {high} ms one way")
            } else {
                format!("round trips of {}", net.rtt)
            };
            parts.push(format!("{way}, jitter {} ms, loss {}", net.jitter_ms, net.loss));
        }
        if let Some(time) = &scenario.time {
            parts.push(format!("{} with {} warm-up", time.duration, time.warmup));
        }
        if let Some(model) = &scenario.tangle {
            let (rate, parents) =
                (fixed("tangle.rate", &model.rate), fixed("tangle.parents", &model.parents));
            parts.push(format!(
                "{} transactions, rate {rate} per h, k = {parents}",
                model.transactions
            ));
        }
        for (path, values) in &scenario.sweep {
            let values: Vec<String> = values.iter().map(plain).collect();
            parts.push(format!("{path} = {}", values.join(", ")));
        }
        parts.join("; ")
    }

    fn seeds(&self) -> String {
        let seeds: BTreeSet<u64> = self.samples.iter().map(|sample| sample.seed).collect();
        let planned = self.plan.jobs.len();
        let missing = match planned - self.samples.len().min(planned) {
            0 => String::new(),
            missing => format!(", {missing} of {planned} runs missing"),
        };
        match (seeds.first(), seeds.last()) {
            (Some(first), Some(last)) if first < last => {
                format!("{first} to {last}; mean and 95 % interval{missing}")
            }
            (Some(only), _) => format!("{only}; a single run per point{missing}"),
            _ => format!("no run{missing}"),
        }
    }

    /// Values over a parameter; the other parameters make a line each.
    fn swept(&self, sketch: &Sketch) -> Vec<Curve> {
        let mut curves: Vec<Curve> = Vec::new();
        let named = sketch.y.iter().map(|name| (name, Style::Simulated));
        for (name, style) in named.chain(sketch.theory.iter().map(|name| (name, Style::Theory))) {
            for (point, place) in self.plan.points.iter().enumerate() {
                let (mut x, mut rest) = (None, Vec::new());
                for (path, value) in &place.set {
                    if *path == sketch.x || path.ends_with(&format!(".{}", sketch.x)) {
                        x = value.as_float().or_else(|| value.as_integer().map(|x| x as f64));
                    } else {
                        rest.push(format!("{}={}", last(path), plain(value)));
                    }
                }
                let (Some(x), Some(found)) = (x, self.mean(point, name)) else { continue };
                let rest = rest.join(" ");
                let label = match style {
                    Style::Theory => THEORY.to_owned(),
                    _ => label(sketch, name, &rest),
                };
                let name = format!("{name} {rest}").trim_end().to_owned();
                let points = vec![Point { x, y: found.mean, interval: found.interval }];
                add(&mut curves, Curve { name, label, style, points });
            }
        }
        for measured in &self.plan.scenario.measured {
            if measured.figure == sketch.id {
                let points = vec![Point { x: measured.x, y: measured.y, interval: None }];
                let (name, label) = (measured.name.clone(), measured.name.clone());
                add(&mut curves, Curve { name, label, style: Style::Measured, points });
            }
        }
        for curve in &mut curves {
            curve.points.sort_by(|a, b| a.x.total_cmp(&b.x));
        }
        curves
    }

    /// A line for a thing at a point.
    fn line(&self, sketch: &Sketch, name: &str, point: usize, points: Vec<Point>) -> Curve {
        let set = self.plan.points.get(point).map(|place| place.set.as_slice());
        let parts = set.unwrap_or_default().iter();
        let parts: Vec<String> =
            parts.map(|(path, value)| format!("{}={}", last(path), plain(value))).collect();
        let place = parts.join(" ");
        Curve {
            name: format!("{name} {place}").trim_end().to_owned(),
            label: label(sketch, name, &place),
            style: Style::Simulated,
            points,
        }
    }

    fn over_time(&self, sketch: &Sketch) -> Vec<Curve> {
        let mut curves = Vec::new();
        for name in &sketch.y {
            for point in 0..self.plan.points.len() {
                let all: Vec<&Vec<[f64; 2]>> =
                    self.at(point).filter_map(|sample| sample.series.get(name)).collect();
                curves.push(self.line(sketch, name, point, means(&all)));
            }
        }
        curves.retain(|curve| !curve.points.is_empty());
        curves.truncate(LINES_MAX);
        self.level(sketch, &mut curves);
        curves
    }

    /// Formulas that give one number are a level over time.
    fn level(&self, sketch: &Sketch, curves: &mut Vec<Curve>) {
        let shown = curves.len();
        let ends = |curve: &Curve| Some([curve.points.first()?.x, curve.points.last()?.x]);
        let Some([first, last]) = curves.first().and_then(ends) else { return };
        for name in &sketch.theory {
            for point in 0..self.plan.points.len().min(shown) {
                let Some(found) = self.mean(point, name) else { continue };
                let points = [first, last].map(|x| Point { x, y: found.mean, interval: None });
                let line = self.line(sketch, name, point, points.to_vec());
                curves.push(Curve { label: THEORY.to_owned(), style: Style::Theory, ..line });
            }
        }
    }

    fn tails(&self, sketch: &Sketch) -> Vec<Curve> {
        let mut curves = Vec::new();
        for name in &sketch.y {
            for point in 0..self.plan.points.len() {
                let all: Vec<&Vec<[f64; 2]>> =
                    self.at(point).filter_map(|sample| sample.tails.get(name)).collect();
                // Of a tail the share goes up, and the latency to the right.
                let turned = means(&all).into_iter();
                let points: Vec<Point> =
                    turned.map(|point| Point { x: point.y, y: point.x, interval: None }).collect();
                curves.push(self.line(sketch, name, point, points));
            }
        }
        curves.retain(|curve| !curve.points.is_empty());
        curves.truncate(LINES_MAX);
        curves
    }

    /// Of the first point.
    fn bars(&self, sketch: &Sketch) -> Vec<Bar> {
        let mut bars: Vec<Bar> = Vec::new();
        for name in &sketch.y {
            let all: Vec<&Vec<(String, f64)>> =
                self.at(0).filter_map(|sample| sample.bars.get(name)).collect();
            let Some(first) = all.first() else { continue };
            for (bar, _) in *first {
                let of_bar = |list: &&Vec<(String, f64)>| {
                    list.iter().find(|(name, _)| name == bar).map(|(_, value)| *value)
                };
                let values: Vec<f64> = all.iter().filter_map(of_bar).collect();
                if let Some(found) = mean(&values) {
                    let (name, value) = (bar.clone(), found.mean);
                    bars.push(Bar { name, value, interval: found.interval });
                }
            }
        }
        bars
    }
}

/// The last part of a path.
fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// The mean of several lists of points, place by place, as far as all of them go.
fn means(all: &[&Vec<[f64; 2]>]) -> Vec<Point> {
    let shortest = all.iter().map(|list| list.len()).min().unwrap_or(0);
    let at = |place: usize| {
        let of_place: Vec<[f64; 2]> =
            all.iter().filter_map(|list| list.get(place).copied()).collect();
        let [x, _] = of_place.first().copied()?;
        let ys: Vec<f64> = of_place.iter().map(|[_, y]| *y).collect();
        let found = mean(&ys)?;
        Some(Point { x, y: found.mean, interval: found.interval })
    };
    (0..shortest).filter_map(at).collect()
}

/// What the legend says of all formulas.
const THEORY: &str = "theory";

/// What the legend says: where a plot shows one thing alone, its parameters say enough.
fn label(sketch: &Sketch, name: &str, place: &str) -> String {
    match (place.is_empty(), sketch.y.len() > 1) {
        (true, _) => name.to_owned(),
        (false, true) => format!("{name} {place}"),
        (false, false) => place.to_owned(),
    }
}

/// Adds a line, or its points to the one of the same name.
fn add(curves: &mut Vec<Curve>, curve: Curve) {
    let same = |known: &&mut Curve| known.name == curve.name && known.style == curve.style;
    match curves.iter_mut().find(same) {
        Some(known) => known.points.extend(curve.points),
        None => curves.push(curve),
    }
}
