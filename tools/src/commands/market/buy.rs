//! `weft market buy`: prints readings as they come, each paid for and checked.
//!
//! Invariant: a reading is printed before it counts as read, so a crash in between prints it again
//! and pays nothing for that; notes go to standard error, so that a pipe carries readings only.

use std::{
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use clap::value_parser;
use tokio::time::{Instant, sleep_until};
use weft_client::host::market::{Bought, Budget, Buying, HttpLedger, Progress};
use weft_core::{digest::BodyId, market::batch::SealLevel, units::Amount};
use weft_market::buyer::{End, Exposure};

use super::{
    Shown,
    desk::{Desk, parse_id},
    trouble::of_end,
    trust::Trust,
};
use crate::{failure::Failure, output::Output, signals::asked_to_end};

/// How long what is paid may still take to come once the command is to end.
const FAREWELL: Duration = Duration::from_secs(15);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The offer, as `weft market list` shows it
    #[arg(value_parser = parse_id)]
    offer: BodyId,
    /// What is spent at most on this offer, in base units, over all runs in one folder
    #[arg(long, value_name = "AMOUNT", value_parser = value_parser!(u64).range(1..))]
    max: u64,
    /// What is risked at most, in base units: paid and not there yet [default: one chunk]
    #[arg(long, value_name = "AMOUNT")]
    exposure: Option<u64>,
    /// Who must vouch for the readings: gateway, batch (the device, once a batch) or message
    #[arg(long, value_name = "LEVEL", default_value = "gateway", value_parser = parse_level)]
    level: SealLevel,
    /// Begin with this chunk, if it is still kept [default: the next; a repeated command goes on]
    #[arg(long, value_name = "CHUNK")]
    from: Option<u64>,
    /// End after this many readings. A last chunk with more is paid, and comes whole with the next
    /// run
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
    /// Append the readings to a CSV file too
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    desk: Desk,
}

fn parse_level(text: &str) -> Result<SealLevel, String> {
    match text {
        "gateway" => Ok(SealLevel::Gateway),
        "batch" => Ok(SealLevel::Batch),
        "message" => Ok(SealLevel::Message),
        _ => Err("levels are gateway, batch and message".to_owned()),
    }
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let mut table = args.csv.as_deref().map(Table::open).transpose()?;
    let budget = Budget {
        exposure: args.exposure.map_or(Exposure::OneChunk, |most| Exposure::AtMost(Amount(most))),
        level: args.level,
        from: args.from,
        readings: args.limit,
        ..Budget::of(args.max)
    };
    let mut open = args.desk.open(output).await?;
    let (key, dir) = (open.key(), args.desk.buys(args.offer));
    let genesis = args.trust.genesis(&open.node, &args.desk.trusts(args.offer)).await?;
    let ledger = match genesis {
        Some(genesis) => Arc::new(HttpLedger::clone(&open.ledger).proving(genesis)),
        None => open.ledger.clone(),
    };
    let buying = Buying::open(args.offer, budget, &dir, key, ledger).await;
    open.remember().await?;
    // From here on nothing is posted: others may use the key.
    drop(open);
    let mut buying = buying?;
    output.note(&format!("channel {}", buying.channel()));
    let stream = buying.listing().offer.stream.as_str().to_owned();
    let mut asked = pin!(asked_to_end());
    let (mut left, mut until, mut end) = (args.limit.unwrap_or(u64::MAX), None, None);
    if left == 0 {
        buying.stop();
    }
    loop {
        let progress = tokio::select! {
            asked = &mut asked, if until.is_none() => {
                asked?;
                buying.stop();
                until = Some(Instant::now() + FAREWELL);
                continue;
            }
            () = wait_for(until) => return Ok(()),
            progress = buying.next() => progress,
        };
        match progress.transpose()? {
            None => break,
            // The rest of a chunk: not taken, so it comes again.
            Some(Progress::Reading(_)) if left == 0 => return Ok(()),
            Some(Progress::Reading(bought)) => {
                print(&stream, &bought, &mut table, output)?;
                left = left.saturating_sub(1);
            }
            Some(Progress::Gap { from, to }) => {
                output.note(&format!("gap: the seller does not have chunks {from} to {}", to - 1));
            }
            Some(Progress::Waiting(cause)) => output.note(&format!("waiting: {cause}")),
            // What has come is written down before nothing comes any more.
            Some(Progress::Ended(why)) => end = Some(why),
        }
    }
    match end {
        None | Some(End::Stopped) => Ok(()),
        Some(end @ End::SpendCap { .. }) => {
            output.note(&end.to_string());
            Ok(())
        }
        Some(end) => Err(of_end(&end)),
    }
}

fn print(
    stream: &str,
    bought: &Bought,
    table: &mut Option<Table>,
    output: Output,
) -> Result<(), Failure> {
    let Bought { chunk, place, batch, is_proved, ticks, reading } = bought;
    let shown = Shown::new(stream, (*chunk, *place), reading, batch.to_string());
    let shown = shown.bought(*ticks, *is_proved);
    if let Some(table) = table {
        table.add(&shown)?;
    }
    output.value(&shown)
}

/// A CSV file that grows.
struct Table(csv::Writer<File>, PathBuf);

impl Table {
    fn open(path: &Path) -> Result<Self, Failure> {
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::usage(format!("cannot write {}: {error}", path.display()))
        };
        let file = OpenOptions::new().append(true).create(true).open(path);
        let file = file.map_err(|error| wrong(&error))?;
        let is_new = file.metadata().map_err(|error| wrong(&error))?.len() == 0;
        let mut table = Self(csv::Writer::from_writer(file), path.to_owned());
        if is_new {
            table.write(&Shown::COLUMNS.map(str::to_owned))?;
        }
        Ok(table)
    }

    fn add(&mut self, shown: &Shown) -> Result<(), Failure> {
        self.write(&shown.row())
    }

    /// Whole rows, at once: whoever reads along sees no half of one.
    fn write(&mut self, row: &[String]) -> Result<(), Failure> {
        let written = self.0.write_record(row).and_then(|()| Ok(self.0.flush()?));
        written
            .map_err(|error| Failure::failed(format!("cannot write {}: {error}", self.1.display())))
    }
}

async fn wait_for(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}
