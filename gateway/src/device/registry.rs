//! The registry: a TOML file with all devices, which people and `weft device` change while the
//! gateway runs.
//!
//! Invariant: the file is replaced whole, so whoever reads it finds the old or the new one; who
//! changes it holds a lock beside it, so no change is lost.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{Device, DeviceName};

/// Most devices of one gateway.
const DEVICES_MAX: usize = 100_000;

const HEADER: &str = "\
# The devices of a gateway: `weft device` changes this file, and so may you; a running gateway
# sees it within two seconds.

";

/// All devices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// By name.
    #[serde(default)]
    pub devices: BTreeMap<DeviceName, Device>,
}

impl Registry {
    /// Reads the file at `path`; one that is not there lists nobody.
    pub fn load(path: &Path) -> Result<Self, RegistryError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(cause) => return Err(RegistryError::Unreadable { path: path.into(), cause }),
        };
        let registry: Self = toml::from_str(&text).map_err(|error| RegistryError::Syntax {
            path: path.into(),
            cause: error.to_string(),
        })?;
        let actual = registry.devices.len();
        if actual > DEVICES_MAX {
            return Err(RegistryError::TooMany { actual });
        }
        Ok(registry)
    }
}

/// The registry, held for a change.
#[derive(Debug)]
pub struct Registrar {
    path: PathBuf,
    _lock: File,
    /// What is there, to be changed.
    pub registry: Registry,
}

impl Registrar {
    /// Takes the file at `path` for a change; waits for others who change it.
    pub fn open(path: &Path) -> Result<Self, RegistryError> {
        let failed = |cause| RegistryError::Unwritable { path: path.into(), cause };
        if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            fs::create_dir_all(dir).map_err(failed)?;
        }
        let lock = beside(path, ".lock");
        let lock = File::options().create(true).append(true).open(lock).map_err(failed)?;
        lock.lock().map_err(failed)?;
        Ok(Self { path: path.into(), _lock: lock, registry: Registry::load(path)? })
    }

    /// Puts the changed registry in place of the old one, on disk.
    pub fn store(self) -> Result<(), RegistryError> {
        let failed = |cause| RegistryError::Unwritable { path: self.path.clone(), cause };
        let actual = self.registry.devices.len();
        if actual > DEVICES_MAX {
            return Err(RegistryError::TooMany { actual });
        }
        let text = toml::to_string_pretty(&self.registry).map_err(|error| {
            RegistryError::Syntax { path: self.path.clone(), cause: error.to_string() }
        })?;
        let new = beside(&self.path, ".new");
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&new).map_err(failed)?;
        file.write_all(HEADER.as_bytes()).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        fs::rename(&new, &self.path).map_err(failed)
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

/// Why the registry cannot be read or changed. The operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// It cannot be read.
    #[error("cannot read the devices in {path}: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// It cannot be written.
    #[error("cannot write the devices to {path}: {cause}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// It is no registry.
    #[error("{path} is no list of devices: {cause}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        cause: String,
    },
    /// More than one gateway serves.
    #[error("{actual} devices are listed, one gateway serves at most {DEVICES_MAX}; run another")]
    TooMany {
        /// How many.
        actual: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Quota, Token};

    #[test]
    fn changes_are_read_again_and_a_foreign_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("here").join("devices.toml");
        assert_eq!(Registry::load(&path).unwrap(), Registry::default());
        let name: DeviceName = "thermo-1".parse().unwrap();
        let quota = Quota { messages_per_day: 3, ..Quota::default() };
        let device = Device { quota, ..Device::new(Token::generate().unwrap().hash()) };
        let mut registrar = Registrar::open(&path).unwrap();
        registrar.registry.devices.insert(name.clone(), device.clone());
        registrar.store().unwrap();
        assert_eq!(Registry::load(&path).unwrap().devices.get(&name), Some(&device));

        for text in ["[devices.'a/b']\ntoken = ''", "devices = 3", "[devices.a]\nenabled = true"] {
            fs::write(&path, text).unwrap();
            assert!(matches!(Registry::load(&path), Err(RegistryError::Syntax { .. })), "{text}");
        }
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let hash = String::from(Token::generate().unwrap().hash());
        let text = format!("[devices.a]\ntoken = '{hash}'\nquota.bytes_per_day = 5\n");
        let registry: Registry = toml::from_str(&text).unwrap();
        let device = registry.devices.values().next().unwrap();
        assert!(device.enabled && !device.batch);
        assert_eq!(device.quota, Quota { bytes_per_day: 5, ..Quota::default() });
    }
}
