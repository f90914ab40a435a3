//! The gateway of `weft dev`, and a device to try it with.
//!
//! A gateway like any other. On the usual ports where they are free, if the network is on its own
//! usual ones: a second network does not look for them, so two that start at once are not in each
//! other's way.
//!
//! The device's token is new with each run: the file of devices has no token to show.

use weft_client::host::NodeClient;
use weft_gateway::{
    Addresses, Config, Gateway,
    device::{Device, Registrar, Token},
};

use crate::{
    commands::gateway,
    failure::Failure,
    network::Network,
    output::Output,
    ports::{is_tcp_free, is_udp_free, loopback},
    target::API_PORT,
};

/// What the gateway keeps in the folder.
pub(super) const NAMES: [&str; 5] =
    ["gateway", "gateway.key", "devices.toml", "devices.toml.lock", "devices.toml.new"];

/// The device to try it with.
pub(super) const DEVICE: &str = "thermo-1";

/// A running gateway with its device.
pub(super) struct Door {
    pub(super) gateway: Gateway,
    pub(super) token: Token,
    /// Where people see what the device posts.
    page: String,
}

impl Door {
    /// Opens a gateway that posts through `node`.
    pub(super) async fn open(
        network: &Network,
        node: &NodeClient,
        output: Output,
    ) -> Result<Self, Failure> {
        let mut config = Config::default();
        let files = &mut config.gateway;
        files.data_dir = network.dir().join("gateway");
        files.key_file = network.dir().join("gateway.key");
        files.devices_file = network.dir().join("devices.toml");
        node.url().clone_into(&mut files.node);
        let first = network.members.first();
        let is_usual = first.is_some_and(|member| member.ports.api == API_PORT);
        for listen in [&mut config.mqtt.listen, &mut config.http.listen] {
            if !is_usual || !is_tcp_free(*listen) {
                *listen = loopback(0);
            }
        }
        if !is_usual || !is_udp_free(config.coap.listen) {
            config.coap.listen = loopback(0);
        }
        let token = Token::generate();
        let token = token.ok_or_else(|| Failure::failed("the system gives no random bytes"))?;
        let mut registrar = Registrar::open(&config.gateway.devices_file)?;
        let name = DEVICE.parse().map_err(Failure::failed)?;
        registrar.registry.devices.insert(name, Device::new(token.hash()));
        registrar.store()?;
        let page = format!("{}/#/stream/{DEVICE}%2Ftemp", node.url());
        Ok(Self { gateway: gateway::open(config, output).await?, token, page })
    }

    /// Lines to copy into another terminal.
    pub(super) fn tries(&self) -> String {
        let Addresses { mqtt, http, coap, .. } = self.gateway.addresses();
        let (device, token, port) = (DEVICE, self.token.as_str(), mqtt.port());
        format!(
            "\nAs a device, through the gateway:\n  export TOKEN={token}\n  \
             mosquitto_sub -p {port} -u {device} -P $TOKEN -t 'dn/{device}/#' &\n  \
             mosquitto_pub -p {port} -u {device} -P $TOKEN -t up/{device}/temp -q 1 -m 21.4\n  \
             curl -H \"Authorization: Bearer $TOKEN\" -d 21.4 http://{http}/up/{device}/temp\n  \
             coap-client -m post -e 21.4 \"coap://{coap}/up/{device}/temp?token=$TOKEN\"\n\
             and see it at {}\n",
            self.page
        )
    }

    /// The same for programs.
    pub(super) fn shown(&self) -> serde_json::Value {
        let mut shown = gateway::ready(self.gateway.addresses());
        if let Some(fields) = shown.as_object_mut() {
            fields.remove("event");
            fields.insert("device".to_owned(), DEVICE.into());
            fields.insert("token".to_owned(), self.token.as_str().into());
        }
        shown
    }
}
