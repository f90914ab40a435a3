//! `weft dev`: a whole network on this machine, a gateway, and a sensor that posts to it.
//!
//! Real nodes, each with its own key, store and QUIC endpoint, in one process; the sensor is a
//! client like any other and talks to node 0 over HTTP; what is shown comes from the API of the
//! *last* node. Nothing is simulated and nothing takes a short cut.
//!
//! Invariant: what an earlier run left is continued; only what this command made is ever removed.

mod door;
mod folder;
mod seller;
pub(in crate::commands) mod sensor;
mod show;

use std::{path::PathBuf, pin::pin, time::Duration};

use clap::value_parser;
use futures_util::{
    StreamExt as _,
    future::{join_all, select_all, try_join_all},
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, interval, sleep, sleep_until, timeout},
};
use weft_client::host::{Filter, Followed, Kinds, NodeClient};
use weft_node::{Node, StopCause, config::LogConfig};

use crate::{
    account::{address_of, is_taken},
    commands::node::not_started,
    failure::Failure,
    logs,
    network::{ACCOUNTS, Network, Plan},
    output::Output,
    ports::{self, BASE_MAX, NODES_MAX},
    signals::asked_to_end,
    target::API_PORT,
};
use door::Door;
use folder::Folder;
use sensor::{Sensor, Sent};
use show::{Arrivals, Banner, FINAL_TIME, is_sealed, offered};

/// How long to wait for the nodes to find each other before saying so.
const MEET_TIME: Duration = Duration::from_secs(10);

/// How long to wait at the end for readings on their way.
const FAREWELL: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many nodes
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 4,
        value_parser = value_parser!(u16).range(1..=i64::from(NODES_MAX)),
    )]
    nodes: u16,
    /// Folder of keys and stores; an earlier run in it is continued
    #[arg(long, value_name = "DIR", default_value = "weft-dev")]
    dir: PathBuf,
    /// End after this many seconds [default: with Ctrl-C]
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Begin anew: remove what earlier runs made in the folder, and nothing else
    #[arg(long)]
    reset: bool,
    /// API port of node 0; the others follow, and 100 above are the ports between nodes
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = API_PORT,
        value_parser = value_parser!(u16).range(1..=i64::from(BASE_MAX)),
    )]
    api_port: u16,
    /// What the nodes log: a level, or target=level, separated by commas
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let started = Instant::now();
    let quiet = LogConfig { filter: "warn".into(), ..LogConfig::default() };
    logs::start(args.log.as_deref(), &quiet)?;
    let mut asked = pin!(asked_to_end());
    let _folder = Folder::open(&args.dir, args.nodes, args.reset)?;
    let network = open_network(&args, output)?;
    let nodes = tokio::select! {
        asked = &mut asked => return asked,
        nodes = start(&network) => nodes?,
    };
    let shown = run_sensor(&args, &network, &nodes, started, asked, output).await;
    join_all(nodes.into_iter().map(Node::shutdown)).await;
    shown
}

fn open_network(args: &Args, output: Output) -> Result<Network, Failure> {
    let ports = ports::free_run(args.api_port, args.nodes).ok_or_else(|| {
        let cause = format!("no {} free ports from {} up", args.nodes, args.api_port);
        Failure::failed(cause).next("choose where to look with --api-port PORT")
    })?;
    if let Some(first) = ports.first().filter(|first| first.api != args.api_port) {
        let (wanted, api) = (args.api_port, first.api);
        output.note(&format!("ports from {wanted} on are taken; using those from {api} on"));
    }
    let network = Network::open_or_make(&args.dir, &Plan { label: "dev", work_bits: 12 }, &ports)?;
    // For those who want to run one of the nodes alone.
    (0..network.members.len()).try_for_each(|index| network.write_config(index))?;
    Ok(network)
}

async fn start(network: &Network) -> Result<Vec<Node>, Failure> {
    let nodes = (0..network.members.len()).map(|index| {
        let mut config = network.config(index);
        // Many nodes share this machine's memory.
        config.store.cache_bytes = 16 << 20;
        config.machine.live_bytes = 128 << 20;
        Node::open(config)
    });
    let nodes = try_join_all(nodes).await.map_err(|error| not_started(&error))?;
    let met = timeout(MEET_TIME, join_all(nodes.iter().map(meet))).await;
    met.map_err(|_| {
        let seconds = MEET_TIME.as_secs();
        Failure::failed(format!("the nodes did not find each other within {seconds} s"))
            .next("look at the log: `weft dev --log info`; loopback must let UDP through")
    })?;
    Ok(nodes)
}

