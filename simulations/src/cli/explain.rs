//! `explain`: what a value, a figure or a scenario means.

use crate::{
    cli::exit::{Failure, say},
    scenario::{
        config::Engine,
        metrics::METRICS,
        read::{self, nearest},
        shipped::SHIPPED,
    },
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A value (finality_p99_ms), a figure (fig:orphans) or a scenario; without one, all values
    topic: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let Some(topic) = &args.topic else {
        METRICS.iter().for_each(|metric| say(line(metric)));
        return Ok(());
    };
    if let Some(id) = topic.strip_prefix("fig:") {
        return figure(id);
    }
    if let Some(metric) = METRICS.iter().find(|metric| metric.name == topic) {
        say(line(metric));
        return Ok(());
    }
    if SHIPPED.iter().any(|(name, _)| name == topic) {
        return scenario(topic);
    }
    let known = METRICS.iter().map(|metric| metric.name);
    let near = nearest(topic, known.chain(SHIPPED.iter().map(|(name, _)| *name)));
    let near = near.unwrap_or_default();
    Err(Failure::usage(format!("nothing is called `{topic}`; did you mean `{near}`?")))
}

fn line(metric: &crate::scenario::metrics::Metric) -> String {
    let engine = match metric.engine {
        Engine::Node => "node",
        Engine::Tangle => "tangle",
    };
    let unit = if metric.unit.is_empty() { "-" } else { metric.unit };
    format!("{:<20} {engine:<7} {unit:<8} {}", metric.name, metric.meaning)
}

fn scenario(name: &str) -> Result<(), Failure> {
    let scenario = read::open(name)?;
    say(format!("{name}: {}", scenario.scenario.purpose));
    for sketch in &scenario.figures {
        say(format!("\nfig:{}  {}\n  {}", sketch.id, sketch.title, sketch.meaning));
    }
    say("\nexpected");
    scenario.expect.iter().for_each(|(name, bound)| say(format!("  {name} {bound}")));
    say(format!("\n  run {name}"));
    Ok(())
}

fn figure(id: &str) -> Result<(), Failure> {
    let mut ids = Vec::new();
    for (name, _) in SHIPPED {
        for sketch in read::open(name)?.figures {
            if sketch.id == id {
                say(format!("{}\n  {}\n  drawn by: run {name}", sketch.title, sketch.meaning));
                return Ok(());
            }
            ids.push(sketch.id);
        }
    }
    let near = nearest(id, ids.iter().map(String::as_str)).unwrap_or_default();
    Err(Failure::usage(format!("no figure `{id}`; did you mean `fig:{near}`?")))
}
