//! What is looked at when a store is opened, and what is done when something is missing.
//!
//! The journal of the database is replayed at each start. A damaged one ends where the damage is,
//! without an error, and two things can be missing then:
//!
//! - **the end**: the log is shorter than the witness says;
//! - **a stretch before the end**: a journal that waited for its tables was cut, the one after it
//!   was not. The log has a gap, within what the journals held.
//!
//! Parents lie below their children, so what is below a gap is whole and what is above may not be:
//! it is removed, newest first, and fetched from peers again. A crash in between leaves the gap,
//! and the next start finds it. Invariant: a store that is open has no gap.
//!
//! Left out on purpose: keys and the address book. A lost key is asked for again by its id.

use std::{fs, path::Path};

use fjall::{PersistMode, Snapshot};
use weft_core::{codec::Decode as _, tx::SealedBody, units::Position};

use super::{FjallStore, Lost, lock, read::ReadError};
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

/// Attachments removed in one piece.
const REMOVED_AT_ONCE: usize = 1_024;

/// Bytes of all journals at `database`, before it is opened. Zero if there are none.
pub(super) fn journal_bytes(database: &Path) -> u64 {
    let Ok(files) = fs::read_dir(database) else { return 0 };
    let journals = files.flatten().filter(|file| file.path().extension() == Some("jnl".as_ref()));
    journals.filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).sum()
}

impl FjallStore {
    /// Finds out what there is, removes what hangs above a gap, and compares with the witness.
    pub(super) fn check(&self, journal_bytes: u64) -> Result<Option<Lost>, StoreError> {
        let checked = self.try_check(journal_bytes.max(JOURNAL_BYTES_MIN));
        checked.map_err(|error| StoreError::Open {
            dir: self.directory.path().to_path_buf(),
            source: error.into(),
        })
    }

    fn try_check(&self, journal_bytes: u64) -> Result<Option<Lost>, ReadError> {
        let at = self.database.snapshot();
        let newest = self.log_down(&at).next().transpose()?;
        let found = newest.map_or(Totals::ZERO, |record| record.totals);
        let witnessed = lock(&self.witness).last();
        let (expected, actual) = if let Some(gap) = self.gap(&at, journal_bytes)? {
            self.remove_from(&at, gap)?;
            let below = self.totals_below(&at, gap)?.ok_or(ReadError::Missing("the log"))?;
            let more = found.transactions() > witnessed.transactions();
            (if more { found } else { witnessed }, below)
        } else {
            let same = self.totals_below(&at, Position(witnessed.transactions()))?;
            (if same == Some(witnessed) { found } else { witnessed }, found)
        };
        *lock(&self.totals) = actual;
        Ok((expected != actual).then_some(Lost { expected, actual }))
    }

    /// The lowest position that is missing among the newest entries, as far down as `journal_bytes`
    /// of journal reach.
    fn gap(&self, at: &Snapshot, journal_bytes: u64) -> Result<Option<Position>, ReadError> {
        let mut gap = None;
        let mut above = None;
        let mut bytes = 0;
        for record in self.log_down(at) {
            let LogRecord { entry, first_of_body, .. } = record?;
            let next = Position(entry.position.0 + 1);
            if above.is_some_and(|above| above != next) {
                gap = Some(next);
            }
            above = Some(entry.position);
            bytes += ATTACHMENT_BYTES;
            bytes += if first_of_body { u64::from(entry.bytes) } else { 0 };
            if bytes > journal_bytes {
                return Ok(gap);
            }
        }
        // The whole log was seen, so it must start at the start.
        Ok(if above.is_none_or(|lowest| lowest == Position::ZERO) {
            gap
        } else {
            Some(Position::ZERO)
        })
    }

    /// The totals of the log below `position`, if it reaches that far.
    fn totals_below(&self, at: &Snapshot, position: Position) -> Result<Option<Totals>, ReadError> {
        let Some(last) = position.0.checked_sub(1) else { return Ok(Some(Totals::ZERO)) };
        Ok(self.log_record(at, Position(last))?.map(|record| record.totals))
    }

    /// Removes all that came with the entries above `gap`. Batches are in the database whole, so an
    /// entry that is there has all its records.
    fn remove_from(&self, at: &Snapshot, gap: Position) -> Result<(), ReadError> {
        let mut removed = self.database.batch();
        let mut count = 0;
        for record in self.log_down(at) {
            let record = record?;
            if record.entry.position < gap {
                break;
            }
            for key in self.keys_of(at, &record)? {
                removed.remove(&self.records, key);
            }
            count += 1;
            if count % REMOVED_AT_ONCE == 0 {
                std::mem::replace(&mut removed, self.database.batch()).commit()?;
            }
        }
        removed.commit()?;
        self.database.persist(PersistMode::SyncAll)?;
        Ok(())
    }

    fn keys_of(&self, at: &Snapshot, record: &LogRecord) -> Result<Vec<Vec<u8>>, ReadError> {
        let LogRecord { entry, first_of_body, .. } = record;
        let position = entry.position;
        let mut keys = vec![record::log(position), record::transaction(&entry.id)];
        if *first_of_body {
            let sealed = self.try_sealed_body(at, &entry.body)?;
            let sealed = SealedBody::from_bytes(&sealed.ok_or(ReadError::Missing("the log"))?)?;
            let reading = sealed.body.payload.reading();
            keys.extend(reading.map(|data| record::reading(&data.stream.id(), position)));
            keys.push(record::issued(&sealed.body.issuer, sealed.body.sequence, position));
            keys.push(record::body(&entry.body));
        } else {
            keys.push(record::hanging(&entry.body, position));
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests;
