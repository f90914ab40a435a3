//! From layers of settings to one configuration: file, then environment, then what the caller
//! gives. For a node's [`Config`], and for any other program's that has sections of settings.
//!
//! The default configuration, as a table, is the schema: it names every key and shows the kind of
//! each value, so that a text from the environment is read as what the key wants. Each setting is
//! applied and checked on its own, so an error names the very setting that is wrong and where it
//! was made.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};
use toml::{Table, Value};

use super::Config;

/// What environment variables of the node start with.
const ENVIRONMENT_PREFIX: &str = "WEFT_";

/// What those of other programs start with, which the node passes over.
const OTHERS: [&str; 1] = ["WEFT_GATEWAY_"];

/// One setting given from outside the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// `section.key`.
    pub key: String,
    /// Its value as text; lists are separated by commas.
    pub value: String,
}

impl Setting {
    /// Sets `key` (as `section.key`) to `value`.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

/// Why settings cannot be taken. The operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The file is no TOML.
    #[error("the configuration {path} is no TOML: {cause}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        cause: Box<toml::de::Error>,
    },
    /// A key that does not exist.
    #[error("unknown setting {key} in {origin}; {hint}")]
    UnknownKey {
        /// The key, with its section.
        key: String,
        /// Where it was set.
        origin: String,
        /// What may have been meant.
        hint: String,
    },
    /// A value that its key cannot take.
    #[error("setting {key} in {origin}: {cause}")]
    Value {
        /// The key, with its section.
        key: String,
        /// Where it was set.
        origin: String,
        /// Why not.
        cause: String,
    },
    /// Settings that cannot be run together.
    #[error("setting {key} is {actual}, but {rule}")]
    Rule {
        /// The key, with its section.
        key: &'static str,
        /// Its value.
        actual: u64,
        /// What it breaks and what to do.
        rule: &'static str,
    },
}

/// A configuration, and where each setting of it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// The settings.
    pub config: Config,
    /// Who made them, by key; those that are missing are defaults.
    origins: BTreeMap<String, String>,
}

/// One setting as it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// Its section.
    pub section: String,
    /// Its name in the section.
    pub name: String,
    /// Its value, as it is written in TOML.
    pub value: String,
    /// Who made it: a file, `environment variable NAME`, `the command line`; a default is `None`.
    pub origin: Option<String>,
}

impl Effective {
    /// All settings, section by section.
    pub fn settings(&self) -> Vec<InForce> {
        let table = Table::try_from(&self.config)
            .expect("settings are texts, numbers, flags and lists of texts");
        let mut settings = Vec::new();
        for (section, values) in &table {
            for (name, value) in values.as_table().into_iter().flatten() {
                settings.push(InForce {
                    section: section.clone(),
                    name: name.clone(),
                    value: value.to_string(),
                    origin: self.origins.get(&format!("{section}.{name}")).cloned(),
                });
            }
        }
        settings
    }
}

