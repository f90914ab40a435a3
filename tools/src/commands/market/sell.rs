//! `weft market sell`: sells a stream until it is told to end.
//!
//! Invariant: what buyers have paid is claimed before the command ends in good order; after a crash
//! the next run goes on with all channels, and claims.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{ArgGroup, value_parser};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::{sync::broadcast::error::RecvError, time::interval};
use weft_client::host::market::{Counter, Sale, Selling};
use weft_core::{
    market::{
        batch::Reading,
        terms::{Sample, Unit},
    },
    time::{Span, Time},
    tx::{ContentType, StreamName},
};
use weft_market::{drive::ShopEvent, seal::Cut};

use super::desk::Desk;
use crate::{
    commands::{
        dev::sensor::Gauges,
        post::{guess, parse_content_type, source},
    },
    failure::Failure,
    output::Output,
    signals::asked_to_end,
    time::now_ms,
};

/// How often this machine is measured.
const BEAT: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("what").args(["csv", "telemetry", "stdin"]))]
pub(crate) struct Args {
    /// The stream: 1 to 64 bytes of UTF-8
    stream: String,
    /// What a tick costs, in base units
    #[arg(long, value_name = "AMOUNT", value_parser = value_parser!(u64).range(1..))]
    price: u64,
    /// What a tick pays for: reading, 24-bytes, chunk or minute
    #[arg(long, value_name = "UNIT", default_value = "reading", value_parser = parse_unit)]
    per: Unit,
    /// What people see [default: the stream]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Sell each row of a CSV file as a JSON object, named by the first row; `-` = standard input
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Sell this machine's telemetry, once a second
    #[arg(long)]
    telemetry: bool,
    /// `-`: sell each line of standard input; the default
    #[arg(value_name = "-", value_parser = ["-"])]
    stdin: Option<String>,
    /// How to read the bytes: text, raw, json, cbor, senml-json, senml-cbor or a number [default:
    /// as `weft post` guesses]
    #[arg(long, value_name = "TYPE", value_parser = parse_content_type)]
    content_type: Option<ContentType>,
    /// Readings of one chunk: more cost fewer transactions, and put more at a buyer's risk
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 1,
        value_parser = value_parser!(u16).range(1..=4096),
    )]
    count: u16,
    /// How long the first reading of a chunk waits for more, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1)]
    every: u32,
    /// Readings that are given away before buying; 0 = none
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    sample: u16,
    /// How old those are at least, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    sample_delay: u32,
    /// UDP address to listen on for buyers
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:4812")]
    listen: SocketAddr,
    /// Where buyers find you, if that is not where you listen; up to four, separated by commas
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',')]
    advertise: Vec<SocketAddr>,
    /// How many days the offer stays listed
    #[arg(
        long,
        value_name = "DAYS",
        default_value_t = 30,
        value_parser = value_parser!(u16).range(1..=366),
    )]
    days: u16,
    /// Sealed chunks kept for buyers that read on from long ago, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    keep: u32,
    /// End the offer, which frees its bond, when the command ends
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    desk: Desk,
}

fn parse_unit(text: &str) -> Result<Unit, String> {
    Unit::from_name(text).ok_or_else(|| "units are reading, 24-bytes, chunk and minute".to_owned())
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let stream = StreamName::parse(&args.stream).map_err(Failure::usage)?;
    if args.listen.ip().is_unspecified() && args.advertise.is_empty() {
        let cause =
            format!("{} is every address of this machine, and none to find it by", args.listen);
        return Err(Failure::usage(cause).next("say where buyers find you: --advertise HOST:PORT"));
    }
    let mut open = args.desk.open(output).await?;
    let counter = Counter::open(args.listen, args.advertise.clone(), args.desk.endpoint()?).await?;
    let dir = args.desk.sells(&stream);
    let selling = Selling::open(args.sale(), &dir, counter, open.ledger.clone()).await?;
    banner(&selling, output)?;
    let sold = serve(&args, &selling, output).await;
    if args.once {
        selling.end_offer().await?;
    }
    let revenue = selling.revenue().await?;
    selling.stop().await?;
    open.remember().await?;
    let ticks: u64 = revenue.iter().map(|one| u64::from(one.paid)).sum();
    let value =
        json!({ "event": "summary", "channels": revenue.len(), "ticks": ticks.to_string() });
    output
        .show(&value, || format!("ended: {ticks} ticks in {} channels, claimed", revenue.len()))?;
    sold
}

