//! `weft market claim`, `close`, `withdraw` and `top-up`: words about one channel, each final when
//! the command ends.

use serde_json::json;
use weft_client::host::{
    NodeClient,
    market::{claim as claim_from, close as close_from, post},
};
use weft_core::{
    digest::BodyId,
    time::{Span, Time},
    tx::{ChannelTopUp, ChannelWithdraw, Payload, StreamName},
    units::Amount,
};

use super::desk::{Desk, parse_id};
use crate::{
    failure::{Exit, Failure},
    output::Output,
    time::{date, now_ms},
};

#[derive(Debug, clap::Args)]
pub(crate) struct ClaimArgs {
    /// The channel [default: all]
    #[arg(value_parser = parse_id)]
    channel: Option<BodyId>,
    #[command(flatten)]
    desk: Desk,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CloseArgs {
    /// The channel, as `weft market channels` shows it
    #[arg(value_parser = parse_id)]
    channel: BodyId,
    #[command(flatten)]
    desk: Desk,
}

#[derive(Debug, clap::Args)]
pub(crate) struct WithdrawArgs {
    /// The channel, as `weft market channels` shows it
    #[arg(value_parser = parse_id)]
    channel: BodyId,
    #[command(flatten)]
    desk: Desk,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TopUpArgs {
    /// The channel, as `weft market channels` shows it
    #[arg(value_parser = parse_id)]
    channel: BodyId,
    /// How much to add, in base units
    amount: u64,
    /// How many hours it is to last from now on, if that is longer than before
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    hours: u32,
    #[command(flatten)]
    desk: Desk,
}

pub(crate) async fn claim(args: ClaimArgs, output: Output) -> Result<(), Failure> {
    Desk::are_free(&args.desk.all_sells())?;
    let mut open = args.desk.open(output).await?;
    let mut count = 0_u64;
    for dir in args.desk.all_sells() {
        for claimed in claim_from(&dir, args.channel, &open.ledger).await? {
            count += 1;
            let (channel, index) = (claimed.channel, claimed.index);
            let paid_out = claimed.paid_out.map(|amount| amount.to_string());
            let value = json!({ "channel": channel.to_string(), "ticks": index,
                "paid_out": paid_out });
            output.show(&value, || match paid_out {
                Some(paid_out) => format!("{channel}  {index} ticks claimed, {paid_out} paid out"),
                None => format!("{channel}  settled already"),
            })?;
        }
    }
    open.remember().await?;
    if count == 0 {
        output.note("nothing was paid that this folder knows of; --dir DIR names another");
    }
    Ok(())
}

pub(crate) async fn close(args: CloseArgs, output: Output) -> Result<(), Failure> {
    // Only one of the folders knows what was paid; closing without it would give that away.
    let node = args.desk.node()?;
    let channel = node.channel(args.channel).await?;
    let offer = node.offer(channel.terms.offer).await;
    let stream = offer.ok().and_then(|offer| StreamName::parse(&offer.offer.stream).ok());
    let dirs = match stream {
        Some(stream) => vec![args.desk.sells(&stream)],
        None => args.desk.all_sells(),
    };
    let Some(dir) = dirs.first().filter(|dir| dirs.len() == 1 && dir.exists()) else {
        let cause = "this folder does not know what was paid in that channel";
        return Err(Failure::new(Exit::NotFound, cause).next(
            "name the folder of the seller with --dir DIR; without it, its claims are lost",
        ));
    };
    Desk::are_free(std::slice::from_ref(dir))?;
    let mut open = args.desk.open(output).await?;
    close_from(dir, args.channel, &open.ledger).await?;
    open.remember().await?;
    let ended = open.node.channel(args.channel).await?;
    output.show(&ended, || {
        let (id, paid_out, rest) = (ended.id, ended.paid_out, ended.rest);
        format!("{id}  closed: {paid_out} paid out, {rest} went back to {}", ended.payer)
    })
}

pub(crate) async fn withdraw(args: WithdrawArgs, output: Output) -> Result<(), Failure> {
    let mut open = args.desk.open(output).await?;
    let channel = args.channel;
    post(&open.ledger, Payload::ChannelWithdraw(ChannelWithdraw { channel })).await?;
    open.remember().await?;
    shown(&open.node, channel, output).await
}

pub(crate) async fn top_up(args: TopUpArgs, output: Output) -> Result<(), Failure> {
    let mut open = args.desk.open(output).await?;
    let channel = args.channel;
    let hours = Span::from_secs(u64::from(args.hours) * 3_600);
    let expiry = Time::from_millis(now_ms()) + hours;
    let top_up = ChannelTopUp { channel, amount: Amount(args.amount), expiry };
    post(&open.ledger, Payload::ChannelTopUp(top_up)).await?;
    open.remember().await?;
    shown(&open.node, channel, output).await
}

async fn shown(node: &NodeClient, channel: BodyId, output: Output) -> Result<(), Failure> {
    let channel = node.channel(channel).await?;
    output.show(&channel, || {
        let (id, deposit, rest) = (channel.id, channel.terms.deposit, channel.rest);
        let due = date(channel.due);
        format!("{id}  {rest} of {deposit} left; what is left at {due} goes back to the payer")
    })
}
