//! `weft bench report`: every bench that needs nothing but this machine, in turn, as one report.
//!
//! ```text
//! DIR/report.json   machine, version, and every value as its bench told it
//! DIR/report.txt    the same for people
//! DIR/report.svg    where CPU time goes, beside what bare libraries take in the same run
//! ```
//! Each bench is a process of its own, so that none measures what another left in memory.
//! Invariant: what was measured is written when its bench ends, whatever becomes of the next one.
//!
//! Left out on purpose: `load`, `gateway` and `market`, which ask a network that is there already,
//! or for hours.

mod machine;
mod picture;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use clap::builder::PossibleValuesParser;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use self::machine::Machine;
use super::{growth, network, overload, pipeline, sync};
use crate::{failure::Failure, output::Output, time::now_ms};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A new folder for the report [default: weft-report-TIME, here]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// A look that takes two minutes; its figures are rough
    #[arg(long)]
    short: bool,
    /// These parts alone
    #[arg(
        long,
        value_name = "BENCH,BENCH..",
        value_delimiter = ',',
        value_parser = PossibleValuesParser::new(BENCHES.map(|bench| bench.name)),
    )]
    only: Vec<String>,
}

/// One part of the report.
struct Bench {
    name: &'static str,
    /// What it is told for a short look.
    short: &'static [&'static str],
    text: fn(&Value) -> String,
}

const BENCHES: [Bench; 5] = [
    Bench { name: "pipeline", short: &["--count", "5000", "--rounds", "1"], text: pipeline::text },
    Bench { name: "network", short: &["--count", "4000", "--seconds", "3"], text: network::text },
    Bench { name: "overload", short: &["--count", "4000", "--seconds", "5"], text: overload::text },
    Bench { name: "growth", short: &["--sizes", "5000"], text: growth::text },
    Bench { name: "sync", short: &["--count", "5000", "--busy-seconds", "1"], text: sync::text },
];

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let dir = args.dir.unwrap_or_else(|| format!("weft-report-{}", now_ms()).into());
    let failed = |error| Failure::failed(format!("cannot make {}: {error}", dir.display()));
    fs::create_dir(&dir).map_err(failed)?;
    let mut report = Report { machine: Machine::look()?, is_short: args.short, parts: Vec::new() };
    let is_asked =
        |bench: &&Bench| args.only.is_empty() || args.only.iter().any(|asked| asked == bench.name);
    for bench in BENCHES.iter().filter(is_asked) {
        output.note(&format!("# weft bench {}", bench.name));
        let told = if args.short { bench.short } else { &[] };
        let values = spawn_blocking(move || measure(bench.name, told)).await;
        report.parts.push((bench, values.map_err(Failure::failed)??));
        report.write(&dir)?;
    }
    let shown = ["report.txt", "report.json", "report.svg"].map(|name| dir.join(name));
    let value = json!({ "event": "report", "files": shown });
    output.show(&value, || report.text())
}

/// What the bench `name` tells, value by value.
fn measure(name: &str, args: &[&str]) -> Result<Vec<Value>, Failure> {
    let failed = |what: &str| {
        let command = format!("weft bench {name} {}", args.join(" "));
        Failure::failed(format!("weft bench {name} {what}")).next(format!("run {command}"))
    };
    let program = std::env::current_exe().map_err(Failure::failed)?;
    let mut command = Command::new(program);
    command.args(["--json", "bench", name]).args(args).stdin(Stdio::null());
    let ended = command.stderr(Stdio::inherit()).output().map_err(Failure::failed)?;
    if !ended.status.success() {
        return Err(failed(&format!("ended with {}", ended.status)));
    }
    let lines = String::from_utf8_lossy(&ended.stdout);
    let values: Result<Vec<Value>, _> = lines.lines().map(serde_json::from_str).collect();
    values.map_err(|error| failed(&format!("told what is no JSON: {error}")))
}

struct Report {
    machine: Machine,
    is_short: bool,
    parts: Vec<(&'static Bench, Vec<Value>)>,
}

impl Report {
    fn write(&self, dir: &Path) -> Result<(), Failure> {
        let values: Vec<&Value> = self.parts.iter().flat_map(|(_, values)| values).collect();
        let picture = picture::svg(&picture::rows(&values)).map_err(Failure::failed)?;
        let value = json!({
            "weft": env!("CARGO_PKG_VERSION"), "machine": self.machine, "short": self.is_short,
            "benches": values,
        });
        let value = serde_json::to_string_pretty(&value).map_err(Failure::failed)?;
        let files =
            [("report.json", value + "\n"), ("report.txt", self.text()), ("report.svg", picture)];
        for (name, text) in files {
            let file = dir.join(name);
            let failed =
                |error| Failure::failed(format!("cannot write {}: {error}", file.display()));
            fs::write(&file, text).map_err(failed)?;
        }
        Ok(())
    }

    fn text(&self) -> String {
        let mut text = format!("weft {}\n{}\n", env!("CARGO_PKG_VERSION"), self.machine);
        if self.is_short {
            text.push_str("A short look: these figures are rough.\n");
        }
        for (bench, values) in &self.parts {
            text.push_str(&format!("\n# weft bench {}\n", bench.name));
            for value in values {
                text.push_str(&format!("\n{}", (bench.text)(value)));
            }
        }
        text
    }
}
