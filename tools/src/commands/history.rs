//! `weft history`: what an account did, by sequence, with outcomes.

use weft_client::host::{Cursor, Done, Said};

use crate::{
    account::Whose, failure::Failure, output::Output, said::of_market, target::Target, time::date,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    whose: Whose,
    /// Begin behind this cursor; 0 = with sequence 0
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
        let page = u16::try_from(left).unwrap_or(1_000).min(1_000);
        let page = node.history(&address, after, page).await?;
        for done in page.items {
            output.show(&done, || line(&done))?;
            left = left.saturating_sub(1);
        }
        if page.next == after {
            break;
        }
        after = page.next;
    }
    Ok(())
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
    let when = if done.time > 0 { date(done.time) } else { "no clock".to_owned() };
    let outcome = done.fate.outcome.as_ref().map_or("", |told| told.code.as_str());
    let commit = done.fate.commit.unwrap_or_default();
    format!(
        "#{:<5} {when}  {outcome:<12} commit {commit:<7} {what}\n       {}",
        done.sequence, done.id
    )
}
