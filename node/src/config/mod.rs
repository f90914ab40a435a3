//! What the operator of one node chooses.
//!
//! Three layers, each over the one before: a TOML file, environment variables
//! (`WEFT_SECTION__KEY`), and what the caller gives (flags). A key that no layer may set is an
//! error that names it. Invariant: a [`Config`] that [`Config::check`] passed can be run.
//!
//! Left out on purpose: what all nodes must agree on (`weft_core::params`, in the genesis), and how
//! the machine paces itself (`weft_core::machine::Limits`, of which only the sizes are here).

mod layers;
mod market;
mod peer;
mod retention;

use std::{net::SocketAddr, path::PathBuf};

use serde::{Deserialize, Serialize};

pub use layers::{ConfigError, Effective, InForce, Setting, load};
pub use market::MarketConfig;
pub use peer::{FixedPeer, ParsePeerError};
pub use retention::{ParseRetentionError, Retention};

/// All settings of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Files.
    pub node: NodeConfig,
    /// Other nodes.
    pub p2p: P2pConfig,
    /// The HTTP API.
    pub api: ApiConfig,
    /// The store.
    pub store: StoreConfig,
    /// The machine's thread.
    pub machine: MachineConfig,
    /// The checks before the machine.
    pub ingest: IngestConfig,
    /// Streams that are bought for local applications.
    pub market: MarketConfig,
    /// The log.
    pub log: LogConfig,
}

/// Files of a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NodeConfig {
    /// Directory of the store. Made if missing; one node at a time. Default `weft-data`, below the
    /// working directory, so that a first try needs no rights.
    pub data_dir: PathBuf,
    /// File with the node's secret seed, mode 0600. Default `weft-data/node.key`.
    pub key_file: PathBuf,
    /// File with the genesis. All nodes of a network have the same. Default `genesis.toml`.
    pub genesis_file: PathBuf,
    /// How long what is final is kept, by the ledger's time: a number and one of s, m, h, d. What
    /// others need to catch up is kept longer: some minutes under load, up to an hour at rest.
    /// Default `30d`.
    pub retention: Retention,
    /// Keep all of history, whatever `retention` says, and catch up commit by commit. Default
    /// false.
    pub archive: bool,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            data_dir: "weft-data".into(),
            key_file: "weft-data/node.key".into(),
            genesis_file: "genesis.toml".into(),
            retention: Retention::default(),
            archive: false,
        }
    }
}

/// Connections to other nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct P2pConfig {
    /// UDP address to listen on; port 0 takes a free one. Default `0.0.0.0:4810`: nodes are meant
    /// to be reached.
    pub listen: SocketAddr,
    /// Address that others are told; empty tells them the port and lets them take the IP address
    /// they see. Set it behind a port forwarding. Default empty.
    #[serde(with = "none_is_empty")]
    pub advertise: Option<SocketAddr>,
    /// Peers that are always dialled and never dropped, each `id@host:port`. In an environment
    /// variable or flag: separated by commas. Default none.
    pub peers: Vec<FixedPeer>,
    /// Connections the node tries to keep by dialling. More spread faster and cost more bytes.
    /// Default 8.
    pub peers_target: usize,
    /// Connections beyond which newcomers are turned away. Default 64.
    pub peers_max: usize,
    /// What may wait to be sent to one peer, in bytes. When full, the peer is dropped as too slow.
    /// Worst case this times `peers_max`. Default 4 MiB.
    pub send_bytes: usize,
    /// What peers sent and this node has not handled yet, in bytes, in all. When full, peers are
    /// read in turn. Little, since it waits in one line, whoever it is of: what waits at its peer
    /// keeps nobody else waiting. Default 512 KiB, some 200 transactions.
    pub receive_bytes: u32,
}

impl Default for P2pConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 4810)),
            advertise: None,
            peers: Vec::new(),
            peers_target: 8,
            peers_max: 64,
            send_bytes: 4 << 20,
            receive_bytes: 512 << 10,
        }
    }
}

