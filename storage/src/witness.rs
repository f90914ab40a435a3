//! What was synced last, written down beside the database.
//!
//! A database of this kind ends its journal at the first entry it cannot read, since that is how a
//! crash in the middle of a write looks. A bit that the disk flipped looks the same, and takes all
//! that follows with it, without an error. So the totals of each durable commit are also written
//! here, after the sync. **Invariant: the database may be ahead of the witness, never behind.**
//!
//! Two slots of 512 bytes take turns, so that a write that a crash tears in two leaves the one
//! before:
//!
//! ```text
//! magic 8 | turn 8 | totals 40 | checksum 32 | zero
//! ```
//!
//! Left out on purpose: a sync of its own. A lost turn leaves an older witness, which is true too.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use weft_core::{
    codec::{Decode as _, Encode as _, Reader},
    digest::{Domain, digest},
};

use crate::{StoreError, Totals};

const MAGIC: [u8; 8] = *b"weft.wit";
const RECORD_BYTES: usize = 56 + 32;
/// The least that a disk writes at once: no write touches both slots.
const SLOT_BYTES: usize = 512;

/// The file, and the totals that it holds.
#[derive(Debug)]
pub(crate) struct Witness {
    file: File,
    path: PathBuf,
    turn: u64,
    last: Totals,
}

impl Witness {
    /// Opens the file at `path`, or makes one that has seen nothing.
    pub(crate) fn open(path: PathBuf) -> Result<Self, StoreError> {
        Self::try_open(&path).map_err(|source| StoreError::File { path, source })
    }

    fn try_open(path: &Path) -> io::Result<Self> {
        let mut file =
            File::options().create(true).truncate(false).read(true).write(true).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let slots = bytes.chunks(SLOT_BYTES).filter_map(parse);
        let (turn, last) = slots.max_by_key(|(turn, _)| *turn).unwrap_or_default();
        if turn == 0 && !bytes.is_empty() {
            tracing::warn!(path = %path.display(), "both slots are damaged: losses go unnoticed");
        }
        Ok(Self { file, path: path.to_path_buf(), turn, last })
    }

    /// What was synced last.
    pub(crate) const fn last(&self) -> Totals {
        self.last
    }

    /// Writes down what was synced.
    pub(crate) fn write(&mut self, totals: Totals) -> Result<(), StoreError> {
        let turn = self.turn + 1;
        self.try_write(turn, totals)
            .map_err(|source| StoreError::File { path: self.path.clone(), source })?;
        (self.turn, self.last) = (turn, totals);
        Ok(())
    }

    fn try_write(&mut self, turn: u64, totals: Totals) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(turn % 2 * SLOT_BYTES as u64))?;
        self.file.write_all(&record(turn, totals))
    }
}

fn record(turn: u64, totals: Totals) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&turn.to_le_bytes());
    totals.encode(&mut bytes);
    let checksum = digest(Domain::Content, &bytes);
    bytes.extend_from_slice(&checksum);
    bytes
}

fn parse(slot: &[u8]) -> Option<(u64, Totals)> {
    let found = slot.get(..RECORD_BYTES)?;
    let mut reader = Reader::new(found);
    reader.array::<8>().ok()?;
    let turn = reader.u64().ok()?;
    let totals = Totals::decode(&mut reader).ok()?;
    (record(turn, totals) == found).then_some((turn, totals))
}

#[cfg(test)]
mod tests;
