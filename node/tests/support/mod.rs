//! Nodes in this process over real QUIC and a real store, and a client to ask them.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::missing_docs_in_private_items, missing_docs, reason = "for tests")]

pub mod account;
pub mod http;
pub mod peer;

use std::{net::SocketAddr, path::PathBuf};

use tempfile::TempDir;
use weft_core::{
    address::NetworkKind, digest::NodeId, genesis::Genesis, keys::Scheme, params::Params,
    time::Time,
};
use weft_node::{Config, Node, Seed, config::FixedPeer};

/// A network of its own, whose nodes keep their files below one directory.
pub struct World {
    pub genesis: Genesis,
    dir: TempDir,
}

impl World {
    /// Little work, so that tests are quick: 2 bits for a reading, 12 for a registration.
    pub fn new() -> Self {
        let genesis = Genesis {
            label: "test".into(),
            kind: NetworkKind::Test,
            created: Time::from_millis(1_700_000_000_000),
            params: Params { work_bits: 2, ..Params::dev() },
        };
        Self { genesis, dir: tempfile::tempdir().unwrap() }
    }

    pub fn data_dir(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The seed of the node called `name`: the same each time.
    pub fn seed(name: &str) -> Seed {
        let mut bytes = [0; 32];
        for (byte, letter) in bytes.iter_mut().zip(name.bytes()) {
            *byte = letter;
        }
        Seed { scheme: Scheme::MlDsa44, bytes }
    }

    pub fn config(&self, name: &str, peers: &[&Node]) -> Config {
        let mut config = Config::default();
        config.node.data_dir = self.data_dir(name);
        config.p2p.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.p2p.peers = peers.iter().map(|node| fixed(node.id(), node.p2p_addr())).collect();
        config.api.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.store.cache_bytes = 8 << 20;
        config
    }

    pub async fn start(&self, name: &str, peers: &[&Node]) -> Node {
        self.start_with(name, self.config(name, peers)).await
    }

    pub async fn start_with(&self, name: &str, config: Config) -> Node {
        Node::start(config, self.genesis.clone(), &Self::seed(name)).await.unwrap()
    }
}

pub fn fixed(id: NodeId, address: SocketAddr) -> FixedPeer {
    FixedPeer { id, host: address.ip().to_string(), port: address.port() }
}
