//! `weft gateway`: runs one gateway until it is asked to end.
//!
//! Invariant: the one line on standard output comes when all doors are open, and says where they
//! are; everything acknowledged is on disk when the command returns.

use std::{path::PathBuf, pin::pin, sync::Arc};

use serde_json::json;
use weft_core::keys::Scheme;
use weft_gateway::{Addresses, Config, Gateway, StartError};
use weft_node::{
    Setting,
    config::{ConfigError, LogConfig, load},
    key_file::Seed,
};

use crate::{
    account::is_taken,
    commands::node::{environment, parse_setting},
    failure::Failure,
    logs,
    output::Output,
    signals::asked_to_end,
};

/// What environment variables of a gateway start with.
const ENVIRONMENT_PREFIX: &str = "WEFT_GATEWAY_";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Settings of the gateway [default: none; docs/guide/connect-a-sensor.md lists them]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// API of the node to post through
    #[arg(long, value_name = "URL", env = "WEFT_NODE")]
    node: Option<String>,
    /// File with the devices, as `weft device` makes it
    #[arg(long, value_name = "FILE")]
    devices: Option<String>,
    /// Directory of the queue
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// Key file of the gateway; made when it is first needed
    #[arg(long, value_name = "FILE")]
    key: Option<String>,
    /// Any other setting
    #[arg(long, value_name = "SECTION.KEY=VALUE", value_parser = parse_setting)]
    set: Vec<Setting>,
    /// What to log: a level, or target=level, separated by commas
    #[arg(long, value_name = "FILTER", default_value = "info")]
    log: String,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    logs::start(Some(&args.log), &LogConfig::default())?;
    let config: Config =
        load(args.config.as_deref(), ENVIRONMENT_PREFIX, environment(), &args.settings())?;
    config.check().map_err(|(key, actual, rule)| ConfigError::Rule { key, actual, rule })?;
    let mut ended = pin!(asked_to_end());
    let gateway = open(config, output).await?;
    let addresses = gateway.addresses();
    let told = output.show(&ready(addresses), || {
        let Addresses { mqtt, http, coap, .. } = addresses;
        format!("ready: MQTT {mqtt}, HTTP {http}, CoAP {coap}")
    });
    let asked = if told.is_ok() { ended.as_mut().await } else { Ok(()) };
    gateway.shutdown().await;
    told.and(asked)
}

impl Args {
    fn settings(&self) -> Vec<Setting> {
        let flags = [
            ("gateway.node", &self.node),
            ("gateway.devices_file", &self.devices),
            ("gateway.data_dir", &self.data_dir),
            ("gateway.key_file", &self.key),
        ];
        let given = flags
            .into_iter()
            .filter_map(|(key, value)| value.as_deref().map(|value| Setting::new(key, value)));
        given.chain(self.set.iter().cloned()).collect()
    }
}

/// Opens a gateway; its key is made when it is first needed.
pub(crate) async fn open(config: Config, output: Output) -> Result<Gateway, Failure> {
    let file = &config.gateway.key_file;
    if !is_taken(file) {
        Seed::generate(Scheme::MlDsa44)?.store(file)?;
        output.note(&format!("made the gateway's key in {}; keep it", file.display()));
    }
    let key = Arc::new(Seed::load(file)?.key()?);
    Gateway::open(config, key).await.map_err(|error| not_started(&error))
}

fn not_started(error: &StartError) -> Failure {
    match error {
        StartError::Registry(_) | StartError::Node(_) | StartError::Tls(_) => Failure::usage(error),
        StartError::Listen { .. } => Failure::failed(error)
            .next("end what listens there, or choose another with --set mqtt.listen=ADDRESS:PORT"),
        StartError::Queue { .. } => Failure::failed(error)
            .next("end the gateway that has it, or choose another with --data-dir DIR"),
        StartError::Thread(_) => Failure::failed(error),
    }
}

/// The doors, for programs.
pub(crate) fn ready(addresses: Addresses) -> serde_json::Value {
    let Addresses { mqtt, mqtts, http, https, coap } = addresses;
    json!({ "event": "ready", "mqtt": mqtt, "mqtts": mqtts, "http": format!("http://{http}"),
        "https": https.map(|https| format!("https://{https}")), "coap": format!("coap://{coap}") })
}
