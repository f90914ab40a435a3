//! `replay`: one run again, from its seed or its plan, with all that is known of it.

use std::path::{Path, PathBuf};

use crate::{
    cli::{
        dst::Campaign,
        exit::{Code, Failure, end, say},
    },
    dst::Plan,
    judges::Rule,
    scenario::campaign::hex,
};

/// Which run.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// A file that `shrink` wrote
    plan: Option<PathBuf>,
    /// A seed in place of a file; 0x before it for hexadecimal digits
    #[arg(long, value_parser = number, conflicts_with = "plan", required_unless_present = "plan")]
    seed: Option<u64>,
    /// Which campaign the seed is of
    #[arg(long, value_enum, default_value_t = Campaign::Finality)]
    campaign: Campaign,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Run it twice, and end with code 4 unless both delivered the same
    #[arg(long)]
    twice: bool,
    /// Print only the digest over all that was delivered
    #[arg(long)]
    trace: bool,
    /// Print the plan, and run nothing
    #[arg(long)]
    plan_only: bool,
}

impl Which {
    /// The plan that is meant.
    pub(super) fn plan(&self) -> Result<Plan, Failure> {
        match (&self.plan, self.seed) {
            (Some(path), _) => read(path),
            (None, seed) => Ok(self.campaign.plan(seed.unwrap_or_default())),
        }
    }
}

fn read(path: &Path) -> Result<Plan, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read {shown}: {error}")))?;
    let plan: Plan = toml::from_str(&text)
        .map_err(|error| Failure::usage(format!("{shown} is no plan: {error}")))?;
    plan.check().map_err(|what| Failure::usage(format!("{shown}: {what}")))?;
    Ok(plan)
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let plan = args.which.plan()?;
    if args.plan_only {
        say(text_of(&plan)?);
        return Ok(());
    }
    match if args.twice { plan.end_twice() } else { plan.end() } {
        Ok(report) if args.trace => {
            say(hex(&report.trace));
            end(1, 0, Code::Unsafe)
        }
        Ok(report) => {
            say(format!("{report:#?}"));
            end(1, 0, Code::Unsafe)
        }
        Err(fallen) => {
            let repeats = fallen.verdict != Rule::C6Determinism.verdict();
            say(fallen);
            end(0, 1, if repeats { Code::Unsafe } else { Code::Unrepeatable })
        }
    }
}

/// A plan as a file says it.
pub(super) fn text_of(plan: &Plan) -> Result<String, Failure> {
    toml::to_string(plan).map_err(Failure::usage)
}

fn number(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|error| error.to_string())
}
