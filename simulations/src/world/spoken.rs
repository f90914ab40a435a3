//! What a node says is looked at on its way out: nothing of a transaction that its store does not
//! hold, and of a round never two checkpoints of its own, in all its lives.

use std::collections::{BTreeMap, BTreeSet};

use weft_core::{
    checkpoint::Checkpoint,
    codec::Decode as _,
    committee::Author,
    digest::{CheckpointId, TxId},
    machine::{Reads as _, ToNet},
    message::Message,
    tx::Transaction,
    units::Round,
};
use weft_storage::MemoryStore;

/// The own checkpoints that left a validator.
#[derive(Clone, Debug, Default)]
pub struct Signed {
    rounds: BTreeMap<Round, CheckpointId>,
    /// The first round of which two left it.
    pub(crate) twice: Option<Round>,
}

impl Signed {
    /// The highest round.
    pub(crate) fn last(&self) -> Round {
        self.rounds.last_key_value().map_or(Round::ZERO, |(round, _)| *round)
    }

    /// How many rounds.
    pub fn rounds(&self) -> usize {
        self.rounds.len()
    }

    pub(crate) fn watch(&mut self, own: Author, said: &[ToNet]) {
        for message in said.iter().flat_map(parts) {
            let Message::Checkpoint(bytes) = message else { continue };
            let made = Checkpoint::from_bytes(bytes).expect("a node says only what decodes").core;
            if made.author == own
                && *self.rounds.entry(made.round).or_insert(made.id()) != made.id()
            {
                self.twice.get_or_insert(made.round);
            }
        }
    }
}

/// What a message to the network says.
pub(crate) fn parts(said: &ToNet) -> &[Message] {
    match said {
        ToNet::Send { message, .. } => std::slice::from_ref(message),
        ToNet::Answer { parts, .. } => parts,
        _ => &[],
    }
}

/// The transactions that `said` names as this node's.
fn named(said: &ToNet) -> impl Iterator<Item = (TxId, &'static str)> {
    parts(said).iter().flat_map(|message| {
        let ids: Vec<TxId> = match message {
            Message::Transaction(bytes) => {
                let tx = Transaction::from_bytes(bytes).expect("a node says only what decodes");
                vec![tx.id()]
            }
            Message::Attachment { attachment, body } => vec![attachment.id(body)],
            Message::Have(ids) | Message::Frontier(ids) => ids.clone(),
            _ => Vec::new(),
        };
        ids.into_iter().map(|id| (id, message.name()))
    })
}

/// Those named in `said` that the store holds.
pub(crate) fn stored(said: &[ToNet], store: &MemoryStore) -> BTreeSet<TxId> {
    let ids = said.iter().flat_map(named).map(|(id, _)| id);
    ids.filter(|id| store.entry(id).is_some()).collect()
}

/// Whatever `said` names as this node's must be in the store by now, or have been there before the
/// batch that dropped it.
pub(crate) fn assert_written(said: &ToNet, store: &MemoryStore, dropped: &BTreeSet<TxId>) {
    for (id, name) in named(said) {
        let written = store.entry(&id).is_some() || dropped.contains(&id);
        assert!(written, "{name} of {id} before it is written");
    }
}
