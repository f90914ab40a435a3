//! How much memory an input for the machine holds, so that its queue is bounded in bytes.

use weft_core::{digest::DIGEST_BYTES, machine::Input, message::Message};

/// What an input holds, in bytes, about.
pub(super) fn of(input: &Input) -> usize {
    const FIXED: usize = 256;
    let ids = |count: usize| count * DIGEST_BYTES;
    FIXED
        + match input {
            Input::Admitted { tx, .. } => tx.bytes().len() + FIXED,
            Input::Checkpoint { checkpoint, .. } => checkpoint.bytes().len() + FIXED,
            Input::Part { bytes, .. } => bytes.len(),
            Input::Message { message, .. } | Input::Request { message, .. } => match message {
                Message::Have(list) | Message::Frontier(list) | Message::Graft(list) => {
                    ids(list.len())
                }
                Message::GetTransactions(list) => ids(list.len()),
                Message::GetCone(cone) => ids(cone.want.len() + cone.have.len()),
                Message::Peers(peers) => peers.len() * 2 * DIGEST_BYTES,
                Message::Key(key) => key.as_bytes().len(),
                _ => 0,
            },
            _ => 0,
        }
}
