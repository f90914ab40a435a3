//! `weft device`: who may send through a gateway. Changes the file of devices; a gateway that runs
//! sees it within two seconds, and lets go whoever may not send any more.
//!
//! Invariant: a token is shown once, when it is made; the file has its hash alone.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;
use weft_gateway::device::{Device, DeviceName, Quota, Registrar, Registry, RegistryError, Token};

use crate::{failure::Failure, output::Output};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// File with the devices
    #[arg(
        long,
        value_name = "FILE",
        env = "WEFT_DEVICES",
        default_value = "devices.toml",
        global = true
    )]
    devices: PathBuf,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Add a device, and show its token
    New {
        /// 1 to 32 letters, digits, dots, dashes or underscores
        name: DeviceName,
        /// Put its readings together: one body for up to 256 of a stream, or ten seconds
        #[arg(long)]
        batch: bool,
        /// Messages per day [default: 200000]
        #[arg(long, value_name = "COUNT")]
        messages: Option<u64>,
        /// Bytes per day [default: 67108864]
        #[arg(long, value_name = "BYTES")]
        bytes: Option<u64>,
        /// Work per day, in tries [default: 8589934592]
        #[arg(long, value_name = "TRIES")]
        work: Option<u64>,
    },
    /// List the devices
    List,
    /// Switch a device on
    On {
        /// The device
        name: DeviceName,
    },
    /// Switch a device off: it is let go within seconds, and what it sent stays
    Off {
        /// The device
        name: DeviceName,
    },
    /// Give a device a new token; the old one ends
    Token {
        /// The device
        name: DeviceName,
    },
}

pub(crate) fn run(args: Args, output: Output) -> Result<(), Failure> {
    let Args { devices: file, verb } = args;
    match verb {
        Verb::List => list(&Registry::load(&file)?, output),
        Verb::New { name, batch, messages, bytes, work } => {
            let usual = Quota::default();
            let quota = Quota {
                messages_per_day: messages.unwrap_or(usual.messages_per_day),
                bytes_per_day: bytes.unwrap_or(usual.bytes_per_day),
                work_per_day: work.unwrap_or(usual.work_per_day),
            };
            let mut registrar = Registrar::open(&file)?;
            if registrar.registry.devices.contains_key(&name) {
                let next = format!("give it a new token with `weft device token {name}`");
                return Err(Failure::usage(format!("there is a device {name} already")).next(next));
            }
            let token = new_token()?;
            let device = Device { batch, quota, ..Device::new(token.hash()) };
            registrar.registry.devices.insert(name.clone(), device);
            registrar.store()?;
            show_token(&name, &token, output)
        }
        Verb::On { name } => change(&file, &name, |device| device.enabled = true),
        Verb::Off { name } => change(&file, &name, |device| device.enabled = false),
        Verb::Token { name } => {
            let token = new_token()?;
            change(&file, &name, |device| device.token = token.hash())?;
            show_token(&name, &token, output)
        }
    }
}

fn new_token() -> Result<Token, Failure> {
    Token::generate().ok_or_else(|| Failure::failed("the system gives no random bytes"))
}

fn change(
    file: &std::path::Path,
    name: &DeviceName,
    change: impl FnOnce(&mut Device),
) -> Result<(), Failure> {
    let mut registrar = Registrar::open(file)?;
    let Some(device) = registrar.registry.devices.get_mut(name) else {
        let cause = format!("{} has no device {name}", file.display());
        return Err(Failure::usage(cause).next("see `weft device list`"));
    };
    change(device);
    Ok(registrar.store()?)
}

fn show_token(name: &DeviceName, token: &Token, output: Output) -> Result<(), Failure> {
    let token = token.as_str();
    let value = json!({ "device": name.as_str(), "token": token });
    output.show(&value, || {
        format!(
            "device  {name}\ntoken   {token}  (shown this once)\n\
             try     mosquitto_pub -t up/{name}/temp -u {name} -P {token} -q 1 -m 21.4"
        )
    })
}

fn list(registry: &Registry, output: Output) -> Result<(), Failure> {
    for (name, device) in &registry.devices {
        let Device { enabled, batch, quota, .. } = device;
        let value = json!({ "device": name.as_str(), "enabled": enabled, "batch": batch,
            "quota": quota });
        output.show(&value, || {
            let state = if *enabled { "on" } else { "off" };
            let how = if *batch { "together" } else { "one by one" };
            let Quota { messages_per_day, bytes_per_day, work_per_day } = quota;
            format!(
                "{name:<32}  {state:<3}  {how:<10}  a day: {messages_per_day} messages, \
                 {bytes_per_day} bytes, {work_per_day} tries"
            )
        })?;
    }
    Ok(())
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Unwritable { .. } => Self::failed(error),
            _ => Self::usage(error),
        }
    }
}
