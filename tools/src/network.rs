//! A network in a folder: what `weft init` makes and `weft dev` runs.
//!
//! ```text
//! DIR/genesis.toml            what makes the network this network
//! DIR/node0.toml              the configuration of node 0: `weft node --config DIR/node0.toml`
//! DIR/node0/            its secret (node.key) and its store
//! ```
//! Invariant: nothing that exists is ever overwritten: not a key, not a genesis, not a file of
//! someone else. Paths in configurations are absolute, so a node can be started from anywhere.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use weft_core::{
    address::NetworkKind,
    digest::NodeId,
    genesis::{Genesis, LABEL_BYTES_MAX},
    params::Params,
    time::Time,
};
use weft_node::{
    config::{Config, FixedPeer},
    genesis_file,
    key_file::Seed,
};

use crate::{account::is_taken, failure::Failure, ports::Ports};

/// A network whose genesis and keys lie in a folder.
pub(crate) struct Network {
    /// Absolute.
    dir: PathBuf,
    pub(crate) genesis: Genesis,
    pub(crate) members: Vec<Member>,
}

/// One of its nodes.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) id: NodeId,
    pub(crate) ports: Ports,
}

impl Network {
    /// Opens the network in `dir`, or makes what is missing of it: the genesis by `make`, and a key
    /// for each of the nodes that listen at `ports`.
    pub(crate) fn open_or_make(
        dir: &Path,
        make: impl FnOnce() -> Result<Genesis, Failure>,
        ports: &[Ports],
    ) -> Result<Self, Failure> {
        fs::create_dir_all(dir).map_err(|error| cannot_make(dir, &error))?;
        let dir = fs::canonicalize(dir).map_err(|error| cannot_make(dir, &error))?;
        let file = dir.join("genesis.toml");
        let genesis = if is_taken(&file) {
            genesis_file::load(&file)?
        } else {
            let genesis = make()?;
            genesis_file::store(&genesis, &file)?;
            genesis
        };
        let mut network = Self { dir, genesis, members: Vec::new() };
        for (index, ports) in ports.iter().enumerate() {
            let id = network.open_or_make_key(index)?;
            network.members.push(Member { id, ports: *ports });
        }
        Ok(network)
    }

    fn open_or_make_key(&self, index: usize) -> Result<NodeId, Failure> {
        let file = self.key_file(index);
        if is_taken(&file) {
            return Ok(Seed::load(&file)?.node_id()?);
        }
        let seed = Seed::generate(weft_core::keys::Scheme::MlDsa44)?;
        seed.store(&file)?;
        Ok(seed.node_id()?)
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn key_file(&self, index: usize) -> PathBuf {
        self.dir.join(format!("node{index}")).join("node.key")
    }

    pub(crate) fn config_file(&self, index: usize) -> PathBuf {
        self.dir.join(format!("node{index}.toml"))
    }

    /// What node `index` runs with: all others are its fixed peers, on loopback.
    pub(crate) fn config(&self, index: usize) -> Config {
        let mut config = Config::default();
        config.node.data_dir = self.dir.join(format!("node{index}"));
        config.node.key_file = self.key_file(index);
        config.node.genesis_file = self.dir.join("genesis.toml");
        let others = self.members.iter().enumerate().filter(|(other, _)| *other != index);
        config.p2p.peers = others
            .map(|(_, member)| {
                let address = member.ports.p2p_address();
                FixedPeer { id: member.id, host: address.ip().to_string(), port: address.port() }
            })
            .collect();
        if let Some(member) = self.members.get(index) {
            config.p2p.listen = member.ports.p2p_address();
            config.api.listen = member.ports.api_address();
        }
        config
    }

    /// Writes the configuration of node `index`.
    pub(crate) fn write_config(&self, index: usize) -> Result<(), Failure> {
        let file = self.config_file(index);
        let text = format!(
            "# Node {index} of {:?}. Settings that are not here have their defaults; an\n\
             # environment variable such as WEFT_API__LISTEN goes before this file, a flag\n\
             # before both.\n\n{}",
            self.genesis.label,
            settings(&self.config(index)),
        );
        fs::write(&file, text).map_err(|error| cannot_make(&file, &error))
    }

    /// Everything in the folder that belongs to the network, by name.
    pub(crate) fn names(nodes: u16) -> Vec<String> {
        let nodes =
            (0..nodes).flat_map(|index| [format!("node{index}"), format!("node{index}.toml")]);
        ["genesis.toml".to_owned()].into_iter().chain(nodes).collect()
    }
}

/// A genesis for tests, made now.
pub(crate) fn test_genesis(label: &str, work_bits: u8) -> Result<Genesis, Failure> {
    if label.len() > LABEL_BYTES_MAX {
        let cause = format!("the label has {} bytes, allowed are {LABEL_BYTES_MAX}", label.len());
        return Err(Failure::usage(cause));
    }
    let params = Params { work_bits, ..Params::dev() };
    params.check().map_err(Failure::usage)?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let created = Time::from_millis(u64::try_from(since.as_millis()).unwrap_or(0));
    Ok(Genesis { label: label.to_owned(), kind: NetworkKind::Test, created, params })
}

/// The settings that differ from the defaults, as TOML.
fn settings(config: &Config) -> String {
    let defaults: toml::Table = toml::from_str(&Config::default().to_toml()).unwrap_or_default();
    let mut table: toml::Table = toml::from_str(&config.to_toml()).unwrap_or_default();
    table.retain(|name, section| {
        let (Some(section), default) = (section.as_table_mut(), defaults.get(name)) else {
            return true;
        };
        section.retain(|key, value| default.and_then(|default| default.get(key)) != Some(value));
        !section.is_empty()
    });
    toml::to_string_pretty(&table).unwrap_or_default()
}

fn cannot_make(path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("cannot make {}: {error}", path.display()))
}
