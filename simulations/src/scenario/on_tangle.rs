//! A run of the abstract Tangle, as values that a report knows.

use crate::{
    kernel::trace::Trace,
    report::dag::{Dag, Fate, Kind, VERTICES_MAX, Vertex},
    scenario::{
        campaign::hex,
        config::Scenario,
        sample::{Sample, quantile},
        theory,
    },
    tangle::{self, Histogram, Model, Outcome, model::AttackKind},
};

/// Rows over which honest transactions are spread in the picture, since nobody issued them.
const ROWS: u32 = 8;

/// Shares at which a tail is read off a histogram.
const SHARES: [f64; 14] =
    [0.99, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.01, 0.001, 0.000_1];

/// One run; `None` if its model is none, which was checked before.
pub(super) fn run(scenario: &Scenario, seed: u64, pictured: bool) -> Option<Sample> {
    let model = scenario.tangle.as_ref()?;
    let outcome = tangle::run(model, seed).ok()?;
    let mut sample = Sample::default();
    values(&mut sample, model, &outcome);
    curves(&mut sample, &outcome);
    tail(&mut sample, "approval", &outcome.first_approval);
    if let Some(cover) = &outcome.cover {
        tail(&mut sample, "cover", &cover.latency);
    }
    sample.dag = pictured.then(|| picture(model, &outcome)).flatten();
    let mut trace = Trace::new();
    let all = serde_json::to_vec(&outcome).unwrap_or_default();
    trace.add(weft_core::time::Time::ZERO, 0, &all);
    (sample.trace, sample.events) = (hex(&trace.digest()), outcome.transactions);
    Some(sample)
}

fn values(sample: &mut Sample, model: &Model, outcome: &Outcome) {
    sample.put("tips", outcome.tips.mean);
    sample.put("tips_deviation", outcome.tips.std);
    sample.put("tips_growth", outcome.tips.growth);
    sample.put("approval_mean_h", outcome.first_approval.mean());
    sample.put("orphans", outcome.orphans as f64 / outcome.measured as f64);
    let formulas = [
        ("tips_theory", theory::tips(model)),
        ("approval_theory_h", theory::approval(model)),
        ("orphans_theory", theory::orphans(model)),
    ];
    for (name, value) in formulas {
        sample.put(name, value.unwrap_or(f64::NAN));
    }
    if let Some(cover) = &outcome.cover {
        sample.put("cover_p50_h", cover.latency.quantile(0.5));
        sample.put("cover_p95_h", cover.latency.quantile(0.95));
        sample.put("cover_p999_h", cover.latency.quantile(0.999));
        sample.put("block_parents", cover.parents);
    }
    if let Some(race) = &outcome.race {
        sample.put("attack_success", race.success);
        let lead = |share| quantile(&race.ahead_until, share).unwrap_or(f64::NAN);
        sample.put("lead_p50_h", lead(0.5));
        sample.put("lead_p95_h", lead(0.95));
    }
    if let Some([victim, rival]) = outcome.parasite.as_ref().and_then(|one| one.shares.last()) {
        sample.put("parasite_share", rival / (victim + rival));
    }
    let all: u64 = outcome.approvers.iter().sum();
    let shares = outcome.approvers.iter().take(8).enumerate();
    let bars = shares.map(|(count, of)| (count.to_string(), *of as f64 / all.max(1) as f64));
    sample.bars.insert("approvers".into(), bars.collect());
}

fn curves(sample: &mut Sample, outcome: &Outcome) {
    sample.series.insert("tip_count".into(), outcome.tips.series.clone());
    let stepped = |step: f64, values: &[f64]| -> Vec<[f64; 2]> {
        values.iter().enumerate().map(|(place, value)| [place as f64 * step, *value]).collect()
    };
    if let Some(weights) = &outcome.weights {
        sample.series.insert("weight".into(), stepped(weights.step, &weights.mean));
    }
    if let Some(race) = &outcome.race {
        sample.series.insert("success".into(), stepped(race.step, &race.ahead));
    }
}

fn tail(sample: &mut Sample, name: &str, histogram: &Histogram) {
    let count = histogram.count() as f64;
    let known = SHARES.iter().filter(|share| **share * count >= 1.0);
    let points = known.map(|share| [*share, histogram.quantile(1.0 - share)]);
    let finite = points.filter(|[_, latency]| latency.is_finite());
    sample.tails.insert(name.to_owned(), finite.collect());
}

/// The end of the run, if its model keeps it.
fn picture(model: &Model, outcome: &Outcome) -> Option<Dag> {
    let count = VERTICES_MAX.min(usize::try_from(model.record.excerpt).unwrap_or(0));
    let skipped = outcome.excerpt.len().saturating_sub(count);
    let shown = outcome.excerpt.get(skipped..).filter(|shown| !shown.is_empty())?;
    let end = shown.last()?.time;
    let has_blocks = model.validators.count > 0;
    let has_attacker = model.attack.kind != AttackKind::None;
    let mut lanes = Vec::new();
    lanes.extend(has_blocks.then(|| "committee".to_owned()));
    lanes.extend(has_attacker.then(|| "attacker".to_owned()));
    let first = lanes.len();
    lanes.push("anybody".to_owned());
    lanes.resize(first + usize::try_from(ROWS).unwrap_or(1), String::new());
    let vertices = shown.iter().map(|vertex| {
        let kind = match vertex.kind {
            tangle::Kind::Block => Kind::Validator,
            tangle::Kind::Private => Kind::Attacker,
            _ => Kind::Tx,
        };
        let row = usize::try_from(vertex.id % ROWS).unwrap_or(0);
        let is_lost = end - vertex.time > model.selection.tip_age_max;
        Vertex {
            at: vertex.time,
            lane: match kind {
                Kind::Validator => 0,
                Kind::Attacker => first.saturating_sub(1),
                Kind::Tx => first + row,
            },
            parents: vertex
                .parents
                .iter()
                .filter_map(|parent| shown.binary_search_by_key(parent, |other| other.id).ok())
                .collect(),
            kind,
            fate: match vertex.approvers {
                0 if is_lost => Fate::Orphan,
                0 => Fate::Tip,
                _ => Fate::Approved,
            },
            committed: None,
        }
    });
    Some(Dag { unit: "h".into(), vertices: vertices.collect(), lanes })
}
