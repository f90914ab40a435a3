//! A network in a folder: what `weft init` makes and `weft dev` runs.
//!
//! ```text
//! DIR/genesis.toml            what makes the network this network
//! DIR/node0.toml              the configuration of node 0: `weft node --config DIR/node0.toml`
//! DIR/node0/            its secret (node.key) and its store
//! DIR/faucet.key, DIR/demo0.key ..   accounts that the genesis funds
//! ```
//! The nodes that are there when the genesis is made are its validators.
//! Invariant: nothing that exists is ever overwritten: not a key, not a genesis, not a file of
//! someone else. Paths in configurations are absolute, so a node can be started from anywhere.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use weft_core::{
    address::{Address, NetworkKind},
    committee::Committee,
    digest::NodeId,
    genesis::{Genesis, LABEL_BYTES_MAX},
    keys::{PublicKey, Scheme, Sign as _},
    params::Params,
    time::Time,
    units::Amount,
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
    /// Opens the network in `dir`, or makes what is missing of it: a key for each of the nodes that
    /// listen at `ports`, keys of funded accounts, and the genesis that `plan` says.
    pub(crate) fn open_or_make(
        dir: &Path,
        plan: &Plan<'_>,
        ports: &[Ports],
    ) -> Result<Self, Failure> {
        fs::create_dir_all(dir).map_err(|error| cannot_make(dir, &error))?;
        let dir = fs::canonicalize(dir).map_err(|error| cannot_make(dir, &error))?;
        let file = dir.join("genesis.toml");
        let mut keys = Vec::new();
        for index in 0..ports.len() {
            keys.push(open_or_make_key(&key_file(&dir, index))?);
        }
        let ids: Vec<NodeId> = keys.iter().map(|key| key.id().into()).collect();
        let genesis = if is_taken(&file) {
            genesis_file::load(&file)?
        } else {
            let genesis = plan.genesis(keys, funded(&dir)?)?;
            genesis_file::store(&genesis, &file)?;
            genesis
        };
        let member = |(id, ports): (NodeId, &Ports)| Member { id, ports: *ports };
        let members = ids.into_iter().zip(ports).map(member).collect();
        Ok(Self { dir, genesis, members })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn key_file(&self, index: usize) -> PathBuf {
        key_file(&self.dir, index)
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
        let accounts = ACCOUNTS.iter().map(|(name, _)| (*name).to_owned());
        ["genesis.toml".to_owned()].into_iter().chain(nodes).chain(accounts).collect()
    }
}

/// Key files of the accounts that a new network funds, and with how many base units.
pub(crate) const ACCOUNTS: [(&str, u64); 5] = [
    ("faucet.key", 699_000_000_000),
    ("demo0.key", 100_000_000_000),
    ("demo1.key", 100_000_000_000),
    ("demo2.key", 100_000_000_000),
    (SENSOR_KEY, 1_000_000_000),
];

/// Key file of the demo sensor of `weft dev`, which sells its readings too.
pub(crate) const SENSOR_KEY: &str = "sensor.key";

/// The accounts that a new network in `dir` funds; their keys are made here.
fn funded(dir: &Path) -> Result<Vec<(Address, Amount)>, Failure> {
    let account = |(name, amount): &(&str, u64)| {
        let key = open_or_make_key(&dir.join(name))?;
        Ok((Address::of(key.id()), Amount(*amount)))
    };
    let mut accounts: Vec<_> = ACCOUNTS.iter().map(account).collect::<Result<_, Failure>>()?;
    accounts.sort_unstable();
    Ok(accounts)
}

fn key_file(dir: &Path, index: usize) -> PathBuf {
    dir.join(format!("node{index}")).join("node.key")
}

fn open_or_make_key(file: &Path) -> Result<PublicKey, Failure> {
    if !is_taken(file) {
        Seed::generate(Scheme::MlDsa44)?.store(file)?;
    }
    Ok(Seed::load(file)?.key()?.public_key().clone())
}

/// What a test network is to be like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) label: &'a str,
    pub(crate) work_bits: u8,
}

impl Plan<'_> {
    /// Refuses what makes no genesis, before anything is made.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.label.len() > LABEL_BYTES_MAX {
            let actual = self.label.len();
            let cause = format!("the label has {actual} bytes, allowed are {LABEL_BYTES_MAX}");
            return Err(Failure::usage(cause));
        }
        self.params().check().map_err(Failure::usage)
    }

    fn params(&self) -> Params {
        Params { work_bits: self.work_bits, ..Params::dev() }
    }

    /// A genesis made now, with these validators and accounts.
    fn genesis(
        &self,
        validators: Vec<PublicKey>,
        accounts: Vec<(Address, Amount)>,
    ) -> Result<Genesis, Failure> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let genesis = Genesis {
            label: self.label.to_owned(),
            kind: NetworkKind::Test,
            created: Time::from_millis(u64::try_from(since.as_millis()).unwrap_or(0)),
            params: self.params(),
            committee: Committee::of(validators).map_err(Failure::usage)?,
            accounts,
        };
        genesis.check().map_err(Failure::usage)?;
        Ok(genesis)
    }
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