/// Waits until a node is ready: until it has a peer, unless it is alone.
async fn meet(node: &Node) {
    let Ok(client) = NodeClient::new(&format!("http://{}", node.api_addr())) else { return };
    while !client.readiness().await.is_ok_and(|readiness| readiness.ready) {
        sleep(Duration::from_millis(20)).await;
    }
}

/// Shows readings as they arrive at the last node, until it is time to end.
async fn run_sensor(
    args: &Args,
    network: &Network,
    nodes: &[Node],
    started: Instant,
    mut asked: std::pin::Pin<&mut impl Future<Output = Result<(), Failure>>>,
    output: Output,
) -> Result<(), Failure> {
    let client = |node: Option<&Node>| {
        let node = node.ok_or_else(|| Failure::failed("no node runs"))?;
        Ok::<_, Failure>(NodeClient::new(&format!("http://{}", node.api_addr()))?)
    };
    let (first, last) = (client(nodes.first())?, client(nodes.last())?);
    // From here on, so that nothing the sensor posts is missed.
    let kinds = Kinds { certified: false, ..Kinds::ALL };
    let after = Some(last.status().await?.position);
    let mut events = pin!(last.events(Filter { after, kinds, ..Filter::default() }));
    let accounts = accounts(network, &last).await?;
    let door = Door::open(network, &first, output).await?;
    let sensor = Sensor::open(network.dir(), first.clone()).await?;
    let mut arrivals = Arrivals::new(sensor.address(), output);
    Banner { network, nodes, sensor: &sensor, door: &door, took: started.elapsed(), accounts }
        .show(output)?;
    let shop = seller::Stand::new(network, nodes.first(), sensor.poster())?;
    let mut beat = interval(FINAL_TIME / 6);

    let (stop, stopping) = watch::channel(false);
    let (told, mut sent) = mpsc::channel(64);
    let seller = tokio::spawn(shop.run(stopping.clone(), told.clone()));
    tokio::spawn(sensor.run(stopping, told));
    let mut gone = select_all(nodes.iter().map(|node| Box::pin(node.stopped())));
    let end = args.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let (mut until, mut is_silent) = (None, false);
    while until.is_none() || !(is_silent && arrivals.is_complete()) {
        tokio::select! {
            asked = &mut asked, if until.is_none() => {
                asked?;
                until = Some(farewell(&stop));
            }
            () = wait_for(end), if until.is_none() => until = Some(farewell(&stop)),
            () = wait_for(until), if until.is_some() => break,
            sent = sent.recv(), if !is_silent => match sent {
                Some(Sent::Posted) => arrivals.sent(),
                Some(Sent::Failed(cause)) => output.note(&format!("sensor: {cause}")),
                Some(Sent::Offered(offer)) => offered(offer, network, &first, output)?,
                None => is_silent = true,
            },
            Some(followed) = events.next() => match followed? {
                // What is for sale can be read by its buyers alone.
                Followed::Reading(reading) if is_sealed(&reading) => {}
                Followed::Reading(reading) => arrivals.arrived(reading),
                Followed::Committed(committed) => arrivals.committed(&committed)?,
                Followed::Certified(_) => {}
                Followed::Cut { reason, .. } => output.note(&format!("cut: {reason}")),
            },
            _ = beat.tick() => arrivals.overdue()?,
            (cause, index, _) = &mut gone => return Err(node_gone(index, &cause)),
        }
    }
    door.gateway.shutdown().await;
    // It claims what it was paid; the nodes must still be there for that.
    let _ = timeout(FAREWELL, seller).await;
    arrivals.summary()
}

/// Key file, address and balance of the accounts that the genesis funds, as far as their keys are
/// in the folder.
async fn accounts(
    network: &Network,
    node: &NodeClient,
) -> Result<Vec<(String, String, String)>, Failure> {
    let mut accounts = Vec::new();
    for (name, _) in ACCOUNTS {
        let file = network.dir().join(name);
        if !is_taken(&file) {
            continue;
        }
        let address = address_of(Some(&file))?.text(network.genesis.kind);
        let balance = node.account(&address).await?.ledger.balance;
        accounts.push((file.display().to_string(), address, balance));
    }
    Ok(accounts)
}

/// Stops the sensor; what it sent may arrive until the time that is returned.
fn farewell(stop: &watch::Sender<bool>) -> Instant {
    stop.send_replace(true);
    Instant::now() + FAREWELL
}

async fn wait_for(end: Option<Instant>) {
    match end {
        Some(end) => sleep_until(end).await,
        None => std::future::pending().await,
    }
}

fn node_gone(index: usize, cause: &StopCause) -> Failure {
    Failure::failed(format!("node {index} stopped: {cause}"))
}
