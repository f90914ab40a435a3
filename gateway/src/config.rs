//! What the operator of a gateway chooses: the sections of its configuration file.
//!
//! Read in layers as a node's settings are (`weft_node::config`): a file, environment variables
//! (`WEFT_GATEWAY_SECTION__KEY`), flags.

use std::{net::SocketAddr, path::PathBuf};

use serde::{Deserialize, Serialize};

/// All settings of a gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Files, and the node.
    pub gateway: GatewayConfig,
    /// The door for MQTT.
    pub mqtt: MqttConfig,
    /// The door for HTTP, with MQTT over WebSocket, receipts and metrics.
    pub http: HttpConfig,
    /// The door for CoAP.
    pub coap: CoapConfig,
    /// TLS of the doors for MQTT and HTTP.
    pub tls: TlsConfig,
    /// What waits.
    pub queue: QueueConfig,
}

/// Files, and the node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayConfig {
    /// Directory of the queue. Made if missing; one gateway at a time. Default `weft-gateway`.
    pub data_dir: PathBuf,
    /// File with the gateway's secret seed, mode 0600. Default `weft-gateway.key`.
    pub key_file: PathBuf,
    /// File with the devices, as `weft device` makes it. Default `devices.toml`.
    pub devices_file: PathBuf,
    /// API of the node. Default `http://127.0.0.1:4811`.
    pub node: String,
    /// Whether the node does the work, within its quota, and not this machine. Default false.
    pub attach_at_node: bool,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            data_dir: "weft-gateway".into(),
            key_file: "weft-gateway.key".into(),
            devices_file: "devices.toml".into(),
            node: "http://127.0.0.1:4811".to_owned(),
            attach_at_node: false,
        }
    }
}

/// The door for MQTT.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MqttConfig {
    /// TCP address; port 0 takes a free one. Default `127.0.0.1:1883`: without TLS a token can be
    /// read on its way, so only this machine is served.
    pub listen: SocketAddr,
    /// TCP address for MQTT over TLS, where [`TlsConfig`] has a certificate. Default
    /// `0.0.0.0:8883`.
    pub tls_listen: SocketAddr,
    /// Connections at once; further ones wait to be accepted. Worst case 64 KiB each. Default
    /// 16,384.
    pub connections_max: usize,
}

impl Default for MqttConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 1883)),
            tls_listen: SocketAddr::from(([0, 0, 0, 0], 8883)),
            connections_max: 16_384,
        }
    }
}

/// The door for HTTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// TCP address; port 0 takes a free one. Default `127.0.0.1:4880`.
    pub listen: SocketAddr,
    /// TCP address for HTTPS, where [`TlsConfig`] has a certificate. Default `0.0.0.0:4883`.
    pub tls_listen: SocketAddr,
    /// Connections at once; further ones wait to be accepted. Default 4,096.
    pub connections_max: usize,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 4880)),
            tls_listen: SocketAddr::from(([0, 0, 0, 0], 4883)),
            connections_max: 4_096,
        }
    }
}

/// The door for CoAP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CoapConfig {
    /// UDP address; port 0 takes a free one. Default `127.0.0.1:5683`: there is no DTLS here.
    pub listen: SocketAddr,
    /// Requests at once; further ones are not answered, and sent again. Default 1,024.
    pub requests_max: usize,
}

impl Default for CoapConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 5683)), requests_max: 1_024 }
    }
}

/// TLS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// File with the certificate chain, PEM; empty: no TLS. Default empty.
    pub certificate_file: PathBuf,
    /// File with its private key, PEM. Default empty.
    pub key_file: PathBuf,
}

impl TlsConfig {
    /// Whether there is to be TLS.
    pub fn is_on(&self) -> bool {
        !self.certificate_file.as_os_str().is_empty()
    }
}

/// What waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueueConfig {
    /// Messages that may wait; then others are refused. About 100 bytes of memory each. Default
    /// 1,000,000.
    pub messages_max: usize,
    /// Bytes that may wait. Default 1 GiB, on disk.
    pub bytes_max: u64,
    /// Messages per second of devices that are behind (whose oldest message waits for more than 30
    /// s) that go before recent ones; above that they get what recent ones leave. Default 200.
    pub drain_per_second: u32,
    /// Readings of one body, of devices whose readings are put together. Default 256.
    pub batch_messages: usize,
    /// How long the first of them waits for the others, in milliseconds. Default 10,000.
    pub batch_wait_ms: u64,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            messages_max: 1_000_000,
            bytes_max: 1 << 30,
            drain_per_second: 200,
            batch_messages: 256,
            batch_wait_ms: 10_000,
        }
    }
}

const COUNT_RULE: &str = "it must be at least 1, and at most 2^20 connections, 2^16 requests, \
    2^28 messages, 256 readings and 10,000 ms of a body";

impl Config {
    /// Refuses what no gateway can run with; says which setting, its value and the rule.
    pub fn check(&self) -> Result<(), (&'static str, u64, &'static str)> {
        let queue = &self.queue;
        let counts = [
            ("mqtt.connections_max", self.mqtt.connections_max as u64, 1 << 20),
            ("http.connections_max", self.http.connections_max as u64, 1 << 20),
            ("coap.requests_max", self.coap.requests_max as u64, 1 << 16),
            ("queue.messages_max", queue.messages_max as u64, 1 << 28),
            ("queue.drain_per_second", queue.drain_per_second.into(), 1 << 20),
            ("queue.batch_messages", queue.batch_messages as u64, 256),
            ("queue.batch_wait_ms", queue.batch_wait_ms, 10_000),
        ];
        for (key, actual, most) in counts {
            if actual == 0 || actual > most {
                return Err((key, actual, COUNT_RULE));
            }
        }
        if queue.bytes_max < 1 << 20 {
            let rule = "it must be at least 1 MiB: the longest message must fit";
            return Err(("queue.bytes_max", queue.bytes_max, rule));
        }
        Ok(())
    }
}