impl Config {
    /// Reads the layers: `file`, if there is one; those of `environment` that start with `WEFT_`
    /// and hold `__`; then `given`. Checks the result.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        given: &[Setting],
    ) -> Result<Self, ConfigError> {
        Self::explain(file, environment, given).map(|effective| effective.config)
    }

    /// The same, with the origin of each setting.
    pub fn explain(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        given: &[Setting],
    ) -> Result<Effective, ConfigError> {
        let is_own =
            |(name, _): &(String, String)| !OTHERS.iter().any(|other| name.starts_with(other));
        let environment = environment.into_iter().filter(is_own);
        let Layers { config, origins, .. } =
            Layers::<Self>::read(file, ENVIRONMENT_PREFIX, environment, given)?;
        config.check()?;
        Ok(Effective { config, origins })
    }

    /// These settings as a configuration file.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("settings are texts, numbers, flags and lists of texts")
    }

    /// Refuses what no node can run with.
    pub fn check(&self) -> Result<(), ConfigError> {
        let api = &self.api;
        let counts = [
            ("p2p.peers_max", self.p2p.peers_max),
            ("api.connections_max", api.connections_max),
            ("api.connections_per_client", api.connections_per_client),
            ("api.subscriber_buffer", api.subscriber_buffer),
            ("api.submissions_max", api.submissions_max),
            ("api.clients_max", api.clients_max),
            ("api.work_queue", api.work_queue),
            ("machine.queue", self.machine.queue),
            ("machine.group_max", self.machine.group_max),
            ("ingest.batch_max", self.ingest.batch_max),
            ("ingest.seen_max", self.ingest.seen_max),
            ("ingest.keys_max", self.ingest.keys_max),
        ];
        for (key, count) in counts {
            within(key, count as u64, 1, 1 << 24, "it must be between 1 and 2^24")?;
        }
        let held = &self.ingest;
        let (tried, target) = (self.p2p.peers_target as u64, self.p2p.peers_max as u64);
        let wait = api.submit_timeout_ms;
        within("p2p.peers_target", tried, 0, target, "it must not be above p2p.peers_max")?;
        let (send, receive) = (self.p2p.send_bytes as u64, self.p2p.receive_bytes.into());
        within("p2p.send_bytes", send, 1 << 16, 1 << 32, QUEUE_RULE)?;
        within("p2p.receive_bytes", receive, 1 << 16, 1 << 32, QUEUE_RULE)?;
        within("api.submit_timeout_ms", wait, 1, api.request_timeout_ms, SUBMIT_RULE)?;
        within("api.request_timeout_ms", api.request_timeout_ms, 1, 3_600_000, TIMEOUT_RULE)?;
        within("api.work_burst", api.work_burst, 1 << 16, 1 << 48, BURST_RULE)?;
        within("api.work_per_second", api.work_per_second, 1, 1 << 48, "it must be 1 to 2^48")?;
        within("store.cache_bytes", self.store.cache_bytes, 1 << 20, 1 << 40, CACHE_RULE)?;
        within("machine.live_bytes", self.machine.live_bytes, 1 << 20, 1 << 40, CACHE_RULE)?;
        within("machine.waiting_bytes", self.machine.waiting_bytes, 1 << 20, 1 << 40, CACHE_RULE)?;
        let taken = self.machine.take_bytes_per_s;
        within("machine.take_bytes_per_s", taken, 1 << 16, 1 << 40, TAKE_RULE)?;
        within("ingest.held_bytes", held.held_bytes, 1 << 16, 1 << 40, HELD_RULE)?;
        let per_peer = held.held_bytes_per_peer;
        within("ingest.held_bytes_per_peer", per_peer, 1 << 16, held.held_bytes, HELD_RULE)
    }
}

/// Reads the layers of any configuration that is made of sections: `file`, if there is one; those
/// of `environment` that start with `prefix` and hold `__`; then `given`. Its default shows which
/// settings there are and of which kind; checking the result is for the caller.
pub fn load<C: Default + Serialize + DeserializeOwned>(
    file: Option<&Path>,
    prefix: &str,
    environment: impl IntoIterator<Item = (String, String)>,
    given: &[Setting],
) -> Result<C, ConfigError> {
    Ok(Layers::read(file, prefix, environment, given)?.config)
}

const SUBMIT_RULE: &str = "it must be at least 1 and not above api.request_timeout_ms";
const TIMEOUT_RULE: &str = "it must be between 1 and 3,600,000 (an hour)";
const BURST_RULE: &str = "it must be between 2^16 and 2^48: one body must fit into it";
const CACHE_RULE: &str = "it must be between 1 MiB and 1 TiB";
const TAKE_RULE: &str = "it must be between 64 KiB and 1 TiB";
const QUEUE_RULE: &str = "it must be between 64 KiB and 4 GiB";
const HELD_RULE: &str = "a transaction must fit, and one peer cannot have more than all";

const fn within(
    key: &'static str,
    actual: u64,
    least: u64,
    most: u64,
    rule: &'static str,
) -> Result<(), ConfigError> {
    if least <= actual && actual <= most {
        return Ok(());
    }
    Err(ConfigError::Rule { key, actual, rule })
}

/// `WEFT_P2P__LISTEN` is `p2p.listen`; names without `__` are not settings.
fn environment_key(prefix: &str, name: &str) -> Option<String> {
    let (section, key) = name.strip_prefix(prefix)?.split_once("__")?;
    Some(format!("{}.{}", section.to_lowercase(), key.to_lowercase()))
}

