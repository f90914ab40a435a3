//! Nodes in this process over real QUIC and a real store, and a client to ask them.

pub(crate) mod account;
pub(crate) mod http;
pub(crate) mod peer;

use std::{net::SocketAddr, path::PathBuf};

use tempfile::TempDir;
use weft_core::{
    committee::Committee,
    digest::NodeId,
    genesis::Genesis,
    keys::{Scheme, Sign as _},
    params::Params,
    units::Amount,
};
use weft_node::{Config, Node, Seed, config::FixedPeer};

/// A network of its own, whose nodes keep their files below one directory.
pub(crate) struct World {
    pub(crate) genesis: Genesis,
    dir: TempDir,
}

impl World {
    /// Little work, so that tests are quick: 2 bits for a reading, 12 for a registration.
    pub(crate) fn new() -> Self {
        let genesis = Genesis::without_finality("test", Params { work_bits: 2, ..Params::dev() });
        Self { genesis, dir: tempfile::tempdir().unwrap() }
    }

    /// The same with finality: the node called `a` is the whole committee, and each of `accounts`
    /// has a million.
    pub(crate) fn of_one(accounts: &[u8]) -> Self {
        let mut world = Self::new();
        let validator = Self::seed("a").key().unwrap().public_key().clone();
        world.genesis.committee = Committee::of([validator]).unwrap();
        let address = |seed: &u8| account::Account::new(&world.genesis, *seed).address();
        let mut funded: Vec<_> =
            accounts.iter().map(|seed| (address(seed), Amount(1_000_000))).collect();
        funded.sort_unstable();
        world.genesis.accounts = funded;
        world.genesis.check().unwrap();
        world
    }

    pub(crate) fn data_dir(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The seed of the node called `name`: the same each time.
    pub(crate) fn seed(name: &str) -> Seed {
        let mut bytes = [0; 32];
        for (byte, letter) in bytes.iter_mut().zip(name.bytes()) {
            *byte = letter;
        }
        Seed { scheme: Scheme::MlDsa44, bytes }
    }

    pub(crate) fn config(&self, name: &str, peers: &[&Node]) -> Config {
        let mut config = Config::default();
        config.node.data_dir = self.data_dir(name);
        config.p2p.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.p2p.peers = peers.iter().map(|node| fixed(node.id(), node.p2p_addr())).collect();
        config.api.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.store.cache_bytes = 8 << 20;
        config
    }

    pub(crate) async fn start(&self, name: &str, peers: &[&Node]) -> Node {
        self.start_with(name, self.config(name, peers)).await
    }

    pub(crate) async fn start_with(&self, name: &str, config: Config) -> Node {
        Node::start(config, self.genesis.clone(), &Self::seed(name)).await.unwrap()
    }
}

pub(crate) fn fixed(id: NodeId, address: SocketAddr) -> FixedPeer {
    FixedPeer { id, host: address.ip().to_string(), port: address.port() }
}
