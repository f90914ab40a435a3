//! `weft history`: what an account did, by sequence, with outcomes; or what it received.

use serde::Serialize;
use weft_client::host::{Cursor, Done, Page, Received, Said};

use crate::{
    account::Whose, failure::Failure, output::Output, said::of_market, target::Target, time::date,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    whose: Whose,
    /// What others paid to it, in the order of the ledger, instead of what it did
    #[arg(long)]
    received: bool,
    /// Begin behind this cursor; 0 = at the start
    #[arg(long, value_name = "CURSOR", default_value = "0")]
    from: Cursor,
    /// End after this many
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    limit: u64,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let node = args.target.client()?;
    let address = args.whose.address(&node).await?;
    let (mut after, mut left) = (args.from, args.limit);
    while left > 0 {
        let size = u16::try_from(left).unwrap_or(1_000).min(1_000);
        let (shown, next) = if args.received {
            show(&node.received(&address, after, size).await?, received_line, output)?
        } else {
            show(&node.history(&address, after, size).await?, line, output)?
        };
        left = left.saturating_sub(shown);
        if next == after {
            break;
        }
        after = next;
    }
    Ok(())
}

/// Shows a page. Returns how many items it had, and where the next one begins.
fn show<T: Serialize>(
    page: &Page<T>,
    line: fn(&T) -> String,
    output: Output,
) -> Result<(u64, Cursor), Failure> {
    for item in &page.items {
        output.show(item, || line(item))?;
    }
    Ok((page.items.len() as u64, page.next))
}

fn received_line(Received { from, amount, done }: &Received) -> String {
    let reference = match &done.content {
        Said::Transfer { text: Some(text), .. } if !text.is_empty() => format!(" ({text:?})"),
        _ => String::new(),
    };
    let commit = done.fate.commit.unwrap_or_default();
    format!(
        "{}  commit {commit:<7} received {amount} from {from}{reference}\n       {}",
        when(done),
        done.id
    )
}

/// By the clock of whoever issued it.
fn when(done: &Done) -> String {
    if done.time > 0 { date(done.time) } else { "no clock".to_owned() }
}

fn line(done: &Done) -> String {
    let what = match &done.content {
        Said::Data(content) => format!("posted to {:?}", content.stream),
        Said::Transfer { outputs, text, .. } => {
            let paid =
                outputs.iter().map(|output| format!("sent {} to {}", output.amount, output.to));
            let paid = paid.collect::<Vec<_>>().join(", ");
            let reference = text.as_deref().filter(|text| !text.is_empty());
            reference.map_or(paid.clone(), |text| format!("{paid} ({text:?})"))
        }
        Said::KeyRotate { key, .. } => format!("changed to key {key}"),
        market => of_market(market),
    };
    let when = when(done);
    let outcome = done.fate.outcome.as_ref().map_or("", |told| told.code.as_str());
    let commit = done.fate.commit.unwrap_or_default();
    format!(
        "#{:<5} {when}  {outcome:<12} commit {commit:<7} {what}\n       {}",
        done.sequence, done.id
    )
}
