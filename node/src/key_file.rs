//! Files with a secret: the 32-byte seed of a node, an account or a device.
//!
//! ```text
//! scheme = "ml-dsa-44"
//! seed = "64 hexadecimal digits"
//! ```
//! Invariant: a key file is never half written and never readable by others: it is made under
//! another name with mode 0600, synced, and then linked to its place, where nothing may be.
//!
//! Left out on purpose: encryption at rest. The disk or the service manager does that better.

use std::{
    fmt, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use weft_core::{
    digest::NodeId,
    keys::{HostKey, KeyError, Scheme, Sign as _},
};

/// A secret seed and the scheme of the key it makes. Shown as `Seed(..)` only.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed {
    /// The scheme.
    pub scheme: Scheme,
    /// The secret. Whoever has it has the key.
    pub bytes: [u8; Scheme::SEED_BYTES],
}

/// Why a key file cannot be used. The operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read.
    #[error("cannot read the key file {path}: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The file cannot be made.
    #[error("cannot make the file {path}: {cause}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Something is there already.
    #[error("{path} exists already; it is not overwritten, since a lost key cannot be replaced")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Others may read it.
    #[error("others may read the key file {path} (mode {mode:03o}); run: chmod 600 {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not a key file.
    #[error("{path} is no key file: {cause}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// No randomness for a new seed.
    #[error("the operating system gives no randomness: {cause}")]
    NoRandomness {
        /// Why.
        cause: getrandom::Error,
    },
    /// The seed makes no key.
    #[error("the seed makes no key: {0}")]
    Key(#[from] KeyError),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    scheme: String,
    seed: String,
}

impl Seed {
    /// A fresh seed from the operating system.
    pub fn generate(scheme: Scheme) -> Result<Self, KeyFileError> {
        let mut bytes = [0; Scheme::SEED_BYTES];
        getrandom::fill(&mut bytes).map_err(|cause| KeyFileError::NoRandomness { cause })?;
        Ok(Self { scheme, bytes })
    }

    /// Reads a key file. Refuses one that others may read.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let unreadable = |cause| KeyFileError::Unreadable { path: path.into(), cause };
        refuse_open(path, &fs::metadata(path).map_err(unreadable)?)?;
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let malformed = |cause: String| KeyFileError::Malformed { path: path.into(), cause };
        // The text holds a secret, so no error may quote it: the cause is told without the line.
        let fields: Fields =
            toml::from_str(&text).map_err(|error| malformed(error.message().to_owned()))?;
        let scheme =
            fields.scheme.parse::<Scheme>().map_err(|error| malformed(error.to_string()))?;
        let rule = "the seed is 64 hexadecimal digits, in lower case";
        let seed = fields.seed.parse::<NodeId>().map_err(|_| malformed(rule.into()))?;
        Ok(Self { scheme, bytes: seed.0 })
    }

    /// Makes a key file. Refuses to overwrite.
    pub fn store(&self, path: &Path) -> Result<(), KeyFileError> {
        let seed = NodeId(self.bytes).to_string();
        let fields = Fields { scheme: self.scheme.name().into(), seed };
        let text = toml::to_string(&fields).expect("two texts are TOML");
        create_new(path, text.as_bytes(), 0o600).map_err(|cause| match cause.kind() {
            io::ErrorKind::AlreadyExists => KeyFileError::Exists { path: path.into() },
            _ => KeyFileError::Unwritable { path: path.into(), cause },
        })
    }

    /// The key that this seed makes.
    pub fn key(&self) -> Result<HostKey, KeyFileError> {
        Ok(HostKey::from_seed(self.scheme, &self.bytes)?)
    }

    /// The node that has this seed.
    pub fn node_id(&self) -> Result<NodeId, KeyFileError> {
        Ok(self.key()?.public_key().id().into())
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

#[cfg(unix)]
fn refuse_open(path: &Path, metadata: &fs::Metadata) -> Result<(), KeyFileError> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(KeyFileError::Open { path: path.into(), mode })
}

#[cfg(not(unix))]
fn refuse_open(_: &Path, _: &fs::Metadata) -> Result<(), KeyFileError> {
    Ok(())
}

/// Makes a file with all of `bytes` or none at all, where nothing was. Directories on the way are
/// made too.
pub(crate) fn create_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = parent.unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".draft-{}", std::process::id()));
    let draft = PathBuf::from(draft);
    // Left over by a crash of a process with our number: ours to remove.
    match fs::remove_file(&draft) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    let written = write_private(&draft, bytes, mode).and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    written.and(removed)?;
    fs::File::open(directory)?.sync_all()
}

fn write_private(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn reads_what_it_wrote_and_never_overwrites() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/er/node.key");
        let seed = Seed::generate(Scheme::MlDsa44).unwrap();
        seed.store(&path).unwrap();
        assert_eq!(Seed::load(&path).unwrap(), seed);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let other = Seed::generate(Scheme::MlDsa65).unwrap();
        assert!(matches!(other.store(&path), Err(KeyFileError::Exists { .. })));
        assert_eq!(Seed::load(&path).unwrap(), seed);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn refuses_a_file_that_others_may_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.key");
        Seed::generate(Scheme::MlDsa44).unwrap().store(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = Seed::load(&path).unwrap_err().to_string();
        assert!(error.contains("644") && error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_malformed_file_is_refused_without_showing_it() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("empty", String::new()),
            ("short", "scheme = \"ml-dsa-44\"\nseed = \"5ec7e7\"".into()),
            ("scheme", format!("scheme = \"rsa\"\nseed = \"{}\"", "5e".repeat(32))),
            ("more", format!("scheme = \"ml-dsa-44\"\nseed = \"{}\"\nx = 1", "5e".repeat(32))),
            ("bare", "5e".repeat(32)),
        ] {
            let path = dir.path().join(name);
            create_new(&path, text.as_bytes(), 0o600).unwrap();
            let error = Seed::load(&path).unwrap_err().to_string();
            assert!(error.contains("is no key file") && !error.contains("5e"), "{error}");
        }
    }
}
