//! The account that posts: its key file, and how far it has counted.
//!
//! Beside a key file lies `KEYFILE.next`: per network, the sequence that comes next. A node knows
//! that too, but the one asked now may not have heard yet of what went through another. The same
//! file is locked while a command posts, so that two commands with one key take turns.
//!
//! An address is the id of an account's first key and stays when the key rotates. So beside a key
//! file to which an account rotated lies `KEYFILE.account`: the id of that key, and the account's
//! address.
//!
//! Invariant: no two bodies of one account get the same sequence from this machine's commands.

use std::{
    collections::BTreeMap,
    env,
    fmt::Display,
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use weft_client::host::{Attach, NodeClient, Poster};
use weft_core::{
    address::{Address, NetworkKind},
    digest::KeyId,
    keys::{HostKey, Scheme, Sign as _},
    units::Sequence,
};
use weft_node::key_file::Seed;

use crate::{failure::Failure, output::Output};

/// Networks whose count is kept; beyond, all but the current one are forgotten.
const NETWORKS_MAX: usize = 64;

/// Whose account, as arguments.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Whose {
    /// The address [default: that of the key]
    address: Option<String>,
    /// Key file of the account [default: ~/.config/weft/key]
    #[arg(long, value_name = "FILE", env = "WEFT_KEY")]
    key: Option<PathBuf>,
}

impl Whose {
    /// The address as it is written on the network of `node`.
    pub(crate) async fn address(&self, node: &NodeClient) -> Result<String, Failure> {
        match &self.address {
            Some(address) => Ok(address.clone()),
            None => Ok(address_of(self.key.as_deref())?.text(node.tips().await?.kind)),
        }
    }
}

/// The address of the account of `named`, or of the default key file.
pub(crate) fn address_of(named: Option<&Path>) -> Result<Address, Failure> {
    let path = named.map_or_else(default_key_file, |path| Ok(path.to_owned()))?;
    address_beside(&path, Seed::load(&path)?.key()?.public_key().id())
}

/// What lies beside a key file whose key is not the first of its account.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotated {
    /// The key: another one may get the same file name later.
    key: String,
    /// The address of the account.
    account: String,
}

/// The address of the account of the key `id` in the file `path`.
fn address_beside(path: &Path, id: KeyId) -> Result<Address, Failure> {
    let file = beside(path, ".account");
    let unusable = |error: &dyn Display| {
        Failure::usage(format!("{} does not tell the account: {error}", file.display()))
    };
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Address::of(id)),
        Err(error) => return Err(unusable(&error)),
    };
    let Rotated { key, account } = serde_json::from_str(&text).map_err(|error| unusable(&error))?;
    if key != id.to_string() {
        return Ok(Address::of(id));
    }
    let read = |kind| Address::parse(&account, kind);
    read(NetworkKind::Test).or_else(|_| read(NetworkKind::Public)).map_err(|error| unusable(&error))
}

fn beside(key: &Path, ending: &str) -> PathBuf {
    let mut path = key.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

/// A key, ready to post.
pub(crate) struct Account {
    key: Arc<HostKey>,
    address: Address,
    /// Locked while this lives. `None` where nothing can be written beside the key.
    counts: Option<File>,
}

/// The key file that is used when none is named.
pub(crate) fn default_key_file() -> Result<PathBuf, Failure> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")));
    let config = config.ok_or_else(|| {
        Failure::usage("no home directory to keep a key in").next("name a file with --key FILE")
    })?;
    Ok(config.join("weft").join("key"))
}

impl Account {
    /// The account of `named`, or of the default key file, which is made when it is first needed.
    pub(crate) fn open(named: Option<&Path>, output: Output) -> Result<Self, Failure> {
        let path = match named {
            Some(path) => path.to_owned(),
            None => default_key_file()?,
        };
        if named.is_none() && !path.exists() {
            let seed = Seed::generate(Scheme::MlDsa44)?;
            seed.store(&path)?;
            let address = Address::of(seed.key()?.public_key().id()).text(NetworkKind::Test);
            let path = path.display();
            output.note(&format!(
                "made a key in {path}: it is your account {address}; keep it, nobody else has it"
            ));
        }
        let key = Arc::new(Seed::load(&path)?.key()?);
        let address = address_beside(&path, key.public_key().id())?;
        Ok(Self { key, address, counts: lock_counts(&path, output)? })
    }

    /// The same account with the key in the file `path`, to which it is to rotate.
    pub(crate) fn successor(&self, path: &Path, output: Output) -> Result<Self, Failure> {
        let (key, file) = (Seed::load(path)?.key()?, path.display());
        let id = key.public_key().id();
        let unfit = |cause| Err(Failure::usage(cause).next("make a key with `weft key new FILE`"));
        if id == self.key.public_key().id() {
            return unfit(format!("{file} holds the key that signs already"));
        }
        if ![Address::of(id), self.address].contains(&address_beside(path, id)?) {
            return unfit(format!("{file} is the key of another account"));
        }
        let counts = lock_counts(path, output)?;
        Ok(Self { key: Arc::new(key), address: self.address, counts })
    }

