//! Answers peers' requests: pasts, single transactions, checkpoints, keys.
//!
//! Invariant: an answer is parents first, and no longer than its limit and the peer's budget allow;
//! where it was cut, its end says where to go on. An answer's cost grows with what the asker lacks,
//! not with history, and is paid from the peer's budget.
//!
//! Until there are commits, a past that is too long for a walk is answered from the log in plain
//! order; it may hold things besides that past, and the asker can use them.

use alloc::vec::Vec;

use bytes::Bytes;

use super::{
    Limits, LogEntry, Table,
    reads::View,
    records::{checkpoint_key, newest_key},
    tangle::Tangle,
};
use crate::{
    checkpoint::CheckpointRef,
    codec::{Decode as _, Encode},
    committee::Author,
    digest::{KeyId, TxId},
    message::{End, GetCheckpoints, GetCone, Message},
    params::PART_BYTES_MAX,
    tx::Attachment,
    units::{Position, Round},
};

/// Checkpoints read at once.
const CHECKPOINTS_PAGE: usize = 128;

/// Log entries read at once.
const LOG_PAGE: usize = 1_024;

/// Log entries sent from before the place where both sides seem to part: what came to them in
/// another order.
const LOOK_BACK: u64 = 256;

/// What one step of a walk costs of a peer's budget, in bytes.
const STEP_BYTES: u64 = 64;

/// What one answer may hold: calls `spend` with the bytes of each part and stops when refused.
pub(super) struct Server<'a> {
    pub(super) tangle: &'a Tangle,
    pub(super) view: View<'a>,
    pub(super) limits: &'a Limits,
}

impl Server<'_> {
    /// Part of a past, and where to go on.
    pub(super) fn cone(
        &self,
        request: &GetCone,
        spend: &mut dyn FnMut(u64) -> bool,
    ) -> Vec<Message> {
        let had = self.highest(&request.have);
        if had.is_none() {
            // Somebody who is new.
            return self.log(Position::ZERO, request, spend);
        }
        let stored = |id: &TxId| self.view.store.entry(id);
        let (cone, cost) =
            self.tangle.cone(&request.want, &request.have, self.limits.cone_walk_max, &stored);
        if !spend(cost * STEP_BYTES) {
            return Answer::new(0, request.from, spend).finish();
        }
        let Some(cone) = cone else {
            let lowest = self.positions(&request.want).min().min(had);
            let start = Position(lowest.map_or(0, |at| at.0.saturating_sub(LOOK_BACK)));
            return self.log(start, request, spend);
        };
        let mut answer = Answer::new(self.limits.cone_bytes, request.from, spend);
        for step in cone.into_iter().filter(|step| step.position >= request.from) {
            if !answer.take(step.position, step.bytes, || self.view.transaction(&step.id)) {
                break;
            }
        }
        answer.finish()
    }

    fn positions(&self, ids: &[TxId]) -> impl Iterator<Item = Position> {
        ids.iter().filter_map(|id| {
            let stored = || self.view.store.entry(id).map(|entry| entry.position);
            self.tangle.position(id).or_else(stored)
        })
    }

    fn highest(&self, ids: &[TxId]) -> Option<Position> {
        self.positions(ids).max()
    }

    /// Plain order, from where the asker says to go on, else from `start`, to the last that is
    /// wanted.
    fn log(
        &self,
        start: Position,
        request: &GetCone,
        spend: &mut dyn FnMut(u64) -> bool,
    ) -> Vec<Message> {
        let mut answer = Answer::new(self.limits.cone_bytes, request.from, spend);
        let Some(last) = self.highest(&request.want) else { return answer.finish() };
        let mut from = if request.from > Position::ZERO { request.from } else { start };
        while from <= last {
            let page = self.view.store.log(from, LOG_PAGE);
            let Some(end) = page.last() else { break };
            from = Position(end.position.0 + 1);
            for LogEntry { position, id, bytes, .. } in page {
                if position > last || !answer.take(position, bytes, || self.view.transaction(&id)) {
                    return answer.finish();
                }
            }
        }
        answer.finish()
    }

    /// Single transactions, as far as they are here.
    pub(super) fn transactions(
        &self,
        ids: &[TxId],
        spend: &mut dyn FnMut(u64) -> bool,
    ) -> Vec<Message> {
        let mut answer = Answer::new(u64::MAX, Position::ZERO, spend);
        for bytes in ids.iter().filter_map(|id| self.view.transaction(id)) {
            let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            if !answer.take(Position::ZERO, length, || Some(bytes)) {
                break;
            }
        }
        answer.finish()
    }

    /// Checkpoints by round, as far as the answer's length and the peer's budget allow. The asker
    /// asks on from what it has then.
    pub(super) fn checkpoints(
        &self,
        request: &GetCheckpoints,
        spend: &mut dyn FnMut(u64) -> bool,
    ) -> Vec<Message> {
        let (mut parts, mut room) = (Vec::new(), self.limits.cone_bytes);
        let lowest = request.above.iter().min().copied().unwrap_or_default();
        let mut from = (lowest.0.saturating_add(1)).to_be_bytes().to_vec();
        'pages: loop {
            let page = self.view.store.records(Table::Checkpoint, &from, CHECKPOINTS_PAGE);
            let Some((last, _)) = page.last() else { break };
            from = [last.as_slice(), &[0]].concat();
            for (key, bytes) in page {
                let Some((round, author)) = slot_of(&key) else { continue };
                if round > request.to {
                    break 'pages;
                }
                if request.above.get(author.index()).is_some_and(|above| round <= *above) {
                    continue;
                }
                let length = bytes.len() as u64;
                if length > room || !spend(length) {
                    break 'pages;
                }
                room -= length;
                parts.push(Message::Checkpoint(bytes));
            }
        }
        parts.push(Message::End(End { next: None }));
        parts
    }

    /// The newest checkpoint of a validator that was accepted here.
    pub(super) fn newest(&self, author: Author) -> Vec<Message> {
        let newest = self.view.store.record(Table::Standing, &newest_key(author));
        let newest = newest.and_then(|bytes| CheckpointRef::from_bytes(&bytes).ok());
        let bytes = newest
            .and_then(|newest| self.view.store.record(Table::Checkpoint, &checkpoint_key(&newest)));
        let newest = bytes.map(Message::Checkpoint);
        newest.into_iter().chain([Message::End(End { next: None })]).collect()
    }

    /// One long value, if it is here.
    pub(super) fn whole(
        &self,
        value: Option<impl Encode>,
        spend: &mut dyn FnMut(u64) -> bool,
    ) -> Vec<Message> {
        let bytes = value.map(|value| Bytes::from(value.to_bytes())).unwrap_or_default();
        let is_paid = spend(bytes.len() as u64);
        let starts = (0..if is_paid { bytes.len() } else { 0 }).step_by(PART_BYTES_MAX);
        let parts = starts
            .map(|from| Message::Part(bytes.slice(from..bytes.len().min(from + PART_BYTES_MAX))));
        parts.chain([Message::End(End { next: None })]).collect()
    }

    /// A key, if it is here.
    pub(super) fn key(&self, id: &KeyId) -> Vec<Message> {
        let key = self.view.key(id).map(Message::Key);
        key.into_iter().chain([Message::End(End { next: None })]).collect()
    }
}

