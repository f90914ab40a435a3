//! How old transactions leave.
//!
//! All entries from the start of the log up to a position go, with everything that came with them.
//! A body stays as long as one of its attachments does: where it hung first is then the lowest that
//! is left. What is read is read before the batch, so nothing here writes a key twice.
//!
//! Invariant: a log entry is removed, but never written anew. A journal that is cut may lose the
//! batch that attached an entry and keep one that drops another; were the entry written by both,
//! the gap would not be seen (`check.rs`).
//!
//! Left out on purpose: bodies without their attachments, and seals, which could leave sooner.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use bytes::Bytes;
use fjall::{OwnedWriteBatch, Readable as _, Snapshot};
use weft_core::{
    codec::Decode as _,
    digest::BodyId,
    machine::Batch,
    tx::{Body, SealedBody},
    units::Position,
};

use super::{Extent, FjallStore, read::ReadError};
use crate::{
    Totals,
    record::{self, LogRecord},
};

/// What a batch drops.
pub(super) struct Pruned {
    /// Of all that left, with these.
    pub(super) left: Totals,
    /// Attachments of the batch itself that a body which stays hangs at first from now on.
    pub(super) adopted: BTreeSet<Position>,
}

/// A body as it is stored.
pub(super) struct Placed {
    /// Where it hangs first.
    pub(super) position: Position,
    pub(super) body: Body,
    sealed: Bytes,
}

impl FjallStore {
    /// Removes the log below `below`; `batch` attaches more at the same time.
    pub(super) fn prune(
        &self,
        below: Position,
        extent: Extent,
        batch: &Batch,
        records: &mut OwnedWriteBatch,
    ) -> Result<Pruned, ReadError> {
        let next = extent.next();
        assert!(below <= next, "all below {below} shall leave, but the log ends at {next}");
        let at = self.database.snapshot();
        let coming = lowest_of_bodies(batch);
        let mut pruned = Pruned { left: extent.left, adopted: BTreeSet::new() };
        let stays = below..next;
        for record in self.log_between(&at, extent.floor()..below) {
            let record = record?;
            let LogRecord { entry, totals, .. } = record;
            let placed = self.placed(&at, &entry.body)?.ok_or(ReadError::Missing("the log"))?;
            if placed.position == entry.position {
                let mut heir = self.lowest_hanging(&at, &entry.body, &stays)?;
                if heir.is_none() {
                    heir = coming.get(&entry.body).copied();
                    pruned.adopted.extend(heir);
                }
                self.pass_on(&entry.body, &placed, heir, records);
            }
            self.remove(&record, &placed.body, records);
            pruned.left = totals;
        }
        if pruned.left.transactions() != below.0 {
            return Err(ReadError::Missing("the log"));
        }
        Ok(pruned)
    }

    pub(super) fn placed(&self, at: &Snapshot, id: &BodyId) -> Result<Option<Placed>, ReadError> {
        let Some(value) = at.get(&self.records, record::body(id))? else { return Ok(None) };
        let (position, sealed) = record::split_placed(&value)?;
        let body = SealedBody::from_bytes(sealed)?.body;
        Ok(Some(Placed { position, body, sealed: Bytes::copy_from_slice(sealed) }))
    }

    /// The lowest further attachment of a body in a part of the log.
    pub(super) fn lowest_hanging(
        &self,
        at: &Snapshot,
        body: &BodyId,
        within: &Range<Position>,
    ) -> Result<Option<Position>, ReadError> {
        let range = record::hanging(body, within.start)..record::hanging(body, within.end);
        let Some(lowest) = at.range(&self.records, range).next() else { return Ok(None) };
        Ok(Some(record::last_position(&lowest.key()?)?))
    }

    /// Hangs a body whose first attachment leaves at `heir` instead, or removes it.
    pub(super) fn pass_on(
        &self,
        id: &BodyId,
        placed: &Placed,
        heir: Option<Position>,
        records: &mut OwnedWriteBatch,
    ) {
        let Some(heir) = heir else { return records.remove(&self.records, record::body(id)) };
        self.hang(id, &placed.body, &placed.sealed, heir, records);
        records.remove(&self.records, record::hanging(id, heir));
    }

    /// Removes what came with an entry, but for its body.
    fn remove(&self, record: &LogRecord, body: &Body, records: &mut OwnedWriteBatch) {
        let LogRecord { entry, first_of_body, .. } = record;
        let (reading, issued) = record::listed(body, entry.position);
        // An entry that came without its body may have become the first since. One that came with
        // it may no longer be: when a disk forgets a batch that dropped the body, and not the one
        // that brought it again, it hangs first at both. So all goes that can be there.
        let hanging = (!first_of_body).then(|| record::hanging(&entry.body, entry.position));
        let keys = [record::log(entry.position), record::transaction(&entry.id), issued];
        for key in keys.into_iter().chain(reading).chain(hanging) {
            records.remove(&self.records, key);
        }
    }
}

/// The lowest attachment of each body in `batch`. A body that is in the store when a batch comes is
/// known to the batch: what it drops leaves last.
fn lowest_of_bodies(batch: &Batch) -> BTreeMap<BodyId, Position> {
    let descending = batch.attached.iter().rev();
    descending.map(|attached| (attached.tx.body_id(), attached.position)).collect()
}
