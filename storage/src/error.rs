//! Why a store does not open, or stopped. Always for the operator: no peer can cause one.

use std::{io, path::PathBuf};

/// Why a store does not open, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error(
        "the store at {} is in use: stop the other process, or choose another directory",
        .dir.display()
    )]
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory holds something else.
    #[error("{} is no store, it holds {found:?}: choose an empty directory", .dir.display())]
    NotAStore {
        /// The directory.
        dir: PathBuf,
        /// A file that no store has.
        found: String,
    },
    /// Written by another version of this program.
    #[error(
        "the store at {} has format {actual:?}, this program reads {expected:?}: run the version \
         that wrote it, or choose an empty directory and let the node fetch from its peers",
        .dir.display()
    )]
    Format {
        /// The directory.
        dir: PathBuf,
        /// The format this program reads and writes.
        expected: String,
        /// The format found.
        actual: String,
    },
    /// The database refuses its own files.
    #[error(
        "cannot open the store at {}: {source}; if it stays so, look at the disk, move the \
         directory away and let the node fetch from its peers",
        .dir.display()
    )]
    Open {
        /// The directory.
        dir: PathBuf,
        /// What the database says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file beside the database cannot be read or written.
    #[error("cannot use {}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The first failure of a read or a write, from then on the answer to everything.
    #[error(
        "the store stopped: {cause}; nothing is written any more, look at the disk and restart"
    )]
    Stopped {
        /// What happened.
        cause: String,
    },
}
