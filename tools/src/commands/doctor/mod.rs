//! `weft doctor`: looks for what keeps a node from working, and says what to do.
//!
//! With `--config`, looks at what a node on this machine needs (settings, files, ports, disk,
//! clock), and at the node itself if it runs. Without, looks at the node that `--node` names.
//!
//! Invariant: it changes nothing, and every trouble comes with the next step.

mod machine;
mod peers;
mod ports;
mod running;

use std::path::PathBuf;

use serde::Serialize;

use crate::{
    failure::{Exit, Failure},
    output::Output,
    target::Target,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Look at what this node needs on this machine, and at the node if it runs
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

/// What was looked at, and what was found.
#[derive(Debug, Serialize)]
struct Finding {
    name: &'static str,
    ok: bool,
    detail: String,
    /// What to do, where something is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// The code to end with if this is what is wrong.
    #[serde(skip)]
    exit: Exit,
}

impl Finding {
    fn fine(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, ok: true, detail: detail.into(), next: None, exit: Exit::Failed }
    }

    fn wrong(name: &'static str, detail: impl Into<String>, next: impl Into<String>) -> Self {
        let next = Some(next.into());
        Self { name, ok: false, detail: detail.into(), next, exit: Exit::Failed }
    }

    fn failure(name: &'static str, failure: &Failure) -> Self {
        let next = failure.next_step().map(str::to_owned);
        let (detail, exit) = (failure.cause().to_owned(), failure.exit());
        Self { name, ok: false, detail, next, exit }
    }
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let findings = match &args.config {
        Some(file) => machine::look(file).await,
        None => running::look(&args.target.client()?).await,
    };
    let mut wrong = findings.iter().filter(|finding| !finding.ok);
    let first = wrong.next().map(|finding| finding.exit);
    let troubles = usize::from(first.is_some()) + wrong.count();
    let value = serde_json::json!({ "ok": troubles == 0, "checks": findings });
    output.show(&value, || text(&findings))?;
    match first {
        None => Ok(()),
        Some(exit) => {
            let troubles =
                if troubles == 1 { "1 trouble".into() } else { format!("{troubles} troubles") };
            Err(Failure::new(exit, format!("{troubles} found")))
        }
    }
}

fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { name, ok, detail, next, .. } in findings {
        let verdict = if *ok { "ok" } else { "WRONG" };
        text.push_str(&format!("{verdict:<5}  {name:<9}  {detail}\n"));
        if let Some(next) = next {
            text.push_str(&format!("       {:<9}  next: {next}\n", ""));
        }
    }
    text
}
