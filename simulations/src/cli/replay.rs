//! `replay`: one seed of a campaign again, with all that is known of it.

use crate::cli::{
    dst::Campaign,
    exit::{Code, Failure, end, say},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The seed; 0x before it for hexadecimal digits
    #[arg(long, value_parser = number)]
    seed: u64,
    /// Which campaign
    #[arg(long, value_enum, default_value_t = Campaign::Finality)]
    campaign: Campaign,
    /// Run it twice, and end with code 4 unless both delivered the same
    #[arg(long)]
    twice: bool,
    /// Print only the digest over all that was delivered
    #[arg(long)]
    trace: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let first = args.campaign.run(args.seed);
    if args.twice && args.campaign.run(args.seed) != first {
        return Err(Failure::new(Code::Unrepeatable, format!("seed {} did not repeat", args.seed)));
    }
    match first {
        Ok(went) => {
            say(if args.trace { went.trace } else { went.report });
            end(1, 0, Code::Unsafe)
        }
        Err(broken) => {
            say(broken);
            end(0, 1, Code::Unsafe)
        }
    }
}

fn number(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|error| error.to_string())
}
