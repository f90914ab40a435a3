//! `weft node`: runs one node until it is asked to end, or cannot go on.
//!
//! Invariant: the one line on standard output comes when the node accepts connections, and says
//! where; everything acknowledged is on disk when the command returns.

use std::{env, path::PathBuf, pin::pin};

use serde_json::json;
use weft_node::{Config, Node, Setting, StartError, StopCause};

use crate::{failure::Failure, logs, output::Output, signals::asked_to_end};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Configuration of the node, as `weft init` makes it
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Address of the API
    #[arg(long, value_name = "ADDRESS:PORT")]
    api: Option<String>,
    /// Address for other nodes
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Directory of the store
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// How long to keep what is final: 90s, 2m, 12h, 30d [default: as the settings say]
    #[arg(long, value_name = "TIME", conflicts_with = "archive")]
    retention: Option<String>,
    /// Keep all of history, and catch up commit by commit
    #[arg(long)]
    archive: bool,
    /// Other nodes, each ID@HOST:PORT, in place of those of the file
    #[arg(long, value_name = "PEERS", value_delimiter = ',')]
    peers: Vec<String>,
    /// Any other setting
    #[arg(long, value_name = "SECTION.KEY=VALUE", value_parser = parse_setting)]
    set: Vec<Setting>,
    /// What to log: a level, or target=level, separated by commas [default: as the settings say]
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
}

pub(crate) fn parse_setting(text: &str) -> Result<Setting, String> {
    let (key, value) = text.split_once('=').ok_or("write SECTION.KEY=VALUE")?;
    Ok(Setting::new(key.trim(), value.trim()))
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let config = Config::load(Some(&args.config), environment(), &args.settings())?;
    logs::start(args.log.as_deref(), &config.log)?;
    name_checks()?;
    // Before the node runs: whoever reads the ready line may end it at once.
    let mut ended = pin!(asked_to_end());
    let node = tokio::select! {
        ended = &mut ended => return ended,
        node = Node::open(config) => node.map_err(|error| not_started(&error))?,
    };
    let mut stopped = pin!(node.stopped());
    let told = ready(&node, output);
    let asked = match told {
        Err(_) => Ok(()),
        Ok(()) => tokio::select! {
            ended = &mut ended => ended,
            cause = &mut stopped => Err(gone(&cause)),
        },
    };
    let end = node.shutdown().await;
    told.and(asked)?;
    match end {
        StopCause::Shutdown => Ok(()),
        cause => Err(gone(&cause)),
    }
}

impl Args {
    fn settings(&self) -> Vec<Setting> {
        let peers = (!self.peers.is_empty()).then(|| self.peers.join(","));
        let archive = self.archive.then(|| "true".to_owned());
        let flags = [
            ("api.listen", &self.api),
            ("p2p.listen", &self.listen),
            ("node.data_dir", &self.data_dir),
            ("p2p.peers", &peers),
            ("node.retention", &self.retention),
            ("node.archive", &archive),
        ];
        let flags = flags
            .into_iter()
            .filter_map(|(key, value)| value.as_deref().map(|value| Setting::new(key, value)));
        flags.chain(self.set.iter().cloned()).collect()
    }
}

/// The environment, without what is no text: no setting is.
pub(crate) fn environment() -> Vec<(String, String)> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    env::vars_os().filter_map(text).collect()
}

/// Gives the threads that check a name of their own, so that their share of the CPU can be seen.
fn name_checks() -> Result<(), Failure> {
    let named = rayon::ThreadPoolBuilder::new().thread_name(|at| format!("weft-check-{at}"));
    named.build_global().map_err(|error| Failure::failed(format!("no threads: {error}")))
}

fn ready(node: &Node, output: Output) -> Result<(), Failure> {
    let (id, api, p2p) = (node.id(), node.api_addr(), node.p2p_addr());
    let api = format!("http://{api}");
    let value = json!({ "event": "ready", "node": id.to_string(), "api": api,
        "p2p": p2p.to_string(), "peer": format!("{id}@{p2p}") });
    output.show(&value, || format!("ready: API {api}, peers {p2p}, node {id}"))
}

/// Why a node did not start, with the code that tells settings from the machine.
pub(crate) fn not_started(error: &StartError) -> Failure {
    match error {
        StartError::Config(_)
        | StartError::Key(_)
        | StartError::Scheme { .. }
        | StartError::Identity(_)
        | StartError::Genesis(_) => Failure::usage(error)
            .next("see `weft doctor --config FILE`; `weft init` makes a network that runs"),
        StartError::Api { .. } => {
            Failure::failed(error).next("end it, or choose another address with --api")
        }
        StartError::Store(_) | StartError::Net(_) | StartError::System { .. } => {
            Failure::failed(error).next("see `weft doctor --config FILE`")
        }
    }
}

fn gone(cause: &StopCause) -> Failure {
    Failure::failed(format!("the node stopped: {cause}"))
}
