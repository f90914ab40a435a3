//! Validators that break the rules: an honest machine, and between it and the network somebody who
//! keeps things back. An equivocator is two such machines with one key (`twins`).

use serde::{Deserialize, Serialize};
use weft_core::{
    checkpoint::Checkpoint,
    codec::Decode as _,
    committee::{Author, Committee},
    digest::NodeId,
    machine::ToNet,
    message::Message,
    time::Span,
    units::Round,
};

/// How a validator breaks the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vice {
    /// Nobody hears of its checkpoints.
    Silent,
    /// Its checkpoints go to f + 1 others only, each round to the next ones.
    Withholding,
    /// Its checkpoints leave late.
    Late(Span),
    /// Two machines with one key, each for a part of the network.
    Twin,
}

/// What leaves of what a machine said, each part with how late it does.
pub(crate) fn pass(
    vice: Vice,
    own: Author,
    committee: &Committee,
    said: Vec<ToNet>,
) -> Vec<(Span, ToNet)> {
    let mut left = Vec::new();
    for said in said {
        let round = own_round(own, &said);
        match (vice, said, round) {
            (Vice::Silent, ToNet::Answer { to, ticket, parts }, Some(_)) => {
                let kept = |part: &Message| own_checkpoint(own, part).is_none();
                let parts = parts.into_iter().filter(kept).collect();
                left.push((Span::default(), ToNet::Answer { to, ticket, parts }));
            }
            (Vice::Silent, _, Some(_)) => {}
            (Vice::Withholding, ToNet::Send { to, message }, Some(round)) => {
                if is_chosen(own, committee, &to, round) {
                    left.push((Span::default(), ToNet::Send { to, message }));
                }
            }
            (Vice::Late(by), said, Some(_)) => left.push((by, said)),
            (_, said, _) => left.push((Span::default(), said)),
        }
    }
    left
}

/// The round of an own checkpoint in it.
fn own_round(own: Author, said: &ToNet) -> Option<Round> {
    crate::world::spoken::parts(said).iter().find_map(|part| own_checkpoint(own, part))
}

/// The round of a checkpoint of `own`, if it is one.
pub(crate) fn own_checkpoint(own: Author, message: &Message) -> Option<Round> {
    let Message::Checkpoint(bytes) = message else { return None };
    let core = Checkpoint::from_bytes(bytes).ok()?.core;
    (core.author == own).then_some(core.round)
}

fn is_chosen(own: Author, committee: &Committee, to: &NodeId, round: Round) -> bool {
    let Some(to) = committee.author_of(to) else { return false };
    let others = committee.len() as u64 - 1;
    let place =
        (u64::from(to.0) + committee.len() as u64 - u64::from(own.0) - 1 + round.0) % others;
    place <= committee.faulty()
}
