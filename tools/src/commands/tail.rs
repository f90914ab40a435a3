//! `weft tail`: follows a stream, one JSON line per reading.
//!
//! Invariant: each reading comes out once, also across cuts; a cut is told on standard error.

use std::pin::pin;

use futures_util::StreamExt as _;
use weft_client::host::{Cursor, Filter, Followed};

use crate::{failure::Failure, output::Output, target::Target};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The stream to follow
    stream: String,
    /// Begin behind this cursor of the same node; 0 = with the first reading it has [default: now]
    #[arg(long, value_name = "CURSOR")]
    from: Option<Cursor>,
    /// Only what this address posted
    #[arg(long, value_name = "ADDRESS")]
    issuer: Option<String>,
    /// End after this many readings
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let node = args.target.client()?;
    let filter = Filter {
        stream: Some(args.stream),
        issuer: args.issuer,
        after: args.from,
        ..Filter::default()
    };
    let mut events = pin!(node.events(filter));
    let mut left = args.limit.unwrap_or(u64::MAX);
    while left > 0
        && let Some(followed) = events.next().await
    {
        match followed? {
            Followed::Reading(reading) => {
                output.value(&reading)?;
                left -= 1;
            }
            Followed::Committed(_) | Followed::Certified(_) => {}
            Followed::Cut { reason, pause, .. } => {
                let pause = pause.as_millis();
                output.note(&format!("cut: {reason}; trying again in {pause} ms"));
            }
        }
    }
    Ok(())
}
