//! Whether this node signs checkpoints.
//!
//! A validator that forgot what it signed would contradict itself, which counts as a fault of the
//! worst kind; and a disk that is lost, or comes from a backup, looks like any other from inside.
//! So at each start a validator asks the others for the newest checkpoint of its own that they
//! know, and signs once a quorum, itself counted, has answered. If an own checkpoint turns up that
//! is newer than all it remembers, now or later, it follows as an observer for good
//! (docs/PROTOCOL.md section 10).
//!
//! Invariant: a machine signs at most one checkpoint of a round, and never below its last.
//!
//! Left out on purpose: when a checkpoint is due (`consensus`), writing it first (`checkpoints`).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};
use core::fmt;

use super::{
    Signing, Ticket,
    records::{Table, Tables},
};
use crate::{
    checkpoint::CheckpointRef,
    codec::{Decode, DecodeError, Encode, Reader},
    committee::{Author, Committee},
    digest::NodeId,
    keys::Sign,
    time::Time,
};

/// The last own checkpoint, in [`Table::Standing`].
const LAST_SIGNED: [u8; 1] = *b"s";

#[derive(Debug)]
enum State {
    Asking(BTreeSet<Author>),
    Active,
    Observer,
    Alarmed,
}

/// The key of a validator, and whether it may be used.
pub(super) struct Validator {
    author: Author,
    key: Arc<dyn Sign>,
    state: State,
    /// Open questions to other validators.
    asked: BTreeMap<Ticket, Author>,
    tickets: u64,
}

/// Tickets of these questions, apart from those of other requests.
const TICKETS: u64 = 1 << 62;

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { author, state, .. } = self;
        f.debug_struct("Validator").field("author", author).field("state", state).finish()
    }
}

impl Validator {
    /// The validator whose key this is, if the committee has it.
    pub(super) fn find(committee: &Committee, key: Arc<dyn Sign>) -> Option<Self> {
        let author = committee.author_of(&NodeId::from(key.public_key().id()))?;
        let state = State::Asking([author].into());
        let mut validator = Self { author, key, state, asked: BTreeMap::new(), tickets: TICKETS };
        validator.count(committee);
        Some(validator)
    }

    pub(super) const fn author(&self) -> Author {
        self.author
    }

    /// The key, if it may be used.
    pub(super) fn key(&self) -> Option<Arc<dyn Sign>> {
        matches!(self.state, State::Active).then(|| self.key.clone())
    }

    /// Whether others must still be asked.
    pub(super) const fn is_asking(&self) -> bool {
        matches!(self.state, State::Asking(_))
    }

    /// A question to `author` is about to be asked.
    pub(super) fn ask(&mut self, author: Author) -> Ticket {
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        self.asked.retain(|_, other| *other != author);
        self.asked.insert(ticket, author);
        ticket
    }

    /// A question ended; `whole`: with an answer. Whatever it brought was handed in before. False
    /// for a ticket that is none of these.
    pub(super) fn answered(&mut self, ticket: Ticket, whole: bool, committee: &Committee) -> bool {
        let Some(author) = self.asked.remove(&ticket) else { return false };
        if let State::Asking(answered) = &mut self.state
            && whole
        {
            answered.insert(author);
        }
        self.count(committee);
        true
    }

    /// Validators that have not answered and are not being asked.
    pub(super) fn silent(&self, committee: &Committee) -> Vec<Author> {
        let State::Asking(answered) = &self.state else { return Vec::new() };
        let is_silent = |author: &Author| {
            !answered.contains(author) && !self.asked.values().any(|asked| asked == author)
        };
        committee.authors().filter(is_silent).collect()
    }

    fn count(&mut self, committee: &Committee) {
        if let State::Asking(answered) = &self.state
            && committee.weigh(answered.iter().copied()) >= committee.quorum()
        {
            self.state = State::Active;
        }
    }

    /// An own checkpoint came from elsewhere; `last` is the last that this node remembers.
    pub(super) fn recalled(&mut self, found: CheckpointRef, last: Option<CheckpointRef>) {
        let is_news = last.is_none_or(|last| {
            found.round > last.round || (found.round == last.round && found.id != last.id)
        });
        if found.author == self.author && is_news && !matches!(self.state, State::Alarmed) {
            self.state = State::Observer;
        }
    }

    /// Something happened that cannot happen among honest nodes.
    pub(super) fn alarm(&mut self) {
        self.state = State::Alarmed;
    }

    pub(super) fn picture(&self, committee: &Committee) -> Signing {
        match &self.state {
            State::Asking(answered) => Signing::Asking {
                answered: committee.weigh(answered.iter().copied()),
                quorum: committee.quorum(),
            },
            State::Active => Signing::Active,
            State::Observer => Signing::Observer,
            State::Alarmed => Signing::Alarmed,
        }
    }
}

/// A checkpoint that this node signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) reference: CheckpointRef,
    pub(super) time: Time,
}

impl Signed {
    /// The last one that was written.
    pub(super) fn last(tables: &Tables<'_>) -> Option<Self> {
        tables.read(Table::Standing, &LAST_SIGNED)
    }

    /// Writes this as the last one.
    pub(super) fn write(&self, tables: &mut Tables<'_>) {
        tables.write(Table::Standing, &LAST_SIGNED, self);
    }
}

impl Encode for Signed {
    fn encode(&self, out: &mut Vec<u8>) {
        self.reference.encode(out);
        out.extend_from_slice(&self.time.as_millis().to_le_bytes());
    }
}

impl Decode for Signed {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let reference = CheckpointRef::decode(reader)?;
        Ok(Self { reference, time: Time::from_millis(reader.u64()?) })
    }
}
