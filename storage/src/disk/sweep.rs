//! How a store is made whole again around the part of its log that is.
//!
//! When a disk forgot some batches and kept later ones, what the later ones wrote builds on what is
//! gone: an entry below a gap may hang at a body that a later batch placed above it, and an entry
//! that a lost batch dropped is still there when a later one has dropped what is above it. Which
//! records these are cannot be told from the entries that are left, so all keys that name a
//! position are looked through, and what names one outside the log goes. That costs in proportion
//! to the store, and is done only after such a loss.
//!
//! **Invariant: the log goes last, from its newest entry down.** A crash in between leaves the gap,
//! or what lies below the start, and the next start finds it and begins anew.
//!
//! Left out on purpose: keys, the address book and `r`, which name no position.

use std::ops::Range;

use fjall::{Guard, OwnedWriteBatch, PersistMode, Readable as _, Snapshot};
use weft_core::{
    codec::{Decode as _, Encode as _},
    digest::BodyId,
    tx::Body,
    units::Position,
};

use super::{Extent, FjallStore, read::ReadError};
use crate::record;

/// Records removed in one piece, but for the few that belong together.
const REMOVED_AT_ONCE: usize = 4_096;

impl FjallStore {
    /// Removes all that names a position outside of the part of the log that is whole.
    pub(super) fn sweep(&self, at: &Snapshot, whole: Extent) -> Result<(), ReadError> {
        let log = &(whole.floor()..whole.next());
        let mut removed = self.database.batch();
        for guard in at.prefix(&self.records, record::TRANSACTIONS) {
            let (key, value) = guard.into_inner()?;
            if !log.contains(&Position::from_bytes(&value)?) {
                removed.remove(&self.records, key);
            }
            self.flush(&mut removed)?;
        }
        let hanging = at.prefix(&self.records, record::HANGING);
        for guard in hanging.chain(at.prefix(&self.records, record::READINGS)) {
            let key = guard.key()?;
            if !log.contains(&record::last_position(&key)?) {
                removed.remove(&self.records, key);
            }
            self.flush(&mut removed)?;
        }
        for guard in at.prefix(&self.records, record::ISSUED) {
            self.sweep_body(at, log, guard, &mut removed)?;
            self.flush(&mut removed)?;
        }
        let above = self.log_from(at, log.end).rev();
        for record in above.chain(self.log_between(at, Position::ZERO..log.start).rev()) {
            removed.remove(&self.records, record::log(record?.entry.position));
            self.flush(&mut removed)?;
        }
        removed.insert(&self.records, record::EXTENT, whole.to_bytes());
        removed.commit()?;
        self.database.persist(PersistMode::SyncAll)?;
        Ok(())
    }

    /// Every body is found by its issuer at the place where it hangs first. If that is outside the
    /// log, it hangs at the lowest attachment inside from now on.
    fn sweep_body(
        &self,
        at: &Snapshot,
        log: &Range<Position>,
        issued: Guard,
        removed: &mut OwnedWriteBatch,
    ) -> Result<(), ReadError> {
        let (key, value) = issued.into_inner()?;
        let position = record::last_position(&key)?;
        if log.contains(&position) {
            return Ok(());
        }
        removed.remove(&self.records, key);
        let id = BodyId::from_bytes(&value)?;
        let Some(placed) = self.placed(at, &id)? else { return Ok(()) };
        if placed.position == position {
            let hanging = self.lowest_hanging(at, &id, log)?;
            let issued = self.lowest_issued(at, &id, &placed.body, log)?;
            let heir = hanging.into_iter().chain(issued).min();
            self.pass_on(&id, &placed, heir, removed);
        }
        Ok(())
    }

    /// Where in the log a body hung first before it was dropped and came again, if the batch that
    /// dropped it is lost.
    fn lowest_issued(
        &self,
        at: &Snapshot,
        id: &BodyId,
        body: &Body,
        log: &Range<Position>,
    ) -> Result<Option<Position>, ReadError> {
        let key = |position| record::issued(&body.issuer, body.sequence, position);
        for guard in at.range(&self.records, key(log.start)..key(log.end)) {
            let (key, value) = guard.into_inner()?;
            if value == id.as_bytes() {
                return Ok(Some(record::last_position(&key)?));
            }
        }
        Ok(None)
    }

    /// Writes what was gathered, once it is enough.
    fn flush(&self, removed: &mut OwnedWriteBatch) -> Result<(), ReadError> {
        if removed.len() >= REMOVED_AT_ONCE {
            std::mem::replace(removed, self.database.batch()).commit()?;
        }
        Ok(())
    }
}
