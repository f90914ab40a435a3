//! What is looked at when a store is opened, to find out whether something is missing.
//!
//! The journal of the database is replayed at each start. A damaged one ends where the damage is,
//! without an error, and two things can be missing then:
//!
//! - **the end**: the log is shorter than the witness says. What is left is what was there once,
//!   where it starts included;
//! - **a stretch before the end**: a journal that waited for its tables was cut, the one after it
//!   was not. The log has a gap, within what the journals held; or it is shorter than a later drop
//!   says; or there are entries that an earlier one had dropped.
//!
//! Parents lie below their children, so what is below a gap is whole and what is above may not be:
//! it is removed and fetched from peers again, and all that goes with it (`sweep.rs`). Invariant:
//! the log of a store that is open has no gap, and nothing is left below its floor.
//!
//! Left out on purpose: what was lost of that which had left anyway; a drop that is lost while none
//! after it is left, as the floor is lower then and the log below it still there; keys and the
//! address book. A lost key is asked for again by its id. When several stretches are lost, bodies
//! may stay that hang nowhere.

use std::{fs, path::Path};

use fjall::{Readable as _, Snapshot};
use weft_core::{codec::Decode as _, digest::BodyId, units::Position};

use super::{Extent, FjallStore, Lost, lock, read::ReadError};
use crate::{
    StoreError, Totals,
    record::{self, LogRecord},
};

/// The least that journals are taken to have held, in bytes: writes wait while four memtables of
/// 64 MiB wait for their tables. Journals that are longer count as they are.
const JOURNAL_BYTES_MIN: u64 = 512 << 20;

/// What one attachment takes in a journal, in bytes, without its body: two records, their keys and
/// 21 bytes in front of each.
const ATTACHMENT_BYTES: u64 = 214 + 41 + 2 * 21;

/// The least that dropping an attachment takes in a journal, in bytes: keys of 9, 33 and 41 and 21
/// bytes in front of each.
const DROPPED_BYTES: u64 = 9 + 33 + 41 + 3 * 21;

/// Bytes of all journals at `database`, before it is opened. Zero if there are none.
pub(super) fn journal_bytes(database: &Path) -> u64 {
    let Ok(files) = fs::read_dir(database) else { return 0 };
    let journals = files.flatten().filter(|file| file.path().extension() == Some("jnl".as_ref()));
    journals.filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).sum()
}

impl FjallStore {
    /// Finds out what there is, removes what is not whole, and compares with the witness.
    pub(super) fn check(&self, journal_bytes: u64) -> Result<Option<Lost>, StoreError> {
        let checked = self.try_check(journal_bytes.max(JOURNAL_BYTES_MIN));
        checked.map_err(|error| StoreError::Open {
            dir: self.directory.path().to_path_buf(),
            source: error.into(),
        })
    }

    fn try_check(&self, journal_bytes: u64) -> Result<Option<Lost>, ReadError> {
        let at = self.database.snapshot();
        let noted = at.get(&self.records, record::EXTENT)?;
        let noted = noted.map_or(Ok(Extent::default()), |value| Extent::from_bytes(&value))?;
        let (left, floor) = (noted.left, noted.floor());
        let newest = self.log_from(&at, floor).next_back().transpose()?;
        let newest = newest.map_or(left, |record| record.totals);
        let found = more(newest, noted.totals);
        let end = self.gap(&at, floor, journal_bytes)?.unwrap_or(Position(newest.transactions()));
        let actual = self.totals_below(&at, left, end)?.ok_or(ReadError::Missing("the log"))?;
        let is_cut = actual != found;
        if is_cut || self.is_left_below(&at, floor, journal_bytes)? {
            tracing::warn!(from = floor.0, to = end.0, "only a part of the log is whole");
            self.sweep(&at, Extent { left, totals: actual })?;
        }
        let witnessed = lock(&self.witness).last();
        let end = Position(witnessed.transactions());
        // Below the start there is nothing left to compare with.
        let same = end < floor || self.totals_below(&at, left, end)? == Some(witnessed);
        let expected = if is_cut {
            more(found, witnessed)
        } else if same {
            found
        } else {
            witnessed
        };
        *lock(&self.extent) = Extent { left, totals: actual };
        Ok((expected != actual).then_some(Lost { expected, actual }))
    }

    /// The lowest position that is missing among the newest entries, as far down as `journal_bytes`
    /// of journal reach.
    fn gap(
        &self,
        at: &Snapshot,
        floor: Position,
        journal_bytes: u64,
    ) -> Result<Option<Position>, ReadError> {
        let mut gap = None;
        let mut above = None;
        let mut bytes = 0;
        for record in self.log_from(at, floor).rev() {
            let LogRecord { entry, first_of_body, .. } = record?;
            let next = Position(entry.position.0 + 1);
            if above.is_some_and(|above| above != next) {
                gap = Some(next);
            }
            if !first_of_body && !self.hangs(at, &entry.body)? {
                gap = Some(entry.position);
            }
            above = Some(entry.position);
            bytes += ATTACHMENT_BYTES;
            bytes += if first_of_body { u64::from(entry.bytes) } else { 0 };
            if bytes > journal_bytes {
                return Ok(gap);
            }
        }
        // The whole log was seen, so it must start at its start.
        Ok(if above.is_none_or(|lowest| lowest == floor) { gap } else { Some(floor) })
    }

    /// Whether a body that came with another entry is there, and that entry too. When two journals
    /// are cut, one may lose the body and the other the batch that kept it when the entry was
    /// dropped.
    fn hangs(&self, at: &Snapshot, body: &BodyId) -> Result<bool, ReadError> {
        let Some(value) = at.get(&self.records, record::body(body))? else { return Ok(false) };
        let (position, _) = record::split_placed(&value)?;
        Ok(at.contains_key(&self.records, record::log(position))?)
    }

    /// Whether something is there that a later batch says has left: a batch that dropped it is
    /// lost. Looked for as far down as `journal_bytes` of journal can drop.
    fn is_left_below(
        &self,
        at: &Snapshot,
        floor: Position,
        journal_bytes: u64,
    ) -> Result<bool, ReadError> {
        let from = Position(floor.0.saturating_sub(journal_bytes / DROPPED_BYTES));
        Ok(self.log_between(at, from..floor).next().transpose()?.is_some())
    }

    /// The totals of all below `position`, if the log reaches that far, down and up.
    fn totals_below(
        &self,
        at: &Snapshot,
        left: Totals,
        position: Position,
    ) -> Result<Option<Totals>, ReadError> {
        if position.0 == left.transactions() {
            return Ok(Some(left));
        }
        let Some(last) = position.0.checked_sub(1) else { return Ok(None) };
        Ok(self.log_record(at, Position(last))?.map(|record| record.totals))
    }
}

/// What has more transactions; the first if they are as many.
const fn more(a: Totals, b: Totals) -> Totals {
    if b.transactions() > a.transactions() { b } else { a }
}

#[cfg(test)]
mod tests;
