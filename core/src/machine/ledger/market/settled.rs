//! How channels ended, for as long as the commits are kept that ended them.
//!
//! ```text
//! Settled     id 32                           -> Settlement
//! Settling    commit 8 (big-endian) | id 32   -> nothing
//! ```
//!
//! Invariant: both have the same channels. Not in the state root: whoever joins by a snapshot does
//! not have those that ended before, as it does not have who used a sequence.

use bytes::Bytes;

use crate::{
    codec::Encode as _,
    machine::records::{Table, Tables},
    market::objects::Settlement,
    units::CommitIndex,
};

/// Settlements forgotten at once: more than a commit has.
const AT_ONCE: usize = crate::params::LEAVES_MAX + crate::market::terms::DUE_AT_ONCE;

/// Remembers how a channel ended.
pub(in crate::machine::ledger) fn remember(settled: &Settlement, tables: &mut Tables<'_>) {
    let id = settled.channel.id.to_bytes();
    tables.write(Table::Settled, &id, settled);
    let place = [settled.index.0.to_be_bytes().as_slice(), &id].concat();
    tables.pending.set(Table::Settling, &place, Some(Bytes::new()));
}

/// Forgets all that a commit ended.
pub(in crate::machine) fn forget(index: CommitIndex, tables: &mut Tables<'_>) {
    let prefix = index.0.to_be_bytes();
    for (place, _) in tables.range(Table::Settling, &prefix, AT_ONCE) {
        let Some(id) = place.strip_prefix(prefix.as_slice()) else { return };
        tables.remove(Table::Settled, id);
        tables.remove(Table::Settling, &place);
    }
}