/// The HTTP API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiConfig {
    /// TCP address to listen on; port 0 takes a free one. Default `127.0.0.1:4811`: there is no
    /// TLS and no login here, so a stranger must not reach it; put a proxy in front to open it.
    pub listen: SocketAddr,
    /// Connections at once; further ones wait to be accepted. Default 1,024.
    pub connections_max: usize,
    /// Connections at once of one client; further ones are closed. Those from this machine itself
    /// have no such limit: a proxy speaks for many. Default 256.
    pub connections_per_client: usize,
    /// Live event streams at once; further ones get 503. Default 256.
    pub subscribers_max: usize,
    /// Events kept for a subscriber that does not read. One that lags further is cut and told where
    /// to resume. Each costs a pointer, and the oldest keeps its transaction in memory: worst case
    /// this times 32 KiB. Default 4,096.
    pub subscriber_buffer: usize,
    /// Longest a request may take, in milliseconds, live event streams excepted. Default 30,000.
    pub request_timeout_ms: u64,
    /// Longest a submission waits for its event, in milliseconds. After it 504: the submission may
    /// still succeed. Below `request_timeout_ms`. Default 20,000.
    pub submit_timeout_ms: u64,
    /// Submissions on their way at once; further ones get 503. Worst case 32 KiB each. Default
    /// 1,024.
    pub submissions_max: usize,
    /// Work done for one client (an IPv4 address or an IPv6 /64, as the connection has it: all who
    /// come through one proxy are one client), in tries per second. Work that
    /// shows `n` bits counts 2^n tries: 4,096 for a reading on a dev network, 4,194,304 for a
    /// registration. Default 2,097,152, about a third of one core.
    pub work_per_second: u64,
    /// Work that one client may save up, in tries. Default 67,108,864: 16 registrations.
    pub work_burst: u64,
    /// Clients whose quota is remembered. Those with a full quota leave first. Default 16,384.
    pub clients_max: usize,
    /// Bodies whose work may wait for a core; further ones get 503. Default 256.
    pub work_queue: usize,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 4811)),
            connections_max: 1_024,
            connections_per_client: 256,
            subscribers_max: 256,
            subscriber_buffer: 4_096,
            request_timeout_ms: 30_000,
            submit_timeout_ms: 20_000,
            submissions_max: 1_024,
            work_per_second: 1 << 21,
            work_burst: 1 << 26,
            clients_max: 16_384,
            work_queue: 256,
        }
    }
}

/// The store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// Memory for blocks read from disk, in bytes. Default 64 MiB.
    pub cache_bytes: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { cache_bytes: 64 << 20 }
    }
}

/// The machine's thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MachineConfig {
    /// Live DAG, as bytes of transactions. The oldest leave memory and stay in the store. Memory is
    /// about a tenth of this. Default 1 GiB.
    pub live_bytes: u64,
    /// Transactions that wait for a parent, in bytes, in all. The oldest leave. Default 64 MiB.
    pub waiting_bytes: u64,
    /// Bytes of transactions taken in per second: less than this machine can do, as `weft bench
    /// pipeline` shows. Of what comes beyond, a second's worth waits, and issuers take turns by
    /// weight (docs/FAIRNESS.md). Default 32 MiB, some 9,000 transactions.
    pub take_bytes_per_s: u64,
    /// Checked inputs that wait for the machine. When full, checking stops. Few, since they wait in
    /// one line, whoever they are of: a tenth of a second's work. Default 256.
    pub queue: usize,
    /// Inputs that are handled before one commit. More serve more submissions with one sync and
    /// make each wait longer. Default 256.
    pub group_max: usize,
}

impl Default for MachineConfig {
    fn default() -> Self {
        Self {
            live_bytes: 1 << 30,
            waiting_bytes: 64 << 20,
            take_bytes_per_s: 32 << 20,
            queue: 256,
            group_max: 256,
        }
    }
}

/// The checks before the machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IngestConfig {
    /// Transactions checked in one go. More use the cores better. Default 256.
    pub batch_max: usize,
    /// Transactions remembered in each of the two generations of the filter of seen ones; about
    /// 200 bytes each. Default 131,072.
    pub seen_max: usize,
    /// Keys kept in memory in each of the two generations of the key cache; about 1.5 KiB each.
    /// Default 8,192.
    pub keys_max: usize,
    /// Transactions held until their key is known, in bytes: in all. The oldest leave. Default
    /// 32 MiB.
    pub held_bytes: u64,
    /// The same, from one peer. Default 4 MiB.
    pub held_bytes_per_peer: u64,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            batch_max: 256,
            seen_max: 131_072,
            keys_max: 8_192,
            held_bytes: 32 << 20,
            held_bytes_per_peer: 4 << 20,
        }
    }
}

/// The log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// `text` for people, `json` for machines. Default `text`.
    pub format: LogFormat,
    /// What is logged, as `tracing` directives: `level` or `target=level`, separated by commas.
    /// Default `info`.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".into() }
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// An optional value that is written as an empty text, so that every key has a default that the
/// layers can show and replace.
mod none_is_empty {
    use std::{fmt::Display, str::FromStr};

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<T, S>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error>
    where
        T: Display,
        S: Serializer,
    {
        match value {
            None => serializer.serialize_str(""),
            Some(value) => serializer.collect_str(value),
        }
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(D::Error::custom) }
    }
}
