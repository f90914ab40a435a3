//! `weft market revenue`: what an account's streams have brought.

use serde_json::json;

use super::channels::all;
use crate::{account::Whose, failure::Failure, output::Output, target::Target};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let node = args.target.client()?;
    let address = args.whose.address(&node).await?;
    let channels = all(&node, &address).await?;
    let sold: Vec<_> = channels.iter().filter(|one| one.terms.payee == address).collect();
    let sum = |amount: fn(&weft_client::host::LedgerChannel) -> u64| {
        sold.iter().map(|channel| u128::from(amount(channel))).sum::<u128>()
    };
    let paid_out = sum(|channel| channel.paid_out);
    let locked = sum(|channel| channel.rest);
    let ticks = sum(|channel| channel.claimed.into());
    let value = json!({ "address": address, "channels": sold.len(), "ticks": ticks.to_string(),
        "paid_out": paid_out.to_string(), "locked": locked.to_string() });
    output.show(&value, || {
        let count = sold.len();
        format!(
            "{paid_out} from {ticks} ticks in {count} open channels; {locked} more is locked for \
             you there.\nWhat was paid and not claimed is with the seller: `weft market claim`."
        )
    })
}