impl Args {
    fn sale(&self) -> Sale {
        let title = self.title.clone().unwrap_or_else(|| self.stream.clone());
        let cut = Cut { count: self.count.into(), within: Span::from_secs(self.every.into()) };
        Sale {
            title,
            unit: self.per,
            sample: Sample { readings: self.sample, delay_s: self.sample_delay },
            cut,
            lasts: Duration::from_secs(u64::from(self.days) * 24 * 60 * 60),
            retention_bytes: u64::from(self.keep) << 20,
            ..Sale::per_reading(&self.stream, self.price)
        }
    }

    fn reading(&self, bytes: Vec<u8>) -> Reading {
        let content_type = self.content_type.unwrap_or_else(|| guess(&bytes));
        Reading { time: Time::from_millis(now_ms()), content_type, bytes }
    }
}

fn banner(selling: &Selling, output: Output) -> Result<(), Failure> {
    let listing = selling.listing();
    let (id, offer) = (listing.id, &listing.offer);
    let weft = std::env::args().next().unwrap_or_else(|| "weft".to_owned());
    let buy = format!("{weft} market buy {id} --max 1000");
    let value = json!({ "event": "open", "offer": id.to_string(), "stream": offer.stream.as_str(),
        "price": offer.price.to_string(), "unit": offer.unit.name(),
        "endpoint": offer.endpoint.to_string(), "addresses": offer.addresses, "buy": buy });
    output.show(&value, || {
        let (stream, price, unit) = (offer.stream.as_str(), offer.price, offer.unit.name());
        format!("selling {stream:?} for {price} per {unit}; anybody buys it with\n  {buy}")
    })
}

/// Sells what comes and shows what happens, until asked to end.
async fn serve(args: &Args, selling: &Selling, output: Output) -> Result<(), Failure> {
    let mut events = selling.events();
    let mut asked = std::pin::pin!(asked_to_end());
    let mut publishing = std::pin::pin!(publish(args, selling));
    let mut is_over = false;
    loop {
        tokio::select! {
            asked = &mut asked => return asked,
            published = &mut publishing, if !is_over => {
                published?;
                is_over = true;
                output.note("no more readings; what is kept is still sold; Ctrl-C ends it");
            }
            event = events.recv() => match event {
                Ok(event) => show(&event, output)?,
                Err(RecvError::Lagged(missed)) => {
                    output.note(&format!("{missed} events not shown"));
                }
                Err(RecvError::Closed) => return Err(Failure::failed("the shop is closed")),
            },
        }
    }
}

/// Brings all readings to the press.
async fn publish(args: &Args, selling: &Selling) -> Result<(), Failure> {
    if args.telemetry {
        let (mut beat, mut gauges) = (interval(BEAT), Gauges::new());
        loop {
            beat.tick().await;
            let text = serde_json::to_vec(&gauges.read()).map_err(Failure::failed)?;
            selling.publish(args.reading(text)).await?;
        }
    }
    let mut items = match &args.csv {
        Some(path) => source::table(path)?,
        None => source::standard_input(),
    };
    while let Some(item) = items.next().await {
        selling.publish(args.reading(item?.bytes)).await?;
    }
    Ok(())
}

fn show(event: &ShopEvent, output: Output) -> Result<(), Failure> {
    match event {
        ShopEvent::Published { sequence, readings, batch } => {
            let value = json!({ "event": "published", "chunk": sequence, "readings": readings,
                "batch": batch.to_string() });
            output.show(&value, || format!("chunk {sequence}: {readings} readings for sale"))
        }
        ShopEvent::Paid { channel, index } => {
            let value = json!({ "event": "paid", "channel": channel.to_string(), "ticks": index });
            output.show(&value, || format!("paid: {index} ticks by channel {channel}"))
        }
        ShopEvent::Claimed { channel, index, amount } => {
            let value = json!({ "event": "claimed", "channel": channel.to_string(),
                "ticks": index, "paid_out": amount.to_string() });
            output.show(&value, || {
                format!("claimed: {index} ticks of channel {channel}, {amount} paid out")
            })
        }
        ShopEvent::Trouble(what) => {
            output.note(&format!("trouble: {what}"));
            Ok(())
        }
    }
}