/// Round and author in the key of a stored checkpoint.
fn slot_of(key: &[u8]) -> Option<(Round, Author)> {
    let (round, rest) = key.split_first_chunk::<8>()?;
    let (author, _) = rest.split_first_chunk::<2>()?;
    Some((Round(u64::from_be_bytes(*round)), Author(u16::from_be_bytes(*author))))
}

/// An answer that grows to its limit.
struct Answer<'a> {
    parts: Vec<Message>,
    room: u64,
    /// Where it began.
    from: Position,
    /// Where it was cut.
    cut: Option<Position>,
    spend: &'a mut dyn FnMut(u64) -> bool,
}

impl<'a> Answer<'a> {
    fn new(room: u64, from: Position, spend: &'a mut dyn FnMut(u64) -> bool) -> Self {
        // Without any room it is cut where it begins.
        let cut = (room == 0).then_some(from);
        Self { parts: Vec::new(), room, from, cut, spend }
    }

    /// Takes one transaction; false once the answer is full, and then says where to go on.
    fn take(
        &mut self,
        position: Position,
        bytes: u32,
        read: impl FnOnce() -> Option<Bytes>,
    ) -> bool {
        let bytes = u64::from(bytes);
        if bytes > self.room || !(self.spend)(bytes) {
            // Where nothing fits, nobody gets any further by coming back at once.
            self.cut = Some(if self.parts.is_empty() { self.from } else { position });
            return false;
        }
        self.room -= bytes;
        self.parts.extend(read().map(Message::Transaction));
        true
    }

    fn finish(mut self) -> Vec<Message> {
        self.parts.push(Message::End(End { next: self.cut }));
        self.parts
    }
}

impl View<'_> {
    /// All bytes of a transaction.
    pub(super) fn transaction(&self, id: &TxId) -> Option<Bytes> {
        let pending = self.pending.attached.iter().rev().find(|attached| attached.tx.id() == *id);
        if let Some(attached) = pending {
            return Some(attached.tx.bytes().clone());
        }
        let entry = self.store.entry(id)?;
        let sealed = self.store.sealed_body(&entry.body).or_else(|| {
            let same_body = |attached: &&super::Attached| attached.tx.body_id() == entry.body;
            self.pending.attached.iter().find(same_body).map(|attached| attached.tx.sealed_body())
        })?;
        let mut bytes = Vec::with_capacity(Attachment::BYTES + sealed.len());
        entry.attachment.encode(&mut bytes);
        bytes.extend_from_slice(&sealed);
        Some(bytes.into())
    }

    /// A key.
    pub(super) fn key(&self, id: &KeyId) -> Option<crate::keys::PublicKey> {
        let pending = self.pending.keys.iter().find(|key| key.id() == *id).cloned();
        pending.or_else(|| self.store.key(id))
    }
}
