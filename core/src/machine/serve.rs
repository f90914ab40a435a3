//! Answers peers' requests: pasts, single transactions, keys.
//!
//! Invariant: an answer is parents first, and no longer than its limit and the peer's budget allow;
//! where it was cut, its end says where to go on. An answer's cost grows with what the asker lacks,
//! not with history.
//!
//! Until there are commits, a past that reaches below the live DAG is answered from the log in
//! plain order; it may hold things besides that past, and the asker can use them.

use alloc::vec::Vec;

use bytes::Bytes;

use super::{
    Limits, LogEntry,
    reads::View,
    tangle::{Cone, Tangle},
};
use crate::{
    codec::Encode as _,
    digest::{KeyId, TxId},
    message::{End, GetCone, Message},
    tx::Attachment,
    units::Position,
};

/// Log entries read at once.
const LOG_PAGE: usize = 1_024;

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
        let mut answer = Answer::new(self.limits.cone_bytes, spend);
        match self.tangle.cone(&request.want, &request.have) {
            Cone::Live(positions) => {
                for position in positions.into_iter().filter(|place| *place >= request.from) {
                    let bytes = self.tangle.bytes_at(position).unwrap_or(0);
                    let id = self.tangle.id_at(position);
                    let read = || id.and_then(|id| self.view.transaction(&id));
                    if !answer.take(position, bytes, read) {
                        break;
                    }
                }
            }
            Cone::Deeper => self.log(self.log_start(request), &mut answer),
        }
        answer.finish()
    }

    /// Where a plain copy of the log starts: at the lowest thing the asker says it has, since what
    /// it lacks was attached after that; else at the beginning.
    fn log_start(&self, request: &GetCone) -> Position {
        let had = request.have.iter().filter_map(|id| {
            self.tangle.position(id).or_else(|| self.view.store.entry(id).map(|e| e.position))
        });
        had.min().unwrap_or(Position::ZERO).max(request.from)
    }

    fn log(&self, from: Position, answer: &mut Answer<'_>) {
        let mut from = from;
        loop {
            let page = self.view.store.log(from, LOG_PAGE);
            let Some(last) = page.last() else { return };
            from = Position(last.position.0 + 1);
            for LogEntry { position, id, bytes, .. } in page {
                if !answer.take(position, bytes, || self.view.transaction(&id)) {
                    return;
                }
            }
        }
    }

    /// Single transactions, as far as they are here.
    pub(super) fn transactions(
        &self,
        ids: &[TxId],
        spend: &mut dyn FnMut(u64) -> bool,
    ) -> Vec<Message> {
        let mut parts: Vec<Message> = ids
            .iter()
            .filter_map(|id| self.view.transaction(id))
            .take_while(|bytes| spend(bytes.len() as u64))
            .map(Message::Transaction)
            .collect();
        parts.push(Message::End(End { next: None }));
        parts
    }

    /// A key, if it is here.
    pub(super) fn key(&self, id: &KeyId) -> Vec<Message> {
        let key = self.view.key(id).map(Message::Key);
        key.into_iter().chain([Message::End(End { next: None })]).collect()
    }
}

/// An answer that grows to its limit.
struct Answer<'a> {
    parts: Vec<Message>,
    room: u64,
    next: Option<Position>,
    spend: &'a mut dyn FnMut(u64) -> bool,
}

impl<'a> Answer<'a> {
    fn new(room: u64, spend: &'a mut dyn FnMut(u64) -> bool) -> Self {
        Self { parts: Vec::new(), room, next: None, spend }
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
            self.next = Some(position);
            return false;
        }
        self.room -= bytes;
        self.parts.extend(read().map(Message::Transaction));
        true
    }

    fn finish(mut self) -> Vec<Message> {
        self.parts.push(Message::End(End { next: self.next }));
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