/// The layers applied so far.
struct Layers<C> {
    schema: Table,
    applied: Table,
    config: C,
    /// Who made which setting last, by key.
    origins: BTreeMap<String, String>,
}

impl<C: Default + Serialize + DeserializeOwned> Layers<C> {
    fn read(
        file: Option<&Path>,
        prefix: &str,
        environment: impl IntoIterator<Item = (String, String)>,
        given: &[Setting],
    ) -> Result<Self, ConfigError> {
        let mut layers = Self::new();
        if let Some(path) = file {
            layers.add_file(path)?;
        }
        for (name, value) in environment {
            if let Some(key) = environment_key(prefix, &name) {
                layers.add_text(&key, &value, &format!("environment variable {name}"))?;
            }
        }
        for setting in given {
            layers.add_text(&setting.key, &setting.value, "the command line")?;
        }
        Ok(layers)
    }

    fn new() -> Self {
        let config = C::default();
        let schema = Table::try_from(&config)
            .expect("the defaults are sections of texts, numbers and lists of texts");
        Self { applied: schema.clone(), schema, config, origins: BTreeMap::new() }
    }

    fn add_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| ConfigError::Unreadable { path: path.into(), cause })?;
        let table: Table = toml::from_str(&text)
            .map_err(|cause| ConfigError::Syntax { path: path.into(), cause: Box::new(cause) })?;
        let origin = path.display().to_string();
        for (section, settings) in table {
            let Value::Table(settings) = settings else {
                return Err(self.unknown(&section, &origin));
            };
            if !self.schema.contains_key(&section) {
                return Err(self.unknown(&section, &origin));
            }
            for (name, value) in settings {
                self.apply(&section, &name, value, &origin)?;
            }
        }
        Ok(())
    }

    /// A setting as text is read as the kind of value that its key has by default.
    fn add_text(&mut self, key: &str, text: &str, origin: &str) -> Result<(), ConfigError> {
        let unknown = || self.unknown(key, origin);
        let (section, name) = key.split_once('.').ok_or_else(unknown)?;
        let known = self.schema.get(section).and_then(|section| section.get(name));
        let wrong =
            |cause: String| ConfigError::Value { key: key.into(), origin: origin.into(), cause };
        let value = match known.ok_or_else(unknown)? {
            Value::Integer(_) => Value::Integer(
                text.parse().map_err(|_| wrong(format!("{text:?} is no whole number")))?,
            ),
            Value::Boolean(_) => Value::Boolean(
                text.parse().map_err(|_| wrong(format!("{text:?} is neither true nor false")))?,
            ),
            Value::Array(_) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Value::Array(parts.map(|part| Value::String(part.into())).collect())
            }
            _ => Value::String(text.into()),
        };
        self.apply(section, name, value, origin)
    }

    fn apply(
        &mut self,
        section: &str,
        name: &str,
        value: Value,
        origin: &str,
    ) -> Result<(), ConfigError> {
        let key = format!("{section}.{name}");
        let known = self.schema.get(section).and_then(|section| section.get(name)).is_some();
        if !known {
            return Err(self.unknown(&key, origin));
        }
        if let Some(Value::Table(settings)) = self.applied.get_mut(section) {
            settings.insert(name.into(), value);
        }
        self.config = C::deserialize(Value::Table(self.applied.clone())).map_err(|error| {
            let (key, cause) = (key.clone(), error.message().into());
            ConfigError::Value { key, origin: origin.into(), cause }
        })?;
        self.origins.insert(key, origin.into());
        Ok(())
    }

    fn unknown(&self, key: &str, origin: &str) -> ConfigError {
        let (section, _) = key.split_once('.').unwrap_or((key, ""));
        let hint = match self.schema.get(section) {
            Some(Value::Table(settings)) => {
                format!("[{section}] has {}", names(settings))
            }
            _ => format!("sections are {}", names(&self.schema)),
        };
        ConfigError::UnknownKey { key: key.into(), origin: origin.into(), hint }
    }
}

fn names(table: &Table) -> String {
    table.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}