    /// Writes beside the key file `path`, which is that of this account, whose key it is.
    pub(crate) fn keep_address(&self, path: &Path, kind: NetworkKind) -> Result<(), Failure> {
        let id = self.key.public_key().id();
        if id == self.address.first_key() {
            return Ok(());
        }
        let rotated = Rotated { key: id.to_string(), account: self.address.text(kind) };
        let text = serde_json::to_string_pretty(&rotated).map_err(Failure::failed)?;
        let file = beside(path, ".account");
        let written = File::create(&file).and_then(|mut made| {
            made.write_all(text.as_bytes())?;
            made.sync_all()
        });
        let file = file.display();
        written.map_err(|error| Failure::failed(format!("cannot write {file}: {error}")))
    }

    pub(crate) fn key(&self) -> &HostKey {
        &self.key
    }

    /// The key, for those who sign with it later.
    pub(crate) fn shared_key(&self) -> Arc<HostKey> {
        Arc::clone(&self.key)
    }

    pub(crate) const fn address(&self) -> Address {
        self.address
    }

    /// Starts posting through `node`.
    pub(crate) async fn poster(
        &mut self,
        node: NodeClient,
        attach: Attach,
    ) -> Result<Poster, Failure> {
        let key = Arc::clone(&self.key);
        let poster = Poster::open_for(self.address, node, key, attach).await?;
        let counted = self.read_counts().remove(&poster.genesis().to_string());
        poster.count_from(Sequence(counted.unwrap_or(0))).await;
        Ok(poster)
    }

    /// Remembers how far `poster` has counted.
    pub(crate) async fn remember(&mut self, poster: &Poster) -> Result<(), Failure> {
        let mut counts = self.read_counts();
        if counts.len() >= NETWORKS_MAX {
            counts.clear();
        }
        counts.insert(poster.genesis().to_string(), poster.next_sequence().await.0);
        let Some(file) = &mut self.counts else { return Ok(()) };
        let text = serde_json::to_string_pretty(&counts).map_err(Failure::failed)?;
        let written = file.rewind().and_then(|()| file.set_len(0));
        let written = written.and_then(|()| file.write_all(text.as_bytes()));
        written.map_err(|error| Failure::failed(format!("cannot keep the count: {error}")))
    }

    /// What is kept; nothing where that cannot be read, since the node knows most of it.
    fn read_counts(&mut self) -> BTreeMap<String, u64> {
        let Some(file) = &mut self.counts else { return BTreeMap::new() };
        let mut text = String::new();
        let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
        read.ok().and_then(|_| serde_json::from_str(&text).ok()).unwrap_or_default()
    }
}

fn lock_counts(key: &Path, output: Output) -> Result<Option<File>, Failure> {
    let path = beside(key, ".next");
    let mut options = OpenOptions::new();
    let opened = options.read(true).write(true).create(true).truncate(false).open(&path);
    let Ok(file) = opened else {
        let key = key.display();
        output.note(&format!("cannot write beside {key}: post from one command at a time"));
        return Ok(None);
    };
    let locked = match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            output.note("another command is posting with this key; waiting for it");
            file.lock()
        }
        Err(TryLockError::Error(error)) => Err(error),
    };
    let path = path.display();
    locked.map_err(|error| Failure::failed(format!("cannot lock {path}: {error}")))?;
    Ok(Some(file))
}

/// Whether there is a file or folder at `path`, even a broken link.
pub(crate) fn is_taken(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_its_account_until_another_key_has_its_file_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name| dir.path().join(name);
        let made = |name| {
            Seed::generate(Scheme::MlDsa44).unwrap().store(&file(name)).unwrap();
            address_of(Some(&file(name))).unwrap()
        };
        let (address, _) = (made("old.key"), made("new.key"));
        let output = Output::new(false);
        let account = Account::open(Some(&file("old.key")), output).unwrap();
        let next = account.successor(&file("new.key"), output).unwrap();
        for kind in [NetworkKind::Test, NetworkKind::Public] {
            next.keep_address(&file("new.key"), kind).unwrap();
            assert_eq!(address_of(Some(&file("new.key"))).unwrap(), address);
        }
        fs::remove_file(file("new.key")).unwrap();
        let another = made("new.key");
        let key = Seed::load(&file("new.key")).unwrap().key().unwrap();
        assert_eq!(another, Address::of(key.public_key().id()));
    }
}
