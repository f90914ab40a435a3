//! `weft market channels`: what is locked, for whom, and how far it was claimed.

use weft_client::host::{ChannelState, LedgerChannel, NodeClient};

use crate::{account::Whose, failure::Failure, output::Output, time::date};

/// Channels asked for at once.
const PAGE: u16 = 200;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    target: crate::target::Target,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let node = args.target.client()?;
    let address = args.whose.address(&node).await?;
    let channels = all(&node, &address).await?;
    for channel in &channels {
        output.show(channel, || text(channel, &address))?;
    }
    if channels.is_empty() {
        output.note(&format!("{address} has no open channel"));
    }
    Ok(())
}

/// All channels of an account that have not ended.
pub(super) async fn all(node: &NodeClient, address: &str) -> Result<Vec<LedgerChannel>, Failure> {
    let (mut channels, mut after) = (Vec::new(), None);
    loop {
        let page = node.channels(address, after.as_deref(), PAGE).await?;
        channels.extend(page.items);
        if after.as_ref() == Some(&page.next) || (after.is_none() && page.next == "0") {
            return Ok(channels);
        }
        after = Some(page.next);
    }
}

fn text(channel: &LedgerChannel, address: &str) -> String {
    let LedgerChannel { id, payer, terms, claimed, paid_out, rest, .. } = channel;
    let state = match channel.state {
        ChannelState::Open => "open",
        ChannelState::Due => "due",
        ChannelState::Closed => "closed",
        ChannelState::Expired => "expired",
    };
    let other =
        if payer == address { format!("to {}", terms.payee) } else { format!("by {payer}") };
    let (deposit, price, until) = (terms.deposit, terms.price, date(terms.expiry));
    format!(
        "{id}  {state}, {other}\n  {claimed} ticks of {price} claimed: {paid_out} of {deposit}, \
         {rest} left, until {until}"
    )
}
