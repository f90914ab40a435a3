//! `weft bench gateway`: many devices before one gateway that is killed again and again.
//!
//! Devices speak MQTT by a client that is not ours, each at its own rate: an open loop, as in
//! `load`. The gateway is a process of its own, ended by SIGKILL every so often and started again.
//! Afterwards every acknowledged message is looked for among what the ledger has of the gateway.
//!
//! Invariant: what was lost, or came twice, is an error of the command, not a line in a report.

mod fleet;
mod ledger;
mod process;
mod report;

use std::{path::PathBuf, pin::pin, time::Duration};

use clap::value_parser;
use tokio::time::{Instant, sleep_until, timeout};
use weft_core::{address::Address, keys::Sign as _};
use weft_gateway::device::{Device, Quota, Registrar, Token};
use weft_node::key_file::Seed;

use self::{
    fleet::{Fleet, Plan},
    ledger::Ledger,
    process::{Files, Process},
    report::Report,
};
use crate::{failure::Failure, output::Output, target::Target, time::now_ms};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Devices, each with a connection of its own
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100,
        value_parser = value_parser!(u32).range(1..=20_000),
    )]
    devices: u32,
    /// For how long each sends a message a second
    #[arg(
        long,
        value_name = "S",
        default_value_t = 30,
        value_parser = value_parser!(u32).range(1..=3_600),
    )]
    seconds: u32,
    /// Kill the gateway each time after so many seconds; 0 = never
    #[arg(long, value_name = "S", default_value_t = 10)]
    kill_every: u32,
    /// Post the readings one by one; else up to 256 of a stream, or ten seconds, are one body
    #[arg(long)]
    one_by_one: bool,
    /// How long the last messages may take to be final, once all are sent
    #[arg(long, value_name = "S", default_value_t = 120)]
    patience: u32,
    /// Where the gateway's files are put [default: a folder that is removed if all went well]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Any setting of the gateway
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let node = args.target.client()?;
    let from = node.status().await?.position;
    let files = Files::make(args.dir.as_deref(), now_ms())?;
    let tokens = register(&files, args.devices, !args.one_by_one)?;
    let mut gateway = Process::start(&files, node.url(), &args.set).await?;
    let kind = node.tips().await?.kind;
    let key = Seed::load(&files.key())?.key()?;
    let account = Address::of(key.public_key().id()).text(kind);
    output.note(&format!(
        "the gateway is {account}, its files are in {}; {} devices send a message a second, {} s",
        files.dir().display(),
        args.devices,
        args.seconds
    ));
    // A second for all to connect.
    let start = Instant::now() + Duration::from_secs(1);
    let plan = Plan { port: gateway.mqtt_port(), messages: args.seconds, start };
    let ledger = Ledger::new(args.devices, plan);
    let mut watching = pin!(ledger.watch(node, account, from));
    let mut fleet = Fleet::start(tokens, plan);
    let (mut killed, mut next) = (Vec::new(), kill_time(&args, start));
    let told = loop {
        tokio::select! {
            told = fleet.ended(start + args.until()) => break told,
            failure = &mut watching => return Err(failure),
            () = sleep_until(next) => {}
        }
        killed.push(gateway.kill_and_start().await?);
        next = kill_time(&args, Instant::now());
    };
    output.note("all are sent; waits until the ledger has them");
    let sent = Instant::now();
    let patience = Duration::from_secs(args.patience.into());
    let complete = tokio::select! {
        complete = timeout(patience, ledger.complete()) => complete.is_ok(),
        failure = &mut watching => return Err(failure),
    };
    let drained = sent.elapsed();
    gateway.check()?;
    let report = Report { devices: told, ledger: ledger.counted(), killed, drained, complete };
    let value = report.value();
    output.show(&value, || Report::text(&value))?;
    report.verdict(&files)?;
    files.remove_if_ours();
    Ok(())
}

impl Args {
    /// How long devices may take to send all they have and hear that it is taken.
    fn until(&self) -> Duration {
        Duration::from_secs(u64::from(self.seconds) + u64::from(self.patience))
    }
}

/// When to kill next, counted from `now`. While nothing is to be killed: after all is over.
fn kill_time(args: &Args, now: Instant) -> Instant {
    let seconds = if args.kill_every == 0 { 86_400 } else { args.kill_every };
    now + Duration::from_secs(seconds.into())
}

/// Registers the devices, and gives their tokens. Their quotas are not what is measured.
fn register(files: &Files, devices: u32, batch: bool) -> Result<Vec<Token>, Failure> {
    const MUCH: u64 = 1 << 50;
    let quota = Quota { messages_per_day: MUCH, bytes_per_day: MUCH, work_per_day: MUCH };
    let mut registrar = Registrar::open(&files.devices())?;
    let mut tokens = Vec::new();
    for number in 0..devices {
        let token = Token::generate();
        let token = token.ok_or_else(|| Failure::failed("the system gives no random bytes"))?;
        let name = fleet::name(number).parse().map_err(Failure::failed)?;
        let device = Device { batch, quota, ..Device::new(token.hash()) };
        registrar.registry.devices.insert(name, device);
        tokens.push(token);
    }
    registrar.store()?;
    Ok(tokens)
}
