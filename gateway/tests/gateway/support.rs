//! A node that is a whole network, a gateway before it, and devices.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use weft_client::host::{Cursor, NodeClient, Reading};
use weft_core::{
    committee::Committee,
    genesis::Genesis,
    keys::{HostKey, Scheme, Sign as _},
    params::Params,
};
use weft_gateway::{
    Clock, Config, Gateway,
    device::{Device, Registrar, Token},
};
use weft_node::{Clock as NodeClock, Node, Seed};

/// Longest wait for anything. Far above what it takes, for machines with other things to do.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Files, a network of one node, and the devices of a gateway.
pub(crate) struct World {
    dir: TempDir,
    pub(crate) genesis: Genesis,
}

impl World {
    pub(crate) fn new() -> Self {
        let params = Params { work_bits: 2, ..Params::dev() };
        let mut genesis = Genesis::without_finality("test", params);
        let validator = seed().key().unwrap().public_key().clone();
        genesis.committee = Committee::of([validator]).unwrap();
        genesis.check().unwrap();
        Self { dir: tempfile::tempdir().unwrap(), genesis }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The node, with finality.
    pub(crate) async fn node(&self) -> (Node, NodeClient) {
        self.node_at(NodeClock::start()).await
    }

    /// The same by `clock`: of the same files as the one before it, which must have ended.
    pub(crate) async fn node_at(&self, clock: NodeClock) -> (Node, NodeClient) {
        let mut config = weft_node::Config::default();
        config.node.data_dir = self.path("node");
        config.p2p.listen = loopback();
        config.api.listen = loopback();
        config.store.cache_bytes = 8 << 20;
        let node = Node::start_at(config, self.genesis.clone(), &seed(), clock).await.unwrap();
        let client = NodeClient::new(&format!("http://{}", node.api_addr())).unwrap();
        (node, client)
    }

    /// Settings of a gateway that finds its node at `node`.
    pub(crate) fn config(&self, node: &str) -> Config {
        let mut config = Config::default();
        config.gateway.data_dir = self.path("gateway");
        config.gateway.devices_file = self.path("devices.toml");
        node.clone_into(&mut config.gateway.node);
        config.mqtt.listen = loopback();
        config.http.listen = loopback();
        config.coap.listen = loopback();
        config
    }

    pub(crate) async fn gateway(&self, node: &str) -> Gateway {
        self.gateway_with(self.config(node)).await
    }

    pub(crate) async fn gateway_with(&self, config: Config) -> Gateway {
        self.gateway_at(config, &Clock::default()).await
    }

    /// A gateway that goes by `clock`.
    pub(crate) async fn gateway_at(&self, config: Config, clock: &Clock) -> Gateway {
        open(config, 9, clock).await
    }

    /// Another one, with a key and a queue of its own.
    pub(crate) async fn other_gateway_at(&self, node: &str, clock: &Clock) -> Gateway {
        let mut config = self.config(node);
        config.gateway.data_dir = self.path("other-gateway");
        open(config, 8, clock).await
    }

    /// Adds a device and gives its token. Before the gateway opens, so that it knows it at once.
    pub(crate) fn device(&self, name: &str) -> String {
        self.device_with(name, |_| ())
    }

    pub(crate) fn device_with(&self, name: &str, change: impl FnOnce(&mut Device)) -> String {
        let token = Token::generate().unwrap();
        let mut device = Device::new(token.hash());
        change(&mut device);
        self.change(|registrar| {
            registrar.registry.devices.insert(name.parse().unwrap(), device);
        });
        token.as_str().to_owned()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Registrar)) {
        let mut registrar = Registrar::open(&self.path("devices.toml")).unwrap();
        change(&mut registrar);
        registrar.store().unwrap();
    }
}

async fn open(config: Config, key: u8, clock: &Clock) -> Gateway {
    let key = HostKey::from_seed(Scheme::MlDsa44, &[key; 32]).unwrap();
    Gateway::open_at(config, Arc::new(key), clock.clone()).await.unwrap()
}

fn seed() -> Seed {
    Seed { scheme: Scheme::MlDsa44, bytes: [5; 32] }
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// An address where no node answers: a port that the system gives to nobody.
pub(crate) fn nowhere() -> String {
    "http://127.0.0.1:1".to_owned()
}

/// Readings of `stream` that a node has, at least `count`; asks until it has.
pub(crate) async fn readings(node: &NodeClient, stream: &str, count: usize) -> Vec<Reading> {
    let start = Instant::now();
    loop {
        let found = node.readings(stream, Cursor(0), 1_000, None).await.unwrap().items;
        if found.len() >= count {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "{} of {count} readings", found.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The texts of readings.
pub(crate) fn texts(readings: &[Reading]) -> Vec<&str> {
    readings.iter().filter_map(|reading| reading.content.text.as_deref()).collect()
}

/// Posts over HTTP; the status and the answer.
pub(crate) async fn post(
    gateway: &Gateway,
    path: &str,
    token: &str,
    headers: &[(&str, &str)],
    body: impl Into<Vec<u8>>,
) -> (u16, serde_json::Value) {
    let url = format!("http://{}{path}", gateway.addresses().http);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.post(url).header("authorization", format!("Bearer {token}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.body(body.into()).send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or_default())
}

/// Gets from the gateway's HTTP door.
pub(crate) async fn get(gateway: &Gateway, path: &str, token: &str) -> (u16, String) {
    let url = format!("http://{}{path}", gateway.addresses().http);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.get(url).header("authorization", format!("Bearer {token}"));
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// The last receipt of a message once it says "final".
pub(crate) async fn final_receipt(
    gateway: &Gateway,
    location: &str,
    token: &str,
) -> serde_json::Value {
    let start = Instant::now();
    loop {
        let (status, text) = get(gateway, location, token).await;
        assert_eq!(status, 200, "{text}");
        let receipt: serde_json::Value = serde_json::from_str(&text).unwrap();
        if receipt["state"] == "final" {
            return receipt;
        }
        assert!(start.elapsed() < DEADLINE, "{receipt}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
